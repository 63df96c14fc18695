// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// The codes that client and proxy hide in the `random` fields of their hellos, by which they know each other.
///
/// The field is 32 bytes at the offset 11 of the first record, header included, and counts as zero while its code is
/// computed.
///
/// Specification: none official; what MTProxy does.
public enum FakeTLSDigest {
    /// Where the field is, in bytes from the begin of the record.
    public static let field = 11..<43

    /// The field of a ClientHello.
    ///
    /// - Parameters:
    ///   - hello: The whole record and nothing behind it; its field may hold anything.
    ///   - key: The secret's key.
    ///   - unixTime: The proxy's time in seconds since 1970, of which the low 32 bits are sent.
    /// - Returns: The field; `nil` when the record is shorter than 43 bytes.
    public static func clientRandom(for hello: ByteBuffer, key: Bytes16, unixTime: Int64) -> Bytes32? {
        guard var code = Self.code(of: hello, after: nil, key: key) else { return nil }
        let time = UInt32(truncatingIfNeeded: unixTime)
        code.withUnsafeMutableBytes { code in
            for index in 0..<4 { code[28 + index] ^= UInt8(truncatingIfNeeded: time >> UInt32(8 * index)) }
        }
        return code
    }

    /// Checks the field of a ClientHello, in constant time.
    ///
    /// - Parameters:
    ///   - hello: The whole record and nothing behind it: bytes that belong to the next record change the code.
    ///   - key: The secret's key.
    /// - Returns: The client's time, the low 32 bits of seconds since 1970; `nil` when the client does not know the key.
    public static func unixTime(of hello: ByteBuffer, key: Bytes16) -> UInt32? {
        guard let code = Self.code(of: hello, after: nil, key: key), let field = Self.random(in: hello) else {
            return nil
        }
        var difference = code ^ field
        let time = difference.withUnsafeMutableBytes { difference in
            defer { for index in 28..<32 { difference[index] = 0 } }
            return (0..<4).reduce(UInt32(0)) { $0 | UInt32(difference[28 + $1]) << UInt32(8 * $1) }
        }
        return difference.isEqualInConstantTime(to: Bytes32()) ? time : nil
    }

    /// The field of a ServerHello.
    ///
    /// - Parameters:
    ///   - flight: All records of the answer and nothing behind them; its field may hold anything.
    ///   - clientRandom: The field of the ClientHello, as it was sent.
    ///   - key: The secret's key.
    /// - Returns: The field; `nil` when the flight is shorter than 43 bytes.
    public static func serverRandom(for flight: ByteBuffer, answering clientRandom: Bytes32, key: Bytes16) -> Bytes32? {
        Self.code(of: flight, after: clientRandom, key: key)
    }

    /// The field as it stands in a record; `nil` when the record is shorter than 43 bytes.
    public static func random(in record: ByteBuffer) -> Bytes32? {
        record.withUnsafeReadableBytes { bytes in
            guard bytes.count >= Self.field.upperBound else { return nil }
            return Bytes32(UnsafeRawBufferPointer(rebasing: bytes[Self.field]))
        }
    }

    private static func code(of record: ByteBuffer, after prefix: Bytes32?, key: Bytes16) -> Bytes32? {
        record.withUnsafeReadableBytes { bytes in
            guard bytes.count >= Self.field.upperBound else { return nil }
            var code = HMACSHA256(key: key)
            prefix?.withUnsafeBytes { code.update($0) }
            code.update(UnsafeRawBufferPointer(rebasing: bytes[..<Self.field.lowerBound]))
            Bytes32().withUnsafeBytes { code.update($0) }
            code.update(UnsafeRawBufferPointer(rebasing: bytes[Self.field.upperBound...]))
            return code.finalize()
        }
    }
}
