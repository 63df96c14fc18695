// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@Suite struct CryptoErrorTests {
    @Test func equalByCode() {
        let one = CryptoError(code: .invalidLength, message: "one")
        let other = CryptoError(code: .invalidLength, message: "other")
        #expect(one == other)
        #expect(one.hashValue == other.hashValue)
        #expect(one != CryptoError(code: .malformedKey, message: "one"))
        #expect("\(one)" == "invalidLength: one")
    }
}
