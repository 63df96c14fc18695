// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
internal import MTProtoTransport
public import NIOCore

/// A message of MTProto 2.0.
///
/// | offset | size | field | |
/// |---|---|---|---|
/// | 0 | 8 | `auth_key_id` | clear |
/// | 8 | 16 | `msg_key` | clear |
/// | 24 | 8 | `salt` | encrypted from here |
/// | 32 | 8 | `session_id` | |
/// | 40 | 8 | `message_id` | |
/// | 48 | 4 | `seq_no` | |
/// | 52 | 4 | `message_data_length` | a multiple of 4 |
/// | 56 | n | the body | |
/// | 56 + n | 12…1024 | random padding | |
///
/// Specification: *Mobile Protocol: Detailed Description*, "Encrypted Message"; *Security Guidelines*.
public struct EncryptedMessage: Hashable, Sendable {
    /// The clear bytes before the encrypted part.
    private static let clearLength = 24
    /// The bytes before the body.
    private static let headerLength = 56
    /// An empty body with the least padding.
    private static let minimumLength = 72

    /// The server's salt.
    public var salt: UInt64

    /// The session, chosen by the client.
    public var sessionIdentifier: UInt64

    /// The message's identifier.
    public var identifier: UInt64

    /// The message's sequence number.
    public var sequenceNumber: Int32

    /// One TL object; a slice of the payload.
    public var body: ByteBuffer

    /// What a quick acknowledgement of the message says.
    public var quickAckToken: UInt32

    /// The key that a payload is encrypted with; 0 for a ``PlaintextMessage``, nil below 8 bytes.
    public static func authorizationKeyIdentifier(of payload: ByteBuffer) -> UInt64? {
        payload.getInteger(at: payload.readerIndex, endianness: .little)
    }

    /// Decrypts a payload in place, and checks it.
    ///
    /// Nothing is copied if nothing else holds the payload's storage: hand it over with `consume`.
    ///
    /// - Parameters:
    ///   - payload: Exactly one payload.
    ///   - key: The key that the payload names.
    ///   - direction: Who sent it.
    /// - Throws: ``MessageError/undecryptable`` for a size, key identifier or message key that is wrong; for an authentic
    ///   message ``MessageError/malformedLength`` or ``MessageError/malformedPadding``.
    public static func open(
        _ payload: consuming ByteBuffer,
        with key: AuthorizationKey,
        from direction: MessageDirection
    ) throws(MessageError) -> EncryptedMessage {
        let count = payload.readableBytes
        guard count >= Self.minimumLength, (count - Self.clearLength) & 15 == 0 else { throw .undecryptable }
        let opened = payload.withUnsafeMutableReadableBytes { (bytes) -> (isAuthentic: Bool, token: UInt32) in
            let identifier = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
            let messageKey = Bytes16(UnsafeRawBufferPointer(rebasing: bytes[8..<Self.clearLength]))
            let encrypted = UnsafeMutableRawBufferPointer(rebasing: bytes[Self.clearLength...])
            MessageKey.cipher(authorizationKey: key, messageKey: messageKey, direction: direction).decrypt(encrypted)
            let derived = MessageKey.derive(
                authorizationKey: key,
                plaintext: UnsafeRawBufferPointer(encrypted),
                direction: direction
            )
            // Both are always computed: the time must not tell which one fails.
            let isAuthentic = derived.messageKey.isEqualInConstantTime(to: messageKey)
            return (isAuthentic && identifier == key.identifier, derived.quickAckToken)
        }
        guard opened.isAuthentic else { throw .undecryptable }

        payload.moveReaderIndex(forwardBy: Self.clearLength)
        guard
            let (salt, session, identifier, sequenceNumber, length) = payload.readMultipleIntegers(
                endianness: .little,
                as: (UInt64, UInt64, UInt64, Int32, Int32).self
            )
        else { throw .malformedLength }
        guard length >= 0, length & 3 == 0, Int(length) <= payload.readableBytes else { throw .malformedLength }
        guard MessagePadding.range.contains(payload.readableBytes - Int(length)) else { throw .malformedPadding }
        payload.moveWriterIndex(to: payload.readerIndex + Int(length))
        return EncryptedMessage(
            salt: salt,
            sessionIdentifier: session,
            identifier: identifier,
            sequenceNumber: sequenceNumber,
            body: payload,
            quickAckToken: opened.token
        )
    }

    /// Writes a message, pads it, and encrypts it in place.
    ///
    /// The payload has `TransportConnection.payloadHeadroom` free bytes before it and
    /// `TransportConnection.payloadTailroom` behind it.
    ///
    /// - Parameters:
    ///   - salt: The server's salt.
    ///   - sessionIdentifier: The session.
    ///   - identifier: The message's identifier.
    ///   - sequenceNumber: The message's sequence number.
    ///   - key: The key to encrypt with.
    ///   - direction: Who sends it.
    ///   - padding: How many bytes to pad with.
    ///   - random: Where the padding comes from.
    ///   - hint: The body's length as far as it is known; a larger body costs a copy.
    ///   - allocator: What makes the buffer.
    ///   - writeBody: Appends one TL object, a multiple of 4 bytes.
    public static func seal(
        salt: UInt64,
        sessionIdentifier: UInt64,
        identifier: UInt64,
        sequenceNumber: Int32,
        with key: AuthorizationKey,
        direction: MessageDirection,
        padding: MessagePadding = .standard,
        random: RandomSource = .system,
        bodyLength hint: Int,
        allocator: ByteBufferAllocator = ByteBufferAllocator(),
        writeBody: (inout ByteBuffer) -> Void
    ) -> (payload: ByteBuffer, quickAckToken: UInt32) {
        let headroom = TransportConnection.payloadHeadroom
        let tailroom = TransportConnection.payloadTailroom
        // 460 is the most that the standard padding adds to the minimum's end.
        var buffer = allocator.buffer(capacity: headroom + Self.headerLength + max(0, hint) + 460 + tailroom)
        buffer.moveWriterIndex(to: headroom)
        buffer.moveReaderIndex(to: headroom)
        buffer.writeMultipleIntegers(
            key.identifier,
            UInt64(0),
            UInt64(0),
            salt,
            sessionIdentifier,
            identifier,
            sequenceNumber,
            Int32(0),
            endianness: .little
        )
        writeBody(&buffer)
        let bodyStart = headroom + Self.headerLength
        buffer.writeRepeatingByte(0, count: -(buffer.writerIndex - bodyStart) & 3)
        let bodyLength = buffer.writerIndex - bodyStart
        buffer.setInteger(Int32(clamping: bodyLength), at: bodyStart - 4, endianness: .little)
        let paddingLength = padding.byteCount(bodyLength: bodyLength, random: random)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: paddingLength + tailroom) { bytes in
            random.fill(UnsafeMutableRawBufferPointer(rebasing: bytes[..<paddingLength]))
            return paddingLength
        }
        let token = buffer.withUnsafeMutableReadableBytes { bytes in
            let plaintext = UnsafeMutableRawBufferPointer(rebasing: bytes[Self.clearLength...])
            let derived = MessageKey.derive(
                authorizationKey: key,
                plaintext: UnsafeRawBufferPointer(plaintext),
                direction: direction
            )
            derived.messageKey.withUnsafeBytes { messageKey in
                UnsafeMutableRawBufferPointer(rebasing: bytes[8..<Self.clearLength]).copyMemory(from: messageKey)
            }
            MessageKey.cipher(authorizationKey: key, messageKey: derived.messageKey, direction: direction)
                .encrypt(plaintext)
            return derived.quickAckToken
        }
        return (buffer, token)
    }
}
