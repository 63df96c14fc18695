// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

/// Arithmetic on numbers as big-endian bytes. Leading zeros never matter.
package enum BigEndian {
    /// The number in exactly `count` bytes, `nil` if it does not fit.
    static func padded(_ number: [UInt8], to count: Int) -> [UInt8]? {
        let significant = number.drop { $0 == 0 }
        guard significant.count <= count else {
            return nil
        }
        return [UInt8](repeating: 0, count: count - significant.count) + significant
    }

    /// Whether `left < right`. For public numbers: the time depends on them.
    static func isLess(_ left: [UInt8], than right: [UInt8]) -> Bool {
        let left = left.drop { $0 == 0 }
        let right = right.drop { $0 == 0 }
        if left.count != right.count {
            return left.count < right.count
        }
        return left.lexicographicallyPrecedes(right)
    }

    /// Whether `left < right` for numbers of the same length, in a time that depends on the length only.
    package static func isLessInConstantTime(_ left: [UInt8], than right: [UInt8]) -> Bool {
        var borrow = 0
        for (left, right) in zip(left, right).reversed() {
            // The sign of the difference, without a branch.
            borrow = (Int(left) - Int(right) - borrow) >> 8 & 1
        }
        return borrow == 1
    }

    /// `left - right` for numbers of the same length, the first at least as large as the second.
    static func difference(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var result = left
        var borrow = 0
        for index in left.indices.reversed() {
            let value = Int(left[index]) - Int(right[index]) - borrow
            borrow = value < 0 ? 1 : 0
            result[index] = UInt8(truncatingIfNeeded: value)
        }
        return result
    }

    /// `number mod divisor` for a divisor from 1 to 2^24.
    static func remainder(_ number: [UInt8], _ divisor: UInt32) -> UInt32 {
        number.reduce(0) { ($0 << 8 | UInt32($1)) % divisor }
    }

    /// `base^exponent mod modulus` in as many bytes as the modulus has. Base and result are treated as secrets, the
    /// exponent if told so.
    static func power(
        _ base: [UInt8],
        _ exponent: [UInt8],
        modulo modulus: [UInt8],
        secretExponent: Bool
    ) throws(CryptoError) -> [UInt8] {
        let compute = secretExponent ? cmtp_modexp_secret : cmtp_modexp_public
        var result = [UInt8](repeating: 0, count: modulus.count)
        let count = result.count
        let done = compute(
            &result,
            count,
            base,
            base.count,
            exponent,
            exponent.count,
            modulus,
            modulus.count
        )
        guard done == 1 else {
            throw CryptoError(.valueOutOfRange, "the base is not below the modulus, or the modulus is even")
        }
        return result
    }

    /// Whether a number is prime, by Miller–Rabin with random bases: a composite passes with a probability of at most
    /// 4^-rounds, whoever chose it.
    static func isProbablyPrime(
        _ number: [UInt8],
        rounds: Int,
        random: RandomSource
    ) throws(CryptoError) -> Bool {
        let witnesses = random.bytes(rounds * number.count)
        switch cmtp_is_probable_prime(number, number.count, witnesses, rounds) {
        case 1: return true
        case 0: return false
        default: throw CryptoError(.exhausted, "no memory for a primality test")
        }
    }
}
