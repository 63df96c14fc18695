// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

/// An HMAC-SHA-256 computation. No copy of the key is left on the heap.
///
/// Specification: RFC 2104.
package struct HMACSHA256: ~Copyable {
    /// SHA-256 takes 64 bytes at a time.
    private static let blockLength = 64

    private var inner = SHA256Hasher()
    private var outer = SHA256Hasher()

    /// Begins a computation with a key of 16 bytes.
    package init(key: Bytes16) {
        key.withUnsafeBytes { self.begin(key: $0) }
    }

    /// Begins a computation.
    ///
    /// - Parameter key: Of any length. It stays the caller's to be wiped.
    package init(key: [UInt8]) {
        key.withUnsafeBytes { key in
            guard key.count > Self.blockLength else { return self.begin(key: key) }
            var digest = sha256(key)
            digest.withUnsafeMutableBytes { digest in
                self.begin(key: UnsafeRawBufferPointer(digest))
                cmtp_wipe(digest.start, digest.count)
            }
        }
    }

    /// Begins both hashes with the key, padded to a block that lives on the stack and is wiped.
    private mutating func begin(key: UnsafeRawBufferPointer) {
        withUnsafeTemporaryAllocation(byteCount: Self.blockLength, alignment: 8) { block in
            defer { cmtp_wipe(block.start, block.count) }
            for index in block.indices { block[index] = (index < key.count ? key[index] : 0) ^ 0x36 }
            self.inner.update(UnsafeRawBufferPointer(block))
            for index in block.indices { block[index] ^= 0x36 ^ 0x5c }
            self.outer.update(UnsafeRawBufferPointer(block))
        }
    }

    /// Appends bytes to what is authenticated.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        self.inner.update(bytes)
    }

    /// The code of all bytes.
    package consuming func finalize() -> Bytes32 {
        var outer = self.outer
        let digest = self.inner.finalize()
        digest.withUnsafeBytes { outer.update($0) }
        return outer.finalize()
    }
}
