// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

@testable import MTProtoClient

/// Several ways, one of which gets through.
@Suite(.network, .timeLimit(.minutes(10)))
struct LinkRaceTests {
    static let first = "192.0.2.1:443"
    static let second = "192.0.2.2:443"

    /// Connects to data centre 2, asks a query, and returns the report; nothing stays open but the winner's channel.
    @discardableResult
    static func connect(
        _ dialer: LoopbackDialer,
        _ configuration: ClientConfiguration,
        winnerChannelCount: Int = 1
    ) async throws -> ConnectReport {
        let report = try await MTProtoClient.withConnection(
            to: try .dataCenter(2),
            configuration: configuration
        ) { connection in
            try await connection.expect(Queries.echo(40_000))
            try await eventually { dialer.channels.openCount <= winnerChannelCount }
            #expect("\(connection.resolvedTarget)" == connection.report.winner?.endpoint)
            #expect("\(connection.resolvedTarget.transport)" == connection.report.winner?.transport)
            return connection.report
        }
        #expect(await dialer.channels.allClosed())
        #expect(report.attempts.count { $0.outcome == .won } == 1)
        #expect(!report.attempts.contains { $0.outcome == .running || $0.outcome == .cancelled })
        return report
    }

    @Test("The first address refuses: the second is used at once, and the report says why")
    func refused() async throws {
        try await withDataCenter { dataCenter in
            try await DeadEndpoint.refusing { dead in
                let dialer = LoopbackDialer([Self.first: dead, Self.second: try dataCenter.endpoint])
                let configuration = try raceConfiguration([Self.first, Self.second], dialer) {
                    $0.strategy = .race([.tcp()], stagger: .seconds(60))
                }
                let report = try await Self.connect(dialer, configuration)
                #expect(report.attempts.map(\.endpoint) == [Self.first, Self.second])
                #expect(report.attempts.map(\.outcome) == [.failed, .won])
                #expect(report.attempts[0].code == "connection refused")
                #expect(report.attempts[0].cause == "nobody listens there")
                #expect(report.attempts[0].phase == .dial)
                #expect(report.attempts[0].hop == nil)
                #expect(report.attempts[1].startMilliseconds >= report.attempts[0].startMilliseconds)
                #expect(report.winner?.endpoint == Self.second)
            }
        }
    }

    @Test("The first address is a black hole: the second is used after the stagger, and the first is given up")
    func blackHole() async throws {
        try await withDataCenter { dataCenter in
            try await DeadEndpoint.silent { dead in
                let dialer = LoopbackDialer([Self.first: dead, Self.second: try dataCenter.endpoint])
                let report = try await Self.connect(dialer, raceConfiguration([Self.first, Self.second], dialer))
                #expect(report.attempts.map(\.outcome) == [.overtaken, .won])
                #expect(report.attempts[0].phase == .dial)
                #expect(report.attempts[0].code == nil)
                #expect(report.attempts[1].startMilliseconds >= 10)
                #expect(dialer.channels.openedCount == 2)
            }
        }
    }

    @Test("Who accepts and does not answer loses against who answers", arguments: TransportCase.carriers)
    func silentServer(transport: TransportCase) async throws {
        let tls = try RaceTLS()
        try await withDataCenter {
            $0.server.tls = tls.server
        } _: { dataCenter in
            try await FaultyRelay.run(.blackHole) { hole in
                let server = try dataCenter.endpoint(for: transport.transport)
                let dialer = LoopbackDialer { destination, number in
                    // A name is the same both times: the first of the ways gets the hole.
                    let isFirst = destination == RaceTLS.name ? number == 0 : destination.hasPrefix("192.0.2.1")
                    return .at(isFirst ? hole.endpoint : server)
                }
                let port = transport.transport.carrier == .tcp ? 443 : 80
                let configuration = try raceConfiguration(["192.0.2.1:\(port)", "192.0.2.2:\(port)"], dialer) {
                    $0.tls = tls.client
                    // Two ways by one name: the second transport stands for a second address.
                    let isNamed = transport.transport.carrier.isSecure
                    let other: ClientTransport = transport.transport == .https ? .webSocket() : .https
                    $0.strategy = .race([transport.transport] + (isNamed ? [other] : []), stagger: .milliseconds(10))
                }
                let report = try await Self.connect(dialer, configuration, winnerChannelCount: 2)
                #expect(report.attempts.map(\.outcome) == [.overtaken, .won])
                #expect(report.attempts[0].phase <= .keyExchange)
                #expect(await hole.channels.allClosed())
            }
        }
    }

