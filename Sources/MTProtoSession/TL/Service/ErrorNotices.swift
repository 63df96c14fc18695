// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Says that a message was ignored, and why.
///
/// `bad_msg_notification#a7eff811 bad_msg_id:long bad_msg_seqno:int error_code:int = BadMsgNotification`
///
/// Specification: *Service Messages about Messages*.
public struct BadMessageNotification: TLObject, Hashable {
    /// `bad_msg_notification`.
    public static let constructor: UInt32 = 0xa7ef_f811

    /// The identifier of the ignored message.
    public var badIdentifier: UInt64

    /// Its sequence number.
    public var badSequenceNumber: Int32

    /// 16–20, 32–35 or 64: see ``BadMessageCode``.
    public var code: Int32

    /// Makes the value from its fields.
    public init(badIdentifier: UInt64, badSequenceNumber: Int32, code: Int32) {
        self.badIdentifier = badIdentifier
        self.badSequenceNumber = badSequenceNumber
        self.code = code
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.badIdentifier = try reader.readUInt64()
        self.badSequenceNumber = try reader.readInt32()
        self.code = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.badIdentifier)
        buffer.writeTLInt32(self.badSequenceNumber)
        buffer.writeTLInt32(self.code)
    }
}

/// Says that a message was ignored because of its salt.
///
/// `bad_server_salt#edab447b bad_msg_id:long bad_msg_seqno:int error_code:int new_server_salt:long =
/// BadMsgNotification`
///
/// Specification: *Service Messages about Messages*.
public struct BadServerSalt: TLObject, Hashable {
    /// `bad_server_salt`.
    public static let constructor: UInt32 = 0xedab_447b

    /// The identifier of the ignored message.
    public var badIdentifier: UInt64

    /// Its sequence number.
    public var badSequenceNumber: Int32

    /// 48.
    public var code: Int32

    /// The salt to use from now on.
    public var newSalt: UInt64

    /// Makes the value from its fields.
    public init(badIdentifier: UInt64, badSequenceNumber: Int32, code: Int32, newSalt: UInt64) {
        self.badIdentifier = badIdentifier
        self.badSequenceNumber = badSequenceNumber
        self.code = code
        self.newSalt = newSalt
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.badIdentifier = try reader.readUInt64()
        self.badSequenceNumber = try reader.readInt32()
        self.code = try reader.readInt32()
        self.newSalt = try reader.readUInt64()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.badIdentifier)
        buffer.writeTLInt32(self.badSequenceNumber)
        buffer.writeTLInt32(self.code)
        buffer.writeTLUInt64(self.newSalt)
    }
}
