// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// An object in compressed form, which may stand wherever the object itself may.
///
/// `gzip_packed#3072cfa1 packed_data:string = Object`
///
/// Specification: *Service Messages*, "Packed Object".
public struct GzipPacked: TLObject, Hashable {
    /// `gzip_packed`.
    public static let constructor: UInt32 = 0x3072_cfa1

    /// A gzip stream; from TDLib a zlib stream.
    public var packedData: ByteBuffer

    /// Makes the value from its fields.
    public init(packedData: ByteBuffer) {
        self.packedData = packedData
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.packedData = try reader.readBytes()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes(self.packedData)
    }
}
