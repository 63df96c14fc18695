// SPDX-License-Identifier: Apache-2.0

extension UnsafeRawBufferPointer {
    /// The first byte of a buffer known not to be empty, as C functions want it.
    var start: UnsafePointer<UInt8>? {
        self.baseAddress?.assumingMemoryBound(to: UInt8.self)
    }
}

extension UnsafeMutableRawBufferPointer {
    /// The first byte of a buffer known not to be empty, as C functions want it.
    var start: UnsafeMutablePointer<UInt8>? {
        self.baseAddress?.assumingMemoryBound(to: UInt8.self)
    }
}
