// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore

/// Reads full frames: length and sequence number before the payload, a CRC-32 behind it.
///
/// Specification: *MTProto transports*, Full.
struct FullFramingDecoder: Sendable {
    /// Bytes around a payload: length, sequence number and checksum.
    static let overhead = 12

    private var sequenceNumber: UInt32 = 0

    mutating func decode(_ buffer: inout ByteBuffer, limits: FrameLimits) throws(FramingError) -> FrameDecodingResult {
        guard let word = buffer.peekWord() else { return .needMore(4) }
        let total = Int32(bitPattern: word)
        if total < 0 {
            // The real server was seen to answer with bare error words in place of a frame.
            guard limits.role == .client, let code = TransportErrorCode(wireValue: total) else {
                throw FramingError(.invalidLength, actual: Int64(total))
            }
            buffer.moveReaderIndex(forwardBy: 4)
            return .transportError(code)
        }
        if total == 4 {
            buffer.moveReaderIndex(forwardBy: 4)
            return .noOperation
        }
        let length = Int(total) - Self.overhead
        guard length >= 0 else { throw FramingError(.invalidLength, actual: Int64(total)) }
        try limits.check(length)
        // Looked at before the payload arrives: a stream out of step need not be buffered.
        guard let sequence = buffer.peekWord(at: 4) else { return .needMore(8) }
        guard sequence == self.sequenceNumber else {
            throw FramingError(.wrongSequence, actual: Int64(sequence), expected: Int64(self.sequenceNumber))
        }
        if let result = try buffer.authorization(header: 8, length: length, limits: limits) { return result }
        guard buffer.readableBytes >= length + Self.overhead,
            let checksum = buffer.peekWord(at: length + 8)
        else { return .needMore(length + Self.overhead) }
        let expected = buffer.withUnsafeReadableBytes { bytes in
            CRC32.checksum(UnsafeRawBufferPointer(rebasing: bytes.prefix(length + 8)))
        }
        guard checksum == expected else {
            throw FramingError(.wrongChecksum, actual: Int64(checksum), expected: Int64(expected))
        }
        let result = try buffer.readFrame(header: 8, length: length, quickAckRequested: false)
        buffer.moveReaderIndex(forwardBy: 4)
        self.sequenceNumber &+= 1
        return result
    }
}
