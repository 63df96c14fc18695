// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Asks for a ``Pong``.
///
/// `ping#7abe77ec ping_id:long = Pong`
///
/// Specification: *Service Messages*.
public struct Ping: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = Pong

    /// `ping`.
    public static let constructor: UInt32 = 0x7abe_77ec

    /// A number that the pong repeats.
    public var pingIdentifier: Int64

    /// Makes the value from its fields.
    public init(pingIdentifier: Int64) {
        self.pingIdentifier = pingIdentifier
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.pingIdentifier = try reader.readInt64()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt64(self.pingIdentifier)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> Pong {
        try Pong.read(from: &reader)
    }
}

/// A ``Ping`` that also sets the time after which the server closes the connection.
///
/// `ping_delay_disconnect#f3427b8c ping_id:long disconnect_delay:int = Pong`
///
/// Specification: *Service Messages*.
public struct PingDelayDisconnect: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = Pong

    /// `ping_delay_disconnect`.
    public static let constructor: UInt32 = 0xf342_7b8c

    /// A number that the pong repeats.
    public var pingIdentifier: Int64

    /// Seconds until the server closes the connection, unless another such ping comes.
    public var disconnectDelay: Int32

    /// Makes the value from its fields.
    public init(pingIdentifier: Int64, disconnectDelay: Int32) {
        self.pingIdentifier = pingIdentifier
        self.disconnectDelay = disconnectDelay
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.pingIdentifier = try reader.readInt64()
        self.disconnectDelay = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt64(self.pingIdentifier)
        buffer.writeTLInt32(self.disconnectDelay)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> Pong {
        try Pong.read(from: &reader)
    }
}

/// The answer to a ping; never wrapped in ``RPCResult`` by the server.
///
/// `pong#347773c5 msg_id:long ping_id:long = Pong`
///
/// Specification: *Service Messages*.
public struct Pong: TLObject, Hashable {
    /// `pong`.
    public static let constructor: UInt32 = 0x3477_73c5

    /// The identifier of the ping's message.
    public var messageIdentifier: UInt64

    /// The number of the ping.
    public var pingIdentifier: Int64

    /// Makes the value from its fields.
    public init(messageIdentifier: UInt64, pingIdentifier: Int64) {
        self.messageIdentifier = messageIdentifier
        self.pingIdentifier = pingIdentifier
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.messageIdentifier = try reader.readUInt64()
        self.pingIdentifier = try reader.readInt64()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.messageIdentifier)
        buffer.writeTLInt64(self.pingIdentifier)
    }
}
