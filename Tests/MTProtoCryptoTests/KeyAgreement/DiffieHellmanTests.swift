// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Synchronization
import Testing

private final class DrawCounter: Sendable {
    let value = Mutex(0)
}

@Suite(.serialized) struct DiffieHellmanTests {
    private static func code(of body: () throws(CryptoError) -> Void) -> CryptoError.Code? {
        do {
            try body()
            return nil
        } catch {
            return error.code
        }
    }

    private static func code(prime: [UInt8], generator: UInt32) -> CryptoError.Code? {
        Self.code { () throws(CryptoError) in
            try DiffieHellman.validate(.init(prime: prime, generator: generator), random: .seeded(60))
        }
    }

    // MARK: - The sample exchange

    @Test func replay() throws {
        #expect(DiffieHellman.knownPrime == ExchangeVectors.prime)
        let publicValue = try DiffieHellman.publicValue(
            generator: 3,
            exponent: ExchangeVectors.clientSecret,
            prime: ExchangeVectors.prime
        )
        #expect(publicValue == ExchangeVectors.clientPublicValue)
        let secret = try DiffieHellman.sharedSecret(
            base: ExchangeVectors.serverPublicValue,
            exponent: ExchangeVectors.clientSecret,
            prime: ExchangeVectors.prime
        )
        #expect(secret == ExchangeVectors.authorizationKey)
    }

    @Test(arguments: 0..<3)
    func bothSidesAgree(seed: Int) throws {
        let random = RandomSource.seeded(UInt64(seed))
        let group = DiffieHellman.standardGroup
        let (a, b) = (random.bytes(256), random.bytes(256))
        let (publicA, publicB) = (
            try DiffieHellman.publicValue(generator: group.generator, exponent: a, prime: group.prime),
            try DiffieHellman.publicValue(generator: group.generator, exponent: b, prime: group.prime)
        )
        try DiffieHellman.validatePublicValue(publicA, prime: group.prime)
        let one = try DiffieHellman.sharedSecret(base: publicA, exponent: b, prime: group.prime)
        let other = try DiffieHellman.sharedSecret(base: publicB, exponent: a, prime: group.prime)
        #expect(one == other)
        #expect(one.count == 256)
    }

    @Test func resultsArePadded() throws {
        let result = try DiffieHellman.publicValue(generator: 3, exponent: [2], prime: ExchangeVectors.prime)
        #expect(result == [UInt8](repeating: 0, count: 255) + [9])
        let one = try DiffieHellman.sharedSecret(base: [0, 5], exponent: [0], prime: ExchangeVectors.prime)
        #expect(one == [UInt8](repeating: 0, count: 255) + [1])
    }

    @Test func unusableInputs() {
        let prime = ExchangeVectors.prime
        let even = prime.dropLast() + [0]
        let cases: [([UInt8], [UInt8], [UInt8], CryptoError.Code)] = [
            ([3], [], prime, .invalidLength), ([3], [UInt8](repeating: 1, count: 257), prime, .invalidLength),
            ([UInt8](repeating: 0, count: 257), [1], prime, .invalidLength),
            ([3], [1], Array(prime.dropLast()), .invalidLength), ([3], [1], prime + [1], .invalidLength),
            ([3], [1], [], .invalidLength), (prime, [1], prime, .valueOutOfRange),
            ([3], [1], Array(even), .valueOutOfRange),
            ([3], [1], [UInt8](repeating: 0, count: 256), .valueOutOfRange),
            ([0], [1], [UInt8](repeating: 0, count: 255) + [1], .valueOutOfRange),
        ]
        for (base, exponent, prime, expected) in cases {
            let code = Self.code { () throws(CryptoError) in
                _ = try DiffieHellman.sharedSecret(base: base, exponent: exponent, prime: prime)
            }
            #expect(code == expected)
        }
    }

    // MARK: - Groups

    @Test(
        arguments: [(3, nil), (4, nil), (7, nil)] + [0, 1, 2, 5, 6, 8, 9, .max].map { ($0, .unsuitableGenerator) }
            as [(UInt32, CryptoError.Code?)]
    )
    func generatorsOfTheKnownPrime(generator: UInt32, expected: CryptoError.Code?) {
        #expect(Self.code(prime: DiffieHellman.knownPrime, generator: generator) == expected)
    }

    /// The rules by residues say the same as Euler's criterion, g^((p - 1) / 2) = 1.
    @Test(arguments: [ExchangeVectors.prime, GroupVectors.otherSafePrime], UInt32(2)...7)
    func generatorRulesAreQuadraticResidues(prime: [UInt8], generator: UInt32) throws {
        var carry: UInt8 = 0
        let half = prime.map { byte in
            defer { carry = byte << 7 }
            return byte >> 1 | carry
        }
        let power = try DiffieHellman.publicValue(generator: generator, exponent: half, prime: prime)
        let isResidue = power == [UInt8](repeating: 0, count: 255) + [1]
        #expect((Self.code(prime: prime, generator: generator) == nil) == isResidue)
    }

