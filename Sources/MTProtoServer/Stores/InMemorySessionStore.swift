// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession
internal import Synchronization

/// Sessions in the memory of one process, bounded in number: the session that was used longest ago goes first.
public final class InMemorySessionStore: SessionStore {
    /// One session behind its own lock, so that busy sessions do not wait for each other.
    private final class Entry: Sendable {
        let session: Mutex<ServerSession>
        let lastUse: Atomic<UInt64>

        init(_ session: ServerSession, use: UInt64) {
            self.session = Mutex(session)
            self.lastUse = Atomic(use)
        }
    }

    private let maximumCount: Int
    private let entries = Mutex<[ServerSessionIdentifier: Entry]>([:])
    private let useCounter = Atomic<UInt64>(0)

    /// Makes an empty store.
    ///
    /// - Parameter maximumCount: how many sessions are kept, 1 or more.
    public init(maximumCount: Int = 100_000) {
        self.maximumCount = max(1, maximumCount)
    }

    /// How many sessions there are.
    public var count: Int { self.entries.withLock { $0.count } }

    /// Runs `change` on a session, made when it is unknown.
    public func withSession<Result>(
        _ identifier: ServerSessionIdentifier,
        makingIfMissing make: () -> ServerSession,
        _ change: (inout ServerSession) -> Result
    ) -> Result {
        let use = self.useCounter.add(1, ordering: .relaxed).newValue
        let entry = self.entries.withLock { entries in
            if let entry = entries[identifier] { return entry }
            if entries.count >= self.maximumCount {
                self.makeRoom(in: &entries)
            }
            let entry = Entry(make(), use: use)
            entries[identifier] = entry
            return entry
        }
        entry.lastUse.store(use, ordering: .relaxed)
        return entry.session.withLock { change(&$0) }
    }

    /// Runs `change` on a session if it exists.
    public func withExistingSession<Result>(
        _ identifier: ServerSessionIdentifier,
        _ change: (inout ServerSession) -> Result
    ) -> Result? {
        guard let entry = self.entries.withLock({ $0[identifier] }) else { return nil }
        entry.lastUse.store(self.useCounter.add(1, ordering: .relaxed).newValue, ordering: .relaxed)
        return entry.session.withLock { change(&$0) }
    }

    /// Forgets a session.
    public func remove(_ identifier: ServerSessionIdentifier) -> Bool {
        self.entries.withLock { $0.removeValue(forKey: identifier) != nil }
    }

    /// Forgets every session of a key.
    public func removeAll(ofKey authorizationKey: UInt64) {
        self.entries.withLock { entries in
            for identifier in entries.keys where identifier.authorizationKey == authorizationKey {
                entries[identifier] = nil
            }
        }
    }

    /// Drops the sixteenth that was used longest ago, so that a flood does not sort on every insertion.
    private func makeRoom(in entries: inout [ServerSessionIdentifier: Entry]) {
        let byUse = entries.map { ($0.key, $0.value.lastUse.load(ordering: .relaxed)) }.sorted { $0.1 < $1.1 }
        for (identifier, _) in byUse.prefix(max(1, self.maximumCount / 16)) {
            entries[identifier] = nil
        }
    }
}
