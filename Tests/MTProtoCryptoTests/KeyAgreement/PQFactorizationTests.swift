// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@Suite struct PQFactorizationTests {
    @Test(
        arguments: [
            (0x1460_E7D3_FA72_7791, 0x3C23_57CF, 0x56BF_B29F), (0x17ED_4894_1A08_F981, 0x494C_553B, 0x5391_1073),
            (15, 3, 5), (21, 3, 7), (35, 5, 7), (3 * 3_074_457_345_618_258_599, 3, 3_074_457_345_618_258_599),
            (2_147_483_629 * 2_147_483_647, 2_147_483_629, 2_147_483_647), (1009 * 1013, 1009, 1013),
            (3_037_000_453 * 3_037_000_493, 3_037_000_453, 3_037_000_493),
        ] as [(UInt64, UInt64, UInt64)]
    )
    func knownProducts(pq: UInt64, p: UInt64, q: UInt64) throws {
        let factors = try PQFactorization.factor(pq)
        #expect(factors.p == p)
        #expect(factors.q == q)
    }

    @Test(arguments: 0..<100)
    func madeProducts(seed: Int) throws {
        let made = PQFactorization.makeProduct(.seeded(UInt64(seed)))
        #expect(made.p < made.q)
        #expect(made.p * made.q == made.pq)
        #expect((1 << 30..<1 << 31).contains(made.p))
        #expect((1 << 30..<1 << 31).contains(made.q))
        let factors = try PQFactorization.factor(made.pq)
        #expect(factors.p == made.p)
        #expect(factors.q == made.q)
    }

    @Test func everySmallNumber() {
        func isPrime(_ number: UInt64) -> Bool {
            number > 1 && !(2..<number).contains { number % $0 == 0 }
        }
        for number in UInt64(0)...1500 {
            let factor: UInt64 = (3..<max(number, 3)).first { number % $0 == 0 } ?? 0
            let isProduct = number % 2 == 1 && factor != 0 && factor * factor != number && isPrime(number / factor)
            let factors = try? PQFactorization.factor(number)
            #expect((factors != nil) == isProduct, "\(number)")
            #expect(factors == nil || factors! == (factor, number / factor), "\(number)")
        }
    }

    @Test(
        arguments: [
            // Primes, the largest below 2^63 among them.
            9_223_372_036_854_775_783, 2_305_843_009_213_693_951, 2_147_483_647,
            // Squares and a cube of primes.
            3_037_000_493 * 3_037_000_493, 2_147_483_647 * 2_147_483_647, 2_097_143 * 2_097_143 * 2_097_143,
            // Even, too large.
            2 * 4_611_686_018_427_387_847, 1 << 62, 1 << 63, (1 << 63) + 1, .max,
            // More than two primes; Carmichael numbers, which fool Fermat's test.
            2_000_003 * 2_090_003 * 2_000_500, 2_000_003 * 2_090_003 * 1_999_993, 3 * 5 * 7,
            15 * 4_294_967_291, 561, 3_825_123_056_546_413_051, 4_759_123_141 * 3, .max / 2,
        ] as [UInt64]
    )
    func hostileValues(pq: UInt64) {
        #expect(throws: CryptoError(code: .notProductOfTwoPrimes, message: "")) {
            try PQFactorization.factor(pq)
        }
    }

    /// Numbers of no known form: an answer or a typed error, in bounded time.
    @Test(arguments: 0..<100)
    func randomNumbers(seed: Int) {
        let random = RandomSource.seeded(UInt64(7000 + seed))
        let number: UInt64 = random.integer() >> UInt64(random.integer(in: 0...40))
        do {
            let factors = try PQFactorization.factor(number)
            #expect(factors.p * factors.q == number)
            #expect(factors.p > 1 && factors.p < factors.q)
        } catch {
            #expect(error.code == .notProductOfTwoPrimes)
        }
    }
}
