// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@Suite struct RSAKeyTests {
    private static let modulus = ExchangeVectors.testModulus

    private static func code<Value>(of body: () throws(CryptoError) -> Value) -> CryptoError.Code? {
        do {
            _ = try body()
            return nil
        } catch {
            return error.code
        }
    }

    // MARK: - Public keys

    @Test func builtInFingerprints() {
        #expect(RSAPublicKey.production.fingerprint == 0xD09D_1D85_DE64_FD85)
        #expect(Int64(bitPattern: RSAPublicKey.production.fingerprint) == -3_414_540_481_677_951_611)
        #expect(RSAPublicKey.test.fingerprint == 0xB258_98DF_208D_2603)
        #expect("\(RSAPublicKey.production)" == "RSAPublicKey(fingerprint: 85fd64de851d9dd0)")
    }

    @Test func builtInKeysEqualTheirPublishedText() throws {
        let texts = [
            """
            -----BEGIN RSA PUBLIC KEY-----
            MIIBCgKCAQEA6LszBcC1LGzyr992NzE0ieY+BSaOW622Aa9Bd4ZHLl+TuFQ4lo4g
            5nKaMBwK/BIb9xUfg0Q29/2mgIR6Zr9krM7HjuIcCzFvDtr+L0GQjae9H0pRB2OO
            62cECs5HKhT5DZ98K33vmWiLowc621dQuwKWSQKjWf50XYFw42h21P2KXUGyp2y/
            +aEyZ+uVgLLQbRA1dEjSDZ2iGRy12Mk5gpYc397aYp438fsJoHIgJ2lgMv5h7WY9
            t6N/byY9Nw9p21Og3AoXSL2q/2IJ1WRUhebgAdGVMlV1fkuOQoEzR7EdpqtQD9Cs
            5+bfo3Nhmcyvk5ftB0WkJ9z6bNZ7yxrP8wIDAQAB
            -----END RSA PUBLIC KEY-----

            """,
            """
            -----BEGIN RSA PUBLIC KEY-----
            MIIBCgKCAQEAyMEdY1aR+sCR3ZSJrtztKTKqigvO/vBfqACJLZtS7QMgCGXJ6XIR
            yy7mx66W0/sOFa7/1mAZtEoIokDP3ShoqF4fVNb6XeqgQfaUHd8wJpDWHcR2OFwv
            plUUI1PLTktZ9uW2WE23b+ixNwJjJGwBDJPQEQFBE+vfmH0JP503wr5INS1poWg/
            j25sIWeYPHYeOrFp/eXaqhISP6G+q2IeTaWTXpwZj4LzXq5YOpk4bYEQ6mvRq7D1
            aHWfYmlEGepfaYR8Q0YqvvhYtMte3ITnuSJs171+GDqpdKcSwHnd6FudwGO4pcCO
            j4WcDuXc2CTHgH8gFTNhp/Y8/SpDOhvn9QIDAQAB
            -----END RSA PUBLIC KEY-----

            """,
        ]
        #expect(try RSAPublicKey(pem: texts[0]) == .production)
        #expect(try RSAPublicKey(pem: texts[1]) == .test)
        #expect(RSAPublicKey.production.pemRepresentation == texts[0])
        #expect(RSAPublicKey.test.pemRepresentation == texts[1])
        #expect(try RSAPublicKey.keys(inPEM: "# keys\n" + texts.joined(separator: "\n")) == [.production, .test])
        #expect(
            try RSAPublicKey(pem: texts[0].split(separator: "\n").joined(separator: "\r\n") + "\r\n") == .production
        )
    }

    @Test(arguments: [KeyFiles.publicPKCS1, KeyFiles.publicSPKI])
    func publicForms(text: String) throws {
        let key = try RSAPublicKey(pem: text)
        #expect(key.modulus == Self.modulus)
        #expect(key.exponent == [1, 0, 1])
        #expect(key.fingerprint == 0xBCBF_6635_871D_009D)
        #expect(key.pemRepresentation == KeyFiles.publicPKCS1)
    }

    @Test func leadingZerosDoNotMatter() throws {
        let key = try RSAPublicKey(modulus: [0, 0] + Self.modulus, exponent: [0, 1, 0, 1])
        #expect(key == (try RSAPublicKey(modulus: Self.modulus, exponent: [1, 0, 1])))
        #expect(key.fingerprint == 0xBCBF_6635_871D_009D)
    }

    @Test(
        arguments: [
            ([], [1, 0, 1]), ([0], [3]), (Array(Self.modulus.dropLast()), [1, 0, 1]), (Self.modulus + [1], [1, 0, 1]),
            ([0x7F] + Self.modulus.dropFirst(), [1, 0, 1]), (Self.modulus.dropLast() + [2], [1, 0, 1]),
            (Self.modulus, []), (Self.modulus, [0]), (Self.modulus, [1]), (Self.modulus, [2]),
            (Self.modulus, [1, 0, 0, 0, 1]),
        ] as [([UInt8], [UInt8])]
    )
    func unsuitableNumbers(modulus: [UInt8], exponent: [UInt8]) {
        #expect(
            Self.code { () throws(CryptoError) in try RSAPublicKey(modulus: modulus, exponent: exponent) }
                == .unsupportedKey
        )
    }

    @Test(
        arguments: [
            ("", .malformedKey), ("no key", .malformedKey), (KeyFiles.privatePKCS1, .malformedKey),
            (KeyFiles.ellipticPublic, .unsupportedKey), (KeyFiles.publicWith1024Bits, .unsupportedKey),
            (KeyFiles.publicPKCS1 + KeyFiles.publicSPKI, .malformedKey),
            (KeyFiles.publicPKCS1.replacing("RSA PUBLIC KEY", with: "PUBLIC KEY"), .malformedKey),
            (KeyFiles.publicSPKI.replacing("BEGIN PUBLIC", with: "BEGIN RSA PUBLIC"), .malformedKey),
            (KeyFiles.publicPKCS1.replacing("MIIBCgKC", with: "MIIBCgK!"), .malformedKey),
            (KeyFiles.publicPKCS1.replacing("MIIBCgKC", with: "MIIBCQKC"), .malformedKey),
            (KeyFiles.publicPKCS1.replacing("MIIBCgKC", with: "AAAAAAAA"), .malformedKey),
            ("-----BEGIN RSA PUBLIC KEY-----\nMAA=\n-----END RSA PUBLIC KEY-----\n", .malformedKey),
            ("-----BEGIN RSA PUBLIC KEY-----\n-----END RSA PUBLIC KEY-----\n", .malformedKey),
            ("-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n", .malformedKey),
            ("-----BEGIN RSA PUBLIC KEY-----\nMAYCAQECAf8=\n-----END RSA PUBLIC KEY-----\n", .malformedKey),
            (String(KeyFiles.publicPKCS1.dropLast(20)), .malformedKey),
        ] as [(String, CryptoError.Code)]
    )
    func malformedPublicKeys(text: String, expected: CryptoError.Code) {
        #expect(Self.code { () throws(CryptoError) in try RSAPublicKey(pem: text) } == expected)
    }

    @Test func noKeysInAText() throws {
        #expect(try RSAPublicKey.keys(inPEM: "just words").isEmpty)
    }

    /// Every byte of the DER changed in turn: an error or another key, never a trap.
    @Test(arguments: [KeyFiles.publicPKCS1, KeyFiles.publicSPKI])
    func tamperedPublicKeys(text: String) throws {
        let original = try RSAPublicKey(pem: text)
        let characters = Array(text)
        for index in characters.indices where characters[index].isLetter {
            var changed = characters
            changed[index] = changed[index] == "A" ? "B" : "A"
            if let key = try? RSAPublicKey(pem: String(changed)) {
                #expect(key != original)
            }
        }
    }

    @Test func rawEncryptRange() throws {
        let key = RSAPublicKey.production
        var below = key.modulus
        below[255] -= 1
        #expect(try key.rawEncrypt(below) == below)  // (-1)^e = -1
        #expect(try key.rawEncrypt([1]) == [UInt8](repeating: 0, count: 255) + [1])
        #expect(try key.rawEncrypt([]) == [UInt8](repeating: 0, count: 256))
        #expect(Self.code { () throws(CryptoError) in try key.rawEncrypt(key.modulus) } == .valueOutOfRange)
        #expect(
            Self.code { () throws(CryptoError) in try key.rawEncrypt([UInt8](repeating: 0, count: 257)) }
                == .valueOutOfRange
        )
    }

    // MARK: - Private keys

    @Test(arguments: [KeyFiles.privatePKCS1, KeyFiles.privatePKCS8])
    func privateForms(text: String) throws {
        let key = try RSAPrivateKey(pem: text)
        #expect(key.publicKey.modulus == Self.modulus)
        #expect(key.pemRepresentation.trimmingNewlines == KeyFiles.privatePKCS1.trimmingNewlines)
        #expect("\(key)" == "RSAPrivateKey(RSAPublicKey(fingerprint: 9d001d873566bfbc))")
        #expect(try key.rawDecrypt(key.publicKey.rawEncrypt([1, 2, 3])).suffix(3) == [1, 2, 3])
    }

    @Test(
        arguments: [
            ("", .malformedKey), (KeyFiles.publicPKCS1, .malformedKey), (KeyFiles.ellipticPrivate, .unsupportedKey),
            (KeyFiles.privateWith1024Bits, .unsupportedKey), (KeyFiles.encryptedPrivate, .malformedKey),
            (KeyFiles.privatePKCS1 + KeyFiles.privatePKCS8, .malformedKey),
            (KeyFiles.privatePKCS1.replacing("RSA PRIVATE KEY", with: "PRIVATE KEY"), .malformedKey),
            (KeyFiles.privatePKCS8.replacing("PRIVATE KEY", with: "RSA PRIVATE KEY"), .malformedKey),
            ("-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n", .malformedKey),
            ("-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n", .malformedKey),
        ] as [(String, CryptoError.Code)]
    )
    func malformedPrivateKeys(text: String, expected: CryptoError.Code) {
        #expect(Self.code { () throws(CryptoError) in try RSAPrivateKey(pem: text) } == expected)
    }

    /// A key whose numbers do not belong together must not be taken: its first use would leak a factor.
    @Test(arguments: [100, 600, 900, 1100])
    func numbersThatDoNotBelongTogether(index: Int) {
        var characters = Array(KeyFiles.privatePKCS1)
        characters[index] = characters[index] == "A" ? "B" : "A"
        #expect(Self.code { () throws(CryptoError) in try RSAPrivateKey(pem: String(characters)) } != nil)
    }

    @Test func primesThatDoNotMakeAKey() {
        let p = ExchangeVectors.firstPrime
        for (first, second) in [(p, [UInt8]()), (p, [0]), (p, [1]), ([2], [3]), (p, p + p)] {
            #expect(
                Self.code { () throws(CryptoError) in try RSAPrivateKey(firstPrime: first, secondPrime: second) }
                    != nil
            )
        }
    }

    @Test func generatedKeys() throws {
        let key = try RSAPrivateKey.generate()
        let again = try RSAPrivateKey(pem: key.pemRepresentation)
        #expect(again.publicKey == key.publicKey)
        let message = [0] + RandomSource.seeded(30).bytes(255)
        let encrypted = try key.publicKey.rawEncrypt(message)
        #expect(try key.rawDecrypt(encrypted) == message)
        #expect(try again.rawDecrypt(encrypted) == message)
    }

    @Test func rawDecryptRange() throws {
        let key = try RSAPrivateKey(pem: KeyFiles.privatePKCS1)
        #expect(Self.code { () throws(CryptoError) in try key.rawDecrypt(key.publicKey.modulus) } == .valueOutOfRange)
        #expect(
            Self.code { () throws(CryptoError) in try key.rawDecrypt([UInt8](repeating: 255, count: 256)) }
                == .valueOutOfRange
        )
        for count in [0, 1, 255, 257] {
            #expect(
                Self.code { () throws(CryptoError) in try key.rawDecrypt([UInt8](repeating: 1, count: count)) }
                    == .invalidLength
            )
        }
        #expect(try key.rawDecrypt([UInt8](repeating: 0, count: 256)) == [UInt8](repeating: 0, count: 256))
    }
}

extension String {
    fileprivate var trimmingNewlines: String {
        self.split(separator: "\n").joined(separator: "\n")
    }
}
