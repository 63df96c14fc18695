// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoTestSupport
import MTProtoTransport
import Testing

/// Each fault on the wire in front of each kind of hop, first and behind others. The error is typed, names the hop and comes in time;
/// relays, proxies and the data centre see every connection end.
@Suite(.network, .timeLimit(.minutes(10)))
struct HopFaultTests {
    /// A place on a way: in front of a proxy, or of the data centre behind the last one.
    struct Spot: Sendable, CustomTestStringConvertible {
        let waypoints: [Waypoint]
        let place: Int

        /// Three kinds of proxies in a row, and an MTProxy that they lead to.
        private static let long: [Waypoint] = [.socks5, .httpConnect, .secureHTTPConnect, .fakeTLSMTProxy]

        static let all =
            [Spot(waypoints: [], place: 0)]
            + Waypoint.allCases.map { Spot(waypoints: [$0], place: 0) }
            + [Waypoint.socks5, .httpConnect, .secureHTTPConnect].map { Spot(waypoints: [$0], place: 1) }
            + Self.long.indices.map { Spot(waypoints: Self.long, place: $0) }

        var testDescription: String {
            var names = self.waypoints.map(\.rawValue) + ["data centre"]
            names[self.place] = "⚡" + names[self.place]
            return names.joined(separator: " ")
        }

        /// What is behind the fault; `nil` for the data centre.
        private var waypoint: Waypoint? { self.place < self.waypoints.count ? self.waypoints[self.place] : nil }

        /// The number of hops in front of the fault.
        private var precedingHopCount: Int {
            self.waypoints[..<self.place].reduce(0) { $0 + ($1 == .secureHTTPConnect ? 2 : 1) }
        }

        /// The hop that speaks to what is behind the fault. With an MTProxy that has no handshake the transport does.
        private var hop: Int? {
            switch self.waypoint {
            case .socks5, .httpConnect, .secureHTTPConnect, .fakeTLSMTProxy: self.precedingHopCount
            case nil, .mtproxy, .paddedMTProxy: nil
            }
        }

        /// The hop whose proxy is dialed when the fault is in front of all: not the TLS with it.
        private var dialedHop: Int? { self.waypoint.map { $0 == .secureHTTPConnect ? 1 : 0 } }

        /// The hop in front of it, whose proxy connects to what is behind the fault.
        private var precedingHop: Int? { self.place == 0 ? nil : self.precedingHopCount - 1 }

        /// The error that a fault may have, and the hops that may be named.
        func expectation(of fault: Fault) -> (codes: Set<MTProtoClientError.Code>, hops: Set<Int?>) {
            switch fault.sign {
            case .refusal where self.place == 0:
                return ([.connectionRefused], [self.dialedHop])
            case .refusal:
                // The scripted proxies only hang up.
                return ([.connectionClosed], [self.precedingHop])
            case .silence:
                return ([.timeout], [self.hop])
            case .end:
                // The end can overtake the end of the dial, or the proxy's answer.
                let hops: Set<Int?> = [self.hop, self.place == 0 ? self.dialedHop : self.precedingHop]
                switch self.waypoint {
                case .socks5, .httpConnect, .fakeTLSMTProxy: return ([.connectionClosed], hops)
                case .secureHTTPConnect: return ([.connectionClosed, .tls], hops)
                case nil, .mtproxy, .paddedMTProxy: return ([.connectionClosed, .framing], hops)
                }
            case .nonsense:
                switch self.waypoint {
                case .socks5, .httpConnect, .fakeTLSMTProxy: return ([.proxyProtocol], [self.hop])
                case .secureHTTPConnect: return ([.tls], [self.hop])
                case nil, .mtproxy, .paddedMTProxy: return ([.framing], [nil])
                }
            }
        }
    }

    /// How a fault shows.
    enum Sign: Sendable {
        case refusal, end, silence, nonsense
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let sign: Sign
        var faults = WireFaults()

        var testDescription: String { self.sign == .refusal ? "refusal" : "\(self.faults)" }

        static let all = [
            Fault(sign: .refusal),
            Fault(sign: .end, faults: WireFaults(.reset)),
            Fault(sign: .end, faults: WireFaults(.close)),
            Fault(sign: .silence, faults: WireFaults(.blackHole)),
            Fault(sign: .silence, faults: WireFaults(.stall)),
            Fault(sign: .nonsense, faults: WireFaults(.garbage(Garbage.bytes(600)))),
            Fault(sign: .end, faults: WireFaults(toClient: .cut(.reset, after: 1))),
            Fault(sign: .end, faults: WireFaults(toClient: .cut(.close, after: 1))),
            Fault(sign: .end, faults: WireFaults(toClient: .cut(.halfClose, after: 3))),
            Fault(sign: .silence, faults: WireFaults(toClient: .cut(.blackHole, after: 1))),
            Fault(sign: .silence, faults: WireFaults(toClient: .cut(.stall, after: 1))),
            Fault(sign: .nonsense, faults: WireFaults(toClient: .cut(.garbage(Garbage.bytes(600)), after: 1))),
            Fault(sign: .end, faults: WireFaults(toServer: .cut(.reset, after: 1))),
            Fault(sign: .end, faults: WireFaults(toServer: .cut(.halfClose, after: 1))),
            Fault(sign: .silence, faults: WireFaults(toServer: .cut(.blackHole, after: 1))),
            Fault(sign: .silence, faults: WireFaults(toServer: .cut(.stall, after: 1))),
        ]
    }

