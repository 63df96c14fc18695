// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Reads intermediate frames: a header of four bytes that counts bytes.
///
/// Specification: *MTProto transports*, Intermediate.
struct IntermediateFramingDecoder: Sendable {
    /// The top bit of the whole word, which is that of the *fourth* byte on the wire.
    static let mark: UInt32 = 0x8000_0000

    func decode(_ buffer: inout ByteBuffer, limits: FrameLimits) throws(FramingError) -> FrameDecodingResult {
        guard let word = buffer.peekWord() else { return .needMore(4) }
        let isMarked = word & Self.mark != 0
        if isMarked, limits.role == .client {
            buffer.moveReaderIndex(forwardBy: 4)
            return .quickAck(word)
        }
        let length = Int(word & ~Self.mark)
        try limits.check(length)
        if let result = try buffer.authorization(header: 4, length: length, limits: limits) { return result }
        return try buffer.readFrame(header: 4, length: length, quickAckRequested: isMarked)
    }
}