    // MARK: Ladders

    @Test("TCP does not get through: the WebSocket does", arguments: [false, true])
    func webSocket(isSilent: Bool) async throws {
        let tls = try RaceTLS()
        try await withDataCenter {
            $0.server.tls = tls.server
        } _: { dataCenter in
            let server = try dataCenter.endpoint(for: .webSocket())
            @Sendable func run(_ dead: SocketEndpoint) async throws {
                let dialer = LoopbackDialer([Self.first: dead, RaceTLS.name: server])
                let configuration = try raceConfiguration([Self.first], dialer) {
                    $0.tls = tls.client
                    $0.strategy = .tcpWithWebSocketFallback
                    $0.strategy?.patience = isSilent ? .milliseconds(10) : .seconds(60)
                }
                let report = try await Self.connect(dialer, configuration)
                #expect(report.attempts.map(\.outcome) == [isSilent ? .overtaken : .failed, .won])
                #expect(report.winner?.transport == "wss, intermediate, obfuscated")
            }
            if isSilent {
                try await DeadEndpoint.silent(run)
            } else {
                try await DeadEndpoint.refusing(run)
            }
        }
    }

    @Test("Nor does the WebSocket: HTTPS does, with the temporary key as well", arguments: MatrixTests.lifetimes)
    func https(lifetime: KeyLifetime) async throws {
        let tls = try RaceTLS()
        try await withDataCenter {
            $0.server.tls = tls.server
        } _: { dataCenter in
            let server = try dataCenter.endpoint(for: .https)
            try await DeadEndpoint.refusing { dead in
                let dialer = LoopbackDialer { destination, number in
                    .at(destination == RaceTLS.name && number > 0 ? server : dead)
                }
                let configuration = try raceConfiguration([Self.first], dialer) {
                    $0.tls = tls.client
                    $0.keyLifetime = lifetime
                    $0.strategy = .ladder(patience: .seconds(60))
                }
                let report = try await Self.connect(dialer, configuration, winnerChannelCount: 2)
                #expect(report.attempts.map(\.outcome) == [.failed, .failed, .won])
                #expect(report.winner?.endpoint == "https://venus.web.telegram.org:443/api")
            }
        }
    }

    // MARK: Routes

    @Test("A dead proxy and the direct way", arguments: [false, true])
    func routes(isSilent: Bool) async throws {
        try await withDataCenter { dataCenter in
            @Sendable func run(_ dead: SocketEndpoint) async throws {
                let credentials = try ProxyCredentials(username: "alice", password: "hunter2")
                let proxy = try SocketEndpoint("192.0.2.9:1080")
                let dialer = LoopbackDialer(["\(proxy)": dead, Self.first: try dataCenter.endpoint])
                let configuration = try raceConfiguration([Self.first], dialer) {
                    $0.routes = [[.socks5(proxy, credentials: credentials)], .direct]
                }
                let report = try await Self.connect(dialer, configuration)
                #expect(report.attempts.map(\.route) == ["SOCKS5 proxy 192.0.2.9:1080", "direct"])
                #expect(report.attempts.map(\.outcome) == [isSilent ? .overtaken : .failed, .won])
                #expect(report.attempts[0].hop == (isSilent ? nil : 0))
                #expect(!"\(report)".contains("alice") && !"\(report)".contains("hunter2"))
            }
            if isSilent {
                try await DeadEndpoint.silent(run)
            } else {
                try await DeadEndpoint.refusing(run)
            }
        }
    }

    // MARK: What is learned

