// SPDX-License-Identifier: Apache-2.0

/// The padding of the one message that the key exchange encrypts with RSA.
///
/// Specification: *Creating an Authorization Key*, 4.1 RSA_PAD.
public enum RSAPadding {
    /// How a message was padded.
    public enum Scheme: Hashable, Sendable {
        /// RSA_PAD.
        case current
        /// The padding before RSA_PAD: SHA-1, data, random bytes. Some clients still send it.
        case legacy
    }

    /// What an encrypted message held.
    public struct Opened: Sendable, CustomStringConvertible, CustomReflectable {
        /// RSA_PAD: 192 bytes, the data and its padding, authenticated. Legacy: 235 bytes, the data and its padding, not
        /// authenticated yet: see ``legacyDigest``.
        public var data: [UInt8]
        /// How the message was padded.
        public var scheme: Scheme
        /// For the legacy padding the SHA-1 that must equal the one over the data without its padding, 20 bytes. Where
        /// the data ends only its parser knows.
        public var legacyDigest: [UInt8]?

        /// The scheme, not the data, which holds a secret nonce.
        public var description: String { "RSAPadding.Opened(scheme: \(self.scheme))" }

        /// The scheme, not the data.
        public var customMirror: Mirror { Mirror(self, children: ["scheme": self.scheme]) }
    }

    /// The longest data that fits: 144 bytes.
    public static let maximumDataLength = 144

    private static let paddedLength = 192

    /// Pads and encrypts data.
    ///
    /// - Parameters:
    ///   - data: At most 144 bytes.
    ///   - key: The server's key.
    ///   - random: Where padding and temporary key come from.
    /// - Returns: 256 bytes.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/messageTooLong`` for more data,
    ///   ``CryptoError/Code/exhausted`` if the random source repeats itself.
    public static func seal(
        _ data: [UInt8],
        with key: RSAPublicKey,
        random: RandomSource
    ) throws(CryptoError) -> [UInt8] {
        guard data.count <= Self.maximumDataLength else {
            throw CryptoError(.messageTooLong, "RSA_PAD takes 144 bytes, not \(data.count)")
        }
        var padded = data + random.bytes(Self.paddedLength - data.count)
        defer { padded.wipe() }
        // Each attempt is below the modulus with a probability of more than one half.
        for _ in 0..<128 {
            let temporaryKey = Bytes32.random(random)
            var message = Self.mask(padded, with: temporaryKey)
            defer { message.wipe() }
            // The message is the secret in another form: RSA of it is all that may be seen.
            if BigEndian.isLessInConstantTime(message, than: key.modulus) {
                return try key.rawEncrypt(message)
            }
        }
        throw CryptoError(.exhausted, "the random source repeats itself")
    }

    /// Decrypts a message and takes its padding off: RSA_PAD, or else the legacy padding.
    ///
    /// - Parameters:
    ///   - encrypted: 256 bytes.
    ///   - key: The server's key.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/invalidLength``, ``CryptoError/Code/valueOutOfRange`` or
    ///   ``CryptoError/Code/decryptionFailed``.
    public static func open(_ encrypted: [UInt8], with key: RSAPrivateKey) throws(CryptoError) -> Opened {
        var message = try key.rawDecrypt(encrypted)
        defer { message.wipe() }
        var unmasked = Self.unmask(message)
        defer { unmasked.padded.wipe() }
        // Both forms are prepared and one verdict is given at the end: a client that may send any ciphertext must not learn
        // from the time how far one of them came.
        var legacy = Array(message[21..<256])
        defer { legacy.wipe() }
        let digest = Array(message[1..<21])
        let startsWithZero = constantTimeEquals([message[0]], [0])
        let isCurrent = unmasked.isAuthentic
        guard isCurrent || startsWithZero else {
            throw CryptoError(.decryptionFailed, "the message was not padded for this key")
        }
        return Opened(
            data: isCurrent ? unmasked.padded : legacy,
            scheme: isCurrent ? .current : .legacy,
            legacyDigest: isCurrent ? nil : digest
        )
    }

    /// The padding before RSA_PAD, which a client must not send any more; for tests of a server.
    package static func sealLegacy(
        _ data: [UInt8],
        with key: RSAPublicKey,
        random: RandomSource
    ) throws(CryptoError) -> [UInt8] {
        guard data.count <= 235 else {
            throw CryptoError(.messageTooLong, "the legacy padding takes 235 bytes, not \(data.count)")
        }
        return try key.rawEncrypt([0] + sha1(data).array + data + random.bytes(235 - data.count))
    }

    /// `temp_key XOR SHA256(enc) ‖ enc`, 256 bytes.
    package static func mask(_ padded: [UInt8], with temporaryKey: Bytes32) -> [UInt8] {
        var encrypted = Array(padded.reversed()) + sha256(temporaryKey.array, padded).array
        AES256IGE(key: temporaryKey, initializationVector: Bytes32()).encrypt(&encrypted)
        return (temporaryKey ^ sha256(encrypted)).array + encrypted
    }

    /// The 192 padded bytes, and whether their hash is the one sent with them.
    private static func unmask(_ message: [UInt8]) -> (padded: [UInt8], isAuthentic: Bool) {
        var encrypted = Array(message[32..<256])
        defer { encrypted.wipe() }
        let temporaryKey = message[..<32].withUnsafeBytes { Bytes32($0) } ^ sha256(encrypted)
        AES256IGE(key: temporaryKey, initializationVector: Bytes32()).decrypt(&encrypted)
        let padded = Array(encrypted[..<Self.paddedLength].reversed())
        let digest = sha256(temporaryKey.array, padded)
        let sent = encrypted[Self.paddedLength...].withUnsafeBytes { Bytes32($0) }
        return (padded, digest.isEqualInConstantTime(to: sent))
    }
}
