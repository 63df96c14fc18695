// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// The bounds that a decoder applies before it waits for, or slices, a payload.
struct FrameLimits {
    var role: Role
    /// The longest payload to accept, in bytes.
    var maximumPayloadLength: Int
    /// The longest payload to accept if its key is known, in bytes; no limit is below the one above.
    var maximumAuthorizedPayloadLength = 0

    /// The longest length of a header that is worth a look at what follows.
    var largestLength: Int {
        max(self.maximumPayloadLength, self.maximumAuthorizedPayloadLength)
    }

    /// Checks a payload length that a header declares.
    func check(_ length: Int) throws(FramingError) {
        guard length > 0 else { throw .length(.empty, length) }
        guard length <= self.largestLength else {
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

    /// What a payload above the limit makes; `nil` for one that is within.
    ///
    /// - Parameters:
    ///   - header: Bytes before the payload, already looked at.
    ///   - length: Bytes of payload, already checked against the limits.
    func authorization(
        header: Int,
        length: Int,
        limits: FrameLimits
    ) throws(FramingError) -> FrameDecodingResult? {
        guard length > limits.maximumPayloadLength else { return nil }
        guard let keyIdentifier: UInt64 = self.getInteger(at: self.readerIndex + header, endianness: .little) else {
            return .needMore(header + 8)
        }
        // No message without a key is so long.
        guard keyIdentifier != 0 else { throw .length(.oversized, length, limit: limits.maximumPayloadLength) }
        return .authorizationNeeded(keyIdentifier: keyIdentifier)
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
        guard let payload = self.getSlice(at: self.readerIndex + header, length: length) else {
            return .needMore(header + length)
        }
        if length == 4, let word = payload.peekWord() {
            guard let code = TransportErrorCode(wireValue: Int32(bitPattern: word)) else { throw .controlWord(word) }
            self.moveReaderIndex(forwardBy: header + length)
            return .transportError(code)
        }
        self.moveReaderIndex(forwardBy: header + length)
        return .frame(payload, quickAckRequested: quickAckRequested)
    }
}
