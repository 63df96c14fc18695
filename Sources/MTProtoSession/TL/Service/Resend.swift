// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Asks the peer to send messages again.
///
/// `msg_resend_req#7d861a08 msg_ids:Vector<long> = MsgResendReq`
///
/// Specification: *Service Messages about Messages*.
public struct MessageResendRequest: TLObject, Hashable {
    /// `msg_resend_req`.
    public static let constructor: UInt32 = 0x7d86_1a08

    /// Message identifiers, at most 8192.
    public var identifiers: [UInt64]

    /// Makes the value from its fields.
    public init(identifiers: [UInt64]) {
        self.identifiers = identifiers
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.identifiers = try reader.readUInt64Vector(maximumCount: TLLimits.maximumIdentifierCount)
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLVector(self.identifiers)
    }
}

/// Asks the peer to send the answers to queries again. Gone from the current page, still sent.
///
/// `msg_resend_ans_req#8610baeb msg_ids:Vector<long> = MsgResendReq`
///
/// Specification: *Service Messages about Messages*.
public struct MessageResendAnswerRequest: TLObject, Hashable {
    /// `msg_resend_ans_req`.
    public static let constructor: UInt32 = 0x8610_baeb

    /// Identifiers of queries, at most 8192.
    public var identifiers: [UInt64]

    /// Makes the value from its fields.
    public init(identifiers: [UInt64]) {
        self.identifiers = identifiers
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.identifiers = try reader.readUInt64Vector(maximumCount: TLLimits.maximumIdentifierCount)
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLVector(self.identifiers)
    }
}
