// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The Diffie–Hellman part of the key exchange: the group's and the values' checks, and the exponentiations.
///
/// Specification: *Creating an Authorization Key*; *Security Guidelines for Client Software Developers*.
public enum DiffieHellman {
    /// A modulus and a generator.
    public struct Group: Hashable, Sendable {
        /// The modulus, big endian: 256 bytes.
        public var prime: [UInt8]
        /// The generator: 2 to 7.
        public var generator: UInt32

        /// Creates a group, unchecked: see ``DiffieHellman/validate(_:random:)``.
        ///
        /// - Parameters:
        ///   - prime: The modulus, big endian: 256 bytes.
        ///   - generator: The generator: 2 to 7.
        public init(prime: [UInt8], generator: UInt32) {
            self.prime = prime
            self.generator = generator
        }
    }

    /// The size of the modulus and of all values: 256 bytes.
    public static let byteCount = 256

    /// The group of Telegram's servers: ``knownPrime`` and 3.
    public static let standardGroup = Group(prime: Self.knownPrime, generator: 3)

    /// The modulus that Telegram's servers use, a safe prime.
    public static let knownPrime: [UInt8] =
        Hexadecimal.bytes(
            """
            c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f\
            48198a0aa7c14058229493d22530f4dbfa336f6e0ac925139543aed44cce7c37\
            20fd51f69458705ac68cd4fe6b6b13abdc9746512969328454f18faf8c595f64\
            2477fe96bb2a941d5bcd1d4ac8cc49880708fa9b378e3c4f3a9060bee67cf9a4\
            a4a695811051907e162753b56b0f6b410dba74d8a84b2a14b3144e0ef1284754\
            fd17ed950d5965b4b9dd46582db1178d169c6bc465b0d6ff9ca3928fef5b9ae4\
            e418fc15e83ebea0f87fa9ff5eed70050ded2849f47bf959d956850ce929851f\
            0d8115f635b105ee2e4e15d04b2454bf6f4fadf034b10403119cd8e3b92fcc5b
            """
        ) ?? []

    // 4^-32 is below the chance of a random fault in the machine.
    private static let primalityRounds = 32
    // Bounded: a hostile server that sends ever new safe primes costs time, not memory.
    private static let goodPrimesLimit = 16
    // The one used last comes last.
    private static let goodPrimes = Mutex<[[UInt8]]>([])

    /// Checks a group that a server sent.
    ///
    /// The modulus must be a safe prime of 2048 bits; good ones are remembered, an unknown one costs about a quarter of
    /// a second. The generator must be a quadratic residue from 2 to 7, so that it generates the subgroup of prime
    /// order.
    ///
    /// - Parameters:
    ///   - group: The group.
    ///   - random: Where the bases of the primality test come from; they must not be foreseeable to the server.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/unsafePrime`` or ``CryptoError/Code/unsuitableGenerator``.
    public static func validate(_ group: Group, random: RandomSource = .system) throws(CryptoError) {
        guard group.prime.count == Self.byteCount, group.prime[0] & 0x80 != 0 else {
            throw CryptoError(.unsafePrime, "the modulus must have 2048 bits")
        }
        try Self.validateGenerator(group)
        if group.prime == Self.knownPrime || Self.isKnownGood(group.prime) {
            return
        }
        guard group.prime[Self.byteCount - 1] & 3 == 3 else {
            throw CryptoError(.unsafePrime, "the modulus is not a safe prime")
        }
        let half = Self.half(group.prime)
        // One round each ends nearly all composites before the costly rounds.
        guard try Self.isProbablyPrime(group.prime, and: half, rounds: 1, random: random),
            try Self.isProbablyPrime(group.prime, and: half, rounds: Self.primalityRounds, random: random)
        else {
            throw CryptoError(.unsafePrime, "the modulus is not a safe prime")
        }
        Self.remember(group.prime)
    }

    private static func isProbablyPrime(
        _ prime: [UInt8],
        and half: [UInt8],
        rounds: Int,
        random: RandomSource
    ) throws(CryptoError) -> Bool {
        guard try BigEndian.isProbablyPrime(prime, rounds: rounds, random: random) else { return false }
        return try BigEndian.isProbablyPrime(half, rounds: rounds, random: random)
    }

    private static func isKnownGood(_ prime: [UInt8]) -> Bool {
        Self.goodPrimes.withLock { primes in
            guard let index = primes.firstIndex(of: prime) else { return false }
            primes.append(primes.remove(at: index))
            return true
        }
    }

