// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Tells of an answer that is too large to be repeated unasked.
///
/// `msg_detailed_info#276d3ec6 msg_id:long answer_msg_id:long bytes:int status:int = MsgDetailedInfo`
///
/// Specification: *Service Messages about Messages*.
public struct MessageDetailedInfo: TLObject, Hashable {
    /// `msg_detailed_info`.
    public static let constructor: UInt32 = 0x276d_3ec6

    /// The query that was repeated.
    public var identifier: UInt64

    /// The answer, to be requested by ``MessageResendRequest``.
    public var answerIdentifier: UInt64

    /// The answer's size in bytes.
    public var byteCount: Int32

    /// 0.
    public var status: Int32

    /// Makes the value from its fields.
    public init(identifier: UInt64, answerIdentifier: UInt64, byteCount: Int32, status: Int32) {
        self.identifier = identifier
        self.answerIdentifier = answerIdentifier
        self.byteCount = byteCount
        self.status = status
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.identifier = try reader.readUInt64()
        self.answerIdentifier = try reader.readUInt64()
        self.byteCount = try reader.readInt32()
        self.status = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.identifier)
        buffer.writeTLUInt64(self.answerIdentifier)
        buffer.writeTLInt32(self.byteCount)
        buffer.writeTLInt32(self.status)
    }
}

/// Tells of a large message that no query caused.
///
/// `msg_new_detailed_info#809db6df answer_msg_id:long bytes:int status:int = MsgDetailedInfo`
///
/// Specification: *Service Messages about Messages*.
public struct MessageNewDetailedInfo: TLObject, Hashable {
    /// `msg_new_detailed_info`.
    public static let constructor: UInt32 = 0x809d_b6df

    /// The message, to be requested by ``MessageResendRequest``.
    public var answerIdentifier: UInt64

    /// The message's size in bytes.
    public var byteCount: Int32

    /// 0.
    public var status: Int32

    /// Makes the value from its fields.
    public init(answerIdentifier: UInt64, byteCount: Int32, status: Int32) {
        self.answerIdentifier = answerIdentifier
        self.byteCount = byteCount
        self.status = status
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.answerIdentifier = try reader.readUInt64()
        self.byteCount = try reader.readInt32()
        self.status = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.answerIdentifier)
        buffer.writeTLInt32(self.byteCount)
        buffer.writeTLInt32(self.status)
    }
}
