// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession
public import NIOCore
internal import Synchronization

/// Sessions in the memory of one process, bounded in number and in what they have queued.
///
/// When memory is short, the sessions that were used longest ago forget their queued messages, the oldest first; when there are
/// too many sessions, those used longest ago go. Those without a connection and without a running query come first. The
/// sessions of one authorization key are bounded as well, so that one client does not drive out the others'.
///
/// Of a session that had to go, the highest message identifier is remembered for its key: a recorded payload of it does not
/// begin the session anew, its queries executed again.
public final class InMemorySessionStore: SessionStore {
    fileprivate struct State {
        var session: ServerSession
        /// Whoever found the entry just before looks again.
        var isRemoved = false
        /// What is to be remembered for the key once the session is removed.
        var floor: UInt64?
    }

    /// One session behind its own lock, so that busy sessions do not wait for each other.
    fileprivate final class Entry: Sendable {
        let state: Mutex<State>
        let lastUse: Atomic<UInt64>
        /// The bytes that the session has queued, as of its last change.
        let byteCount = Atomic<Int>(0)
        /// Whether the session has a connection or a running query, as of its last change.
        let isInUse = Atomic<Bool>(false)

        init(_ session: ServerSession, use: UInt64) {
            self.state = Mutex(State(session: session))
            self.lastUse = Atomic(use)
        }
    }

    fileprivate struct Entries {
        private(set) var bySession: [ServerSessionIdentifier: Entry] = [:]
        private var byKey: [UInt64: Set<UInt64>] = [:]
        var floors = ReplayFloors()

        subscript(_ identifier: ServerSessionIdentifier) -> Entry? { self.bySession[identifier] }

        func count(ofKey authorizationKey: UInt64) -> Int { self.byKey[authorizationKey]?.count ?? 0 }

        func all(ofKey authorizationKey: UInt64) -> [(ServerSessionIdentifier, Entry)] {
            (self.byKey[authorizationKey] ?? []).compactMap { session in
                let identifier = ServerSessionIdentifier(authorizationKey: authorizationKey, session: session)
                return self[identifier].map { (identifier, $0) }
            }
        }

        mutating func insert(_ entry: Entry, for identifier: ServerSessionIdentifier) {
            self.bySession[identifier] = entry
            self.byKey[identifier.authorizationKey, default: []].insert(identifier.session)
        }

        /// Removes an entry, unless another has taken its place.
        mutating func remove(_ entry: Entry, for identifier: ServerSessionIdentifier) {
            guard self.bySession[identifier] === entry else { return }
            self.bySession[identifier] = nil
            self.byKey[identifier.authorizationKey]?.remove(identifier.session)
            if self.byKey[identifier.authorizationKey]?.isEmpty == true {
                self.byKey[identifier.authorizationKey] = nil
            }
        }
    }

    private struct Forgotten {
        var all = ForgottenMessageCounts()
        /// What ``takeForgottenMessages()`` has told of them.
        var taken = ForgottenMessageCounts()
    }

    private let maximumCount: Int
    private let maximumCountPerKey: Int
    private let maximumByteCount: Int
    private let entries = Mutex(Entries())
    /// Held while somebody makes room for a new session: others that need it wait, and nobody else.
    private let eviction = Mutex(())
    private let useCounter = Atomic<UInt64>(0)
    private let byteCount = Atomic<Int>(0)
    private let forgotten = Mutex(Forgotten())
    private let evictedCount = Atomic<UInt64>(0)
    private let subscriptions = SessionSubscriptions()

    /// Makes an empty store.
    ///
    /// - Parameters:
    ///   - maximumCount: how many sessions are kept, 1 or more.
    ///   - maximumCountPerKey: how many sessions of one authorization key are kept, 1 or more; clients have a few at a time.
    ///   - maximumByteCount: how many bytes all of them may have queued; default 512 MiB.
    public init(maximumCount: Int = 100_000, maximumCountPerKey: Int = 1000, maximumByteCount: Int = 1 << 29) {
        self.maximumCount = max(1, maximumCount)
        self.maximumCountPerKey = max(1, maximumCountPerKey)
        self.maximumByteCount = max(0, maximumByteCount)
    }

