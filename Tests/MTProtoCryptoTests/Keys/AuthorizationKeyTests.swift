// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import Testing

@Suite struct AuthorizationKeyTests {
    private let key: AuthorizationKey

    init() throws {
        self.key = try AuthorizationKey(ExchangeVectors.authorizationKey)
    }

    @Test func derivedNumbers() {
        #expect(sha1(ExchangeVectors.authorizationKey).hex == "26d6ceeff1381295e06ab26f8ae7a271969a9b1f")
        #expect(self.key.identifier == 0x1F9B_9A96_71A2_E78A)
        #expect(Int64(bitPattern: self.key.identifier) == 2_277_584_007_508_191_114)
        #expect(self.key.auxiliaryHash == 0x9512_38F1_EFCE_D626)
    }

    @Test(arguments: [0, 1, 255, 257, 512])
    func otherLengthsAreRefused(count: Int) {
        #expect(throws: CryptoError(code: .invalidLength, message: "")) {
            try AuthorizationKey([UInt8](repeating: 1, count: count))
        }
    }

    @Test(arguments: [0, 100, 255])
    func equality(index: Int) throws {
        var other = ExchangeVectors.authorizationKey
        #expect(self.key == (try AuthorizationKey(other)))
        #expect(self.key.hashValue == (try AuthorizationKey(other)).hashValue)
        other[index] ^= 1
        #expect(self.key != (try AuthorizationKey(other)))
    }

    @Test func descriptionHidesTheKey() {
        #expect("\(self.key)" == "AuthorizationKey(identifier: 2277584007508191114)")
    }

    @Test func codableRoundTrip() throws {
        let data = try JSONEncoder().encode([self.key])
        #expect(try JSONDecoder().decode([AuthorizationKey].self, from: data) == [self.key])
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode([AuthorizationKey].self, from: Data("[\"0011\"]".utf8))
        }
    }

    @Test func bytesOutliveTheOriginal() throws {
        var original: AuthorizationKey? = try AuthorizationKey(ExchangeVectors.authorizationKey)
        let copy = original
        original = nil
        #expect(original == nil)
        #expect(copy?.withUnsafeBytes { Array($0) } == ExchangeVectors.authorizationKey)
    }
}
