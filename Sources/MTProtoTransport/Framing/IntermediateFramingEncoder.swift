// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Writes intermediate frames.
///
/// Specification: *MTProto transports*, Intermediate.
struct IntermediateFramingEncoder: Sendable {
    /// The largest multiple of 4 that leaves the mark free, in bytes.
    static let maximumPayloadLength = 0x7fff_fffc

    func encode(_ payload: inout ByteBuffer, requestQuickAck: Bool) {
        let mark = requestQuickAck ? IntermediateFramingDecoder.mark : 0
        payload.prependWord(UInt32(truncatingIfNeeded: payload.readableBytes) | mark)
    }

    /// The token's four bytes, without a header.
    func encodeQuickAck(_ token: UInt32) -> ByteBuffer {
        var buffer = ByteBuffer.withHeadroom(capacity: 4)
        buffer.writeInteger(token, endianness: .little)
        return buffer
    }
}
