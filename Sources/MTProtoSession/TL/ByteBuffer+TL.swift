// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// Writing of TL values.
///
/// Specification: *Binary Data Serialization*.
extension ByteBuffer {
    /// The constructor at the front; nil if there are fewer than 4 bytes.
    package var tlConstructor: UInt32? { self.getInteger(at: self.readerIndex, endianness: .little) }

    /// A `Bool`, 4 bytes.
    package init(tlBoolean value: Bool) {
        self.init()
        self.writeTLBool(value)
    }

    /// Writes an `int`, 4 bytes.
    public mutating func writeTLInt32(_ value: Int32) { self.writeInteger(value, endianness: .little) }

    /// Writes an `int`, a `#` or a constructor, 4 bytes.
    public mutating func writeTLUInt32(_ value: UInt32) { self.writeInteger(value, endianness: .little) }

    /// Writes a `long`, 8 bytes.
    public mutating func writeTLInt64(_ value: Int64) { self.writeInteger(value, endianness: .little) }

    /// Writes a `long`, 8 bytes.
    public mutating func writeTLUInt64(_ value: UInt64) { self.writeInteger(value, endianness: .little) }

    /// Writes a `double`, 8 bytes.
    public mutating func writeTLDouble(_ value: Double) { self.writeTLUInt64(value.bitPattern) }

    /// Writes a `Bool`, 4 bytes.
    public mutating func writeTLBool(_ value: Bool) {
        self.writeTLUInt32(value ? TLConstant.boolTrue : TLConstant.boolFalse)
    }

    /// Writes an `int128`, 16 raw bytes.
    public mutating func writeTLBytes16(_ value: Bytes16) {
        value.withUnsafeBytes { bytes in _ = self.writeBytes(bytes) }
    }

    /// Writes an `int256`, 32 raw bytes.
    public mutating func writeTLBytes32(_ value: Bytes32) {
        value.withUnsafeBytes { bytes in _ = self.writeBytes(bytes) }
    }

    /// Writes the readable bytes of a buffer as `bytes` or a `string`.
    public mutating func writeTLBytes(_ value: ByteBuffer) {
        self.writeTLLength(value.readableBytes)
        self.writeImmutableBuffer(value)
        self.writeTLPadding(value.readableBytes)
    }

    /// Writes an array as `bytes` or a `string`.
    public mutating func writeTLBytes(_ value: [UInt8]) {
        self.writeTLLength(value.count)
        self.writeBytes(value)
        self.writeTLPadding(value.count)
    }

    /// Writes a `string` in UTF-8.
    public mutating func writeTLBytes(_ value: String) {
        let count = value.utf8.count
        self.writeTLLength(count)
        self.writeString(value)
        self.writeTLPadding(count)
    }

    /// Writes the head of a `Vector`: its constructor and its count.
    public mutating func writeTLVectorHeader(count: Int) {
        self.writeTLUInt32(TLConstant.vector)
        self.writeTLInt32(Int32(clamping: count))
    }

    /// Writes a `Vector<long>`.
    public mutating func writeTLVector(_ values: [UInt64]) {
        self.writeTLVectorHeader(count: values.count)
        for value in values { self.writeTLUInt64(value) }
    }

    /// Writes a `Vector` of boxed values.
    public mutating func writeTLVector(_ values: [some TLBoxed]) {
        self.writeTLVectorHeader(count: values.count)
        for value in values { value.write(to: &self) }
    }

    /// Writes a bare `vector` of boxed values.
    public mutating func writeTLBareVector(_ values: [some TLBoxed]) {
        self.writeTLInt32(Int32(clamping: values.count))
        for value in values { value.write(to: &self) }
    }

    /// Writes a bare `vector` of bare values.
    public mutating func writeTLBareVector(ofBare values: [some TLObject]) {
        self.writeTLInt32(Int32(clamping: values.count))
        for value in values { value.writeFields(to: &self) }
    }

    /// Writes the length of `bytes`: 1 byte up to 253, 4 bytes below 2^24, else the 8 bytes that TDLib reads.
    private mutating func writeTLLength(_ length: Int) {
        switch length {
        case ..<254: self.writeInteger(UInt8(length))
        case ..<0x100_0000: self.writeTLUInt32(UInt32(length) << 8 | 0xfe)
        default: self.writeTLUInt64(UInt64(length) << 8 | 0xff)
        }
    }

    private mutating func writeTLPadding(_ length: Int) {
        let header = length < 254 ? 1 : 4
        self.writeRepeatingByte(0, count: -(header + length) & 3)
    }
}
