// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MTProtoServer

/// What ``SessionStore`` asks of every store, sentence by sentence. For a store of your own, add a case to ``Kind``.
@Suite(.network, .timeLimit(.minutes(10)))
struct SessionStoreContractTests {
    enum Kind: CaseIterable, CustomTestStringConvertible {
        case inMemory, serializing, counted

        func make() -> any SessionStore {
            switch self {
            case .inMemory: InMemorySessionStore()
            case .serializing: SerializingSessionStore()
            case .counted: CountedSessionStore(InMemorySessionStore(), PendingWork())
            }
        }

        var testDescription: String {
            switch self {
            case .inMemory: "in memory"
            case .serializing: "as processes share one"
            case .counted: "in memory, as the server uses it"
            }
        }
    }

    private static let loop = MultiThreadedEventLoopGroup.singleton.next()
    private static let update = UpdatesTooLong().serialized()
    private static let key = ContractClient.key.identifier
    private static let session = ServerSessionIdentifier(authorizationKey: key, session: 1)
    private static let sibling = ServerSessionIdentifier(authorizationKey: key, session: 2)
    private static let stranger = ServerSessionIdentifier(authorizationKey: key &+ 1, session: 1)

    private static let make: @Sendable (ServerSessionIdentifier) -> ServerSession = {
        ServerSession(authorizationKeyIdentifier: $0.authorizationKey, sessionIdentifier: $0.session)
    }

    @discardableResult
    private static func change<Value: Sendable>(
        _ store: any SessionStore,
        _ identifier: ServerSessionIdentifier = Self.session,
        makes: Bool = true,
        _ body: @escaping @Sendable (inout ServerSession) -> Value
    ) async throws -> Value? {
        try await store.change(identifier, on: Self.loop, makingIfMissing: makes ? Self.make : nil, body).get()
    }

    private static func queued(
        _ store: any SessionStore,
        _ identifier: ServerSessionIdentifier = Self.session
    ) async throws -> Int? {
        try await Self.change(store, identifier, makes: false) { $0.queuedMessageCount }
    }

    // MARK: Changes

    @Test("Without a way to make it, a missing session stays missing, and nothing runs", arguments: Kind.allCases)
    func missing(_ kind: Kind) async throws {
        let store = kind.make()
        let runs = Mutex(0)
        #expect(try await Self.change(store, makes: false) { _ in runs.withLock { $0 += 1 } } == nil)
        #expect(runs.withLock { $0 } == 0)
        #expect(try await Self.queued(store) == nil)
    }

    @Test("A session is made once, with its identifier, and kept", arguments: Kind.allCases)
    func making(_ kind: Kind) async throws {
        let store = kind.make()
        let first = try await Self.change(store) { $0.uniqueIdentifier }
        #expect(try await Self.change(store) { $0.uniqueIdentifier } == first)
        let kept = try await Self.change(store, makes: false) { session in
            ServerSessionIdentifier(
                authorizationKey: session.authorizationKeyIdentifier,
                session: session.sessionIdentifier
            )
        }
        #expect(kept == Self.session)
        #expect(try await Self.queued(store, Self.sibling) == nil)
        #expect(try await Self.queued(store, Self.stranger) == nil)
    }

    @Test(
        "A change may run several times: it has effect once, and its last result is the one returned",
        arguments: Kind.allCases
    )
    func effect(_ kind: Kind) async throws {
        let store = kind.make()
        let now = SessionClock.system.now()
        let runs = Mutex(0)
        for count in 1...3 {
            let result = try await Self.change(store) { session -> (run: Int, count: Int) in
                session.push(Self.update, at: now)
                return (
                    runs.withLock {
                        $0 += 1; return $0
                    }, session.queuedMessageCount
                )
            }
            #expect(result?.count == count)
            #expect(result?.run == runs.withLock { $0 })
        }
        #expect(runs.withLock { $0 } >= 3)
        #expect(try await Self.queued(store) == 3)
    }

    @Test("A missing session makes no change of another one", arguments: Kind.allCases)
    func separate(_ kind: Kind) async throws {
        let store = kind.make()
        let now = SessionClock.system.now()
        for identifier in [Self.session, Self.sibling, Self.stranger] {
            try await Self.change(store, identifier) { $0.push(Self.update, at: now) }
        }
        try await Self.change(store, Self.sibling) { $0.push(Self.update, at: now) }
        #expect(try await Self.queued(store, Self.session) == 1)
        #expect(try await Self.queued(store, Self.sibling) == 2)
        #expect(try await Self.queued(store, Self.stranger) == 1)
    }

