// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Asks what the peer knows about messages.
///
/// `msgs_state_req#da69fb52 msg_ids:Vector<long> = MsgsStateReq`
///
/// Specification: *Service Messages about Messages*.
public struct MessagesStateRequest: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = MessagesStateInfo

    /// `msgs_state_req`.
    public static let constructor: UInt32 = 0xda69_fb52

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

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> MessagesStateInfo {
        try MessagesStateInfo.read(from: &reader)
    }
}

/// The answer to ``MessagesStateRequest``; it acknowledges it, too.
///
/// `msgs_state_info#04deb57d req_msg_id:long info:string = MsgsStateInfo`
///
/// Specification: *Service Messages about Messages*.
public struct MessagesStateInfo: TLObject, Hashable {
    /// `msgs_state_info`.
    public static let constructor: UInt32 = 0x04de_b57d

    /// The identifier of the request.
    public var requestIdentifier: UInt64

    /// One status byte per requested identifier, see ``MessageStatus``.
    public var info: [UInt8]

    /// Makes the value from its fields.
    public init(requestIdentifier: UInt64, info: [UInt8]) {
        self.requestIdentifier = requestIdentifier
        self.info = info
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.requestIdentifier = try reader.readUInt64()
        self.info = try reader.readByteArray()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.requestIdentifier)
        buffer.writeTLBytes(self.info)
    }
}

/// A voluntary report about messages.
///
/// `msgs_all_info#8cc0d131 msg_ids:Vector<long> info:string = MsgsAllInfo`
///
/// Specification: *Service Messages about Messages*.
public struct MessagesAllInfo: TLObject, Hashable {
    /// `msgs_all_info`.
    public static let constructor: UInt32 = 0x8cc0_d131

    /// Message identifiers, at most 8192.
    public var identifiers: [UInt64]

    /// One status byte per identifier, see ``MessageStatus``.
    public var info: [UInt8]

    /// Makes the value from its fields.
    public init(identifiers: [UInt64], info: [UInt8]) {
        self.identifiers = identifiers
        self.info = info
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.identifiers = try reader.readUInt64Vector(maximumCount: TLLimits.maximumIdentifierCount)
        self.info = try reader.readByteArray()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLVector(self.identifiers)
        buffer.writeTLBytes(self.info)
    }
}
