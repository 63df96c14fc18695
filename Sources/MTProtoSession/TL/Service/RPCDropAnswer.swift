// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Tells the server that the answer to a query is not wanted any more.
///
/// `rpc_drop_answer#58e4a740 req_msg_id:long = RpcDropAnswer`
///
/// Specification: *Service Messages*.
public struct RPCDropAnswer: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = RPCDropAnswerResult

    /// `rpc_drop_answer`.
    public static let constructor: UInt32 = 0x58e4_a740

    /// The identifier of the query's message.
    public var requestIdentifier: UInt64

    /// Makes the value from its fields.
    public init(requestIdentifier: UInt64) {
        self.requestIdentifier = requestIdentifier
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.requestIdentifier = try reader.readUInt64()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.requestIdentifier)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> RPCDropAnswerResult {
        try RPCDropAnswerResult.read(from: &reader)
    }
}

/// The server knows nothing of the query.
///
/// `rpc_answer_unknown#5e2ad36e = RpcDropAnswer`
///
/// Specification: *Service Messages*.
public struct RPCAnswerUnknown: TLObject, Hashable {
    /// `rpc_answer_unknown`.
    public static let constructor: UInt32 = 0x5e2a_d36e

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}
}

/// The query was running; its answer will not be sent.
///
/// `rpc_answer_dropped_running#cd78e586 = RpcDropAnswer`
///
/// Specification: *Service Messages*.
public struct RPCAnswerDroppedRunning: TLObject, Hashable {
    /// `rpc_answer_dropped_running`.
    public static let constructor: UInt32 = 0xcd78_e586

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}
}

/// The answer was ready and is dropped.
///
/// `rpc_answer_dropped#a43ad8b7 msg_id:long seq_no:int bytes:int = RpcDropAnswer`
///
/// Specification: *Service Messages*.
public struct RPCAnswerDropped: TLObject, Hashable {
    /// `rpc_answer_dropped`.
    public static let constructor: UInt32 = 0xa43a_d8b7

    /// The identifier of the dropped answer.
    public var messageIdentifier: UInt64

    /// Its sequence number.
    public var sequenceNumber: Int32

    /// Its size in bytes.
    public var byteCount: Int32

    /// Makes the value from its fields.
    public init(messageIdentifier: UInt64, sequenceNumber: Int32, byteCount: Int32) {
        self.messageIdentifier = messageIdentifier
        self.sequenceNumber = sequenceNumber
        self.byteCount = byteCount
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.messageIdentifier = try reader.readUInt64()
        self.sequenceNumber = try reader.readInt32()
        self.byteCount = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.messageIdentifier)
        buffer.writeTLInt32(self.sequenceNumber)
        buffer.writeTLInt32(self.byteCount)
    }
}

/// The answer to ``RPCDropAnswer``; it comes in an ``RPCResult``.
///
/// Specification: *Service Messages*.
public enum RPCDropAnswerResult: TLBoxed, Hashable {
    /// Nothing is known of the query.
    case unknown(RPCAnswerUnknown)
    /// It was running.
    case droppedRunning(RPCAnswerDroppedRunning)
    /// Its answer was ready.
    case dropped(RPCAnswerDropped)

    /// Reads the constructor and then the fields of the case that it names.
    public static func read(from reader: inout TLReader) throws(TLError) -> Self {
        let constructor = try reader.readConstructor()
        switch constructor {
        case RPCAnswerUnknown.constructor: return .unknown(try RPCAnswerUnknown(fields: &reader))
        case RPCAnswerDroppedRunning.constructor: return .droppedRunning(try RPCAnswerDroppedRunning(fields: &reader))
        case RPCAnswerDropped.constructor: return .dropped(try RPCAnswerDropped(fields: &reader))
        default: throw .unexpectedConstructor(constructor)
        }
    }

    /// Writes the constructor and the fields.
    public func write(to buffer: inout ByteBuffer) {
        switch self {
        case .unknown(let value): value.write(to: &buffer)
        case .droppedRunning(let value): value.write(to: &buffer)
        case .dropped(let value): value.write(to: &buffer)
        }
    }
}
