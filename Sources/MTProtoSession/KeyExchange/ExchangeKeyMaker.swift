// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto

/// The two modular exponentiations of one side.
enum ExchangeKeyMaker {
    private static let exponentLength = 256
    private static let maximumAttempts = 4

    /// A fresh exponent of 2048 random bits and its public value, 256 bytes.
    ///
    /// A public value outside of the allowed range comes by chance once in 2^64; more often means a broken source.
    static func makeExponent(
        group: DiffieHellman.Group,
        random: RandomSource,
        phase: KeyExchangeError.Phase
    ) throws(KeyExchangeError) -> (exponent: SecretBytes, publicValue: [UInt8]) {
        for _ in 0..<Self.maximumAttempts {
            let exponent = SecretBytes(random.bytes(Self.exponentLength))
            let publicValue = exponent.withBytes { exponent in
                try? DiffieHellman.publicValue(generator: group.generator, exponent: exponent, prime: group.prime)
            }
            if let publicValue, DiffieHellman.isValidPublicValue(publicValue, prime: group.prime) {
                return (exponent, publicValue)
            }
        }
        throw KeyExchangeError(phase, .unusableRandomSource)
    }

    /// The key that belongs to an exponent and the peer's public value, which is in range.
    static func makeKey(
        group: DiffieHellman.Group,
        exponent: SecretBytes,
        peerPublicValue: [UInt8]
    ) throws(KeyExchangeError) -> AuthorizationKey {
        do {
            return try exponent.withBytes { exponent throws(CryptoError) in
                var secret = try DiffieHellman.sharedSecret(
                    base: peerPublicValue,
                    exponent: exponent,
                    prime: group.prime
                )
                defer { secret.wipe() }
                return try AuthorizationKey(secret)
            }
        } catch {
            throw KeyExchangeError(.verdict, .publicValueOutOfRange)
        }
    }

    /// Both at once, for the side that knows the peer's value already.
    static func makeKey(
        group: DiffieHellman.Group,
        peerPublicValue: [UInt8],
        random: RandomSource
    ) throws(KeyExchangeError) -> (publicValue: [UInt8], key: AuthorizationKey) {
        let (exponent, publicValue) = try self.makeExponent(group: group, random: random, phase: .parameters)
        let key = try self.makeKey(group: group, exponent: exponent, peerPublicValue: peerPublicValue)
        return (publicValue, key)
    }
}

extension DiffieHellman {
    /// Whether a public value of 256 bytes is in the allowed range.
    static func isValidPublicValue(_ value: [UInt8], prime: [UInt8]) -> Bool {
        do {
            try self.validatePublicValue(value, prime: prime)
            return true
        } catch {
            return false
        }
    }
}
