// SPDX-License-Identifier: Apache-2.0

package import NIOCore

extension ByteBuffer {
    /// The same readable bytes, copied if they would keep much more memory from being freed: a slice of a received payload,
    /// or of what it unpacked to.
    package var withoutSlack: ByteBuffer {
        self.storageCapacity > 4 * self.readableBytes + 1024 ? ByteBuffer(bytes: self.readableBytesView) : self
    }
}
