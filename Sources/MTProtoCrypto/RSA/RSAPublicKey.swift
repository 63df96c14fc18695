// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

/// A server's RSA public key of 2048 bits.
///
/// Specification: *Creating an Authorization Key*.
public struct RSAPublicKey: Hashable, Sendable, CustomStringConvertible {
    /// The size of the modulus and of a ciphertext: 256 bytes.
    public static let byteCount = 256

    /// The modulus: 256 bytes, big endian.
    public let modulus: [UInt8]
    /// The exponent, big endian, without leading zeros: 1 to 4 bytes.
    public let exponent: [UInt8]
    /// The last eight bytes of the SHA-1 over modulus and exponent as TL strings, read in little endian.
    public let fingerprint: UInt64

    /// Creates a key from its numbers.
    ///
    /// - Parameters:
    ///   - modulus: Big endian; leading zeros are ignored.
    ///   - exponent: Big endian; leading zeros are ignored.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/unsupportedKey`` unless the modulus is an odd number of exactly
    ///   2048 bits and the exponent an odd one from 3 to 2^32 − 1.
    public init(modulus: [UInt8], exponent: [UInt8]) throws(CryptoError) {
        let modulus = Array(modulus.drop { $0 == 0 })
        let exponent = Array(exponent.drop { $0 == 0 })
        guard modulus.count == Self.byteCount, modulus[0] & 0x80 != 0, modulus[Self.byteCount - 1] & 1 == 1 else {
            throw CryptoError(.unsupportedKey, "the modulus must be an odd number of 2048 bits")
        }
        guard let last = exponent.last, exponent.count <= 4, last & 1 == 1, exponent != [1] else {
            throw CryptoError(.unsupportedKey, "the exponent must be an odd number from 3 to 2^32 - 1")
        }
        self.modulus = modulus
        self.exponent = exponent
        let padding = [UInt8](repeating: 0, count: 3 - exponent.count % 4)
        let digest = sha1([0xFE, 0x00, 0x01, 0x00], modulus, [UInt8(exponent.count)], exponent, padding)
        self.fingerprint = digest.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 12, as: UInt64.self))
        }
    }

    /// Reads the one key of a PEM text.
    ///
    /// - Parameter pem: A block `RSA PUBLIC KEY` (PKCS#1) or `PUBLIC KEY` (SubjectPublicKeyInfo).
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/malformedKey`` unless the text has exactly one readable key,
    ///   ``CryptoError/Code/unsupportedKey`` if it is not a 2048-bit RSA key.
    public init(pem: String) throws(CryptoError) {
        let keys = try Self.keys(inPEM: pem)
        guard keys.count == 1 else {
            throw CryptoError(.malformedKey, "expected one key, found \(keys.count)")
        }
        self = keys[0]
    }

    /// Reads all keys of a PEM text, which may be none.
    ///
    /// - Parameter text: Blocks `RSA PUBLIC KEY` (PKCS#1) or `PUBLIC KEY` (SubjectPublicKeyInfo), and any text between.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/malformedKey`` if a block cannot be read,
    ///   ``CryptoError/Code/unsupportedKey`` if one is not a 2048-bit RSA key.
    public static func keys(inPEM text: String) throws(CryptoError) -> [RSAPublicKey] {
        var keys: [RSAPublicKey] = []
        for numbers in try PEM.publicKeys(in: text) {
            keys.append(try RSAPublicKey(modulus: numbers.modulus, exponent: numbers.exponent))
        }
        return keys
    }

    /// The key as a PEM block `RSA PUBLIC KEY` (PKCS#1), with a line feed at the end.
    public var pemRepresentation: String {
        PEM.string(publicKey: PEM.PublicNumbers(modulus: self.modulus, exponent: self.exponent))
    }

    /// The eight bytes of the ``fingerprint`` in the order of the wire, in hexadecimal.
    public var description: String {
        let wire = withUnsafeBytes(of: self.fingerprint.littleEndian) { Hexadecimal.string($0) }
        return "RSAPublicKey(fingerprint: \(wire))"
    }

    /// Raises a message to the public exponent, without any padding.
    ///
    /// - Parameter message: A big-endian number below the modulus, at most 256 bytes.
    /// - Returns: 256 bytes, big endian.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/valueOutOfRange`` if the number is not below the modulus.
    public func rawEncrypt(_ message: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard message.count <= Self.byteCount, BigEndian.isLess(message, than: self.modulus) else {
            throw CryptoError(.valueOutOfRange, "the message is not below the modulus")
        }
        return try BigEndian.power(message, self.exponent, modulo: self.modulus, secretExponent: false)
    }
}
