// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Asks for the data centre nearest to the client.
///
/// `help.getNearestDc#1fb33026 = NearestDc`
///
/// Specification: *TL schema of the API*.
public struct HelpGetNearestDataCenter: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = NearestDataCenter

    /// `help.getNearestDc`.
    public static let constructor: UInt32 = 0x1fb3_3026

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> NearestDataCenter {
        try NearestDataCenter.read(from: &reader)
    }
}

/// The answer to ``HelpGetNearestDataCenter``.
///
/// `nearestDc#8e1a1775 country:string this_dc:int nearest_dc:int = NearestDc`
///
/// Specification: *TL schema of the API*.
public struct NearestDataCenter: TLObject, Hashable {
    /// `nearestDc`.
    public static let constructor: UInt32 = 0x8e1a_1775

    /// The country of the client's address, ISO 3166-1 alpha-2.
    public var country: String

    /// The data centre that answers.
    public var thisDataCenter: Int32

    /// The nearest one.
    public var nearestDataCenter: Int32

    /// Makes the value from its fields.
    public init(country: String, thisDataCenter: Int32, nearestDataCenter: Int32) {
        self.country = country
        self.thisDataCenter = thisDataCenter
        self.nearestDataCenter = nearestDataCenter
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.country = try reader.readString()
        self.thisDataCenter = try reader.readInt32()
        self.nearestDataCenter = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes(self.country)
        buffer.writeTLInt32(self.thisDataCenter)
        buffer.writeTLInt32(self.nearestDataCenter)
    }
}
