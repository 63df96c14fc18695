// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Says that the server made a session: it knows nothing of earlier messages.
///
/// `new_session_created#9ec20908 first_msg_id:long unique_id:long server_salt:long = NewSession`
///
/// Specification: *Service Messages*.
public struct NewSessionCreated: TLObject, Hashable {
    /// `new_session_created`.
    public static let constructor: UInt32 = 0x9ec2_0908

    /// Unanswered messages with lower identifiers must be sent again.
    public var firstMessageIdentifier: UInt64

    /// Differs for each creation of the session.
    public var uniqueIdentifier: UInt64

    /// The salt to use.
    public var salt: UInt64

    /// Makes the value from its fields.
    public init(firstMessageIdentifier: UInt64, uniqueIdentifier: UInt64, salt: UInt64) {
        self.firstMessageIdentifier = firstMessageIdentifier
        self.uniqueIdentifier = uniqueIdentifier
        self.salt = salt
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.firstMessageIdentifier = try reader.readUInt64()
        self.uniqueIdentifier = try reader.readUInt64()
        self.salt = try reader.readUInt64()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.firstMessageIdentifier)
        buffer.writeTLUInt64(self.uniqueIdentifier)
        buffer.writeTLUInt64(self.salt)
    }
}
