// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

extension [UInt8] {
    /// Overwrites the bytes with zeros and lets go of them.
    ///
    /// Only this array's storage: what shares it keeps its bytes, in which case a copy is what is wiped.
    mutating func wipe() {
        self.withUnsafeMutableBytes { bytes in
            if let base = bytes.baseAddress { cmtp_wipe(base, bytes.count) }
        }
        self = []
    }
}
