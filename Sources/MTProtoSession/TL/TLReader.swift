// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// Reads TL values from the front of a buffer.
///
/// Every length and count is checked against the bytes that are left before anything is allocated, nesting is bounded,
/// and nothing traps on foreign bytes. Byte strings and rests are slices that share the buffer's storage.
///
/// Specification: *Binary Data Serialization*.
public struct TLReader: Sendable {
    private var buffer: ByteBuffer
    private var remainingDepth: Int
    /// How many more elements vectors of boxed values may have in all: in memory an element is larger than on the wire.
    private var remainingElements = 1 << 16

    /// Reads the readable bytes of a buffer.
    ///
    /// - Parameters:
    ///   - buffer: The bytes; they are shared, not copied.
    ///   - maximumDepth: How deep values may nest.
    public init(_ buffer: ByteBuffer, maximumDepth: Int = 16) {
        self.buffer = buffer
        self.remainingDepth = maximumDepth
    }

    /// How many bytes are left.
    public var remaining: Int { self.buffer.readableBytes }

    /// Takes all bytes that are left, as a slice.
    public mutating func readRemaining() -> ByteBuffer {
        let rest = self.buffer.slice()
        self.buffer.moveReaderIndex(to: self.buffer.writerIndex)
        return rest
    }

    /// Takes so many bytes as a slice.
    ///
    /// - Parameter length: Not negative.
    public mutating func readSlice(length: Int) throws(TLError) -> ByteBuffer {
        guard length >= 0, length <= self.remaining, let slice = self.buffer.readSlice(length: length) else {
            throw .invalidLength(length)
        }
        return slice
    }

    /// Reads an integer of any fixed width, little endian.
    private mutating func readInteger<T: FixedWidthInteger>(_ type: T.Type) throws(TLError) -> T {
        guard let value = self.buffer.readInteger(endianness: .little, as: T.self) else { throw .truncated }
        return value
    }

    /// Reads an `int`, 4 bytes.
    public mutating func readInt32() throws(TLError) -> Int32 { try self.readInteger(Int32.self) }

    /// Reads an `int` or a `#`, 4 bytes, without sign.
    public mutating func readUInt32() throws(TLError) -> UInt32 { try self.readInteger(UInt32.self) }

    /// Reads a `long`, 8 bytes.
    public mutating func readInt64() throws(TLError) -> Int64 { try self.readInteger(Int64.self) }

    /// Reads a `long`, 8 bytes, without sign.
    public mutating func readUInt64() throws(TLError) -> UInt64 { try self.readInteger(UInt64.self) }

    /// Reads a `double`, 8 bytes.
    public mutating func readDouble() throws(TLError) -> Double {
        Double(bitPattern: try self.readInteger(UInt64.self))
    }

    /// Reads an `int128`, 16 raw bytes.
    public mutating func readBytes16() throws(TLError) -> Bytes16 {
        guard let view = self.buffer.viewBytes(at: self.buffer.readerIndex, length: 16), let value = Bytes16(view)
        else {
            throw .truncated
        }
        self.buffer.moveReaderIndex(forwardBy: 16)
        return value
    }

    /// Reads an `int256`, 32 raw bytes.
    public mutating func readBytes32() throws(TLError) -> Bytes32 {
        guard let view = self.buffer.viewBytes(at: self.buffer.readerIndex, length: 32), let value = Bytes32(view)
        else {
            throw .truncated
        }
        self.buffer.moveReaderIndex(forwardBy: 32)
        return value
    }

    /// Reads a `Bool`: 4 bytes, one of two constructors.
    public mutating func readBool() throws(TLError) -> Bool {
        switch try self.readUInt32() {
        case TLConstant.boolTrue: return true
        case TLConstant.boolFalse: return false
        case let other: throw .unexpectedConstructor(other)
        }
    }

    /// Reads a constructor, 4 bytes.
    public mutating func readConstructor() throws(TLError) -> UInt32 { try self.readInteger(UInt32.self) }

    /// The constructor that comes next, left where it is; nil if fewer than 4 bytes are left.
    public func peekConstructor() -> UInt32? {
        self.buffer.getInteger(at: self.buffer.readerIndex, endianness: .little)
    }

    /// Reads a constructor that must be the given one.
    public mutating func expectConstructor(_ expected: UInt32) throws(TLError) {
        let constructor = try self.readConstructor()
        guard constructor == expected else { throw .unexpectedConstructor(constructor) }
    }

