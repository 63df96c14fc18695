// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

/// A fixed number of raw bytes, stored inline in the order of the wire.
///
/// The values are nonces, message keys and cipher keys, so a description does not show them; ask for ``hex`` where the
/// value is no secret. Equality takes the same time wherever two values differ.
public protocol FixedBytes: BitwiseCopyable, Hashable, Sendable, Codable, CustomStringConvertible, CustomReflectable {
    /// The number of bytes.
    static var byteCount: Int { get }

    /// All bytes zero.
    init()
}

extension FixedBytes {
    /// Creates a value from exactly ``byteCount`` bytes.
    ///
    /// - Parameter bytes: The bytes in the order of the wire. Any other number of them gives `nil`.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else {
            return nil
        }
        self.init()
        self.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
    }

    /// Creates a value from exactly ``byteCount`` bytes.
    ///
    /// - Parameter bytes: The bytes in the order of the wire. It is a programming error if their number differs.
    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count == Self.byteCount, "wrong number of bytes")
        self.init()
        self.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
    }

    /// Calls `body` with the bytes, which are valid during the call only.
    @inlinable
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Swift.withUnsafeBytes(of: self) { (bytes) throws(Failure) -> Result in
            try body(UnsafeRawBufferPointer(rebasing: bytes[..<Self.byteCount]))
        }
    }

    /// Calls `body` with the bytes to be changed, which are valid during the call only.
    @inlinable
    public mutating func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try Swift.withUnsafeMutableBytes(of: &self) { (bytes) throws(Failure) -> Result in
            try body(UnsafeMutableRawBufferPointer(rebasing: bytes[..<Self.byteCount]))
        }
    }

    /// The bytes as an array.
    public var array: [UInt8] {
        self.withUnsafeBytes { Array($0) }
    }

    /// The bytes as lower-case hexadecimal digits. Do not log it for a secret.
    public var hex: String {
        self.withUnsafeBytes { Hexadecimal.string($0) }
    }

    /// Makes a value of random bytes.
    ///
    /// - Parameter source: Where the bytes come from.
    public static func random(_ source: RandomSource) -> Self {
        var value = Self()
        value.withUnsafeMutableBytes { source.fill($0) }
        return value
    }

    /// Compares two values in a time that does not depend on where they differ.
    public func isEqualInConstantTime(to other: Self) -> Bool {
        self.withUnsafeBytes { left in
            other.withUnsafeBytes { right in constantTimeEquals(left, right) }
        }
    }

    /// The number of bytes, not their values.
    public var description: String { "<\(Self.byteCount) bytes>" }

    /// Shows no bytes.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }

    /// Decodes a string of hexadecimal digits.
    ///
    /// - Throws: `DecodingError` if there is no string or it is not ``byteCount`` bytes long.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let bytes = Hexadecimal.bytes(try container.decode(String.self)), let value = Self(bytes) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "expected \(Self.byteCount) bytes in hexadecimal"
            )
        }
        self = value
    }

    /// Encodes the bytes as a string of hexadecimal digits.
    ///
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.hex)
    }
}

/// Compares two byte sequences; the time depends on their length only. Different lengths are unequal.
package func constantTimeEquals(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count else {
        return false
    }
    guard let leftBase = left.baseAddress, let rightBase = right.baseAddress else {
        return true
    }
    return cmtp_equal(leftBase, rightBase, left.count) == 1
}

/// Compares two byte sequences; the time depends on their length only. Different lengths are unequal.
package func constantTimeEquals(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.withUnsafeBytes { left in
        right.withUnsafeBytes { right in constantTimeEquals(left, right) }
    }
}
