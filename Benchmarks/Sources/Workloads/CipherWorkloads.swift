// SPDX-License-Identifier: Apache-2.0
import Crypto
import CryptoExtras
package import MTProtoCrypto

private let keyBytes = sampleBytes(32)

private func key() -> Bytes32 {
    keyBytes.withUnsafeBytes { Bytes32($0) }
}

/// AES-256-CTR over one buffer of `count` bytes, in place, the keystream going on from run to run.
package struct CTRWorkload: ~Copyable {
    private var stream: AES256CTRStream
    private var bytes: [UInt8]

    package init(_ count: Int, path: CryptoPath = .best) {
        self.stream = AES256CTRStream(key: key(), initializationVector: Bytes16(), path: path)
        self.bytes = sampleBytes(count)
    }

    package mutating func run(_ iterations: Int) {
        for _ in 0..<iterations {
            self.bytes.withUnsafeMutableBytes { self.stream.apply(to: $0) }
        }
        keep(self.bytes)
    }
}

/// The same by swift-crypto's one-shot `AES._CTR`, which returns new `Data` and keeps no state.
package struct SwiftCryptoCTRWorkload {
    private let symmetricKey = SymmetricKey(data: keyBytes)
    private let nonce: AES._CTR.Nonce
    private let bytes: [UInt8]

    package init(_ count: Int) throws {
        self.nonce = try AES._CTR.Nonce(nonceBytes: [UInt8](repeating: 0, count: 16))
        self.bytes = sampleBytes(count)
    }

    package func run(_ iterations: Int) throws {
        for _ in 0..<iterations {
            keep(try AES._CTR.encrypt(self.bytes, using: self.symmetricKey, nonce: self.nonce))
        }
    }
}

/// AES-256-IGE over one buffer of `count` bytes (a multiple of 16), in place.
package struct IGEWorkload {
    private let cipher: AES256IGE
    private var bytes: [UInt8]

    package init(_ count: Int, path: CryptoPath = .best) {
        self.cipher = AES256IGE(key: key(), initializationVector: Bytes32(), path: path)
        self.bytes = sampleBytes(count)
    }

    package mutating func encrypt(_ iterations: Int) {
        for _ in 0..<iterations { self.bytes.withUnsafeMutableBytes { self.cipher.encrypt($0) } }
        keep(self.bytes)
    }

    package mutating func decrypt(_ iterations: Int) {
        for _ in 0..<iterations { self.bytes.withUnsafeMutableBytes { self.cipher.decrypt($0) } }
        keep(self.bytes)
    }
}

/// CRC-32 over one buffer of `count` bytes.
package struct CRCWorkload {
    package let bytes: [UInt8]
    private let path: CryptoPath

    package init(_ count: Int, path: CryptoPath = .best) {
        self.bytes = sampleBytes(count)
        self.path = path
    }

    package func run(_ iterations: Int) {
        var checksum: UInt32 = 0
        for _ in 0..<iterations {
            checksum = self.bytes.withUnsafeBytes { CRC32.checksum($0, continuing: checksum, path: self.path) }
        }
        keep(checksum)
    }
}
