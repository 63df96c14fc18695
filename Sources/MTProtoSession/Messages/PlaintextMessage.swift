// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
public import NIOCore

/// A message without encryption: only the key exchange uses it.
///
/// Twenty bytes of head: `auth_key_id` = 0 (8), `message_id` (8), `message_data_length` (4); then the body.
///
/// Specification: *Mobile Protocol: Detailed Description*, "Unencrypted Message".
public struct PlaintextMessage: Hashable, Sendable {
    /// The bytes before the body.
    private static let headerLength = 20

    /// The message's identifier; TDLib sends 0.
    public var identifier: UInt64

    /// One TL object, maybe with random bytes behind it.
    public var body: ByteBuffer

    /// Makes a message.
    public init(identifier: UInt64, body: ByteBuffer) {
        self.identifier = identifier
        self.body = body
    }

    /// Reads a payload; bytes behind the declared length are ignored.
    ///
    /// - Throws: ``MessageError/malformedPlaintext``
    public init(parsing payload: ByteBuffer) throws(MessageError) {
        var payload = payload
        guard
            let (key, identifier, length) = payload.readMultipleIntegers(
                endianness: .little,
                as: (UInt64, UInt64, Int32).self
            ),
            key == 0,
            length >= 0,
            let body = payload.readSlice(length: Int(length))
        else { throw .malformedPlaintext }
        self.identifier = identifier
        self.body = body
    }

    /// The payload, with `TransportConnection.payloadHeadroom` free bytes before it.
    public func serialized(allocator: ByteBufferAllocator = ByteBufferAllocator()) -> ByteBuffer {
        let headroom = TransportConnection.payloadHeadroom
        let length = Self.headerLength + self.body.readableBytes
        var buffer = allocator.buffer(capacity: headroom + length + TransportConnection.payloadTailroom)
        buffer.moveWriterIndex(to: headroom)
        buffer.moveReaderIndex(to: headroom)
        buffer.writeMultipleIntegers(
            UInt64(0),
            self.identifier,
            Int32(clamping: self.body.readableBytes),
            endianness: .little
        )
        buffer.writeImmutableBuffer(self.body)
        return buffer
    }
}
