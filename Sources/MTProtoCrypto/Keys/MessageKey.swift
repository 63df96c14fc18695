// SPDX-License-Identifier: Apache-2.0

/// The message key, which authenticates a message, and the cipher that follows from it.
///
/// Specification: *Mobile Protocol: Detailed Description*; for version 1.0 *Mobile Protocol: Detailed Description
/// (v.1.0, deprecated)*, which the binding of temporary keys still uses.
public enum MessageKey {
    /// Computes the message key of a plaintext, and the token of its quick acknowledgement, out of the same hash.
    ///
    /// - Parameters:
    ///   - authorizationKey: The key of the session.
    ///   - plaintext: The whole plaintext: header, body and padding.
    ///   - direction: Which way the message goes.
    /// - Returns: The 16-byte message key; the token, whose top bit is set, means something from client to server only.
    public static func derive(
        authorizationKey: AuthorizationKey,
        plaintext: UnsafeRawBufferPointer,
        direction: MessageDirection
    ) -> (messageKey: Bytes16, quickAckToken: UInt32) {
        let offset = direction.offset
        var hasher = SHA256Hasher()
        authorizationKey.withUnsafeBytes { key in
            hasher.update(UnsafeRawBufferPointer(rebasing: key[88 + offset..<120 + offset]))
        }
        hasher.update(plaintext)
        let large = hasher.finalize()
        return large.withUnsafeBytes { large in
            let token = UInt32(littleEndian: large.loadUnaligned(as: UInt32.self)) | 0x8000_0000
            return (Bytes16(UnsafeRawBufferPointer(rebasing: large[8..<24])), token)
        }
    }

    /// Makes the cipher of one message.
    ///
    /// - Parameters:
    ///   - authorizationKey: The key of the session.
    ///   - messageKey: The message key, as sent before the ciphertext.
    ///   - direction: Which way the message goes.
    ///   - path: The instructions to use, out of ``CryptoPath/available``.
    public static func cipher(
        authorizationKey: AuthorizationKey,
        messageKey: Bytes16,
        direction: MessageDirection,
        path: CryptoPath = .best
    ) -> AES256IGE {
        let offset = direction.offset
        var first = SHA256Hasher()
        var second = SHA256Hasher()
        authorizationKey.withUnsafeBytes { key in
            messageKey.withUnsafeBytes { messageKey in
                first.update(messageKey)
                first.update(UnsafeRawBufferPointer(rebasing: key[offset..<36 + offset]))
                second.update(UnsafeRawBufferPointer(rebasing: key[40 + offset..<76 + offset]))
                second.update(messageKey)
            }
        }
        let a = first.finalize()
        let b = second.finalize()
        return AES256IGE(
            key: Bytes32(outer: a, inner: b),
            initializationVector: Bytes32(outer: b, inner: a),
            path: path
        )
    }

    /// Computes the message key of MTProto 1.0.
    ///
    /// - Parameter plaintext: The plaintext without its padding.
    public static func deriveVersion1(plaintextWithoutPadding plaintext: UnsafeRawBufferPointer) -> Bytes16 {
        sha1(plaintext).withUnsafeBytes { Bytes16(UnsafeRawBufferPointer(rebasing: $0[4..<20])) }
    }

    /// Makes the cipher of one message of MTProto 1.0.
    ///
    /// - Parameters:
    ///   - authorizationKey: The key that the message is encrypted with.
    ///   - messageKey: The message key, as sent before the ciphertext.
    ///   - direction: Which way the message goes.
    ///   - path: The instructions to use, out of ``CryptoPath/available``.
    public static func cipherVersion1(
        authorizationKey: AuthorizationKey,
        messageKey: Bytes16,
        direction: MessageDirection,
        path: CryptoPath = .best
    ) -> AES256IGE {
        let x = direction.offset
        return authorizationKey.withUnsafeBytes { authorizationKey in
            messageKey.withUnsafeBytes { messageKey in
                func part(_ range: Range<Int>) -> UnsafeRawBufferPointer {
                    UnsafeRawBufferPointer(rebasing: authorizationKey[range.lowerBound + x..<range.upperBound + x])
                }
                let a = sha1(messageKey, part(0..<32))
                let b = sha1(part(32..<48), messageKey, part(48..<64))
                let c = sha1(part(64..<96), messageKey)
                let d = sha1(messageKey, part(96..<128))
                // On the stack: arrays would leave the key behind on the heap.
                return AES256IGE(
                    key: Bytes32(parts: (a, 0..<8), (b, 8..<20), (c, 4..<16)),
                    initializationVector: Bytes32(parts: (a, 8..<20), (b, 0..<8), (c, 16..<20), (d, 0..<8)),
                    path: path
                )
            }
        }
    }
}

extension Bytes32 {
    /// The concatenation of pieces of digests, 32 bytes together.
    fileprivate init(parts: (digest: Bytes20, range: Range<Int>)...) {
        self.init()
        self.withUnsafeMutableBytes { bytes in
            var offset = 0
            for part in parts {
                part.digest.withUnsafeBytes { digest in
                    UnsafeMutableRawBufferPointer(rebasing: bytes[offset...])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: digest[part.range]))
                }
                offset += part.range.count
            }
        }
    }

    /// `outer[0..<8] ‖ inner[8..<24] ‖ outer[24..<32]`, the mix of the 2.0 key derivation.
    fileprivate init(outer: Bytes32, inner: Bytes32) {
        self = outer
        self.second = inner.second
        self.third = inner.third
    }
}
