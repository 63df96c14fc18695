// SPDX-License-Identifier: Apache-2.0
import NIOCore

/// Takes values from the front of an input; an input that has ended gives zeros and empty chunks.
struct FuzzInput {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var isAtEnd: Bool {
        self.position >= self.bytes.count
    }

    mutating func byte() -> UInt8 {
        guard self.position < self.bytes.count else { return 0 }
        defer { self.position += 1 }
        return self.bytes[self.position]
    }

    mutating func integer<T: FixedWidthInteger>(_: T.Type = T.self) -> T {
        var value: T = 0
        for shift in stride(from: 0, to: T.bitWidth, by: 8) {
            value |= T(truncatingIfNeeded: self.byte()) &<< T(shift)
        }
        return value
    }

    /// At most `count` bytes.
    mutating func take(_ count: Int) -> [UInt8] {
        let end = Swift.min(self.position + count, self.bytes.count)
        defer { self.position = end }
        return Array(self.bytes[self.position..<end])
    }

    mutating func rest() -> [UInt8] {
        self.take(self.bytes.count - self.position)
    }

    /// A chunk whose length (0…65535, cut by the end of the input) stands before it in two bytes.
    mutating func chunk() -> [UInt8] {
        self.take(Int(self.integer(UInt16.self)))
    }
}

extension ByteBuffer {
    /// The same bytes at another index of a larger storage, so that code that confuses indices with counts is seen.
    static func shifted(_ bytes: [UInt8], by offset: Int = 5) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeRepeatingByte(0xA5, count: offset)
        buffer.moveReaderIndex(forwardBy: offset)
        buffer.writeBytes(bytes)
        return buffer
    }
}
