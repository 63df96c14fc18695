// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@Suite struct CryptoPathTests {
    @Test func portableAlwaysThereAndBestFirst() {
        #expect(CryptoPath.available.last == .portable)
        #expect(CryptoPath.best == CryptoPath.available.first)
        #expect(Set(CryptoPath.available).count == CryptoPath.available.count)
    }
}
