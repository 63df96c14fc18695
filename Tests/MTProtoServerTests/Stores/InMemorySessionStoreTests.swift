// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MetricsTestKit
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// What the store in memory forgets when there is too much, and what it tells of it.
@Suite(.network, .timeLimit(.minutes(10)))
struct InMemorySessionStoreTests {
    private static let loop = MultiThreadedEventLoopGroup.singleton.next()

    /// Keys of a hundred sessions each, from 1.
    private static func identifier(_ number: UInt64) -> ServerSessionIdentifier {
        ServerSessionIdentifier(authorizationKey: 1 + number / 100, session: number)
    }

    @discardableResult
    private static func change<Value: Sendable>(
        _ store: InMemorySessionStore,
        _ number: UInt64,
        makes: Bool = true,
        _ body: @escaping @Sendable (inout ServerSession) -> Value
    ) throws -> Value? {
        let make: @Sendable (ServerSessionIdentifier) -> ServerSession = { identifier in
            ServerSession(
                authorizationKeyIdentifier: identifier.authorizationKey,
                sessionIdentifier: identifier.session
            )
        }
        let result = store.change(
            Self.identifier(number),
            on: Self.loop,
            makingIfMissing: makes ? make : nil,
            body
        )
        guard case .immediate(let value) = result else {
            Issue.record("a store in memory answers at once")
            return nil
        }
        return value
    }

    private static func push(_ store: InMemorySessionStore, _ number: UInt64, bytes: Int, at time: SessionTime) throws {
        try Self.change(store, number) { $0.push(ByteBuffer(repeating: 1, count: bytes), at: time) }
    }

    private static func queued(_ store: InMemorySessionStore, _ number: UInt64) throws -> Int? {
        try Self.change(store, number, makes: false) { $0.queuedMessageCount }
    }

    @Test("Changes work on one session; without a way to make it, a missing one stays missing")
    func changes() throws {
        let store = InMemorySessionStore()
        #expect(try Self.queued(store, 1) == nil)
        #expect(store.count == 0)
        try Self.push(store, 1, bytes: 40, at: ManualSessionClock().now)
        #expect(try Self.queued(store, 1) == 1)
        #expect(try Self.queued(store, 2) == nil)
        #expect(store.queuedByteCount == 40)
        guard case .immediate(true) = store.remove(Self.identifier(1), on: Self.loop),
            case .immediate(false) = store.remove(Self.identifier(1), on: Self.loop)
        else {
            Issue.record("removed once")
            return
        }
        #expect(store.queuedByteCount == 0)
        #expect(store.statistics?.forgottenMessages == ForgottenMessageCounts(), "the client wished it so")
    }

    @Test("When bytes are short the sessions unused longest forget messages, the oldest first, and stay")
    func memory() throws {
        let store = InMemorySessionStore(maximumByteCount: 16_000)
        let time = ManualSessionClock().now
        for number in 1...4 {
            for _ in 0..<4 { try Self.push(store, UInt64(number), bytes: 1000, at: time) }
        }
        #expect(store.queuedByteCount == 16_000)
        // Used again, so that the second is the one unused longest.
        try Self.push(store, 1, bytes: 1000, at: time)
        #expect(store.count == 4)
        #expect(try Self.queued(store, 2) == 2, "down to fifteen sixteenths")
        #expect(store.queuedByteCount == 15_000)
        #expect(store.statistics?.forgottenMessages == ForgottenMessageCounts(memory: 2))
        #expect(try Self.queued(store, 3) == 4)
        #expect(try Self.queued(store, 1) == 5)
    }

    @Test("One session alone may not be robbed by its own change")
    func alone() throws {
        let store = InMemorySessionStore(maximumByteCount: 100)
        try Self.push(store, 1, bytes: 1000, at: ManualSessionClock().now)
        #expect(try Self.queued(store, 1) == 1)
        try Self.push(store, 2, bytes: 4, at: ManualSessionClock().now)
        #expect(try Self.queued(store, 1) == 0)
    }

