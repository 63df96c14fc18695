// SPDX-License-Identifier: Apache-2.0

/// Why a cryptographic operation refused its input.
///
/// The description never holds key material, nor bytes of the message.
public struct CryptoError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A stable name for the kind of failure.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case invalidLength
            case malformedKey
            case unsupportedKey
            case valueOutOfRange
            case messageTooLong
            case decryptionFailed
            case unsafePrime
            case unsuitableGenerator
            case unsafePublicValue
            case notProductOfTwoPrimes
            case factorizationFailed
            case exhausted
        }

        private let kind: Kind

        private init(_ kind: Kind) {
            self.kind = kind
        }

        /// A value has another number of bytes than it must have.
        public static let invalidLength = Self(.invalidLength)
        /// A key is not in a form that can be read.
        public static let malformedKey = Self(.malformedKey)
        /// A key can be read, but MTProto cannot use it (its size or its exponent).
        public static let unsupportedKey = Self(.unsupportedKey)
        /// A number is not below the modulus, or is otherwise outside of its range.
        public static let valueOutOfRange = Self(.valueOutOfRange)
        /// A message does not fit the padding.
        public static let messageTooLong = Self(.messageTooLong)
        /// A ciphertext does not hold what it should.
        public static let decryptionFailed = Self(.decryptionFailed)
        /// A Diffie–Hellman modulus is not a 2048-bit safe prime.
        public static let unsafePrime = Self(.unsafePrime)
        /// A Diffie–Hellman generator does not generate the subgroup of prime order.
        public static let unsuitableGenerator = Self(.unsuitableGenerator)
        /// A Diffie–Hellman public value is too close to the ends of its range.
        public static let unsafePublicValue = Self(.unsafePublicValue)
        /// A `pq` is not the product of two different odd primes below 2^63.
        public static let notProductOfTwoPrimes = Self(.notProductOfTwoPrimes)
        /// A `pq` could not be split in the bounded time.
        public static let factorizationFailed = Self(.factorizationFailed)
        /// Memory or randomness gave out.
        public static let exhausted = Self(.exhausted)

        /// The name of the code.
        public var description: String { self.kind.rawValue }
    }

    /// The kind of failure.
    public let code: Code
    /// What was wrong, for a reader.
    public let message: String

    /// Creates an error.
    ///
    /// - Parameters:
    ///   - code: The kind of failure.
    ///   - message: What was wrong, for a reader; without secrets.
    package init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    package init(_ code: Code, _ message: String) {
        self.init(code: code, message: message)
    }

    /// Code and message.
    public var description: String { "\(self.code): \(self.message)" }

    /// Two errors are equal when their codes are.
    public static func == (left: Self, right: Self) -> Bool {
        left.code == right.code
    }

    /// Hashes the code.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.code)
    }
}
