// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

/// One direction of an AES-256 counter-mode key stream, which goes on from call to call at any byte offset.
///
/// The counter is the whole 128-bit big-endian block and wraps. Encryption and decryption are the same operation. The
/// key is wiped when the stream ends.
///
/// Specification: *MTProto transports*, transport obfuscation.
public struct AES256CTRStream: ~Copyable, Sendable {
    // On the heap, so that moving the owner around neither copies 300 bytes nor leaves keys behind.
    private nonisolated(unsafe) let state: UnsafeMutablePointer<cmtp_ctr>

    /// Starts a key stream.
    ///
    /// - Parameters:
    ///   - key: The 32-byte key.
    ///   - initializationVector: The first counter block, 16 bytes.
    ///   - path: The instructions to use, out of ``CryptoPath/available``.
    public init(key: Bytes32, initializationVector: Bytes16, path: CryptoPath = .best) {
        let state = UnsafeMutablePointer<cmtp_ctr>.allocate(capacity: 1)
        let number = path.checked
        key.withUnsafeBytes { key in
            initializationVector.withUnsafeBytes { vector in
                cmtp_ctr_init(state, number, key.start, vector.start)
            }
        }
        self.state = state
    }

    deinit {
        cmtp_ctr_wipe(self.state)
        self.state.deallocate()
    }

    /// Encrypts or decrypts bytes in place with the next bytes of the key stream.
    ///
    /// - Parameter bytes: Any number of bytes.
    public mutating func apply(to bytes: UnsafeMutableRawBufferPointer) {
        if let base = bytes.baseAddress {
            cmtp_ctr_apply(self.state, base.assumingMemoryBound(to: UInt8.self), bytes.count)
        }
    }
}
