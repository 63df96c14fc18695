// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

@Suite struct TemporaryKeyBindingTests {
    private static let inner = BindAuthKeyInner(
        nonce: 0x0102_0304_0506_0708,
        temporaryKeyIdentifier: 0x1817_1615_1413_1211,
        permanentKeyIdentifier: 0x1f9b_9a96_71a2_e78a,
        temporarySessionIdentifier: 0x0706_0504_0302_0100,
        expiresAt: 1_705_841_277
    )
    private static let identifier: UInt64 = 0x65ab_c100_0000_0004
    private static let encrypted = Array(
        buffer: ByteBuffer(
            wireHex: """
                8ae7a271969a9b1f0743b068d952ca9e784a15208e4e19be0017d0a49aef848e
                13aaafb660a50d2b04093cb66c86e3f59a0bb64aaf0b6d707b4f6a9255496283
                91390ae455b10c3fcc5cdb13ace8832d0f47f01df20d3f1dc2266d4142671f23
                738b3d88173c8481
                """
        )
    )
    /// The random bytes of the vector: 16 in front, 8 behind.
    private static let random = RandomSource { buffer in
        let first: UInt8 = buffer.count == 16 ? 0x30 : 0x50
        for index in buffer.indices { buffer[index] = first + UInt8(truncatingIfNeeded: index) }
    }

    /// Encrypts any plaintext as MTProto 1.0 does.
    private func seal(_ plaintext: ByteBuffer) throws -> [UInt8] {
        let key = try MessageFixtures.key()
        var bytes = Array(buffer: plaintext)
        let messageKey = bytes.withUnsafeBytes {
            MessageKey.deriveVersion1(plaintextWithoutPadding: UnsafeRawBufferPointer(rebasing: $0[..<72]))
        }
        bytes.withUnsafeMutableBytes {
            MessageKey.cipherVersion1(authorizationKey: key, messageKey: messageKey, direction: .clientToServer)
                .encrypt($0)
        }
        return Self.encrypted[..<8] + messageKey.array + bytes
    }

    private func plaintext(length: Int32 = 40, inner: ByteBuffer = TemporaryKeyBindingTests.inner.serialized())
        -> ByteBuffer
    {
        var buffer = ByteBuffer(repeating: 0x30, count: 16)
        buffer.writeMultipleIntegers(Self.identifier, Int32(0), length, endianness: .little)
        buffer.writeImmutableBuffer(inner)
        buffer.writeRepeatingByte(0x50, count: 8)
        return buffer
    }

    @Test func vector() throws {
        let key = try MessageFixtures.key()
        let made = TemporaryKeyBinding.makeEncryptedMessage(
            inner: Self.inner,
            permanentKey: key,
            messageIdentifier: Self.identifier,
            random: Self.random
        )
        #expect(made == Self.encrypted)
        let opened = try TemporaryKeyBinding.open(Self.encrypted, permanentKey: key)
        #expect(opened.inner == Self.inner)
        #expect(opened.messageIdentifier == Self.identifier)
    }

    @Test func everyOtherLengthIsRefused() throws {
        let key = try MessageFixtures.key()
        for length in (0...120).filter({ $0 != 104 }) {
            let bytes = Array((Self.encrypted + [UInt8](repeating: 0, count: 16)).prefix(length))
            #expect(throws: MessageError.undecryptable) { try TemporaryKeyBinding.open(bytes, permanentKey: key) }
        }
    }

    /// The last block cannot be changed unseen either, although it holds the padding, which no hash covers: its first
    /// half belongs to the inner message.
    @Test func everyChangedByteIsFound() throws {
        let key = try MessageFixtures.key()
        for index in Self.encrypted.indices {
            var changed = Self.encrypted
            changed[index] ^= 1
            #expect(throws: MessageError.undecryptable, "byte \(index)") {
                try TemporaryKeyBinding.open(changed, permanentKey: key)
            }
        }
    }

    @Test func otherKeysAreRefused() throws {
        let other = try MessageFixtures.otherKey()
        #expect(throws: MessageError.undecryptable) {
            try TemporaryKeyBinding.open(Self.encrypted, permanentKey: other)
        }
    }

    @Test func contentsAreChecked() throws {
        let key = try MessageFixtures.key()
        let good = try self.seal(self.plaintext())
        #expect(try TemporaryKeyBinding.open(good, permanentKey: key).inner == Self.inner)
        for length in [0, 36, 44, -1, .max] as [Int32] {
            let bytes = try self.seal(self.plaintext(length: length))
            #expect(throws: MessageError.malformedBinding) { try TemporaryKeyBinding.open(bytes, permanentKey: key) }
        }
        var other = Self.inner.serialized()
        other.setInteger(Ping.constructor, at: 0, endianness: .little)
        let bytes = try self.seal(self.plaintext(inner: other))
        #expect(throws: MessageError.malformedBinding) { try TemporaryKeyBinding.open(bytes, permanentKey: key) }
    }
}
