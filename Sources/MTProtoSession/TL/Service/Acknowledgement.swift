// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Confirms that messages arrived.
///
/// `msgs_ack#62d6b459 msg_ids:Vector<long> = MsgsAck`
///
/// Specification: *Service Messages about Messages*.
public struct MessagesAcknowledgement: TLObject, Hashable {
    /// `msgs_ack`.
    public static let constructor: UInt32 = 0x62d6_b459

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
