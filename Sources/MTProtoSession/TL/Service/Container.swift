// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A message inside of a container or a copy.
///
/// `message msg_id:long seqno:int bytes:int body:Object = Message`, 16 bytes before the body; bare inside containers.
///
/// Specification: *Service Messages*, "Containers".
public struct ContainedMessage: TLObject, Hashable {
    /// `message`, in its boxed form.
    public static let constructor: UInt32 = 0x5bb8_e511

    /// The message's identifier.
    public var identifier: UInt64

    /// The message's sequence number.
    public var sequenceNumber: Int32

    /// The boxed object; its length is a multiple of 4.
    public var body: ByteBuffer

    /// Makes the value from its fields.
    public init(identifier: UInt64, sequenceNumber: Int32, body: ByteBuffer) {
        self.identifier = identifier
        self.sequenceNumber = sequenceNumber
        self.body = body
    }

    /// Reads the head and takes the body as a slice.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.identifier = try reader.readUInt64()
        self.sequenceNumber = try reader.readInt32()
        let length = try reader.readInt32()
        guard length >= 0, length & 3 == 0 else { throw .invalidLength(length) }
        self.body = try reader.readSlice(length: Int(length))
    }

    /// Writes the head and the body.
    public func writeFields(to buffer: inout ByteBuffer) {
        Self.writeHeader(
            identifier: self.identifier,
            sequenceNumber: self.sequenceNumber,
            byteCount: self.body.readableBytes,
            to: &buffer
        )
        buffer.writeImmutableBuffer(self.body)
    }

    /// Writes the 16 bytes before a body.
    package static func writeHeader(
        identifier: UInt64,
        sequenceNumber: Int32,
        byteCount: Int,
        to buffer: inout ByteBuffer
    ) {
        buffer.writeTLUInt64(identifier)
        buffer.writeTLInt32(sequenceNumber)
        buffer.writeTLInt32(Int32(clamping: byteCount))
    }
}

/// Several messages in one.
///
/// `msg_container#73f1f8dc messages:vector<%Message> = MessageContainer`
///
/// Specification: *Service Messages*, "Containers".
public struct MessageContainer: TLObject, Hashable {
    /// `msg_container`.
    public static let constructor: UInt32 = 0x73f1_f8dc

    /// The messages: at most 1024 and no containers among them; may be empty.
    public var messages: [ContainedMessage]

    /// Makes the value from its fields.
    public init(messages: [ContainedMessage]) {
        self.messages = messages
    }

    /// Reads the messages; at most 1024 of them.
    public init(fields reader: inout TLReader) throws(TLError) {
        try self.init(fields: &reader, maximumCount: TLLimits.standard.maximumContainerCount)
    }

    init(fields reader: inout TLReader, maximumCount: Int) throws(TLError) {
        let count = try reader.readBareVector(minimumItemSize: 16)
        guard count <= maximumCount else { throw .limitExceeded(maximumCount) }
        self.messages = []
        self.messages.reserveCapacity(count)
        for _ in 0..<count {
            let message = try ContainedMessage(fields: &reader)
            if message.body.tlConstructor == Self.constructor { throw .nestedContainer }
            self.messages.append(message)
        }
    }

    /// Writes the count and the messages.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBareVector(ofBare: self.messages)
    }
}

/// A message that is sent again inside of another one. Not in use; accepted.
///
/// `msg_copy#e06046b2 orig_message:Message = MessageCopy`
///
/// Specification: *Service Messages*, "Message Copies".
public struct MessageCopy: TLObject, Hashable {
    /// `msg_copy`.
    public static let constructor: UInt32 = 0xe060_46b2

    /// The original message; neither a container nor a copy.
    public var message: ContainedMessage

    /// Makes the value from its fields.
    public init(message: ContainedMessage) {
        self.message = message
    }

    /// Reads the boxed message.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.message = try ContainedMessage.read(from: &reader)
        switch self.message.body.tlConstructor {
        case MessageContainer.constructor, Self.constructor: throw .nestedContainer
        default: break
        }
    }

    /// Writes the boxed message.
    public func writeFields(to buffer: inout ByteBuffer) {
        self.message.write(to: &buffer)
    }
}