    /// Reads `bytes` or a `string` as a slice: 1, 4 or (first byte `ff`, not official) 8 bytes of length, the bytes, and
    /// padding to a multiple of 4.
    public mutating func readBytes() throws(TLError) -> ByteBuffer {
        let first = try self.readInteger(UInt8.self)
        let header: Int
        let length: Int
        switch first {
        case 0xff:
            let low = try self.readInteger(UInt8.self)
            let middle = try self.readInteger(UInt16.self)
            let high = try self.readInteger(UInt32.self)
            let value = UInt64(high) << 24 | UInt64(middle) << 8 | UInt64(low)
            guard value <= UInt64(self.remaining) else { throw .invalidLength(value) }
            header = 8
            length = Int(value)
        case 0xfe:
            let low = try self.readInteger(UInt8.self)
            let high = try self.readInteger(UInt16.self)
            header = 4
            length = Int(high) << 8 | Int(low)
        default:
            header = 1
            length = Int(first)
        }
        guard length <= self.remaining else { throw .invalidLength(length) }
        let padding = -(header + length) & 3
        guard length + padding <= self.remaining, let slice = self.buffer.readSlice(length: length) else {
            throw .truncated
        }
        self.buffer.moveReaderIndex(forwardBy: padding)
        return slice
    }

    /// Reads `bytes` or a `string` as an array.
    public mutating func readByteArray() throws(TLError) -> [UInt8] {
        Array(buffer: try self.readBytes())
    }

    /// Reads a `string`; bytes that are not UTF-8 are replaced.
    public mutating func readString() throws(TLError) -> String {
        String(buffer: try self.readBytes())
    }

    /// Reads the head of a `Vector`: its constructor and its count.
    ///
    /// - Parameter minimumItemSize: The least number of bytes of an item.
    /// - Returns: The count; so many items of the least size fit into the rest.
    public mutating func readVector(minimumItemSize: Int) throws(TLError) -> Int {
        try self.expectConstructor(TLConstant.vector)
        return try self.readBareVector(minimumItemSize: minimumItemSize)
    }

    /// Reads the head of a bare `vector`: its count only. Otherwise like ``readVector(minimumItemSize:)``.
    public mutating func readBareVector(minimumItemSize: Int) throws(TLError) -> Int {
        let count = try self.readInt32()
        guard count >= 0, Int(count) <= self.remaining / max(1, minimumItemSize) else { throw .invalidCount(count) }
        return Int(count)
    }

    /// Reads a `Vector<long>`.
    ///
    /// - Parameter maximumCount: How many items it may have.
    public mutating func readUInt64Vector(maximumCount: Int = .max) throws(TLError) -> [UInt64] {
        let count = try self.readVector(minimumItemSize: 8)
        guard count <= maximumCount else { throw .limitExceeded(maximumCount) }
        var values: [UInt64] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try self.readUInt64()) }
        return values
    }

    /// Reads a `Vector` of boxed values.
    public mutating func readVector<T: TLBoxed>(of type: T.Type) throws(TLError) -> [T] {
        try self.readItems(count: try self.readVector(minimumItemSize: 4))
    }

    /// Reads a bare `vector` of boxed values.
    public mutating func readBareVector<T: TLBoxed>(of type: T.Type) throws(TLError) -> [T] {
        try self.readItems(count: try self.readBareVector(minimumItemSize: 4))
    }

    /// Reads a bare `vector` of bare values, each of them of `itemSize` bytes or more.
    public mutating func readBareVector<T: TLObject>(of type: T.Type, itemSize: Int) throws(TLError) -> [T] {
        let count = try self.readBareVector(minimumItemSize: itemSize)
        var items: [T] = []
        for _ in 0..<count { items.append(try T(fields: &self)) }
        return items
    }

    private mutating func readItems<T: TLBoxed>(count: Int) throws(TLError) -> [T] {
        guard count <= self.remainingElements else { throw .limitExceeded(self.remainingElements) }
        self.remainingElements -= count
        var items: [T] = []
        for _ in 0..<count { items.append(try T.read(from: &self)) }
        return items
    }

    /// Runs a part that may nest: it throws ``TLError/tooDeep`` instead of exhausting the stack.
    public mutating func nested<T>(_ body: (inout TLReader) throws(TLError) -> T) throws(TLError) -> T {
        guard self.remainingDepth > 0 else { throw .tooDeep }
        self.remainingDepth -= 1
        let value = try body(&self)
        self.remainingDepth += 1
        return value
    }
}
