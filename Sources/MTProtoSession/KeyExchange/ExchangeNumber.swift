// SPDX-License-Identifier: Apache-2.0

/// The numbers p, q and pq of an exchange: big endian on the wire, without leading zeros, at most 64 bits. And those
/// of the group, of 2048 bits.
enum ExchangeNumber {
    /// The shortest big-endian bytes of a number.
    static func bytes(_ number: UInt64) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0.drop { $0 == 0 }) }
    }

    /// The number, however many zeros lead; nil if it does not fit 64 bits.
    static func parse(_ bytes: [UInt8]) -> UInt64? {
        let digits = bytes.drop { $0 == 0 }
        guard digits.count <= 8 else { return nil }
        return digits.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// A 2048-bit number as exactly 256 bytes, however many zeros lead; nil if it has more digits.
    static func parse256(_ bytes: [UInt8]) -> [UInt8]? {
        let digits = bytes.drop { $0 == 0 }
        guard digits.count <= 256 else { return nil }
        return [UInt8](repeating: 0, count: 256 - digits.count) + digits
    }

    /// Whether the product of two numbers is a third, without overflow.
    static func isProduct(_ product: UInt64, of p: UInt64, and q: UInt64) -> Bool {
        let (value, overflow) = p.multipliedReportingOverflow(by: q)
        return !overflow && value == product
    }
}
