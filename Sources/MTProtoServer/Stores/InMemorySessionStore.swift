// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
public import MTProtoSession
internal import Synchronization

/// Sessions in the memory of one process, bounded in number and in what they have queued: the sessions that were used longest
/// ago go first.
///
/// Of a session that had to go, the highest message identifier is remembered for its key: a recorded payload of it does not
/// begin the session anew, its queries executed again.
public final class InMemorySessionStore: SessionStore {
    fileprivate struct State {
        var session: ServerSession
        /// Whoever found the entry just before looks again.
        var isRemoved = false
    }

    /// One session behind its own lock, so that busy sessions do not wait for each other.
    fileprivate final class Entry: Sendable {
        let state: Mutex<State>
        let lastUse: Atomic<UInt64>
        /// The bytes that the session has queued, as of its last change.
        let byteCount = Atomic<Int>(0)

        init(_ session: ServerSession, use: UInt64) {
            self.state = Mutex(State(session: session))
            self.lastUse = Atomic(use)
        }
    }

    fileprivate struct Entries {
        var bySession: [ServerSessionIdentifier: Entry] = [:]
        var floors = ReplayFloors()
    }

    private let maximumCount: Int
    private let maximumByteCount: Int
    private let entries = Mutex(Entries())
    private let useCounter = Atomic<UInt64>(0)
    private let byteCount = Atomic<Int>(0)

    /// Makes an empty store.
    ///
    /// - Parameters:
    ///   - maximumCount: how many sessions are kept, 1 or more.
    ///   - maximumByteCount: how many bytes all of them may have queued; default 512 MiB.
    public init(maximumCount: Int = 100_000, maximumByteCount: Int = 1 << 29) {
        self.maximumCount = max(1, maximumCount)
        self.maximumByteCount = max(0, maximumByteCount)
    }

    /// How many sessions there are.
    public var count: Int { self.entries.withLock { $0.bySession.count } }

    /// How many bytes the sessions have queued.
    public var queuedByteCount: Int { self.byteCount.load(ordering: .relaxed) }

    /// Runs `change` on a session, made when it is unknown.
    public func withSession<Result>(
        _ identifier: ServerSessionIdentifier,
        makingIfMissing make: () -> ServerSession,
        _ change: (inout ServerSession) -> Result
    ) -> Result {
        while true {
            let use = self.useCounter.add(1, ordering: .relaxed).newValue
            let entry = self.entries.withLock { entries in
                if let entry = entries.bySession[identifier] { return entry }
                if entries.bySession.count >= self.maximumCount {
                    // A sixteenth at a time, so that a flood does not sort on every insertion.
                    let count = max(1, self.maximumCount / 16)
                    self.removeUnused(from: &entries) { removedCount, _ in removedCount < count }
                }
                var session = make()
                session.raiseFloor(to: entries.floors[identifier.authorizationKey])
                let entry = Entry(session, use: use)
                entries.bySession[identifier] = entry
                return entry
            }
            entry.lastUse.store(use, ordering: .relaxed)
            if let result = self.change(entry, change) { return result }
        }
    }

