// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Writes abridged frames.
///
/// Specification: *MTProto transports*, Abridged.
struct AbridgedFramingEncoder: Sendable {
    /// 2^24 − 1 words, in bytes.
    static let maximumPayloadLength = 0xff_ffff * 4

    func encode(_ payload: inout ByteBuffer, requestQuickAck: Bool) {
        let words = payload.readableBytes / 4
        let mark: UInt8 = requestQuickAck ? 0x80 : 0
        if words < 0x7f {
            payload.prepend(1)
            payload.setInteger(UInt8(truncatingIfNeeded: words) | mark, at: payload.readerIndex)
        } else {
            payload.prependWord(UInt32(truncatingIfNeeded: words) << 8 | UInt32(0x7f | mark))
        }
    }

    /// The token's four bytes, without a header and big endian, so that the first one shows the mark.
    func encodeQuickAck(_ token: UInt32) -> ByteBuffer {
        var buffer = ByteBuffer.withHeadroom(capacity: 4)
        buffer.writeInteger(token, endianness: .big)
        return buffer
    }
}
