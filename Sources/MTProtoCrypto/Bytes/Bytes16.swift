// SPDX-License-Identifier: Apache-2.0

/// Sixteen raw bytes: a nonce, a message key, a cipher block.
public struct Bytes16: FixedBytes {
    @usableFromInline var first: UInt64 = 0
    @usableFromInline var second: UInt64 = 0

    /// 16.
    public static var byteCount: Int { 16 }

    /// All bytes zero.
    @inlinable
    public init() {}

    /// Compares all bytes, wherever the first difference is.
    @inlinable
    public static func == (left: Self, right: Self) -> Bool {
        ((left.first ^ right.first) | (left.second ^ right.second)) == 0
    }

    /// The exclusive or of two values.
    @inlinable
    public static func ^ (left: Self, right: Self) -> Self {
        var result = left
        result.first ^= right.first
        result.second ^= right.second
        return result
    }
}
