// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// The answer to an API query.
///
/// `rpc_result#f35c6d01 req_msg_id:long result:Object = RpcResult`
///
/// Specification: *Service Messages*.
public struct RPCResult: TLObject, Hashable {
    /// `rpc_result`.
    public static let constructor: UInt32 = 0xf35c_6d01

    /// The identifier of the query's message.
    public var requestIdentifier: UInt64

    /// The boxed result as it came: maybe ``GzipPacked`` or ``RPCErrorMessage``.
    public var result: ByteBuffer

    /// Makes the value from its fields.
    public init(requestIdentifier: UInt64, result: ByteBuffer) {
        self.requestIdentifier = requestIdentifier
        self.result = result
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.requestIdentifier = try reader.readUInt64()
        self.result = reader.readRemaining()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt64(self.requestIdentifier)
        buffer.writeImmutableBuffer(self.result)
    }
}

/// The error that a query ended with.
///
/// `rpc_error#2144ca19 error_code:int error_message:string = RpcError`
///
/// Specification: *Service Messages*.
public struct RPCErrorMessage: Error, TLObject, Hashable {
    /// `rpc_error`.
    public static let constructor: UInt32 = 0x2144_ca19

    /// The class of the error, such as 303, 400, 401, 420 or 500.
    public var code: Int32

    /// The name, matching `[A-Z0-9_]+`, a number appended where it has one.
    public var message: String

    /// Makes the value from its fields.
    public init(code: Int32, message: String) {
        self.code = code
        self.message = message
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.code = try reader.readInt32()
        self.message = try reader.readString()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt32(self.code)
        buffer.writeTLBytes(self.message)
    }
}
