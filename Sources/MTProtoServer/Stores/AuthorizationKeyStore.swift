// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import MTProtoSession
public import MTProtoTransport

/// What a server keeps about one authorization key.
///
/// Specification: *Creating an Authorization Key*, *Perfect Forward Secrecy*.
public struct AuthorizationKeyRecord: Sendable, CustomStringConvertible {
    /// The key itself, 256 bytes.
    public var key: AuthorizationKey
    /// The salts of the key: they belong to the key, not to a session.
    public var salts: ServerSaltSchedule
    /// Unix time in seconds at which a temporary key ends; `nil` for a permanent key.
    public var expiresAt: Int32?
    /// The permanent key that a temporary key is bound to.
    public var permanentKeyIdentifier: UInt64?
    /// The data centre that the client named in the key exchange; `nil` when its form has no such field.
    public var dataCenter: DataCenterIdentifier?
    /// The API layer that the client named in `invokeWithLayer`, `nil` before it did.
    public var layer: Int32?

    /// Makes a record.
    public init(
        key: AuthorizationKey,
        salts: ServerSaltSchedule,
        expiresAt: Int32? = nil,
        permanentKeyIdentifier: UInt64? = nil,
        dataCenter: DataCenterIdentifier? = nil,
        layer: Int32? = nil
    ) {
        self.key = key
        self.salts = salts
        self.expiresAt = expiresAt
        self.permanentKeyIdentifier = permanentKeyIdentifier
        self.dataCenter = dataCenter
        self.layer = layer
    }

    /// Whether the key is a temporary one.
    public var isTemporary: Bool { self.expiresAt != nil }

    /// Whether the key has ended at `seconds`, Unix time.
    public func hasExpired(at seconds: Int64) -> Bool {
        guard let expiresAt = self.expiresAt else { return false }
        return seconds >= Int64(UInt32(bitPattern: expiresAt))
    }

    /// Says which kind of key this is; never the key.
    public var description: String {
        self.isTemporary ? "temporary authorization key" : "permanent authorization key"
    }
}

/// Where a server keeps authorization keys.
///
/// Keys outlive connections: a client may close after the key exchange and come back with the key on another
/// connection, or to another process that shares the store. Every operation is atomic for its key.
public protocol AuthorizationKeyStore: Sendable {
    /// The record of a key, or `nil` when it is unknown.
    func record(for identifier: UInt64) async throws -> AuthorizationKeyRecord?

    /// Adds a key.
    ///
    /// - Returns: `false` when the identifier is taken; nothing is changed then.
    func insert(_ record: AuthorizationKeyRecord) async throws -> Bool

    /// Removes a key and, with a permanent key, the temporary key bound to it.
    ///
    /// - Returns: the identifiers of what was removed; empty when the key is unknown.
    func remove(_ identifier: UInt64) async throws -> [UInt64]

    /// Binds a temporary key to a permanent one and releases the temporary key that was bound to it before.
    ///
    /// - Returns: what came of it.
    func bind(temporary: UInt64, to permanent: UInt64) async throws -> AuthorizationKeyBinding

    /// Remembers the layer a client works in.
    func setLayer(_ layer: Int32, for identifier: UInt64) async throws
}

/// The outcome of binding a temporary key.
public enum AuthorizationKeyBinding: Sendable, Hashable {
    /// The keys are bound; the temporary key that was bound before, if there was another, is released.
    case bound(releasing: UInt64?)
    /// The temporary key is bound to another permanent key.
    case alreadyBoundToAnother
    /// The store does not know one of the keys, or its kind is the wrong one.
    case unknownKey
}
