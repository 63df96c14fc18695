// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto
internal import Crypto
internal import CryptoExtras

/// A server's RSA private key of 2048 bits.
///
/// Specification: *Creating an Authorization Key*.
public struct RSAPrivateKey: Sendable, CustomStringConvertible {
    // Blind signing is the public API of swift-crypto for the bare private operation: blinded, in constant time and
    // verified. The hash takes no part in it.
    private let backing: _RSA.BlindSigning.PrivateKey<SHA384>

    /// The public half.
    public let publicKey: RSAPublicKey

    /// Reads a key from a PEM text.
    ///
    /// - Parameter pem: One block, `RSA PRIVATE KEY` (PKCS#1) or `PRIVATE KEY` (PKCS#8), not encrypted.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/malformedKey`` if the text is something else or its numbers do
    ///   not belong together, ``CryptoError/Code/unsupportedKey`` if it is not a 2048-bit RSA key of two primes.
    public init(pem: String) throws(CryptoError) {
        try self.init(PEM.privateKey(in: pem))
    }

    /// Creates a key from its numbers, each big endian; leading zeros are ignored.
    ///
    /// - Parameters:
    ///   - modulus: The product of the primes, 2048 bits.
    ///   - exponent: The public exponent.
    ///   - privateExponent: The inverse of the public exponent.
    ///   - firstPrime: One prime.
    ///   - secondPrime: The other prime.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/malformedKey`` if the numbers do not belong together,
    ///   ``CryptoError/Code/unsupportedKey`` if the modulus does not have 2048 bits.
    public init(
        modulus: [UInt8],
        exponent: [UInt8],
        privateExponent: [UInt8],
        firstPrime: [UInt8],
        secondPrime: [UInt8]
    ) throws(CryptoError) {
        try self.init(
            PEM.PrivateNumbers(
                modulus: modulus,
                exponent: exponent,
                privateExponent: privateExponent,
                firstPrime: firstPrime,
                secondPrime: secondPrime
            )
        )
    }

    /// Creates a key from its primes, for test keys: the private exponent is not computed in constant time.
    package init(
        firstPrime: [UInt8],
        secondPrime: [UInt8],
        exponent: [UInt8] = [1, 0, 1]
    ) throws(CryptoError) {
        var modulus = [UInt8](repeating: 0, count: RSAPublicKey.byteCount)
        var privateExponent = modulus
        let done = cmtp_rsa_numbers(
            firstPrime,
            firstPrime.count,
            secondPrime,
            secondPrime.count,
            exponent,
            exponent.count,
            &modulus,
            RSAPublicKey.byteCount,
            &privateExponent,
            RSAPublicKey.byteCount
        )
        guard done == 1 else {
            throw CryptoError(.malformedKey, "the primes do not make a 2048-bit key with this exponent")
        }
        try self.init(
            modulus: modulus,
            exponent: exponent,
            privateExponent: privateExponent,
            firstPrime: firstPrime,
            secondPrime: secondPrime
        )
    }

    private init(_ numbers: PEM.PrivateNumbers) throws(CryptoError) {
        self.publicKey = try RSAPublicKey(modulus: numbers.modulus, exponent: numbers.exponent)
        do {
            self.backing = try _RSA.BlindSigning.PrivateKey(
                n: numbers.modulus,
                e: numbers.exponent,
                d: numbers.privateExponent,
                p: numbers.firstPrime,
                q: numbers.secondPrime,
                parameters: .RSABSSA_SHA384_PSS_Randomized
            )
        } catch {
            throw CryptoError(.malformedKey, "the numbers of the private key do not belong together")
        }
    }

    private init(_ backing: _RSA.BlindSigning.PrivateKey<SHA384>) throws(CryptoError) {
        self.backing = backing
        do {
            let primitives = try backing.publicKey.getKeyPrimitives()
            self.publicKey = try RSAPublicKey(
                modulus: Array(primitives.modulus),
                exponent: Array(primitives.publicExponent)
            )
        } catch {
            throw CryptoError(.unsupportedKey, "the key has no public half")
        }
    }

    /// Makes a new key of 2048 bits, which takes some tens to hundreds of milliseconds.
    ///
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/exhausted`` if memory or randomness gave out.
    public static func generate() throws(CryptoError) -> RSAPrivateKey {
        do {
            return try RSAPrivateKey(_RSA.BlindSigning.PrivateKey<SHA384>(keySize: .bits2048))
        } catch {
            throw CryptoError(.exhausted, "no key could be made")
        }
    }

    /// The key, a secret, as a PEM block `RSA PRIVATE KEY` (PKCS#1).
    public var pemRepresentation: String {
        self.backing.pemRepresentation
    }

    /// The fingerprint of the public half, not the key.
    public var description: String { "RSAPrivateKey(\(self.publicKey))" }

    /// Raises a ciphertext to the private exponent, without any padding, in constant time.
    ///
    /// - Parameter ciphertext: 256 bytes, a big-endian number below the modulus.
    /// - Returns: 256 bytes, big endian.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/invalidLength`` for another number of bytes,
    ///   ``CryptoError/Code/valueOutOfRange`` if the number is not below the modulus.
    public func rawDecrypt(_ ciphertext: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard ciphertext.count == RSAPublicKey.byteCount else {
            throw CryptoError(.invalidLength, "a ciphertext has 256 bytes, not \(ciphertext.count)")
        }
        // The ciphertext and the modulus are public.
        guard BigEndian.isLess(ciphertext, than: self.publicKey.modulus) else {
            throw CryptoError(.valueOutOfRange, "the ciphertext is not below the modulus")
        }
        do {
            return try self.backing.blindSignature(for: ciphertext).withUnsafeBytes { Array($0) }
        } catch {
            throw CryptoError(.decryptionFailed, "the private operation failed")
        }
    }
}
