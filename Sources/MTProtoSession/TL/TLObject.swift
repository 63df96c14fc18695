// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A TL value that is written behind its constructor, which says what follows.
///
/// Specification: *Binary Data Serialization*.
public protocol TLBoxed: Sendable {
    /// Reads the constructor and the fields.
    ///
    /// - Throws: ``TLError`` if the bytes are something else or end too early.
    static func read(from reader: inout TLReader) throws(TLError) -> Self

    /// Writes the constructor and the fields.
    func write(to buffer: inout ByteBuffer)
}

extension TLBoxed {
    /// Reads a boxed value from the front of a buffer; bytes behind it are ignored, because peers pad.
    public init(_ buffer: ByteBuffer) throws(TLError) {
        var reader = TLReader(buffer)
        self = try Self.read(from: &reader)
    }

    /// The boxed value in a buffer of its own.
    public func serialized(allocator: ByteBufferAllocator = ByteBufferAllocator()) -> ByteBuffer {
        var buffer = allocator.buffer(capacity: 64)
        self.write(to: &buffer)
        return buffer
    }
}

/// A TL value with one constructor.
///
/// Specification: *Binary Data Serialization*.
public protocol TLObject: TLBoxed {
    /// The CRC-32 of the constructor's line, as printed; the wire has it little endian.
    static var constructor: UInt32 { get }

    /// Reads the fields that follow the constructor.
    init(fields reader: inout TLReader) throws(TLError)

    /// Writes the fields that follow the constructor.
    func writeFields(to buffer: inout ByteBuffer)
}

extension TLObject {
    /// Reads the constructor, which must be this type's, and the fields.
    public static func read(from reader: inout TLReader) throws(TLError) -> Self {
        try reader.expectConstructor(Self.constructor)
        return try Self(fields: &reader)
    }

    /// Writes the constructor and the fields.
    public func write(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt32(Self.constructor)
        self.writeFields(to: &buffer)
    }
}

/// A TL function: a value that asks for another one.
public protocol TLMethod: TLObject {
    /// The type of the answer.
    associatedtype Result: Sendable

    /// Reads the answer.
    ///
    /// - Throws: ``TLError`` if the bytes are something else or end too early.
    static func readResult(_ reader: inout TLReader) throws(TLError) -> Result
}
