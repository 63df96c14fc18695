// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession

/// The authorization keys that a connection has used, so that the store is not asked for every payload.
struct ConnectionKeys {
    /// A client uses its permanent and its temporary key, and while it changes over, two temporary ones.
    private static let maximumCount = 4
    /// How long a record is used without asking the store, in nanoseconds: another process may have removed the key.
    private static let maximumAge: Int64 = 60_000_000_000

    private struct Entry {
        var record: AuthorizationKeyRecord
        /// When the store had it, in monotonic nanoseconds.
        let knownSince: Int64
    }

    private var entries: [UInt64: Entry] = [:]
    /// Changes whenever a key is forgotten: a record that was asked for before may be out of date.
    private(set) var generation = 0

    /// The record to use without asking the store.
    ///
    /// An unbound temporary key is looked up each time: it may be bound by another connection.
    func usable(_ identifier: UInt64, at now: SessionTime) -> AuthorizationKeyRecord? {
        guard let entry = self.entries[identifier],
            !entry.record.isTemporary || entry.record.permanentKeyIdentifier != nil,
            now.monotonicNanoseconds &- entry.knownSince < Self.maximumAge
        else { return nil }
        return entry.record
    }

    /// The record as it was last known.
    subscript(_ identifier: UInt64) -> AuthorizationKeyRecord? {
        self.entries[identifier]?.record
    }

    mutating func change(_ identifier: UInt64, _ change: (inout AuthorizationKeyRecord) -> Void) {
        guard var entry = self.entries[identifier] else { return }
        change(&entry.record)
        self.entries[identifier] = entry
    }

    mutating func forget(_ identifier: UInt64) {
        self.entries[identifier] = nil
        self.generation &+= 1
    }

    /// - Parameter now: a time at which the store had it.
    mutating func insert(_ record: AuthorizationKeyRecord, at now: SessionTime) {
        if self.entries.count >= Self.maximumCount, self.entries[record.key.identifier] == nil {
            // The store still has them.
            self.entries.removeAll()
        }
        self.entries[record.key.identifier] = Entry(record: record, knownSince: now.monotonicNanoseconds)
    }
}