    /// How many sessions there are.
    public var count: Int { self.entries.withLock { $0.bySession.count } }

    /// How many bytes the sessions have queued.
    public var queuedByteCount: Int { self.byteCount.load(ordering: .relaxed) }

    /// What the store holds and has forgotten.
    public var statistics: SessionStoreStatistics? {
        SessionStoreStatistics(
            sessionCount: self.count,
            queuedByteCount: self.queuedByteCount,
            forgottenMessages: self.forgotten.withLock { $0.all }
        )
    }

    /// What was forgotten since the last call, whoever made it.
    public func takeForgottenMessages() -> ForgottenMessageCounts {
        self.forgotten.withLock { forgotten in
            defer { forgotten.taken = forgotten.all }
            return forgotten.all.since(forgotten.taken)
        }
    }

    /// How many sessions had to go since the last call, whoever made it.
    public func takeEvictedSessionCount() -> UInt64 {
        self.evictedCount.exchange(0, ordering: .relaxed)
    }

    // MARK: Changes

    /// Runs `change` on a session, at once.
    public func change<Result: Sendable>(
        _ identifier: ServerSessionIdentifier,
        on eventLoop: any EventLoop,
        makingIfMissing make: (@Sendable (ServerSessionIdentifier) -> ServerSession)?,
        _ change: @escaping @Sendable (inout ServerSession) -> Result
    ) -> SessionStoreResult<Result?> {
        while true {
            guard let entry = self.entry(of: identifier, makingIfMissing: make) else { return .immediate(nil) }
            if let result = self.change(entry, change) { return .immediate(result) }
            // Whoever removes it may be slow: the rest is done here, rather than waited for.
            self.drop(entry, of: identifier)
        }
    }

    private func entry(
        of identifier: ServerSessionIdentifier,
        makingIfMissing make: (@Sendable (ServerSessionIdentifier) -> ServerSession)?
    ) -> Entry? {
        let use = self.useCounter.add(1, ordering: .relaxed).newValue
        while true {
            let lookup = self.entries.withLock { entries -> Lookup in
                if let entry = entries[identifier] { return .found(entry) }
                guard let make else { return .missing }
                guard !self.isFull(entries, for: identifier.authorizationKey) else { return .full }
                var session = make(identifier)
                session.raiseFloor(to: entries.floors[identifier.authorizationKey])
                let entry = Entry(session, use: use)
                entries.insert(entry, for: identifier)
                return .found(entry)
            }
            switch lookup {
            case .found(let entry):
                entry.lastUse.store(use, ordering: .relaxed)
                return entry
            case .missing: return nil
            case .full: self.makeRoom(for: identifier.authorizationKey)
            }
        }
    }

    private enum Lookup {
        case found(Entry), missing, full
    }

    /// - Returns: `nil` when the entry was removed meanwhile.
    private func change<Result: Sendable>(
        _ entry: Entry,
        _ change: @Sendable (inout ServerSession) -> Result
    ) -> Result? {
        let result = entry.state.withLock { state -> Result? in
            guard !state.isRemoved else { return nil }
            return self.account(entry, &state.session, change)
        }
        if self.queuedByteCount > self.maximumByteCount { self.freeBytes(keeping: entry) }
        return result
    }

