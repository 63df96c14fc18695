// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The bounds that a decoder applies before it waits for, or slices, a payload.
struct FrameLimits {
    var role: Role
    /// The longest payload to accept, in bytes.
    var maximumPayloadLength: Int

    /// Checks a payload length that a header declares.
    func check(_ length: Int) throws(FramingError) {
        guard length > 0 else { throw .length(.empty, length) }
        guard length <= self.maximumPayloadLength else {
            throw .length(.oversized, length, limit: self.maximumPayloadLength)
        }
        guard length % 4 == 0 else { throw .length(.unaligned, length) }
        // Four bytes are a transport error, and those only come from a server.
        guard length > 4 || self.role == .client else { throw .length(.invalidLength, length) }
    }
}

extension ByteBuffer {
    /// The little-endian word `offset` bytes behind the reader index, or `nil` when it has not arrived in full.
    func peekWord(at offset: Int = 0) -> UInt32? {
        self.getInteger(at: self.readerIndex + offset, endianness: .little)
    }

    /// Takes a frame's payload; a payload of four bytes is a transport error.
    ///
    /// - Parameters:
    ///   - header: Bytes before the payload, already looked at.
    ///   - length: Bytes of payload, already checked against the limits.
    mutating func readFrame(
        header: Int,
        length: Int,
        quickAckRequested: Bool
    ) throws(FramingError) -> FrameDecodingResult {
        guard self.readableBytes >= header + length else { return .needMore(header + length) }
        if length == 4, let word = self.peekWord(at: header) {
            guard let code = TransportErrorCode(wireValue: Int32(bitPattern: word)) else { throw .controlWord(word) }
            self.moveReaderIndex(forwardBy: header + length)
            return .transportError(code)
        }
        self.moveReaderIndex(forwardBy: header)
        guard let payload = self.readSlice(length: length) else { return .needMore(length) }
        return .frame(payload, quickAckRequested: quickAckRequested)
    }
}