    /// Runs `change` on a session if it exists.
    public func withExistingSession<Result>(
        _ identifier: ServerSessionIdentifier,
        _ change: (inout ServerSession) -> Result
    ) -> Result? {
        guard let entry = self.entries.withLock({ $0.bySession[identifier] }) else { return nil }
        entry.lastUse.store(self.useCounter.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
        return self.change(entry, change)
    }

    /// Forgets a session.
    public func remove(_ identifier: ServerSessionIdentifier) -> Bool {
        self.entries.withLock { self.remove(identifier, from: &$0) }
    }

    /// Forgets every session of a key.
    public func removeAll(ofKey authorizationKey: UInt64) {
        self.entries.withLock { entries in
            for identifier in entries.bySession.keys where identifier.authorizationKey == authorizationKey {
                self.remove(identifier, from: &entries)
            }
        }
    }

    /// Forgets the sessions that nobody would miss.
    public func removeDiscardable(at now: SessionTime) {
        let all = self.entries.withLock { Array($0.bySession) }
        for (identifier, entry) in all {
            // A session in use is none of them.
            let isRemoved = entry.state.withLockIfAvailable { state in
                guard !state.isRemoved, state.session.isDiscardable(at: now) else { return false }
                state.isRemoved = true
                return true
            }
            guard isRemoved == true else { continue }
            self.byteCount.subtract(entry.byteCount.exchange(0, ordering: .relaxed), ordering: .relaxed)
            self.entries.withLock { entries in
                if entries.bySession[identifier] === entry { entries.bySession[identifier] = nil }
            }
        }
    }

    /// - Returns: `nil` when the entry was removed meanwhile.
    private func change<Result>(_ entry: Entry, _ change: (inout ServerSession) -> Result) -> Result? {
        let result = entry.state.withLock { state -> Result? in
            guard !state.isRemoved else { return nil }
            let result = change(&state.session)
            let byteCount = state.session.queuedByteCount
            let previous = entry.byteCount.exchange(byteCount, ordering: .relaxed)
            if byteCount != previous { self.byteCount.add(byteCount - previous, ordering: .relaxed) }
            return result
        }
        if self.queuedByteCount > self.maximumByteCount { self.freeBytes(keeping: entry) }
        return result
    }

    private func freeBytes(keeping kept: Entry) {
        let target = self.maximumByteCount - self.maximumByteCount / 16
        self.entries.withLock { entries in
            self.removeUnused(from: &entries) { _, entry in
                guard self.queuedByteCount > target else { return false }
                return entry !== kept && entry.byteCount.load(ordering: .relaxed) > 0 ? true : nil
            }
        }
    }

    /// Removes sessions, longest unused first.
    ///
    /// - Parameter condition: Gets how many were removed and the next one; `nil` spares it, false ends.
    private func removeUnused(from entries: inout Entries, while condition: (Int, Entry) -> Bool?) {
        let byUse = entries.bySession.map { ($0.key, $0.value, $0.value.lastUse.load(ordering: .relaxed)) }
        var count = 0
        for (identifier, entry, _) in byUse.sorted(by: { $0.2 < $1.2 }) {
            guard let isRemoved = condition(count, entry) else { continue }
            guard isRemoved else { return }
            self.remove(identifier, from: &entries)
            count += 1
        }
    }

    @discardableResult
    private func remove(_ identifier: ServerSessionIdentifier, from entries: inout Entries) -> Bool {
        guard let entry = entries.bySession.removeValue(forKey: identifier) else { return false }
        let highest = entry.state.withLock { state -> UInt64? in
            state.isRemoved = true
            return state.session.highestReceivedIdentifier
        }
        self.byteCount.subtract(entry.byteCount.exchange(0, ordering: .relaxed), ordering: .relaxed)
        if let highest { entries.floors.raise(identifier.authorizationKey, to: highest) }
        return true
    }
}

/// The highest message identifiers of sessions that are no more, by their keys. Identifiers tell time, so one older than the
/// time window need not be remembered; the earliest added go when there are too many.
private struct ReplayFloors {
    private static let maximumCount = 16_384

    private var floors: [UInt64: UInt64] = [:]
    private var order: Deque<UInt64> = []

    subscript(_ authorizationKey: UInt64) -> UInt64 {
        self.floors[authorizationKey] ?? 0
    }

    mutating func raise(_ authorizationKey: UInt64, to identifier: UInt64) {
        if let floor = self.floors[authorizationKey] {
            self.floors[authorizationKey] = max(floor, identifier)
            return
        }
        if self.order.count >= Self.maximumCount, let first = self.order.popFirst() { self.floors[first] = nil }
        self.floors[authorizationKey] = identifier
        self.order.append(authorizationKey)
    }
}
