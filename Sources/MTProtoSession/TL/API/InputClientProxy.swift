// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// The MTProxy that a client connects through.
///
/// `inputClientProxy#75588b3f address:string port:int = InputClientProxy`
///
/// Specification: *TL schema of the API*.
public struct InputClientProxy: TLObject, Hashable {
    /// `inputClientProxy`.
    public static let constructor: UInt32 = 0x7558_8b3f

    /// Its host name or address.
    public var address: String

    /// Its port.
    public var port: Int32

    /// Makes the value from its fields.
    public init(address: String, port: Int32) {
        self.address = address
        self.port = port
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.address = try reader.readString()
        self.port = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes(self.address)
        buffer.writeTLInt32(self.port)
    }
}
