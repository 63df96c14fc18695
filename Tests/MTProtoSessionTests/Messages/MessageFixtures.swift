// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore

@testable import MTProtoSession

/// The key, salt and session of the official sample exchange.
enum MessageFixtures {
    static let keyBytes = ByteBuffer(
        wireHex: """
            77379866d71627e6c3635361f9681b03c9ee8a7aab9552ef513a13315eabc18a
            118ed649614ae1f01dab8f71d83341309c5999ad4889e5d9f3e911aaad00d9dd
            c24273d7b97dd92151f969242f347c8f9d5de44e8d7e87a69c2ae1757f5ecd20
            aafc586edd34c89ac8d5b8f7c9eb33a0c7f06a69632bceb8de03e336e5af0332
            d4b1f52ba73fbe7a3a6fe8c2268c10b9357e5474a7cceb0e39fe3b4a92900cd0
            9af3c307d8fa90cb9da2ad35643fb0335bd0b7e6d30d1038741eb632e6a97b69
            2a1f76f418af74337d05539b59df1d4e16b7e0c87240595ddfd26037cdb7e70d
            b4b6c5cae532f49bc6974f6f46fd3cbdcd90ebb6795fd9a43421bcdf893d5c46
            """
    )
    static let salt: UInt64 = 0xfea7_26f0_ffb2_2f52
    static let session: UInt64 = 0x0706_0504_0302_0100

    static func key() throws -> AuthorizationKey { try AuthorizationKey(Self.keyBytes.readableBytesView) }

    static func otherKey() throws -> AuthorizationKey {
        try AuthorizationKey(RandomSource.seeded(2).bytes(AuthorizationKey.byteCount))
    }

    /// Random bytes that are the given number and those that follow it.
    static func counting(from first: UInt8) -> RandomSource {
        RandomSource { buffer in
            for index in buffer.indices { buffer[index] = first &+ UInt8(truncatingIfNeeded: index) }
        }
    }

    /// Encrypts any plaintext with a right message key, so that only the contents are wrong.
    static func seal(plaintext: ByteBuffer, direction: MessageDirection) throws -> ByteBuffer {
        let key = try Self.key()
        var plaintext = plaintext
        let messageKey = plaintext.withUnsafeMutableReadableBytes { bytes in
            let derived = MessageKey.derive(
                authorizationKey: key,
                plaintext: UnsafeRawBufferPointer(bytes),
                direction: direction
            )
            MessageKey.cipher(authorizationKey: key, messageKey: derived.messageKey, direction: direction)
                .encrypt(bytes)
            return derived.messageKey
        }
        var payload = ByteBuffer()
        payload.writeTLUInt64(key.identifier)
        payload.writeTLBytes16(messageKey)
        payload.writeImmutableBuffer(plaintext)
        return payload
    }
}
