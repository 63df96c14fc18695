// SPDX-License-Identifier: Apache-2.0

/// Thirty-two raw bytes: a cipher key, an IGE initialization vector, a SHA-256 digest.
public struct Bytes32: FixedBytes {
    @usableFromInline var first: UInt64 = 0
    @usableFromInline var second: UInt64 = 0
    @usableFromInline var third: UInt64 = 0
    @usableFromInline var fourth: UInt64 = 0

    /// 32.
    public static var byteCount: Int { 32 }

    /// All bytes zero.
    @inlinable
    public init() {}

    /// Compares all bytes, wherever the first difference is.
    @inlinable
    public static func == (left: Self, right: Self) -> Bool {
        ((left.first ^ right.first) | (left.second ^ right.second)
            | (left.third ^ right.third) | (left.fourth ^ right.fourth)) == 0
    }

    /// The exclusive or of two values.
    @inlinable
    public static func ^ (left: Self, right: Self) -> Self {
        var result = left
        result.first ^= right.first
        result.second ^= right.second
        result.third ^= right.third
        result.fourth ^= right.fourth
        return result
    }
}
