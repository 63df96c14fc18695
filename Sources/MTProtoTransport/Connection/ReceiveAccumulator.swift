// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The received bytes that are not yet consumed.
///
/// Bytes that arrive while nothing waits are taken over without a copy. Storage is given back when the last byte is
/// consumed, and a partial frame is moved out of a big or shared storage, so that it pins no read buffer.
struct ReceiveAccumulator: Sendable {
    /// Unused storage that a partial frame may keep, in bytes, beside four times its own size.
    private static let tolerableWaste = 1024

    var buffer = ByteBuffer()

    /// Adds bytes behind those that wait. The storage of `bytes` is shared when none wait.
    mutating func append(_ bytes: consuming ByteBuffer) {
        if self.buffer.readableBytes == 0 {
            self.buffer = consume bytes
        } else {
            self.buffer.writeBuffer(&bytes)
        }
    }

    /// As ``append(_:)``, leaving storage that can be changed in place without another holder's bytes being copied.
    mutating func appendForMutation(_ bytes: consuming ByteBuffer) {
        if self.buffer.readableBytes == 0 {
            self.buffer = consume bytes
            self.makeUnique()
        } else {
            self.buffer.writeBuffer(&bytes)
        }
    }

    /// Copies the readable bytes, and only those, when somebody else holds the storage.
    mutating func makeUnique() {
        // A copy on write would keep the capacity of the whole read buffer.
        guard self.buffer.modifyIfUniquelyOwned({ _ in () }) == nil else { return }
        self.buffer = Self.exactCopy(self.buffer)
    }

    /// Gives the storage back when nothing is left in it.
    mutating func releaseIfDrained() {
        if self.buffer.readableBytes == 0 { self.buffer = ByteBuffer() }
    }

    /// Prepares a partial frame for waiting.
    mutating func settle() {
        let count = self.buffer.readableBytes
        guard count > 0 else {
            self.buffer = ByteBuffer()
            return
        }
        let isOwned = self.buffer.modifyIfUniquelyOwned { _ in () } != nil
        let isTight = self.buffer.storageCapacity - Self.tolerableWaste <= 4 * count
        guard !isOwned || !isTight || self.buffer.readerIndex > count else { return }
        self.buffer = Self.exactCopy(self.buffer)
    }

    private static func exactCopy(_ buffer: ByteBuffer) -> ByteBuffer {
        var source = buffer
        var copy = ByteBufferAllocator().buffer(capacity: source.readableBytes)
        copy.writeBuffer(&source)
        return copy
    }
}