    /// Each rule at each residue: the generator is looked at first, so its verdict shows whatever the modulus is.
    @Test func everyResidueOfEveryGenerator() {
        let rules: [(generator: UInt32, divisor: Int, good: Set<Int>)] = [
            (2, 8, [7]), (3, 3, [2]), (4, 1, [0]), (5, 5, [1, 4]), (6, 24, [19, 23]), (7, 7, [3, 5, 6]),
        ]
        for number in 0..<256 {
            // 2^2047 + number passes through every residue.
            let modulus = [0x80] + [UInt8](repeating: 0, count: 254) + [UInt8(number)]
            for rule in rules {
                let residue = modulus.reduce(0) { ($0 * 256 + Int($1)) % rule.divisor }
                let code = Self.code(prime: modulus, generator: rule.generator)
                #expect(
                    code == (rule.good.contains(residue) ? .unsafePrime : .unsuitableGenerator),
                    "generator \(rule.generator), residue \(residue)"
                )
            }
        }
    }

    @Test func anotherSafePrimeIsTested() {
        // Only a test of primality draws random bytes. Other tests may validate the same prime, so it is forgotten first.
        let counter = DrawCounter()
        let random = RandomSource { bytes in
            counter.value.withLock { $0 += 1 }
            RandomSource.system.fill(bytes)
        }
        let group = DiffieHellman.Group(prime: GroupVectors.otherSafePrime, generator: 2)
        for number: UInt8 in 0..<16 { DiffieHellman.remember([number]) }
        #expect(throws: Never.self) { try DiffieHellman.validate(group, random: random) }
        // One round and the rest, for the prime and for its half.
        #expect(counter.value.withLock { $0 } == 4)
        #expect(throws: Never.self) { try DiffieHellman.validate(group, random: random) }
        #expect(counter.value.withLock { $0 } == 4)
        // A server that sends ever new primes cannot keep this one out: the oldest gives way, the embedded one never does.
        for number: UInt8 in 0..<16 { DiffieHellman.remember([number]) }
        #expect(throws: Never.self) { try DiffieHellman.validate(group, random: random) }
        #expect(counter.value.withLock { $0 } == 8)
        #expect(throws: Never.self) { try DiffieHellman.validate(group, random: random) }
        #expect(throws: Never.self) { try DiffieHellman.validate(DiffieHellman.standardGroup, random: random) }
        #expect(counter.value.withLock { $0 } == 8)
    }

    @Test func comparisonInConstantTime() {
        let random = RandomSource.seeded(70)
        for _ in 0..<200 {
            let left = random.bytes(3).map { $0 & 3 }
            let right = random.bytes(3).map { $0 & 3 }
            #expect(BigEndian.isLessInConstantTime(left, than: right) == left.lexicographicallyPrecedes(right))
        }
    }

    @Test func unsafePrimes() {
        #expect(Self.code(prime: GroupVectors.primeWithCompositeHalf, generator: 4) == .unsafePrime)
        #expect(Self.code(prime: GroupVectors.compositeWithPrimeHalf, generator: 4) == .unsafePrime)
    }

    @Test func otherSizes() {
        let prime = DiffieHellman.knownPrime
        let moduli: [[UInt8]] = [
            [], [0], Array(prime.dropLast()), [0] + prime, prime + [1], [0x7F] + prime.dropFirst(),
        ]
        for modulus in moduli {
            #expect(Self.code(prime: modulus, generator: 4) == .unsafePrime)
        }
    }

    @Test(arguments: [2, 4, 6, 8, 0x80])
    func neighboursOfThePrime(difference: UInt8) {
        #expect(
            Self.code(prime: DiffieHellman.knownPrime.dropLast() + [0x5B ^ difference], generator: 4) == .unsafePrime
        )
    }

    @Test func evenModulus() {
        #expect(Self.code(prime: DiffieHellman.knownPrime.dropLast() + [0x5A], generator: 4) == .unsafePrime)
        #expect(Self.code(prime: [0x80] + [UInt8](repeating: 0, count: 255), generator: 4) == .unsafePrime)
        #expect(Self.code(prime: [UInt8](repeating: 0xFF, count: 256), generator: 4) == .unsafePrime)
    }

    // MARK: - Public values

    private static func verdict(_ value: [UInt8]) -> CryptoError.Code? {
        Self.code { () throws(CryptoError) in
            try DiffieHellman.validatePublicValue(value, prime: DiffieHellman.knownPrime)
        }
    }

    /// `prime - value`.
    private static func minus(_ value: [UInt8]) -> [UInt8] {
        var borrow = 0
        var result = DiffieHellman.knownPrime
        for index in result.indices.reversed() {
            let difference = Int(result[index]) - Int(value[index]) - borrow
            borrow = difference < 0 ? 1 : 0
            result[index] = UInt8(truncatingIfNeeded: difference)
        }
        return result
    }

    private static let margin = [0, 0, 0, 0, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 248)  // 2^1984
    private static let belowMargin = [UInt8](repeating: 0, count: 8) + [UInt8](repeating: 0xFF, count: 248)

    @Test func valuesWithinTheMargins() {
        #expect(Self.verdict(Self.margin) == nil)
        #expect(Self.verdict(Self.minus(Self.margin)) == nil)
        #expect(Self.verdict([0, 0] + Self.margin) == nil)
        #expect(Self.verdict(Array(Self.margin.dropFirst(7))) == nil)
        #expect(Self.verdict(ExchangeVectors.serverPublicValue) == nil)
        #expect(Self.verdict(ExchangeVectors.clientPublicValue) == nil)
    }

    @Test func valuesOutsideOfTheMargins() {
        let prime = DiffieHellman.knownPrime
        let one = [UInt8](repeating: 0, count: 255) + [1]
        let values: [[UInt8]] = [
            [], [0], [1], [2], Self.belowMargin, Self.minus(Self.belowMargin), Self.minus(one), prime,
            prime.dropLast() + [0x5C], [UInt8](repeating: 0xFF, count: 256), [1] + Self.margin,
            [UInt8](repeating: 1, count: 300),
        ]
        for value in values {
            #expect(Self.verdict(value) == .unsafePublicValue)
        }
    }

    @Test(arguments: [0, 255, 257])
    func otherModulusSizes(count: Int) {
        let code = Self.code { () throws(CryptoError) in
            try DiffieHellman.validatePublicValue(Self.margin, prime: [UInt8](repeating: 0xFF, count: count))
        }
        #expect(code == .invalidLength)
    }
}