    @Test("The next connect begins with what has worked, also when that was kept in a file")
    func learned() async throws {
        try await withDataCenter { dataCenter in
            try await DeadEndpoint.refusing { dead in
                let dialer = LoopbackDialer([Self.first: dead, Self.second: try dataCenter.endpoint])
                var configuration = try raceConfiguration([Self.first, Self.second], dialer) {
                    $0.strategy = .race([.tcp()], stagger: .seconds(60))
                }
                try await Self.connect(dialer, configuration)
                let statistics = configuration.learned.statistics
                #expect(statistics.records.count == 2)
                #expect(statistics.records["tcp, intermediate, plain to \(Self.second) by direct"]?.successCount == 1)
                #expect(statistics.records["tcp, intermediate, plain to \(Self.first) by direct"]?.failureCount == 1)
                let coded = try JSONEncoder().encode(statistics)
                let decoded = try JSONDecoder().decode(EndpointStatistics.self, from: coded)
                #expect(decoded == statistics)
                configuration.learned = LearnedEndpoints(decoded)
                let report = try await Self.connect(dialer, configuration)
                #expect(report.attempts.map(\.endpoint) == [Self.second])
                #expect(dialer.channels.openedCount == 3)
            }
        }
    }

    @Test("A network that swallows a transport is waited for once, though not all of its addresses were tried")
    func swallowed() async throws {
        let tls = try RaceTLS()
        try await withDataCenter {
            $0.server.tls = tls.server
        } _: { dataCenter in
            let server = try dataCenter.endpoint(for: .webSocket())
            try await DeadEndpoint.silent { dead in
                let dialer = LoopbackDialer([Self.first: dead, Self.second: dead, RaceTLS.name: server])
                var configuration = try raceConfiguration([Self.first, Self.second], dialer) {
                    $0.tls = tls.client
                    $0.strategy = .tcpWithWebSocketFallback
                    $0.strategy?.stagger = .seconds(60)
                    $0.strategy?.patience = .milliseconds(10)
                }
                let report = try await Self.connect(dialer, configuration)
                #expect(report.attempts.map(\.outcome) == [.overtaken, .won])
                configuration.strategy?.patience = .seconds(60)
                let next = try await Self.connect(dialer, configuration)
                #expect(next.attempts.map(\.transport) == ["wss, intermediate, obfuscated"])
            }
        }
    }

    // MARK: Steps and time

    @Test("The steps that are told are the winner's, each once")
    func steps() async throws {
        try await withDataCenter { dataCenter in
            try await FaultyRelay.run(.blackHole) { hole in
                let told = Mutex<[ConnectionStep]>([])
                let dialer = LoopbackDialer([Self.first: hole.endpoint, Self.second: try dataCenter.endpoint])
                let configuration = try raceConfiguration([Self.first, Self.second], dialer) {
                    $0.onStep = { step in told.withLock { $0.append(step) } }
                }
                try await MTProtoClient.withConnection(
                    to: try .dataCenter(2),
                    configuration: configuration
                ) { connection in
                    #expect(connection.report.attempts.count == 2)
                    #expect(told.withLock { $0 } == connection.steps)
                    #expect(
                        connection.steps.map(\.phase)
                            == [.dial, .transportHandshake, .keyExchange, .authorizationKey, .encryptedSession]
                    )
                    try await connection.expect(Queries.echo())
                }
                #expect(told.withLock { $0.last?.phase } == .initialization)
                #expect(told.withLock { $0.count } == 6)
            }
        }
    }

    @Test("A race that waits does nothing meanwhile")
    func patience() async throws {
        try await withDataCenter { dataCenter in
            try await FaultyRelay.run(.blackHole) { hole in
                try await DeadEndpoint.refusing { dead in
                    let third = "192.0.2.3:443"
                    let dialer = LoopbackDialer([
                        Self.first: dead, Self.second: hole.endpoint, third: try dataCenter.endpoint,
                    ])
                    let readCount = Atomic<Int>(0)
                    let configuration = try raceConfiguration([Self.first, Self.second, third], dialer) {
                        $0.strategy = .race([.tcp()], stagger: .milliseconds(300))
                        $0.clock = SessionClock {
                            readCount.add(1, ordering: .relaxed)
                            return SessionClock.system.now()
                        }
                    }
                    let report = try await Self.connect(dialer, configuration)
                    #expect(report.attempts.map(\.outcome) == [.failed, .overtaken, .won])
                    // Each decision reads the clock: a few for the race, and those of the session.
                    #expect(readCount.load(ordering: .relaxed) < 500)
                }
            }
        }
    }
}