    /// Runs a change, and follows what it does to the queue.
    private func account<Result: Sendable>(
        _ entry: Entry,
        _ session: inout ServerSession,
        _ change: (inout ServerSession) -> Result
    ) -> Result {
        let forgottenBefore = session.forgottenMessages
        let result = change(&session)
        let byteCount = session.heldByteCount
        entry.isInUse.store(session.isInUse, ordering: .relaxed)
        let previous = entry.byteCount.exchange(byteCount, ordering: .relaxed)
        if byteCount != previous { self.byteCount.add(byteCount - previous, ordering: .relaxed) }
        if session.forgottenMessages != forgottenBefore {
            let news = session.forgottenMessages.since(forgottenBefore)
            self.forgotten.withLock { $0.all += news }
        }
        return result
    }

    // MARK: Forgetting

    /// Forgets a session.
    public func remove(
        _ identifier: ServerSessionIdentifier,
        on eventLoop: any EventLoop
    ) -> SessionStoreResult<Bool> {
        guard let entry = self.entries.withLock({ $0[identifier] }) else { return .immediate(false) }
        return .immediate(self.remove(entry, of: identifier) != nil)
    }

    /// Forgets every session of a key.
    public func removeAll(ofKey authorizationKey: UInt64, on eventLoop: any EventLoop) -> SessionStoreResult<Void> {
        for (identifier, entry) in self.entries.withLock({ $0.all(ofKey: authorizationKey) }) {
            _ = self.remove(entry, of: identifier)
        }
        return .immediate(())
    }

    /// Forgets the sessions that nobody would miss, and the messages of others that are too old.
    public func removeDiscardable(at now: SessionTime) {
        let all = self.entries.withLock { $0.bySession }
        for (identifier, entry) in all {
            // A session in use is none of them.
            let queued = entry.state.withLockIfAvailable { state -> Int? in
                guard !state.isRemoved else { return nil }
                guard state.session.isDiscardable(at: now) else {
                    guard let deadline = state.session.nextDeadline(at: now), deadline <= now.monotonicNanoseconds
                    else {
                        return nil
                    }
                    self.account(entry, &state.session) { $0.deadlineReached(at: now) }
                    return nil
                }
                state.isRemoved = true
                return state.session.queuedMessageCount
            }
            guard case .some(.some(let count)) = queued else { continue }
            self.forgotten.withLock { $0.all.expired &+= UInt64(clamping: count) }
            self.byteCount.subtract(entry.byteCount.exchange(0, ordering: .relaxed), ordering: .relaxed)
            self.entries.withLock { $0.remove(entry, for: identifier) }
        }
    }

    /// Makes the sessions unused longest forget queued messages.
    private func freeBytes(keeping kept: Entry) {
        // The others may have nothing to give.
        guard self.queuedByteCount > kept.byteCount.load(ordering: .relaxed) else { return }
        let target = self.maximumByteCount - self.maximumByteCount / 16
        let entries = self.entries.withLock { $0.bySession }
        for (_, entry, _) in self.byUse(entries.lazy.filter { $0.value !== kept }.map { ($0.key, $0.value) })
        where entry.byteCount.load(ordering: .relaxed) > 0 {
            let surplus = self.queuedByteCount - target
            guard surplus > 0 else { return }
            entry.state.withLock { state in
                guard !state.isRemoved else { return }
                self.account(entry, &state.session) { $0.forgetQueuedMessages(byteCount: surplus) }
            }
        }
    }

    private func isFull(_ entries: Entries, for authorizationKey: UInt64) -> Bool {
        entries.count(ofKey: authorizationKey) >= self.maximumCountPerKey
            || entries.bySession.count >= self.maximumCount
    }

    /// Removes sessions, longest unused first, so that there is room for another one: a sixteenth at a time, so that a flood
    /// does not sort on every insertion. Changes of sessions that there are do not wait for it.
    private func makeRoom(for authorizationKey: UInt64) {
        self.eviction.withLock { _ in
            let (own, all) = self.entries.withLock { entries in
                (
                    entries.count(ofKey: authorizationKey) >= self.maximumCountPerKey
                        ? entries.all(ofKey: authorizationKey) : [],
                    entries.bySession.count >= self.maximumCount ? entries.bySession : [:]
                )
            }
            self.evict(max(1, self.maximumCountPerKey / 16), of: own)
            // What was removed for the key may be enough.
            guard !all.isEmpty, self.count >= self.maximumCount else { return }
            self.evict(max(1, self.maximumCount / 16), of: all.map { ($0.key, $0.value) })
        }
    }