    /// Takes the place of the prime that was not used for the longest time: a server cannot fill the places for good.
    package static func remember(_ prime: [UInt8]) {
        Self.goodPrimes.withLock { primes in
            primes.removeAll { $0 == prime }
            if primes.count >= Self.goodPrimesLimit { primes.removeFirst() }
            primes.append(prime)
        }
    }

    private static func validateGenerator(_ group: Group) throws(CryptoError) {
        func remainder(_ divisor: UInt32) -> UInt32 {
            BigEndian.remainder(group.prime, divisor)
        }
        let isGood =
            switch group.generator {
            case 2: remainder(8) == 7
            case 3: remainder(3) == 2
            case 4: true
            case 5: [1, 4].contains(remainder(5))
            case 6: [19, 23].contains(remainder(24))
            case 7: [3, 5, 6].contains(remainder(7))
            default: false
            }
        guard isGood else {
            throw CryptoError(.unsuitableGenerator, "\(group.generator) does not generate the subgroup of prime order")
        }
    }

    /// Checks a public value, the other side's or one's own.
    ///
    /// It must lie from 2^1984 to p − 2^1984, which includes that it lies between 1 and p − 1.
    ///
    /// - Parameters:
    ///   - value: The value, big endian; leading zeros are ignored.
    ///   - prime: The modulus: 256 bytes.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/unsafePublicValue``, or ``CryptoError/Code/invalidLength`` if
    ///   the modulus does not have 256 bytes.
    public static func validatePublicValue(_ value: [UInt8], prime: [UInt8]) throws(CryptoError) {
        try Self.checkLength(prime: prime)
        guard let value = BigEndian.padded(value, to: Self.byteCount), BigEndian.isLess(value, than: prime) else {
            throw CryptoError(.unsafePublicValue, "the public value is not below the modulus")
        }
        // A number of 2048 bits is at least 2^1984 when its first eight bytes are not all zero.
        let fromAbove = BigEndian.difference(prime, value)
        guard value[..<8].contains(where: { $0 != 0 }), fromAbove[..<8].contains(where: { $0 != 0 }) else {
            throw CryptoError(.unsafePublicValue, "the public value is too close to an end of its range")
        }
    }

    /// Computes `generator^exponent mod prime` in constant time.
    ///
    /// - Parameters:
    ///   - generator: The generator.
    ///   - exponent: The secret, big endian: 1 to 256 bytes.
    ///   - prime: The modulus: 256 bytes.
    /// - Returns: 256 bytes, big endian.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/invalidLength``, or ``CryptoError/Code/valueOutOfRange`` if the
    ///   modulus is even or not above the generator.
    public static func publicValue(
        generator: UInt32,
        exponent: [UInt8],
        prime: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        let base = withUnsafeBytes(of: generator.bigEndian) { Array($0) }
        return try Self.sharedSecret(base: base, exponent: exponent, prime: prime)
    }

    /// Computes `base^exponent mod prime` in constant time: the authorization key, from the other side's public value.
    ///
    /// - Parameters:
    ///   - base: The public value, big endian, at most 256 bytes.
    ///   - exponent: The secret, big endian: 1 to 256 bytes.
    ///   - prime: The modulus: 256 bytes.
    /// - Returns: 256 bytes, big endian.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/invalidLength``, or ``CryptoError/Code/valueOutOfRange`` if the
    ///   modulus is even or the base is not below it.
    public static func sharedSecret(
        base: [UInt8],
        exponent: [UInt8],
        prime: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        try Self.checkLength(prime: prime)
        guard base.count <= Self.byteCount, (1...Self.byteCount).contains(exponent.count) else {
            throw CryptoError(.invalidLength, "base and exponent have at most 256 bytes")
        }
        return try BigEndian.power(base, exponent, modulo: prime, secretExponent: true)
    }

    private static func checkLength(prime: [UInt8]) throws(CryptoError) {
        guard prime.count == Self.byteCount else {
            throw CryptoError(.invalidLength, "the modulus has 256 bytes, not \(prime.count)")
        }
    }

    /// `(prime - 1) / 2` for an odd number.
    private static func half(_ prime: [UInt8]) -> [UInt8] {
        var carry: UInt8 = 0
        return prime.map { byte in
            defer { carry = byte << 7 }
            return byte >> 1 | carry
        }
    }
}
