// SPDX-License-Identifier: Apache-2.0

/// The proof of work of the key exchange: `pq` into its two primes, and the making of such a product.
///
/// Specification: *Creating an Authorization Key*, steps 1 to 3.
public enum PQFactorization {
    /// Splits a product into its primes, with Brent's form of Pollard's rho method.
    ///
    /// A genuine value takes about a third of a millisecond in a release build. The work is bounded for any value.
    ///
    /// - Parameter pq: The product.
    /// - Returns: The primes, `p < q`.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/notProductOfTwoPrimes`` unless the value is below 2^63 and the
    ///   product of two different odd primes; ``CryptoError/Code/factorizationFailed`` if the bound was reached.
    public static func factor(_ pq: UInt64) throws(CryptoError) -> (p: UInt64, q: UInt64) {
        guard pq <= UInt64(Int64.max), pq >= 15, pq % 2 == 1, !Self.isPrime(pq), !Self.isSquare(pq) else {
            throw CryptoError(.notProductOfTwoPrimes, "pq is not the product of two different odd primes below 2^63")
        }
        guard let factor = Self.smallFactor(pq) ?? Self.rho(Montgomery(pq)) else {
            throw CryptoError(.factorizationFailed, "pq could not be split in the bounded time")
        }
        let other = pq / factor
        guard factor != other, Self.isPrime(factor), Self.isPrime(other) else {
            throw CryptoError(.notProductOfTwoPrimes, "pq has more than two prime factors")
        }
        return (min(factor, other), max(factor, other))
    }

    /// Makes a product as a server does: of two different random primes of 31 bits.
    ///
    /// - Parameter random: Where the primes come from.
    /// - Returns: The product, below 2^62, and its primes, `p < q`.
    public static func makeProduct(_ random: RandomSource) -> (pq: UInt64, p: UInt64, q: UInt64) {
        let first = Self.randomPrime(random)
        var second = Self.randomPrime(random)
        while second == first {
            second = Self.nextPrime(after: second)
        }
        return (first * second, min(first, second), max(first, second))
    }

    private static func randomPrime(_ random: RandomSource) -> UInt64 {
        Self.nextPrime(after: UInt64(random.integer(UInt32.self) >> 2 | 1 << 30) & ~1)
    }

    /// The next prime, or a smaller one of 31 bits when there is none of 31 bits left.
    private static func nextPrime(after number: UInt64) -> UInt64 {
        var candidate = number | 1
        repeat {
            candidate += 2
            if candidate >= 1 << 31 {
                candidate = 1 << 30 | 1
            }
        } while !Self.isPrime(candidate)
        return candidate
    }

    // MARK: - Number theory on 63 bits

