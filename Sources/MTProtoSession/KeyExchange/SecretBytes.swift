// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Bytes that are overwritten with zeros when their last owner lets go of them.
///
/// A run's exponent and `new_nonce` live here, so that the end of the run, however it comes, wipes them.
final class SecretBytes: Sendable, CustomStringConvertible {
    private let bytes: Mutex<[UInt8]>

    init(_ bytes: consuming [UInt8]) {
        self.bytes = Mutex(bytes)
    }

    deinit {
        self.bytes.withLock { $0.wipe() }
    }

    /// Lends the bytes. The closure must not keep them, or the wiping would reach only this copy.
    func withBytes<Value, Failure: Error>(_ body: ([UInt8]) throws(Failure) -> Value) throws(Failure) -> Value {
        // Without the extension, the last owner could end, and wipe a copy, while the closure still reads.
        defer { withExtendedLifetime(self) {} }
        return try body(self.bytes.withLock { $0 })
    }

    var description: String { "SecretBytes" }
}

extension [UInt8] {
    /// Overwrites the bytes with zeros. Not inlined, so that the stores are not dropped as unread.
    @inline(never)
    mutating func wipe() {
        self.withUnsafeMutableBytes { bytes in
            for index in bytes.indices {
                bytes[index] = 0
            }
        }
    }
}
