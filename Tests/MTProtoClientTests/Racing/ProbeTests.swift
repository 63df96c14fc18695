// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import Testing

@testable import MTProtoClient

/// With a saved key, a race is decided by pings in sessions of their own.
@Suite(.network, .timeLimit(.minutes(10)))
struct ProbeTests {
    /// A connection to go on from, made without a race.
    private static func save(
        _ dataCenter: RunningLocalDataCenter,
        _ lifetime: KeyLifetime = .permanent
    ) async throws -> SavedConnection {
        try await dataCenter.connect {
            $0.keyLifetime = lifetime
        } _: { connection in
            try await connection.expect(Queries.echo())
            return try await connection.savedConnection()
        }
    }

    @Test(
        "The server forgets the sessions of the pings, also those whose pong never came",
        arguments: MatrixTests.lifetimes
    )
    func forgotten(lifetime: KeyLifetime) async throws {
        let store = RecordingSessionStore()
        try await withDataCenter {
            $0.server.sessions = store
        } _: { dataCenter in
            let server = try dataCenter.endpoint
            // The server gets the first way's ping, and its answer is lost.
            let lossy = WireFaults(toClient: .cut(.blackHole, after: 0))
            try await FaultyRelay.run(to: server, lossy) { relay in
                let saved = try await Self.save(dataCenter, lifetime)
                let before = store.made
                let probed = LoosePromise.make()
                defer { probed.succeed() }
                let dialer = LoopbackDialer { destination, _ in
                    destination.hasPrefix("192.0.2.1") ? .at(relay.endpoint) : .later(probed.futureResult, server)
                }
                let configuration = try raceConfiguration(["192.0.2.1:443", "192.0.2.2:443"], dialer) {
                    $0.savedConnection = saved
                    $0.keyLifetime = lifetime
                }
                async let result: Void = MTProtoClient.withConnection(
                    to: try .dataCenter(2),
                    configuration: configuration
                ) { connection in
                    #expect(connection.report.attempts.map(\.outcome) == [.overtaken, .won])
                    #expect(connection.steps.filter(\.isSkipped).map(\.phase) == [.keyExchange, .authorizationKey])
                    #expect(
                        connection.authorizationKeyIdentifier
                            == (saved.temporary?.session ?? saved.permanent).authorizationKey.identifier
                    )
                    try await connection.expect(Queries.echo(40_000))
                    let real = connection.sessionIdentifier
                    try await eventually { store.removed.count == 2 }
                    #expect(store.made == before.union(store.removed).union([real]))
                    #expect(!store.removed.contains(real))
                    #expect(store.removed.isDisjoint(with: before))
                    #expect(store.count == before.count + 1)
                    #expect(dataCenter.server.connectedSessions.map(\.session).contains(real))
                }
                try await eventually { store.made.count == before.count + 1 }
                probed.succeed()
                try await result
                #expect(await dialer.channels.allClosed())
            }
        }
    }

    @Test("The only way needs no ping of its own")
    func alone() async throws {
        let store = RecordingSessionStore()
        try await withDataCenter {
            $0.server.sessions = store
        } _: { dataCenter in
            let saved = try await Self.save(dataCenter)
            let dialer = LoopbackDialer(["192.0.2.1:443": try dataCenter.endpoint])
            let configuration = try raceConfiguration(["192.0.2.1:443"], dialer) { $0.savedConnection = saved }
            try await LinkRaceTests.connect(dialer, configuration)
            #expect(store.made.count == 2)
            #expect(store.removed.isEmpty)
        }
    }

    @Test("By every carrier the session that follows works", arguments: TransportCase.carriers)
    func carriers(transport: TransportCase) async throws {
        let tls = try RaceTLS()
        let store = RecordingSessionStore()
        try await withDataCenter {
            $0.server.tls = tls.server
            $0.server.sessions = store
        } _: { dataCenter in
            let saved = try await Self.save(dataCenter)
            let server = try dataCenter.endpoint(for: transport.transport)
            let port = transport.transport.carrier == .tcp ? 443 : 80
            try await DeadEndpoint.refusing { dead in
                let proxy = try SocketEndpoint("192.0.2.9:1080")
                let dialer = LoopbackDialer { destination, _ in .at(destination == "\(proxy)" ? dead : server) }
                let configuration = try raceConfiguration(["192.0.2.1:\(port)"], dialer) {
                    $0.savedConnection = saved
                    $0.tls = tls.client
                    $0.transport = transport.transport
                    $0.strategy = nil
                    $0.routes = [[.socks5(proxy)], .direct]
                    $0.http.queryConnectionCount = 3
                }
                try await MTProtoClient.withConnection(
                    to: try .dataCenter(2),
                    configuration: configuration
                ) { connection in
                    #expect(connection.report.attempts.map(\.outcome) == [.failed, .won])
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number: UInt32 in 0..<20 {
                            group.addTask { try await connection.expect(Queries.echo(number: number)) }
                        }
                        try await group.waitForAll()
                    }
                    try await eventually { store.removed.count == 1 }
                    #expect(!store.removed.contains(connection.sessionIdentifier))
                }
                #expect(await dialer.channels.allClosed())
            }
        }
    }
}