    private static let smallPrimes: [UInt64] = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37]

    private static func smallFactor(_ number: UInt64) -> UInt64? {
        Self.smallPrimes.first { number % $0 == 0 }
    }

    /// Miller–Rabin with the first twelve primes, which decides all 64-bit numbers.
    static func isPrime(_ number: UInt64) -> Bool {
        guard number > 2, number % 2 == 1 else {
            return number == 2
        }
        for prime in Self.smallPrimes where number % prime == 0 {
            return number == prime
        }
        let twos = (number - 1).trailingZeroBitCount
        let oddPart = (number - 1) >> twos
        let field = Montgomery(number)
        let minusOne = number - field.one
        bases: for base in [2] + Self.smallPrimes {
            var power = field.power(field.represent(base), oddPart)
            if power == field.one || power == minusOne {
                continue
            }
            for _ in 1..<twos {
                power = field.multiply(power, power)
                if power == minusOne {
                    continue bases
                }
            }
            return false
        }
        return true
    }

    private static func isSquare(_ number: UInt64) -> Bool {
        // The rounded root may be one off.
        let root = UInt64(Double(number).squareRoot())
        return (max(root, 1) - 1...root + 1).contains { $0 * $0 == number }
    }

    /// A proper factor of a composite that is no square.
    ///
    /// The expected number of steps is about the square root of the smaller prime, 2^16; 2^21 a polynomial is far beyond
    /// that.
    private static func rho(_ field: Montgomery) -> UInt64? {
        for increment in 1...UInt64(16) {
            if let factor = Self.rho(field, increment: field.represent(increment)) {
                return factor
            }
        }
        return nil
    }

    private static func rho(_ field: Montgomery, increment: UInt64) -> UInt64? {
        let batch = 128
        var fast = field.represent(2)
        var saved = fast
        var slow = fast
        var product = field.one
        var divisor: UInt64 = 1
        var length = 1
        while divisor == 1 {
            guard length <= 1 << 20 else {
                return nil
            }
            slow = fast
            for _ in 0..<length {
                fast = field.step(fast, increment)
            }
            var done = 0
            while done < length, divisor == 1 {
                saved = fast
                for _ in 0..<min(batch, length - done) {
                    fast = field.step(fast, increment)
                    product = field.multiply(product, slow > fast ? slow - fast : fast - slow)
                }
                divisor = Self.greatestCommonDivisor(product, field.modulus)
                done += batch
            }
            length *= 2
        }
        if divisor == field.modulus {
            // Both primes fell into one batch: repeat it step by step. The bound is the batch that found it.
            divisor = 1
            var steps = 0
            while divisor == 1, steps <= batch {
                saved = field.step(saved, increment)
                divisor = Self.greatestCommonDivisor(slow > saved ? slow - saved : saved - slow, field.modulus)
                steps += 1
            }
        }
        return divisor == 1 || divisor == field.modulus ? nil : divisor
    }

    private static func greatestCommonDivisor(_ left: UInt64, _ right: UInt64) -> UInt64 {
        var (left, right) = (left, right)
        while right != 0 {
            (left, right) = (right, left % right)
        }
        return left
    }
}

/// Multiplication modulo an odd number below 2^63, on numbers in Montgomery's representation (times 2^64).
private struct Montgomery {
    let modulus: UInt64
    /// The representation of 1.
    let one: UInt64
    /// `-modulus^-1 mod 2^64`.
    private let inverse: UInt64
    /// 2^128 modulo the modulus.
    private let square: UInt64

    init(_ modulus: UInt64) {
        self.modulus = modulus
        // Newton's iteration doubles the number of right bits; an odd number is its own inverse modulo 8.
        var inverse = modulus
        for _ in 0..<5 {
            inverse &*= 2 &- modulus &* inverse
        }
        self.inverse = 0 &- inverse
        self.one = (UInt64.max % modulus + 1) % modulus
        self.square = modulus.dividingFullWidth(self.one.multipliedFullWidth(by: self.one)).remainder
    }

    func represent(_ number: UInt64) -> UInt64 {
        self.multiply(number % self.modulus, self.square)
    }

    @inline(__always)
    func multiply(_ left: UInt64, _ right: UInt64) -> UInt64 {
        let product = left.multipliedFullWidth(by: right)
        let factor = product.low &* self.inverse
        let (high, _) = factor.multipliedFullWidth(by: self.modulus)
        // The low halves add up to 2^64, or to 0 when they are 0.
        let sum = product.high &+ high &+ (product.low == 0 ? 0 : 1)
        return sum >= self.modulus ? sum &- self.modulus : sum
    }

    /// One step of the sequence `x^2 + increment`.
    @inline(__always)
    func step(_ value: UInt64, _ increment: UInt64) -> UInt64 {
        let sum = self.multiply(value, value) &+ increment
        return sum >= self.modulus ? sum &- self.modulus : sum
    }

    func power(_ base: UInt64, _ exponent: UInt64) -> UInt64 {
        var result = self.one
        var base = base
        var exponent = exponent
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = self.multiply(result, base)
            }
            base = self.multiply(base, base)
            exponent >>= 1
        }
        return result
    }
}
