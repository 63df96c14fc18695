// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto

/// What a client holds after a successful key exchange.
///
/// Its description does not print the key.
///
/// Specification: *Creating an Authorization Key*, step 9.
public struct KeyExchangeResult: Hashable, Sendable, CustomStringConvertible {
    /// The shared key, 256 bytes.
    public var authorizationKey: AuthorizationKey
    /// The first server salt, valid at once: the first 8 bytes of `new_nonce` and `server_nonce`, combined by XOR.
    public var salt: UInt64
    /// Server time minus local time in nanoseconds, as of the arrival of `server_DH_params_ok`.
    public var timeOffsetNanoseconds: Int64
    /// When a temporary key ends, in seconds since 1970 of the server's clock; nil for a permanent key.
    public var expiresAt: Int32?
    /// The client's nonce of the run, 16 bytes.
    public var nonce: Bytes16
    /// The server's nonce of the run, 16 bytes.
    public var serverNonce: Bytes16

    /// Makes a result from its parts.
    public init(
        authorizationKey: AuthorizationKey,
        salt: UInt64,
        timeOffsetNanoseconds: Int64,
        expiresAt: Int32?,
        nonce: Bytes16,
        serverNonce: Bytes16
    ) {
        self.authorizationKey = authorizationKey
        self.salt = salt
        self.timeOffsetNanoseconds = timeOffsetNanoseconds
        self.expiresAt = expiresAt
        self.nonce = nonce
        self.serverNonce = serverNonce
    }

    /// The key's identifier and its end, never the key.
    public var description: String {
        let identifier = String(self.authorizationKey.identifier, radix: 16)
        let end = self.expiresAt.map { "expires at \($0)" } ?? "permanent"
        return "KeyExchangeResult(authorization key 0x\(identifier), \(end))"
    }
}
