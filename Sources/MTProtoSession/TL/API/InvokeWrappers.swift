// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Names the layer of the API that the client speaks.
///
/// `invokeWithLayer#da9b0d0d {X:Type} layer:int query:!X = X`
///
/// Specification: *Calling API Methods*.
public struct InvokeWithLayer: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = ByteBuffer

    /// `invokeWithLayer`.
    public static let constructor: UInt32 = 0xda9b_0d0d

    /// The layer.
    public var layer: Int32

    /// The boxed query, as it stands on the wire.
    public var query: ByteBuffer

    /// Makes the value from its fields.
    public init(layer: Int32, query: ByteBuffer) {
        self.layer = layer
        self.query = query
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.layer = try reader.readInt32()
        self.query = reader.readRemaining()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt32(self.layer)
        buffer.writeImmutableBuffer(self.query)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> ByteBuffer {
        reader.readRemaining()
    }
}

/// Runs a query after another one has finished.
///
/// `invokeAfterMsg#cb9f372d {X:Type} msg_id:long query:!X = X`
///
/// Specification: *Calling API Methods*.
public struct InvokeAfterMessage: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = ByteBuffer

    /// `invokeAfterMsg`.
    public static let constructor: UInt32 = 0xcb9f_372d

    /// The query to wait for.
    public var messageIdentifier: UInt64

    /// The boxed query, as it stands on the wire.
    public var query: ByteBuffer

    /// Makes the value from its fields.
    public init(messageIdentifier: UInt64, query: ByteBuffer) {
        self.messageIdentifier = messageIdentifier
        self.query = query
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.messageIdentifier = try reader.readUInt64()
        self.query = reader.readRemaining()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.messageIdentifier)
        buffer.writeImmutableBuffer(self.query)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> ByteBuffer {
        reader.readRemaining()
    }
}

/// Runs a query after several others have finished.
///
/// `invokeAfterMsgs#3dc4b4f0 {X:Type} msg_ids:Vector<long> query:!X = X`
///
/// Specification: *Calling API Methods*.
public struct InvokeAfterMessages: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = ByteBuffer

    /// `invokeAfterMsgs`.
    public static let constructor: UInt32 = 0x3dc4_b4f0

    /// The queries to wait for.
    public var messageIdentifiers: [UInt64]

    /// The boxed query, as it stands on the wire.
    public var query: ByteBuffer

    /// Makes the value from its fields.
    public init(messageIdentifiers: [UInt64], query: ByteBuffer) {
        self.messageIdentifiers = messageIdentifiers
        self.query = query
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.messageIdentifiers = try reader.readUInt64Vector()
        self.query = reader.readRemaining()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLVector(self.messageIdentifiers)
        buffer.writeImmutableBuffer(self.query)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> ByteBuffer {
        reader.readRemaining()
    }
}

/// Runs a query and asks for no updates on this connection.
///
/// `invokeWithoutUpdates#bf9459b7 {X:Type} query:!X = X`
///
/// Specification: *Calling API Methods*.
public struct InvokeWithoutUpdates: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = ByteBuffer

    /// `invokeWithoutUpdates`.
    public static let constructor: UInt32 = 0xbf94_59b7

    /// The boxed query, as it stands on the wire.
    public var query: ByteBuffer

    /// Makes the value from its fields.
    public init(query: ByteBuffer) {
        self.query = query
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.query = reader.readRemaining()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeImmutableBuffer(self.query)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> ByteBuffer {
        reader.readRemaining()
    }
}

/// A range of chat messages.
///
/// `messageRange#0ae30253 min_id:int max_id:int = MessageRange`
///
/// Specification: *TL schema of the API*.
public struct MessageRange: TLObject, Hashable {
    /// `messageRange`.
    public static let constructor: UInt32 = 0x0ae3_0253

    /// The lowest identifier.
    public var minimumIdentifier: Int32

    /// The highest identifier.
    public var maximumIdentifier: Int32

    /// Makes the value from its fields.
    public init(minimumIdentifier: Int32, maximumIdentifier: Int32) {
        self.minimumIdentifier = minimumIdentifier
        self.maximumIdentifier = maximumIdentifier
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.minimumIdentifier = try reader.readInt32()
        self.maximumIdentifier = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt32(self.minimumIdentifier)
        buffer.writeTLInt32(self.maximumIdentifier)
    }
}

/// Runs a query within a range of chat messages.
///
/// `invokeWithMessagesRange#365275f2 {X:Type} range:MessageRange query:!X = X`
///
/// Specification: *Calling API Methods*.
public struct InvokeWithMessagesRange: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = ByteBuffer

    /// `invokeWithMessagesRange`.
    public static let constructor: UInt32 = 0x3652_75f2

    /// The range.
    public var range: MessageRange

    /// The boxed query, as it stands on the wire.
    public var query: ByteBuffer

    /// Makes the value from its fields.
    public init(range: MessageRange, query: ByteBuffer) {
        self.range = range
        self.query = query
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.range = try MessageRange.read(from: &reader)
        self.query = reader.readRemaining()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        self.range.write(to: &buffer)
        buffer.writeImmutableBuffer(self.query)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> ByteBuffer {
        reader.readRemaining()
    }
}

/// Runs a query within a takeout session.
///
/// `invokeWithTakeout#aca9fd2e {X:Type} takeout_id:long query:!X = X`
///
/// Specification: *Calling API Methods*.
public struct InvokeWithTakeout: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = ByteBuffer

    /// `invokeWithTakeout`.
    public static let constructor: UInt32 = 0xaca9_fd2e

    /// The takeout session.
    public var takeoutIdentifier: Int64

    /// The boxed query, as it stands on the wire.
    public var query: ByteBuffer

    /// Makes the value from its fields.
    public init(takeoutIdentifier: Int64, query: ByteBuffer) {
        self.takeoutIdentifier = takeoutIdentifier
        self.query = query
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.takeoutIdentifier = try reader.readInt64()
        self.query = reader.readRemaining()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt64(self.takeoutIdentifier)
        buffer.writeImmutableBuffer(self.query)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> ByteBuffer {
        reader.readRemaining()
    }
}
