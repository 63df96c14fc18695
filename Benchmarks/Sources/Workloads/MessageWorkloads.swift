// SPDX-License-Identifier: Apache-2.0
import Crypto
import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore

/// Encrypting and opening messages with a body of `count` bytes.
package struct MessageWorkload {
    private let key: AuthorizationKey
    private let body: ByteBuffer
    private let sealed: ByteBuffer
    private let random = RandomSource.seeded(1)

    package init(_ count: Int) throws {
        self.key = try AuthorizationKey(sampleBytes(256))
        self.body = ByteBuffer(bytes: sampleBytes(count))
        self.sealed = Self.seal(self.body, self.key, self.random)
    }

    private static func seal(_ body: ByteBuffer, _ key: AuthorizationKey, _ random: RandomSource) -> ByteBuffer {
        EncryptedMessage.seal(
            salt: 1,
            sessionIdentifier: 2,
            identifier: 0x65AB_C0FE_1234_5678,
            sequenceNumber: 1,
            with: key,
            direction: .clientToServer,
            random: random,
            bodyLength: body.readableBytes
        ) { buffer in
            var body = body
            buffer.writeBuffer(&body)
        }.payload
    }

    package func seal(_ iterations: Int) {
        for _ in 0..<iterations { keep(Self.seal(self.body, self.key, self.random)) }
    }

    /// Opens a copy of one payload each time, since opening decrypts in place.
    package func open(_ iterations: Int) throws {
        for _ in 0..<iterations {
            var payload = ByteBuffer()
            payload.writeImmutableBuffer(self.sealed)
            keep(try EncryptedMessage.open(payload, with: self.key, from: .clientToServer))
        }
    }

    /// The hashes of the message key and of the cipher's keys, and IGE, over as many bytes as `seal` makes: what no
    /// implementation can leave out.
    package func floor(_ iterations: Int) {
        var bytes = sampleBytes(self.sealed.readableBytes - 24)
        let material = sampleBytes(52)
        for _ in 0..<iterations {
            var hash = SHA256()
            material.withUnsafeBytes { hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0[..<32])) }
            bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
            keep(hash.finalize())
            for _ in 0..<2 {
                var hash = SHA256()
                material.withUnsafeBytes { hash.update(bufferPointer: $0) }
                keep(hash.finalize())
            }
            let cipher = AES256IGE(key: Bytes32(), initializationVector: Bytes32())
            bytes.withUnsafeMutableBytes { cipher.encrypt($0) }
        }
    }
}
