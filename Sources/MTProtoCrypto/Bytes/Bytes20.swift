// SPDX-License-Identifier: Apache-2.0

/// Twenty raw bytes: a SHA-1 digest.
public struct Bytes20: FixedBytes {
    @usableFromInline var first: UInt64 = 0
    @usableFromInline var second: UInt64 = 0
    @usableFromInline var third: UInt32 = 0

    /// 20.
    public static var byteCount: Int { 20 }

    /// All bytes zero.
    @inlinable
    public init() {}

    /// Compares all bytes, wherever the first difference is.
    @inlinable
    public static func == (left: Self, right: Self) -> Bool {
        ((left.first ^ right.first) | (left.second ^ right.second) | UInt64(left.third ^ right.third)) == 0
    }

    /// The exclusive or of two values.
    @inlinable
    public static func ^ (left: Self, right: Self) -> Self {
        var result = left
        result.first ^= right.first
        result.second ^= right.second
        result.third ^= right.third
        return result
    }
}
