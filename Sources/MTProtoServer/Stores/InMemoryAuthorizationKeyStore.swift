// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
public import MTProtoSession
internal import Synchronization

/// Authorization keys in the memory of one process, bounded in number.
///
/// When the bound is reached, expired temporary keys go first, then the temporary keys that were added earliest, then the
/// earliest permanent ones: a flood of key exchanges cannot grow the process.
public final class InMemoryAuthorizationKeyStore: AuthorizationKeyStore {
    fileprivate struct State {
        var records: [UInt64: AuthorizationKeyRecord] = [:]
        /// Identifiers in the order they came; may hold removed ones until the next sweep.
        var temporaryOrder: [UInt64] = []
        var permanentOrder: [UInt64] = []
        var temporaryOfPermanent: [UInt64: UInt64] = [:]
    }

    private let maximumCount: Int
    private let clock: SessionClock
    private let state = Mutex(State())

    /// Makes an empty store.
    ///
    /// - Parameters:
    ///   - maximumCount: how many keys are kept, 1 or more.
    ///   - clock: tells when temporary keys end.
    public init(maximumCount: Int = 100_000, clock: SessionClock = .system) {
        self.maximumCount = max(1, maximumCount)
        self.clock = clock
    }

    /// How many keys there are.
    public var count: Int { self.state.withLock { $0.records.count } }

    /// The record of a key, or `nil` when it is unknown or has ended.
    public func record(for identifier: UInt64) -> AuthorizationKeyRecord? {
        let seconds = self.clock.now().wallNanoseconds / 1_000_000_000
        return self.state.withLock { state in
            guard let record = state.records[identifier] else { return nil }
            guard !record.hasExpired(at: seconds) else {
                state.remove(identifier)
                return nil
            }
            return record
        }
    }

    /// Adds a key unless its identifier is taken.
    public func insert(_ record: AuthorizationKeyRecord) -> Bool {
        let seconds = self.clock.now().wallNanoseconds / 1_000_000_000
        return self.state.withLock { state in
            let identifier = record.key.identifier
            guard state.records[identifier] == nil else { return false }
            if state.records.count >= self.maximumCount {
                state.makeRoom(maximumCount: self.maximumCount, at: seconds)
            }
            state.records[identifier] = record
            if record.isTemporary {
                state.temporaryOrder.append(identifier)
            } else {
                state.permanentOrder.append(identifier)
            }
            return true
        }
    }

    /// Removes a key and, with a permanent key, the temporary key bound to it.
    public func remove(_ identifier: UInt64) -> [UInt64] {
        self.state.withLock { $0.remove(identifier) }
    }

    /// Binds a temporary key to a permanent one.
    public func bind(temporary: UInt64, to permanent: UInt64) -> AuthorizationKeyBinding {
        self.state.withLock { state in
            guard var record = state.records[temporary], record.isTemporary,
                let permanentRecord = state.records[permanent], !permanentRecord.isTemporary
            else { return .unknownKey }
            if let bound = record.permanentKeyIdentifier {
                return bound == permanent ? .bound(releasing: nil) : .alreadyBoundToAnother
            }
            let previous = state.temporaryOfPermanent[permanent]
            if let previous {
                state.records[previous]?.permanentKeyIdentifier = nil
            }
            record.permanentKeyIdentifier = permanent
            // initConnection has to be repeated after every bind.
            record.layer = nil
            state.records[temporary] = record
            state.temporaryOfPermanent[permanent] = temporary
            return .bound(releasing: previous)
        }
    }

    /// Remembers the layer of the client that uses a key.
    public func setLayer(_ layer: Int32, for identifier: UInt64) {
        self.state.withLock { $0.records[identifier]?.layer = layer }
    }
}

extension InMemoryAuthorizationKeyStore.State {
    @discardableResult
    fileprivate mutating func remove(_ identifier: UInt64) -> [UInt64] {
        guard let record = self.records.removeValue(forKey: identifier) else { return [] }
        if let permanent = record.permanentKeyIdentifier, self.temporaryOfPermanent[permanent] == identifier {
            self.temporaryOfPermanent[permanent] = nil
        }
        if !record.isTemporary, let temporary = self.temporaryOfPermanent.removeValue(forKey: identifier) {
            self.records[temporary] = nil
            return [identifier, temporary]
        }
        return [identifier]
    }

    fileprivate mutating func makeRoom(maximumCount: Int, at seconds: Int64) {
        for (identifier, record) in self.records where record.hasExpired(at: seconds) {
            self.remove(identifier)
        }
        self.temporaryOrder.removeAll { self.records[$0] == nil }
        self.permanentOrder.removeAll { self.records[$0] == nil }
        // A sixteenth at a time, so that a flood does not sweep on every insertion.
        let target = maximumCount - max(1, maximumCount / 16)
        for identifier in self.temporaryOrder + self.permanentOrder {
            guard self.records.count > target else { return }
            self.remove(identifier)
        }
    }
}
