// SPDX-License-Identifier: Apache-2.0

import MTProtoServer
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MTProtoClient
@testable import MTProtoSession

/// A client that stays connected, by whatever way there is.
@Suite(.network, .timeLimit(.minutes(10)))
struct ServiceRaceTests {
    private static func run(
        _ configuration: ClientConfiguration,
        _ body: @escaping @Sendable (MTProtoClientService) async throws -> Void
    ) async throws {
        let service = try MTProtoClientService(target: .dataCenter(2), configuration: configuration)
        #expect(service.report == ConnectReport())
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            try await body(service)
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    private static func expect(_ service: MTProtoClientService, _ number: UInt32) async throws {
        let query = Queries.echo(number: number)
        #expect(try await service.invoke(query) == query)
    }

    @Test("When the way is cut for good, the session goes on by another", arguments: MatrixTests.lifetimes)
    func otherWay(lifetime: KeyLifetime) async throws {
        let store = RecordingSessionStore()
        try await withDataCenter {
            $0.server.sessions = store
        } _: { dataCenter in
            let server = try dataCenter.endpoint
            try await FaultyRelay.run(to: server, WireFaults()) { relay in
                try await DeadEndpoint.refusing { dead in
                    let isCut = Mutex(false)
                    let dialer = LoopbackDialer { destination, _ in
                        guard destination == LinkRaceTests.first else { return .at(server) }
                        return .at(isCut.withLock { $0 } ? dead : relay.endpoint)
                    }
                    let addresses = [LinkRaceTests.first, LinkRaceTests.second]
                    let configuration = try raceConfiguration(addresses, dialer) {
                        $0.keyLifetime = lifetime
                        $0.strategy = .race([.tcp()], stagger: .seconds(60))
                    }
                    try await Self.run(configuration) { service in
                        try await Self.expect(service, 1)
                        #expect(service.report.attempts.map(\.endpoint) == [LinkRaceTests.first])
                        let session = dataCenter.server.connectedSessions
                        #expect(session.count == 1)
                        isCut.withLock { $0 = true }
                        relay.channels.closeAll()
                        for number: UInt32 in 2..<10 { try await Self.expect(service, number) }
                        try await eventually { service.report.winner?.endpoint == LinkRaceTests.second }
                        #expect(service.report.attempts.map(\.outcome) == [.failed, .won])
                        #expect(service.report.attempts.first?.code == "connection refused")
                        // The ping's session is forgotten, and the real one is what it was.
                        try await eventually { store.removed.count == 1 }
                        #expect(store.made == store.removed.union(session.map(\.session)))
                        #expect(dataCenter.server.connectedSessions.contains(session[0]))
                    }
                    #expect(await dialer.channels.allClosed())
                }
            }
        }
    }

    @Test("Over TCP first and HTTPS later it is the same session, and the pings stop")
    func otherCarrier() async throws {
        let tls = try RaceTLS()
        let store = RecordingSessionStore()
        try await withDataCenter {
            $0.server.tls = tls.server
            $0.server.sessions = store
        } _: { dataCenter in
            let server = try dataCenter.endpoint(for: .https)
            try await FaultyRelay.run(to: try dataCenter.endpoint, WireFaults()) { relay in
                try await DeadEndpoint.refusing { dead in
                    let isCut = Mutex(false)
                    let dialer = LoopbackDialer { destination, _ in
                        guard destination != RaceTLS.name else { return .at(server) }
                        return .at(isCut.withLock { $0 } ? dead : relay.endpoint)
                    }
                    let configuration = try raceConfiguration([LinkRaceTests.first], dialer) {
                        $0.tls = tls.client
                        $0.strategy = .ladder([.tcp(), .https], patience: .seconds(60))
                    }
                    try await Self.run(configuration) { service in
                        try await Self.expect(service, 1)
                        let session = dataCenter.server.connectedSessions
                        let keeper = service.keeper
                        /// Whether pings watch the link, and when the next one is due.
                        @Sendable func pings() async throws -> (isWatched: Bool, due: Int64)? {
                            let promise = MultiThreadedEventLoopGroup.singleton.next()
                                .makePromise(of: (isWatched: Bool, due: Int64)?.self)
                            keeper.execute { keeper in
                                promise.succeed(
                                    keeper.driver.map { ($0.session.link.isWatched, $0.session.link.keepAliveDue) }
                                )
                            }
                            return try await promise.futureResult.get()
                        }
                        let before = try #require(try await pings())
                        #expect(before.isWatched && before.due < .max)
                        isCut.withLock { $0 = true }
                        relay.channels.closeAll()
                        for number: UInt32 in 2..<10 { try await Self.expect(service, number) }
                        try await eventually { service.report.winner?.transport == "https" }
                        try await eventually { store.removed.count == 1 }
                        #expect(store.made == store.removed.union(session.map(\.session)))
                        let after = try #require(try await pings())
                        #expect(!after.isWatched && after.due == .max)
                        try await Self.expect(service, 10)
                    }
                    #expect(await dialer.channels.allClosed())
                }
            }
        }
    }

    @Test("What ends no way for good does not end the service: it goes on when one is there again")
    func comesBack() async throws {
        let tls = try RaceTLS()
        try await withDataCenter {
            $0.server.tls = tls.server
        } _: { dataCenter in
            let server = try dataCenter.endpoint
            let portal = try dataCenter.endpoint(for: .https)
            try await DeadEndpoint.refusing { dead in
                // TCP is shut at first, and whoever answers by TLS is not trusted.
                let isOpen = Mutex(false)
                let dialer = LoopbackDialer { destination, _ in
                    if destination == RaceTLS.name { return .at(portal) }
                    return .at(isOpen.withLock { $0 } ? server : dead)
                }
                let configuration = try raceConfiguration([LinkRaceTests.first], dialer) {
                    $0.strategy = .ladder([.tcp(), .https], patience: .seconds(60))
                }
                try await Self.run(configuration) { service in
                    try await eventually { !service.report.attempts.isEmpty }
                    #expect(service.report.attempts.count { $0.code == "certificate refused" } == 1)
                    isOpen.withLock { $0 = true }
                    try await Self.expect(service, 1)
                }
            }
        }
    }
}
