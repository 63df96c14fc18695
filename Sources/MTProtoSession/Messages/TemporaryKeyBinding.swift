// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
internal import NIOCore

/// The inner message of ``BindTemporaryAuthKey``, which proves that the sender has the permanent key.
///
/// It is a message of MTProto 1.0, 104 bytes: `auth_key_id` (8), `msg_key` (16), and encrypted 16 random bytes in place of
/// salt and session, `msg_id` (8), `seqno` = 0 (4), the length 40 (4), the ``BindAuthKeyInner`` (40) and padding (8).
///
/// Specification: *Perfect Forward Secrecy*; *Mobile Protocol: Detailed Description (v.1.0, DEPRECATED)*.
public enum TemporaryKeyBinding {
    private static let clearLength = 24
    private static let innerLength = 40
    /// The plaintext without padding, which the message key is made from.
    private static let plaintextLength = 72
    private static let length = 104

    /// Makes the encrypted message.
    ///
    /// - Parameters:
    ///   - inner: What is proven.
    ///   - permanentKey: The key to encrypt with.
    ///   - messageIdentifier: The identifier of the message that carries the call.
    ///   - random: Where the 16 random bytes and the padding come from.
    /// - Returns: 104 bytes.
    public static func makeEncryptedMessage(
        inner: BindAuthKeyInner,
        permanentKey: AuthorizationKey,
        messageIdentifier: UInt64,
        random: RandomSource = .system
    ) -> [UInt8] {
        var buffer = ByteBufferAllocator().buffer(capacity: Self.length)
        buffer.writeMultipleIntegers(permanentKey.identifier, UInt64(0), UInt64(0), endianness: .little)
        buffer.writeBytes(random.bytes(16))
        buffer.writeMultipleIntegers(messageIdentifier, UInt32(0), UInt32(Self.innerLength), endianness: .little)
        inner.write(to: &buffer)
        buffer.writeBytes(random.bytes(Self.length - buffer.writerIndex))
        buffer.withUnsafeMutableReadableBytes { bytes in
            let plaintext = UnsafeMutableRawBufferPointer(rebasing: bytes[Self.clearLength...])
            let messageKey = MessageKey.deriveVersion1(
                plaintextWithoutPadding: UnsafeRawBufferPointer(rebasing: plaintext[..<Self.plaintextLength])
            )
            messageKey.withUnsafeBytes { key in
                UnsafeMutableRawBufferPointer(rebasing: bytes[8..<Self.clearLength]).copyMemory(from: key)
            }
            MessageKey.cipherVersion1(
                authorizationKey: permanentKey,
                messageKey: messageKey,
                direction: .clientToServer
            ).encrypt(plaintext)
        }
        return Array(buffer: buffer)
    }

    /// Decrypts and checks the message.
    ///
    /// The caller compares the contents with the call, and the identifier with that of the call's message.
    ///
    /// - Throws: ``MessageError/undecryptable`` for a size, key or message key that is wrong,
    ///   ``MessageError/malformedBinding`` for an authentic message that holds something else.
    public static func open(
        _ encrypted: [UInt8],
        permanentKey: AuthorizationKey
    ) throws(MessageError) -> (inner: BindAuthKeyInner, messageIdentifier: UInt64) {
        guard encrypted.count == Self.length else { throw .undecryptable }
        var buffer = ByteBuffer(bytes: encrypted)
        let isAuthentic = buffer.withUnsafeMutableReadableBytes { bytes in
            let identifier = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
            let messageKey = Bytes16(UnsafeRawBufferPointer(rebasing: bytes[8..<Self.clearLength]))
            let plaintext = UnsafeMutableRawBufferPointer(rebasing: bytes[Self.clearLength...])
            MessageKey.cipherVersion1(
                authorizationKey: permanentKey,
                messageKey: messageKey,
                direction: .clientToServer
            ).decrypt(plaintext)
            let derived = MessageKey.deriveVersion1(
                plaintextWithoutPadding: UnsafeRawBufferPointer(rebasing: plaintext[..<Self.plaintextLength])
            )
            return derived.isEqualInConstantTime(to: messageKey) && identifier == permanentKey.identifier
        }
        guard isAuthentic else { throw .undecryptable }
        buffer.moveReaderIndex(forwardBy: Self.clearLength + 16)
        guard
            let (identifier, sequenceNumber, length) = buffer.readMultipleIntegers(
                endianness: .little,
                as: (UInt64, Int32, Int32).self
            ),
            sequenceNumber == 0, length == Self.innerLength,
            let inner = try? BindAuthKeyInner(buffer)
        else { throw .malformedBinding }
        return (inner, identifier)
    }
}
