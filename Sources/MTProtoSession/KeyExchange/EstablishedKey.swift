// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
internal import NIOCore

/// What a server holds after a successful key exchange; to be stored before the answer is written.
///
/// Its description does not print the key.
///
/// Specification: *Creating an Authorization Key*, steps 8 and 9.
public struct EstablishedKey: Hashable, Sendable, CustomStringConvertible {
    /// The shared key, 256 bytes.
    public var authorizationKey: AuthorizationKey
    /// The first server salt, valid at once.
    public var initialSalt: UInt64
    /// When the key was made, in seconds since 1970 of the server's clock.
    public var createdAt: Int32
    /// When a temporary key ends at the latest, in seconds since 1970; nil for a permanent key.
    public var expiresAt: Int32?
    /// The data centre that the client named, as on the wire (negative: media, +10000: test);
    /// nil if its inner data had none.
    public var dataCenter: Int32?
    /// Whether the client used the padding that preceded RSA_PAD.
    public var usedLegacyPadding: Bool

    /// Which run waits for ``ServerKeyExchangeTable/confirm(_:_:at:)``.
    var ticket: Ticket?

    /// A run, its last query, and both answers to it.
    struct Ticket: Hashable, Sendable {
        var run: ServerKeyExchangeRun.Key
        var query: Bytes32
        var success: ByteBuffer
        var failure: ByteBuffer
    }

    /// Makes a value from its parts.
    public init(
        authorizationKey: AuthorizationKey,
        initialSalt: UInt64,
        createdAt: Int32,
        expiresAt: Int32?,
        dataCenter: Int32?,
        usedLegacyPadding: Bool
    ) {
        self.authorizationKey = authorizationKey
        self.initialSalt = initialSalt
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.dataCenter = dataCenter
        self.usedLegacyPadding = usedLegacyPadding
    }

    /// The key's identifier and its end, never the key.
    public var description: String {
        let identifier = String(self.authorizationKey.identifier, radix: 16)
        let end = self.expiresAt.map { "expires at \($0)" } ?? "permanent"
        return "EstablishedKey(authorization key 0x\(identifier), \(end))"
    }
}