    /// Faults in the middle of the key exchange.
    private static let late = [
        Fault(sign: .end, faults: WireFaults(toClient: .cut(.reset, after: 400))),
        Fault(sign: .end, faults: WireFaults(toClient: .cut(.close, after: 400))),
        Fault(sign: .end, faults: WireFaults(toClient: .cut(.halfClose, after: 400))),
        Fault(sign: .silence, faults: WireFaults(toClient: .cut(.blackHole, after: 400))),
        Fault(sign: .nonsense, faults: WireFaults(toClient: .cut(.garbage(Garbage.bytes(600)), after: 400))),
    ]

    @Test(
        "A fault behind the handshake with a proxy",
        arguments: Self.late,
        [Waypoint.socks5, .httpConnect, .mtproxy, .paddedMTProxy, .fakeTLSMTProxy]
    )
    func lateFault(fault: Fault, waypoint: Waypoint) async throws {
        try await Way.run([waypoint]) { way in
            try await FaultyRelay.run(to: way.endpoints[0], fault.faults) { relay in
                let codes: Set<MTProtoClientError.Code> =
                    switch fault.sign {
                    case .silence: [.timeout]
                    // Within a frame, and a record, that have begun: whatever decrypted garbage is there.
                    case .nonsense: [.framing, .keyExchange, .proxyProtocol]
                    case .end, .refusal: [.connectionClosed, .framing]
                    }
                try await Self.check(fault, at: 0, of: way, relay.endpoint, codes: codes, hops: [nil])
            }
        }
    }

    @Test("A fault in front of each kind of hop", arguments: Fault.all, Spot.all)
    func fault(fault: Fault, spot: Spot) async throws {
        let (codes, hops) = spot.expectation(of: fault)
        try await Way.run(spot.waypoints) { way in
            if fault.sign == .refusal {
                try await DeadEndpoint.refusing {
                    try await Self.check(fault, at: spot.place, of: way, $0, codes: codes, hops: hops)
                }
            } else {
                try await FaultyRelay.run(to: way.endpoints[spot.place], fault.faults) { relay in
                    try await Self.check(fault, at: spot.place, of: way, relay.endpoint, codes: codes, hops: hops)
                    #expect(relay.channels.openedCount > 0)
                }
            }
        }
    }

    /// Connects with a faulty endpoint at a place of the way.
    private static func check(
        _ fault: Fault,
        at place: Int,
        of way: Way,
        _ endpoint: SocketEndpoint,
        codes: Set<MTProtoClientError.Code>,
        hops: Set<Int?>
    ) async throws {
        var way = way
        way.endpoints[place] = endpoint
        // Enough for the hops in front, also on a busy machine.
        let limit: Duration = way.endpoints.count > 2 ? .seconds(4) : .seconds(1)
        let configuration = try way.configuration {
            // Otherwise it is a minute: only silence needs one.
            guard fault.sign == .silence else { return }
            $0.timeouts.hop = limit
            $0.timeouts.keyExchangeStep = limit
        }
        let target = try way.target
        let start = ContinuousClock.now
        let error = await clientError {
            try await MTProtoClient.withConnection(to: .endpoint(target), configuration: configuration) { _ in
                _ = Issue.record("connected")
            }
        }
        let time = start.duration(to: .now)
        let text = "\(String(describing: error)), hop \(String(describing: error?.hop)), after \(time)"
        #expect(error.map { codes.contains($0.code) } == true, "\(text)")
        #expect(error.map { hops.contains($0.hop) } == true, "\(text)")
        #expect(time < .seconds(30), "\(text)")
        if fault.sign == .silence { #expect(time >= limit, "\(text)") }
    }

    @Test(
        "However bytes are divided in front of each kind of hop, the way works",
        arguments: [WireFaults(both: .trickle()), WireFaults(both: .trickle(5)), WireFaults(toClient: .glue(2))],
        Spot.all
    )
    func division(faults: WireFaults, spot: Spot) async throws {
        try await Way.run(spot.waypoints) { way in
            try await FaultyRelay.run(to: way.endpoints[spot.place], faults) { relay in
                var way = way
                way.endpoints[spot.place] = relay.endpoint
                try await MTProtoClient.withConnection(
                    to: .endpoint(try way.target),
                    configuration: try way.configuration()
                ) {
                    try await $0.expect(Queries.echo(1_000))
                }
            }
        }
    }

    @Test("A first proxy that does not even answer the dial")
    func silentProxy() async throws {
        try await DeadEndpoint.silent { endpoint in
            for hop in try Waypoint.allCases.flatMap({ try $0.hops(endpoint) }) where hop.endpoint != nil {
                let error = await ConnectFailureTests.failure(to: endpoint) {
                    $0.routes = [[hop]]
                    $0.timeouts.attempt = .milliseconds(100)
                }
                #expect(error?.code == .timeout)
                #expect(error?.phase == .dial)
                #expect(error?.hop == 0)
            }
        }
    }
}