    @Test("Results come on the event loop that was given, or at once", arguments: Kind.allCases)
    func eventLoop(_ kind: Kind) async throws {
        let store = kind.make()
        let loop = Self.loop
        func isRight<Value: Sendable>(_ result: SessionStoreResult<Value>) async throws -> Bool {
            guard case .later(let future) = result else { return true }
            guard future.eventLoop === loop else { return false }
            return try await future.map { _ in loop.inEventLoop }.get()
        }
        #expect(try await isRight(store.change(Self.session, on: loop, makingIfMissing: Self.make) { _ in 1 }))
        #expect(try await isRight(store.remove(Self.session, on: loop)))
        #expect(try await isRight(store.removeAll(ofKey: Self.key, on: loop)))
    }

    @Test("What one event loop asks for is carried out in that order", arguments: Kind.allCases)
    func order(_ kind: Kind) async throws {
        let store = kind.make()
        let now = SessionClock.system.now()
        let loop = Self.loop
        let counts = try await loop.flatSubmit {
            let results = (0..<50).map { number in
                let result = store.change(Self.session, on: loop, makingIfMissing: Self.make) { session in
                    session.push(Self.update, at: now)
                    return session.queuedMessageCount
                }
                if number == 24 { _ = store.remove(Self.session, on: loop) }
                return switch result {
                case .immediate(let value): loop.makeSucceededFuture(value)
                case .later(let future): future
                }
            }
            return EventLoopFuture.whenAllSucceed(results, on: loop)
        }.get()
        #expect(counts.compactMap(\.self) == Array(1...25) + Array(1...25))
    }

    @Test("Changes of a session exclude each other, wherever they come from", arguments: Kind.allCases)
    func exclusion(_ kind: Kind) async throws {
        let store = kind.make()
        let now = SessionClock.system.now()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let loop = MultiThreadedEventLoopGroup.singleton.next()
                    for _ in 0..<25 {
                        _ = try await store.change(Self.session, on: loop, makingIfMissing: Self.make) {
                            $0.push(Self.update, at: now)
                        }.get()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await Self.queued(store) == 200)
    }

    // MARK: Removal

    @Test("A session is removed once, and nothing else with it", arguments: Kind.allCases)
    func removal(_ kind: Kind) async throws {
        let store = kind.make()
        #expect(try await !store.remove(Self.session, on: Self.loop).get())
        for identifier in [Self.session, Self.sibling] { try await Self.change(store, identifier) { _ in } }
        let before = try await Self.change(store) { $0.uniqueIdentifier }
        #expect(try await store.remove(Self.session, on: Self.loop).get())
        #expect(try await !store.remove(Self.session, on: Self.loop).get())
        #expect(try await Self.queued(store) == nil)
        #expect(try await Self.queued(store, Self.sibling) == 0)
        #expect(try await Self.change(store) { $0.uniqueIdentifier } != before)
    }

    @Test("With a key go all of its sessions, and those of no other key", arguments: Kind.allCases)
    func removalByKey(_ kind: Kind) async throws {
        let store = kind.make()
        for identifier in [Self.session, Self.sibling, Self.stranger] {
            try await Self.change(store, identifier) { _ in }
        }
        try await store.removeAll(ofKey: Self.key, on: Self.loop).get()
        #expect(try await Self.queued(store, Self.session) == nil)
        #expect(try await Self.queued(store, Self.sibling) == nil)
        #expect(try await Self.queued(store, Self.stranger) == 0)
        try await store.removeAll(ofKey: 12_345, on: Self.loop).get()
    }

    @Test(
        "A payload of a session that was removed does not begin it anew, nor another one of its key",
        arguments: Kind.allCases,
        [false, true]
    )
    func floor(_ kind: Kind, byKey: Bool) async throws {
        let store = kind.make()
        var client = ContractClient()
        let recorded = try client.ping(in: Self.session)
        #expect(try await Self.receive(store, recorded))
        if byKey {
            try await store.removeAll(ofKey: Self.key, on: Self.loop).get()
        } else {
            #expect(try await store.remove(Self.session, on: Self.loop).get())
        }
        #expect(try await !Self.receive(store, recorded), "executed a second time")
        #expect(try await Self.receive(store, client.ping(in: Self.session)))
        // Removed again by a payload with a lower identifier, it leaves the higher one.
        #expect(try await store.remove(Self.session, on: Self.loop).get())
        try await Self.change(store) { _ in }
        #expect(try await store.remove(Self.session, on: Self.loop).get())
        #expect(try await !Self.receive(store, recorded))
    }

    private static func receive(_ store: any SessionStore, _ message: EncryptedMessage) async throws -> Bool {
        let now = SessionClock.system.now()
        let identifier = ServerSessionIdentifier(authorizationKey: Self.key, session: message.sessionIdentifier)
        let accepted = try await Self.change(store, identifier) { session in
            guard
                case .some(.acceptQuickAck(let isAccepted)) = session.receive(
                    message,
                    salts: ContractClient.salts,
                    at: now
                ).first
            else { return false }
            return isAccepted
        }
        return accepted == true
    }

