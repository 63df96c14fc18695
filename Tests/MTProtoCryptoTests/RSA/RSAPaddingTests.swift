// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@Suite struct RSAPaddingTests {
    private static let padded = ExchangeVectors.innerData + ExchangeVectors.innerDataPadding
    private static let countingKey = Bytes32((0..<32).map { UInt8($0) })!

    private let key: RSAPrivateKey

    init() throws {
        self.key = try RSAPrivateKey(
            firstPrime: ExchangeVectors.firstPrime,
            secondPrime: ExchangeVectors.secondPrime
        )
    }

    @Test func testKeyIsTheVectors() {
        #expect(self.key.publicKey.modulus == ExchangeVectors.testModulus)
        #expect(self.key.publicKey.fingerprint == 0xBCBF_6635_871D_009D)
    }

    @Test func intermediateValues() {
        #expect(
            sha256(Self.countingKey.array, Self.padded).hex
                == "7be83c79fca7e2a125f87a22ac57fa27bffee133236bf5262c3bec97f09f0b37"
        )
        let message = RSAPadding.mask(Self.padded, with: Self.countingKey)
        #expect(hex(message[..<32]) == "7d6e2f302af0130766a860bf6de164d32693555bd2cdaefabab3e296bdb5b8a7")
        #expect(Array(message[32...]) == ExchangeVectors.sealedForTemporaryKey)
        #expect(
            sha256(Array(message[32...])).hex == "7d6f2d332ef515006ea16ab461ec6adc36824748c6d8b8eda2aaf88da1a8a6b8"
        )
    }

    @Test func sealing() throws {
        let script = ExchangeVectors.innerDataPadding + Self.countingKey.array
        let production = try RSAPadding.seal(
            ExchangeVectors.innerData,
            with: .production,
            random: .scripted(script)
        )
        #expect(production == ExchangeVectors.encryptedForProduction)
        let test = try RSAPadding.seal(
            ExchangeVectors.innerData,
            with: self.key.publicKey,
            random: .scripted(script)
        )
        #expect(test == ExchangeVectors.encryptedForTestKey)
    }

    @Test func opening() throws {
        let opened = try RSAPadding.open(ExchangeVectors.encryptedForTestKey, with: self.key)
        #expect(opened.data == Self.padded)
        #expect(opened.scheme == .current)
        #expect(opened.legacyDigest == nil)
        #expect("\(opened)" == "RSAPadding.Opened(scheme: current)")
    }

    /// A temporary key that gives a number above the modulus is thrown away, and nothing else of the attempt is.
    @Test func repeatsAboveTheModulus() throws {
        let random = RandomSource.seeded(40)
        var tooHigh = Bytes32.random(random)
        while RSAPadding.mask(Self.padded, with: tooHigh)[0] != 0xFF {
            tooHigh = Bytes32.random(random)
        }
        let script = ExchangeVectors.innerDataPadding + tooHigh.array + Self.countingKey.array
        let sealed = try RSAPadding.seal(
            ExchangeVectors.innerData,
            with: self.key.publicKey,
            random: .scripted(script)
        )
        #expect(sealed == ExchangeVectors.encryptedForTestKey)
    }

    @Test func endsWhenTheRandomSourceRepeatsItself() throws {
        let random = RandomSource.seeded(41)
        let data = [UInt8](repeating: 0, count: 144)
        let padded = data + [UInt8](repeating: 0, count: 48)
        var tooHigh = Bytes32.random(random)
        while RSAPadding.mask(padded, with: tooHigh)[0] != 0xFF {
            tooHigh = Bytes32.random(random)
        }
        let stuck = tooHigh
        #expect(throws: CryptoError(code: .exhausted, message: "")) {
            try RSAPadding.seal(
                data,
                with: self.key.publicKey,
                random: RandomSource { buffer in
                    if buffer.count == 32 {
                        stuck.withUnsafeBytes { buffer.copyMemory(from: $0) }
                    } else {
                        buffer.initializeMemory(as: UInt8.self, repeating: 0)
                    }
                }
            )
        }
    }

    @Test(arguments: [0, 1, 96, 100, 104, 143, 144])
    func roundTrip(count: Int) throws {
        let random = RandomSource.seeded(UInt64(50 + count))
        let data = random.bytes(count)
        let sealed = try RSAPadding.seal(data, with: self.key.publicKey, random: random)
        #expect(sealed.count == 256)
        let opened = try RSAPadding.open(sealed, with: self.key)
        #expect(Array(opened.data[..<count]) == data)
        #expect(opened.data.count == 192)
    }

    @Test func tooMuchData() {
        let data = [UInt8](repeating: 1, count: 145)
        #expect(throws: CryptoError(code: .messageTooLong, message: "")) {
            try RSAPadding.seal(data, with: .production, random: .seeded(1))
        }
        #expect(throws: CryptoError(code: .messageTooLong, message: "")) {
            try RSAPadding.sealLegacy(data + data, with: .production, random: .seeded(1))
        }
    }

    // MARK: - Before RSA_PAD

    @Test func legacySealing() throws {
        let sealed = try RSAPadding.sealLegacy(
            ExchangeVectors.legacyInnerData,
            with: self.key.publicKey,
            random: .scripted(Array(0...0x8A))
        )
        #expect(sealed == ExchangeVectors.legacyEncrypted)
    }

    @Test func legacyOpening() throws {
        let opened = try RSAPadding.open(ExchangeVectors.legacyEncrypted, with: self.key)
        #expect(opened.scheme == .legacy)
        #expect(opened.data == ExchangeVectors.legacyInnerData + Array(0...0x8A))
        let digest = try #require(opened.legacyDigest)
        #expect(hex(digest) == "2722df0a548a86b19ca56c1498d32142235da643")
        #expect(sha1(Array(opened.data[..<96])).array == digest)
    }

    // MARK: - Tampering

    /// A bit changed anywhere under the RSA layer: the hash says so.
    @Test(arguments: [0, 1, 31, 32, 33, 128, 223, 224, 254, 255])
    func changedMessage(index: Int) throws {
        var message = RSAPadding.mask(Self.padded, with: Self.countingKey)
        message[index] ^= 1
        let encrypted = try self.key.publicKey.rawEncrypt(message)
        #expect(throws: CryptoError(code: .decryptionFailed, message: "")) {
            try RSAPadding.open(encrypted, with: self.key)
        }
    }

    @Test(arguments: 0..<16)
    func changedCiphertext(seed: Int) {
        let random = RandomSource.seeded(UInt64(seed))
        var encrypted = ExchangeVectors.encryptedForTestKey
        encrypted[random.integer(in: 1...255)] ^= UInt8(1 << random.integer(in: 0...7))
        // One in 256 random messages begins with a zero and looks like the old padding, with a digest that cannot fit.
        if let opened = try? RSAPadding.open(encrypted, with: self.key) {
            #expect(opened.scheme == .legacy)
        }
    }

    @Test func otherKey() {
        #expect(throws: CryptoError.self) {
            try RSAPadding.open(ExchangeVectors.encryptedForProduction, with: self.key)
        }
    }

    @Test(arguments: [0, 255, 257])
    func otherLengths(count: Int) {
        #expect(throws: CryptoError(code: .invalidLength, message: "")) {
            try RSAPadding.open([UInt8](repeating: 1, count: count), with: self.key)
        }
    }

    @Test func aboveTheModulus() {
        #expect(throws: CryptoError(code: .valueOutOfRange, message: "")) {
            try RSAPadding.open([UInt8](repeating: 255, count: 256), with: self.key)
        }
    }
}
