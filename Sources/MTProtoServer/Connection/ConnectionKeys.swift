// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto

/// The authorization keys that a connection has used, so that the store is not asked for every payload.
struct ConnectionKeys {
    /// A client uses its permanent and its temporary key, and while it changes over, two temporary ones.
    private static let maximumCount = 4

    private var records: [UInt64: AuthorizationKeyRecord] = [:]

    /// The record to use without asking the store.
    ///
    /// An unbound temporary key is looked up each time: it may be bound by another connection.
    func usable(_ identifier: UInt64) -> AuthorizationKeyRecord? {
        guard let record = self.records[identifier], !record.isTemporary || record.permanentKeyIdentifier != nil else {
            return nil
        }
        return record
    }

    subscript(_ identifier: UInt64) -> AuthorizationKeyRecord? {
        get { self.records[identifier] }
        set { self.records[identifier] = newValue }
    }

    mutating func insert(_ record: AuthorizationKeyRecord) {
        if self.records.count >= Self.maximumCount, self.records[record.key.identifier] == nil {
            // The store still has them.
            self.records.removeAll()
        }
        self.records[record.key.identifier] = record
    }
}
