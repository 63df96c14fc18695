// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

/// The key agreement over Curve25519, as far as a FakeTLS handshake needs it: public keys that are real.
///
/// Specification: RFC 7748.
package enum X25519 {
    /// The public key that belongs to a private key.
    ///
    /// - Parameter privateKey: Any 32 bytes.
    package static func publicKey(privateKey: Bytes32) -> Bytes32 {
        var publicKey = Bytes32()
        publicKey.withUnsafeMutableBytes { publicKey in
            privateKey.withUnsafeBytes { cmtp_x25519_public(publicKey.start, $0.start) }
        }
        return publicKey
    }
}