    @Test("Too many sessions: those unused longest go, and what they had queued is counted")
    func tooMany() throws {
        let store = InMemorySessionStore(maximumCount: 4)
        let time = ManualSessionClock().now
        for number in 1...5 { try Self.push(store, UInt64(number), bytes: 8, at: time) }
        #expect(store.count == 4)
        #expect(try Self.queued(store, 1) == nil)
        #expect(store.statistics?.forgottenMessages == ForgottenMessageCounts(memory: 1))
    }

    @Test("Too many sessions: those with a connection or a running query stay")
    func inUse() throws {
        let store = InMemorySessionStore(maximumCount: 4)
        let time = ManualSessionClock().now
        try Self.change(store, 1) { $0.connectionOpened(at: time) }
        for number in 2...8 { try Self.push(store, UInt64(number), bytes: 8, at: time) }
        #expect(store.count == 4)
        #expect(try Self.queued(store, 1) == 0)
        try Self.change(store, 1) { $0.connectionClosed(at: time) }
        for number in 9...16 { try Self.push(store, UInt64(number), bytes: 8, at: time) }
        #expect(try Self.queued(store, 1) == nil)
    }

    @Test("Too many sessions of one key drive out that key's, and nobody else's")
    func tooManyOfKey() throws {
        let store = InMemorySessionStore(maximumCount: 6, maximumCountPerKey: 3)
        let time = ManualSessionClock().now
        for number in [1, 2] { try Self.push(store, UInt64(number), bytes: 8, at: time) }
        for number in 100...150 { try Self.push(store, UInt64(number), bytes: 8, at: time) }
        #expect(store.count == 5)
        #expect(try Self.queued(store, 1) == 1 && Self.queued(store, 2) == 1)
        #expect(try Self.queued(store, 147) == nil && Self.queued(store, 148) == 1 && Self.queued(store, 150) == 1)
        guard case .immediate = store.removeAll(ofKey: 2, on: Self.loop) else { return }
        #expect(store.count == 2)
    }

    @Test("What needs no acknowledgement counts, and is what is forgotten first")
    func notices() throws {
        let store = InMemorySessionStore(maximumByteCount: 2000)
        let time = ManualSessionClock().now
        try Self.push(store, 1, bytes: 8, at: time)
        for _ in 0..<50 {
            try Self.change(store, 1) { $0.answerDestroySession(5, existed: true, requestedBy: 4) }
        }
        #expect(store.queuedByteCount == 8 + 50 * 12)
        try Self.push(store, 2, bytes: 1800, at: time)
        #expect(store.queuedByteCount <= 2000)
        #expect(try Self.queued(store, 1) == 1)
        #expect(store.statistics?.forgottenMessages == ForgottenMessageCounts())
    }

    @Test("The sweep ends sessions nobody would miss, and old messages of others")
    func sweep() throws {
        let store = InMemorySessionStore()
        let clock = ManualSessionClock()
        let start = clock.now
        try Self.push(store, 1, bytes: 8, at: start)
        try Self.change(store, 2) { $0.connectionOpened(at: start) }
        try Self.push(store, 2, bytes: 8, at: start)
        clock.advance(by: .seconds(601))
        store.removeDiscardable(at: clock.now)
        #expect(store.count == 1)
        #expect(try Self.queued(store, 2) == 0)
        #expect(store.queuedByteCount == 0)
        #expect(store.statistics?.forgottenMessages == ForgottenMessageCounts(expired: 2))
    }

    @Test("Subscribers hear of their session until they leave")
    func subscriptions() throws {
        let store = InMemorySessionStore()
        let woken = Mutex<[Int]>([])
        store.subscribe(to: Self.identifier(1), as: 10) { woken.withLock { $0.append(10) } }
        store.subscribe(to: Self.identifier(1), as: 11) { woken.withLock { $0.append(11) } }
        store.subscribe(to: Self.identifier(2), as: 10) { woken.withLock { $0.append(20) } }
        store.wake(Self.identifier(1))
        #expect(woken.withLock { $0.sorted() } == [10, 11])
        store.unsubscribe(10, from: Self.identifier(1))
        store.wake(Self.identifier(1))
        store.wake(Self.identifier(3))
        #expect(woken.withLock { $0.sorted() } == [10, 11, 11])
    }

