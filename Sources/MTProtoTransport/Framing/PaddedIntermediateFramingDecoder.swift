// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Reads padded intermediate frames: a header of four bytes that counts payload and padding together.
///
/// The payload's own length is not on the wire; it follows from what the payload is.
///
/// Specification: *MTProto transports*, Padded intermediate.
struct PaddedIntermediateFramingDecoder: Sendable {
    /// The most padding behind an encrypted payload, in bytes.
    static let maximumPadding = 15
    /// A server's packets of up to so many bytes carry no message.
    static let maximumControlLength = 16
    /// Smallest encrypted message: key identifier, message key, and 48 bytes of ciphertext.
    static let minimumEncryptedLength = 72
    /// Bytes of a plaintext message before its body: key identifier 0, message identifier, length.
    static let plaintextHeaderLength = 20

    func decode(
        _ buffer: inout ByteBuffer,
        limits: FrameLimits,
        authorizationKeyIdentifier: UInt64?
    ) throws(FramingError) -> FrameDecodingResult {
        guard let word = buffer.peekWord() else { return .needMore(4) }
        let isMarked = word & IntermediateFramingDecoder.mark != 0
        if isMarked, limits.role == .client {
            // MTProxy and others send the bare token of intermediate framing here, too.
            buffer.moveReaderIndex(forwardBy: 4)
            return .quickAck(word)
        }
        let total = Int(word & ~IntermediateFramingDecoder.mark)
        guard total > 0 else { throw .length(.empty, total) }
        guard total >= 4 else { throw .length(.invalidLength, total) }
        guard total - Self.maximumPadding <= limits.largestLength else {
            throw .length(.oversized, total, limit: limits.maximumPayloadLength)
        }
        if limits.role == .server, total < Self.plaintextHeaderLength { throw .length(.invalidLength, total) }
        let least = total - Self.maximumPadding
        if let result = try buffer.authorization(header: 4, length: least, limits: limits) { return result }
        guard var payload = buffer.getSlice(at: buffer.readerIndex + 4, length: total) else {
            return .needMore(4 + total)
        }

        if total < Self.plaintextHeaderLength {
            return try self.decodeControl(&buffer, total: total, keyIdentifier: authorizationKeyIdentifier)
        }
        let length = try self.payloadLength(of: payload)
        guard length <= limits.maximumPayloadLength else {
            throw .length(.oversized, length, limit: limits.maximumPayloadLength)
        }
        payload.moveWriterIndex(to: payload.readerIndex + length)
        buffer.moveReaderIndex(forwardBy: 4 + total)
        return .frame(payload, quickAckRequested: isMarked)
    }

    /// Reads what a server sends in fewer than 20 bytes: never a message.
    private func decodeControl(
        _ buffer: inout ByteBuffer,
        total: Int,
        keyIdentifier: UInt64?
    ) throws(FramingError) -> FrameDecodingResult {
        guard let first = buffer.peekWord(at: 4) else { return .needMore(4 + total) }
        let result: FrameDecodingResult
        if total > Self.maximumControlLength {
            // Some servers pad an error beyond the official length. Only a small negative word can be one, and only
            // when the packet does not start like a message.
            let start = buffer.getInteger(at: buffer.readerIndex + 4, endianness: .little, as: UInt64.self)
            let value = Int32(bitPattern: first)
            guard start != 0, start != keyIdentifier, -999...(-1) ~= value,
                let code = TransportErrorCode(wireValue: value)
            else { throw .length(.invalidLength, total) }
            result = .transportError(code)
        } else if first == 0 {
            result = .noOperation
        } else if first == UInt32.max {
            guard total >= 8, let token = buffer.peekWord(at: 8) else { throw .controlWord(first) }
            result = .quickAck(token)
        } else {
            guard let code = TransportErrorCode(wireValue: Int32(bitPattern: first)) else { throw .controlWord(first) }
            result = .transportError(code)
        }
        buffer.moveReaderIndex(forwardBy: 4 + total)
        return result
    }

    /// The length of the payload at the front of a packet of at least 20 bytes.
    private func payloadLength(of packet: ByteBuffer) throws(FramingError) -> Int {
        let total = packet.readableBytes
        guard packet.getInteger(at: packet.readerIndex, endianness: .little, as: UInt64.self) != 0 else {
            let declared = packet.peekWord(at: 16) ?? 0
            let room = total - Self.plaintextHeaderLength
            // Padding may be longer than 15 bytes here: some clients put theirs behind the declared length.
            guard let length = Int(exactly: declared), length <= room else {
                throw FramingError(.messageLengthExceedsFrame, actual: Int64(declared), expected: Int64(room))
            }
            // The other framings leave it to the message's reader whether the length makes sense, and so does this one.
            return Self.plaintextHeaderLength + min((length + 3) / 4 * 4, room)
        }
        guard total >= Self.minimumEncryptedLength else { throw .length(.invalidLength, total) }
        return total - (total - 24) % 16
    }
}