    @Test("The sweep leaves every session that somebody would miss", arguments: Kind.allCases)
    func sweep(_ kind: Kind) async throws {
        let store = kind.make()
        let now = SessionClock.system.now()
        var client = ContractClient()
        #expect(try await Self.receive(store, client.ping(in: Self.session)))
        try await Self.change(store) { $0.push(Self.update, at: now) }
        store.removeDiscardable(at: now)
        #expect(try await Self.queued(store) ?? 0 >= 1)
    }

    // MARK: Waking

    @Test("Subscribers hear of their session, and of no other, until they leave", arguments: Kind.allCases)
    func subscriptions(_ kind: Kind) async throws {
        let store = kind.make()
        let woken = Wakings()
        store.subscribe(to: Self.session, as: 1) { woken.add(1) }
        store.subscribe(to: Self.session, as: 2) { woken.add(2) }
        store.subscribe(to: Self.sibling, as: 1) { woken.add(10) }
        store.wake(Self.session)
        try await eventually { woken.all == [1, 2] }
        store.unsubscribe(1, from: Self.session)
        store.unsubscribe(1, from: Self.session)
        store.unsubscribe(7, from: Self.stranger)
        store.wake(Self.stranger)
        store.wake(Self.session)
        try await eventually { woken.all == [1, 2, 2] }
        store.wake(Self.sibling)
        try await eventually { woken.all == [1, 2, 2, 10] }
        // The same number again: one subscription, the later.
        store.subscribe(to: Self.session, as: 2) { woken.add(3) }
        store.wake(Self.session)
        try await eventually { woken.all == [1, 2, 2, 3, 10] }
    }

    @Test("Whoever is woken finds the changes made before, and may use the store", arguments: Kind.allCases)
    func wakingAfterChange(_ kind: Kind) async throws {
        let store = kind.make()
        let now = SessionClock.system.now()
        let loop = Self.loop
        let found = loop.makePromise(of: Int?.self)
        store.subscribe(to: Self.session, as: 1) {
            store.unsubscribe(1, from: Self.session)
            switch store.change(Self.session, on: loop, makingIfMissing: nil, { $0.queuedMessageCount }) {
            case .immediate(let count): found.succeed(count)
            case .later(let future): future.cascade(to: found)
            }
        }
        try await Self.change(store) { $0.push(Self.update, at: now) }
        store.wake(Self.session)
        #expect(try await found.futureResult.get() == 1)
    }

    @Test(
        "A change that follows on those of a subscriber wakes it: nothing falls between looking and listening",
        arguments: Kind.allCases
    )
    func subscriptionOrder(_ kind: Kind) async throws {
        let store = kind.make()
        let now = SessionClock.system.now()
        let loop = Self.loop
        let other = MultiThreadedEventLoopGroup.singleton.next()
        for number in 0..<50 as Range<UInt64> {
            let identifier = ServerSessionIdentifier(authorizationKey: Self.key, session: 100 + number)
            try await Self.change(store, identifier) { _ in }
            let woken = loop.makePromise(of: Void.self)
            async let pushed: Void = {
                _ = try await store.change(identifier, on: other, makingIfMissing: nil) {
                    $0.push(Self.update, at: now)
                }.get()
                store.wake(identifier)
            }()
            let looked = loop.flatSubmit { () -> EventLoopFuture<Int?> in
                store.subscribe(to: identifier, as: 1) { woken.succeed() }
                let result = store.change(identifier, on: loop, makingIfMissing: nil) { $0.queuedMessageCount }
                return switch result {
                case .immediate(let count): loop.makeSucceededFuture(count)
                case .later(let future): future
                }
            }
            if try await looked.get() == 0 { try await woken.futureResult.get() } else { woken.succeed() }
            try await pushed
            store.unsubscribe(1, from: identifier)
        }
    }

    // MARK: Statistics

    @Test("What a store tells of itself, if it does, and each forgotten message once", arguments: Kind.allCases)
    func statistics(_ kind: Kind) async throws {
        let store = kind.make()
        let now = SessionClock.system.now()
        try await Self.change(store) { session in
            session.push(Self.update, at: now)
            session.push(Self.update, at: now)
            session.forgetQueuedMessages(byteCount: 1)
        }
        if let statistics = store.statistics {
            #expect(statistics.sessionCount == 1)
            #expect(statistics.queuedByteCount == Self.update.readableBytes)
            #expect(statistics.forgottenMessages == ForgottenMessageCounts(memory: 1))
            #expect(store.takeForgottenMessages() == ForgottenMessageCounts(memory: 1))
        }
        #expect(store.takeForgottenMessages() == ForgottenMessageCounts())
    }
}

/// Who was woken.
private final class Wakings: Sendable {
    private let numbers = Mutex<[Int]>([])

    func add(_ number: Int) { self.numbers.withLock { $0.append(number) } }

    /// Sorted.
    var all: [Int] { self.numbers.withLock { $0.sorted() } }
}