    @Test("Two servers of one process may share the store")
    func twoServers() async throws {
        let store = InMemorySessionStore()
        let keys = InMemoryAuthorizationKeyStore()
        let configure: @Sendable (inout ServerConfiguration) -> Void = {
            $0.sessions = store
            $0.authorizationKeys = keys
        }
        try await withServer(configure, respond: { query, _ in .result(query) }) { _, address in
            try await withServer(configure, respond: { query, _ in .result(query) }) { other, _ in
                let client = try await RawClient(to: address)
                var session = try await client.makeSession()
                try await client.ping(in: &session)
                #expect(try await other.push(UpdatesTooLong().serialized(), to: session.serverIdentifier))
                try await client.message(in: session) { body, _ -> Void? in
                    if case .other(UpdatesTooLong.constructor, _) = body { () } else { nil }
                }
                await client.close()
            }
        }
    }

    @Test("Servers that share a store count each forgotten message once, and a later one nothing again")
    func metricsOfTwoServers() async throws {
        let store = InMemorySessionStore()
        let time = ManualSessionClock().now
        try Self.change(store, 1) { session in
            for _ in 0..<3 { session.push(ByteBuffer(repeating: 1, count: 8), at: time) }
            session.forgetQueuedMessages(byteCount: .max)
        }
        let metrics = [TestMetrics(), TestMetrics(), TestMetrics()]
        @Sendable func server(
            _ metrics: TestMetrics,
            _ body: @escaping @Sendable (MTProtoServer) async throws -> Void
        ) async throws {
            try await withServer(
                {
                    $0.metricsFactory = metrics
                    $0.sessions = store
                },
                respond: { query, _ in .result(query) }
            ) { server, _ in try await body(server) }
        }
        try await server(metrics[0]) { first in
            try await server(metrics[1]) { second in
                first.reportMetrics()
                second.reportMetrics()
                first.reportMetrics()
            }
        }
        try await server(metrics[2]) { $0.reportMetrics() }
        let total = try metrics.reduce(0 as Int64) { sum, metrics in
            let label = "mtproto_server_messages_forgotten_total"
            return sum + (try metrics.expectCounter(label, [("reason", "memory")]).totalValue)
        }
        #expect(total == 3)
        #expect(store.statistics?.forgottenMessages == ForgottenMessageCounts(memory: 3))
        #expect(store.takeForgottenMessages() == ForgottenMessageCounts())
    }

    @Test("Metrics tell what was forgotten and why, and what there is")
    func metrics() async throws {
        let metrics = TestMetrics()
        let clock = ManualSessionClock(time: SessionClock.system.now())
        let store = InMemorySessionStore()
        try await withServer(
            {
                $0.metricsFactory = metrics
                $0.sessions = store
                $0.clock = clock.clock
                $0.session.maximumQueuedMessageCount = 4
            },
            respond: { query, _ in .result(query) }
        ) { server, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            session.clock = clock.clock
            try await client.ping(in: &session)
            await client.close()
            try await eventually { server.connectionCount == 0 }
            for _ in 0..<6 {
                #expect(try await server.push(UpdatesTooLong().serialized(), to: session.serverIdentifier))
            }
            func counter(_ reason: String) throws -> Int64 {
                try metrics.expectCounter(
                    "mtproto_server_messages_forgotten_total",
                    [("reason", reason)]
                ).totalValue
            }
            server.reportMetrics()
            // The notice of the new session, and the first two updates.
            #expect(try counter("overflow") == 3)
            #expect(try metrics.expectGauge("mtproto_server_sessions").lastValue == 1)
            #expect(try metrics.expectGauge("mtproto_server_queued_bytes").lastValue == 16)
            #expect(try metrics.expectGauge("mtproto_server_connections").lastValue == 0)
            server.reportMetrics()
            #expect(try counter("overflow") == 3, "each is counted once")
            clock.advance(by: .seconds(601))
            store.removeDiscardable(at: clock.now)
            server.reportMetrics()
            #expect(try counter("expired") == 4)
            #expect(try counter("memory") == 0)
            #expect(try metrics.expectGauge("mtproto_server_sessions").lastValue == 0)
        }
    }
}
