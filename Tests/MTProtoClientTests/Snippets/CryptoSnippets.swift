// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto

enum CryptoSnippets {
    static func paths() {
        // snippet
        print("chosen: \(CryptoPath.best), available: \(CryptoPath.available)")
        // end
    }
}