    private func evict(_ count: Int, of some: [(ServerSessionIdentifier, Entry)]) {
        let ranked = self.byUse(some)
        var evictedCount = 0
        for (identifier, entry, use) in ranked.prefix(count) {
            // It may have come into use since.
            guard let queued = self.remove(entry, of: identifier, unlessUsedSince: use) else { continue }
            evictedCount += 1
            self.forgotten.withLock { $0.all.memory &+= UInt64(clamping: queued) }
        }
        if evictedCount == 0, let first = ranked.first, let queued = self.remove(first.1, of: first.0) {
            evictedCount = 1
            self.forgotten.withLock { $0.all.memory &+= UInt64(clamping: queued) }
        }
        self.evictedCount.add(UInt64(evictedCount), ordering: .relaxed)
    }

    /// Those not in use first, of these the one unused longest; with the number of their last use.
    private func byUse(
        _ entries: some Sequence<(ServerSessionIdentifier, Entry)>
    ) -> [(ServerSessionIdentifier, Entry, UInt64)] {
        entries.map { identifier, entry in
            let rank = entry.isInUse.load(ordering: .relaxed) ? 1 : 0
            return (identifier, entry, rank, entry.lastUse.load(ordering: .relaxed))
        }
        .sorted { ($0.2, $0.3) < ($1.2, $1.3) }
        .map { ($0.0, $0.1, $0.3) }
    }

    /// Ends a session. Its own lock and that of all entries are taken one after the other, so that a long change of one session
    /// holds up nobody else's; whoever finds the entry meanwhile looks again.
    ///
    /// - Parameter use: The session stays if it was used after this use.
    /// - Returns: How many messages the session had queued; nil if it stays, or somebody else has removed it.
    private func remove(
        _ entry: Entry,
        of identifier: ServerSessionIdentifier,
        unlessUsedSince use: UInt64? = nil
    ) -> Int? {
        let queuedCount = entry.state.withLock { state -> Int? in
            guard !state.isRemoved, use == nil || use == entry.lastUse.load(ordering: .relaxed) else { return nil }
            state.isRemoved = true
            state.floor = state.session.highestReceivedIdentifier
            return state.session.queuedMessageCount
        }
        guard let queuedCount else { return nil }
        self.byteCount.subtract(entry.byteCount.exchange(0, ordering: .relaxed), ordering: .relaxed)
        self.drop(entry, of: identifier)
        return queuedCount
    }

    /// Takes a removed session from the list; doing it twice does no harm.
    private func drop(_ entry: Entry, of identifier: ServerSessionIdentifier) {
        let floor = entry.state.withLock { $0.floor }
        self.entries.withLock { entries in
            entries.remove(entry, for: identifier)
            if let floor { entries.floors.raise(identifier.authorizationKey, to: floor) }
        }
    }

    // MARK: Waking

    /// Asks to be told when a session has something to send because of another server of this process.
    public func subscribe(
        to identifier: ServerSessionIdentifier,
        as subscriber: UInt64,
        _ wake: @escaping @Sendable () -> Void
    ) {
        self.subscriptions.subscribe(to: identifier, as: subscriber, wake)
    }

    /// Ends a subscription.
    public func unsubscribe(_ subscriber: UInt64, from identifier: ServerSessionIdentifier) {
        self.subscriptions.unsubscribe(subscriber, from: identifier)
    }

    /// Tells the subscribers of a session that it may have something to send.
    public func wake(_ identifier: ServerSessionIdentifier) {
        self.subscriptions.wake(identifier)
    }
}
