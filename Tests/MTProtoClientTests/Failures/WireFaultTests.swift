// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoServer
import MTProtoTestSupport
import MTProtoTransport
import Testing

/// Faults on the wire between a client and the server: each ends in a typed error within its time, and leaves no connection open,
/// which the relay itself checks.
@Suite(.network, .timeLimit(.minutes(10)))
struct WireFaultTests {
    /// How a fault shows.
    enum Sign: Sendable {
        /// The connection ends.
        case end
        /// Nothing comes any more.
        case silence
        /// Something else comes.
        case nonsense

        func codes(_ transport: ClientTransport) -> Set<MTProtoClientError.Code> {
            switch self {
            case .silence: return [.timeout]
            case .end:
                // HTTP asks again until its time is over.
                if transport.framing == nil { return [.connectionClosed, .http, .timeout, .tls] }
                return transport.carrier.isSecure ? [.connectionClosed, .tls] : [.connectionClosed, .framing]
            case .nonsense:
                if transport.carrier.isSecure { return [.tls] }
                if transport.framing == nil { return [.http] }
                return transport.carrier == .tcp ? [.framing] : [.upgradeRefused, .http]
            }
        }
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let sign: Sign
        let faults: WireFaults

        var testDescription: String { "\(self.faults)" }

        static let all =
            [
                Fault(sign: .end, faults: WireFaults(.reset)),
                Fault(sign: .end, faults: WireFaults(.close)),
                Fault(sign: .silence, faults: WireFaults(.blackHole)),
                Fault(sign: .silence, faults: WireFaults(.stall)),
                Fault(sign: .nonsense, faults: WireFaults(.garbage(Garbage.bytes(4_096)))),
            ]
            + [1, 700].flatMap { offset in
                [
                    Fault(sign: .end, faults: WireFaults(toClient: .cut(.reset, after: offset))),
                    Fault(sign: .end, faults: WireFaults(toClient: .cut(.close, after: offset))),
                    Fault(sign: .end, faults: WireFaults(toClient: .cut(.halfClose, after: offset))),
                    Fault(sign: .silence, faults: WireFaults(toClient: .cut(.blackHole, after: offset))),
                    Fault(sign: .silence, faults: WireFaults(toClient: .cut(.stall, after: offset))),
                ]
            }
            // Less than any step of the exchange but the first needs: over HTTP each of them may have a connection of its own.
            + [1, 300].flatMap { offset in
                [
                    Fault(sign: .silence, faults: WireFaults(toServer: .cut(.blackHole, after: offset))),
                    // Less than a request of the key exchange has: over HTTP each may have a connection of its own.
                    Fault(sign: .end, faults: WireFaults(toServer: .cut(.reset, after: min(offset, 300)))),
                ]
            }
    }

    @Test("A fault on the way", arguments: Fault.all, TransportCase.carriers)
    func fault(fault: Fault, transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            let tls = dataCenter.trustingTLS
            let server = try dataCenter.endpoint(for: transport.transport)
            try await FaultyRelay.run(to: server, fault.faults) { relay in
                let start = ContinuousClock.now
                let error = await ConnectFailureTests.failure(to: relay.endpoint) {
                    $0.transport = transport.transport
                    $0.tls = tls
                    if fault.sign == .silence {
                        $0.timeouts.connect = .seconds(1)
                    } else if transport.transport.framing == nil {
                        $0.timeouts.attempt = .seconds(1)
                    }
                }
                let code = try #require(error?.code)
                #expect(fault.sign.codes(transport.transport).contains(code))
                #expect(start.duration(to: .now) < .seconds(30))
            }
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test(
        "A client does not notice how bytes are divided",
        arguments: TransportCase.carriers,
        [WireFaults(both: .trickle(7)), WireFaults(toServer: .glue(16), toClient: .glue(64))]
    )
    func division(transport: TransportCase, faults: WireFaults) async throws {
        try await withDataCenter { dataCenter in
            let configuration = clientConfiguration {
                $0.transport = transport.transport
                $0.tls = dataCenter.trustingTLS
            }
            let server = try dataCenter.endpoint(for: transport.transport)
            try await FaultyRelay.run(to: server, faults) { relay in
                try await MTProtoClient.withConnection(to: .endpoint(relay.endpoint), configuration: configuration) {
                    try await $0.expect(Queries.echo(1_000))
                }
            }
        }
    }
}
