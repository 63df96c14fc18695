// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Asks for the salts of the next hours.
///
/// `get_future_salts#b921bd04 num:int = FutureSalts`
///
/// Specification: *Service Messages*.
public struct GetFutureSalts: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = FutureSalts

    /// `get_future_salts`.
    public static let constructor: UInt32 = 0xb921_bd04

    /// How many, 1…64.
    public var count: Int32

    /// Makes the value from its fields.
    public init(count: Int32) {
        self.count = count
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.count = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt32(self.count)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> FutureSalts {
        try FutureSalts.read(from: &reader)
    }
}

/// A server salt and its interval.
///
/// `future_salt#0949d9dc valid_since:int valid_until:int salt:long = FutureSalt`
///
/// Specification: *Service Messages*.
public struct FutureSalt: TLObject, Hashable {
    /// `future_salt`.
    public static let constructor: UInt32 = 0x0949_d9dc

    /// Server time in seconds since 1970.
    public var validSince: Int32

    /// Server time in seconds since 1970.
    public var validUntil: Int32

    /// The salt.
    public var salt: UInt64

    /// Makes the value from its fields.
    public init(validSince: Int32, validUntil: Int32, salt: UInt64) {
        self.validSince = validSince
        self.validUntil = validUntil
        self.salt = salt
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.validSince = try reader.readInt32()
        self.validUntil = try reader.readInt32()
        self.salt = try reader.readUInt64()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt32(self.validSince)
        buffer.writeTLInt32(self.validUntil)
        buffer.writeTLUInt64(self.salt)
    }
}

/// The answer to ``GetFutureSalts``; a bare vector of bare items.
///
/// `future_salts#ae500895 req_msg_id:long now:int salts:vector<future_salt> = FutureSalts`
///
/// Specification: *Service Messages*.
public struct FutureSalts: TLObject, Hashable {
    /// `future_salts`.
    public static let constructor: UInt32 = 0xae50_0895

    /// The identifier of the request.
    public var requestIdentifier: UInt64

    /// The server's clock, seconds since 1970.
    public var now: Int32

    /// The salts, oldest first; maybe fewer than asked for.
    public var salts: [FutureSalt]

    /// Makes the value from its fields.
    public init(requestIdentifier: UInt64, now: Int32, salts: [FutureSalt]) {
        self.requestIdentifier = requestIdentifier
        self.now = now
        self.salts = salts
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.requestIdentifier = try reader.readUInt64()
        self.now = try reader.readInt32()
        self.salts = try reader.readBareVector(of: FutureSalt.self, itemSize: 16)
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.requestIdentifier)
        buffer.writeTLInt32(self.now)
        buffer.writeTLBareVector(ofBare: self.salts)
    }
}
