// SPDX-License-Identifier: Apache-2.0

import NIOCore

extension ByteBuffer {
    /// An empty buffer with room for the headers of all layers before, and for `capacity` bytes after, its indices.
    static func withHeadroom(capacity: Int) -> ByteBuffer {
        let headroom = TransportConnection.payloadHeadroom
        var buffer = ByteBufferAllocator().buffer(capacity: headroom + capacity + TransportConnection.payloadTailroom)
        buffer.writeRepeatingByte(0, count: headroom)
        buffer.moveReaderIndex(forwardBy: headroom)
        return buffer
    }

    /// Makes `count` bytes before the readable ones readable, to be overwritten by a header.
    ///
    /// They come from the headroom; only a buffer without headroom is copied.
    mutating func prepend(_ count: Int) {
        if self.readerIndex < count {
            var copy = ByteBuffer.withHeadroom(capacity: self.readableBytes)
            copy.writeBuffer(&self)
            self = copy
        }
        self.moveReaderIndex(to: self.readerIndex - count)
    }

    /// Puts a little-endian word before the readable bytes.
    mutating func prependWord(_ word: UInt32) {
        self.prepend(4)
        self.setInteger(word, at: self.readerIndex, endianness: .little)
    }
}

/// Checks a payload's length before it is framed.
func checkPayloadLength(_ length: Int, limit: Int) throws(FramingError) {
    guard length > 0 else { throw .length(.empty, length) }
    guard length % 4 == 0 else { throw .length(.unaligned, length) }
    // Four bytes would be taken for a transport error.
    guard length > 4 else { throw .length(.invalidLength, length) }
    guard length <= limit else { throw .length(.oversized, length, limit: limit) }
}
