// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Reads abridged frames: a header of one byte, or of `7f` and three bytes, that counts 4-byte words.
///
/// Specification: *MTProto transports*, Abridged.
struct AbridgedFramingDecoder: Sendable {
    func decode(_ buffer: inout ByteBuffer, limits: FrameLimits) throws(FramingError) -> FrameDecodingResult {
        guard let first = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) else { return .needMore(1) }
        let isMarked = first & 0x80 != 0
        if isMarked, limits.role == .client {
            // The only big-endian word of the protocol: its first byte shows the mark.
            guard let token = buffer.readInteger(endianness: .big, as: UInt32.self) else { return .needMore(4) }
            return .quickAck(token)
        }
        let header: Int
        let length: Int
        if first & 0x7f == 0x7f {
            guard let word = buffer.peekWord() else { return .needMore(4) }
            header = 4
            length = Int(word >> 8) * 4
        } else {
            header = 1
            length = Int(first & 0x7f) * 4
        }
        try limits.check(length)
        if let result = try buffer.authorization(header: header, length: length, limits: limits) { return result }
        return try buffer.readFrame(header: header, length: length, quickAckRequested: isMarked)
    }
}
