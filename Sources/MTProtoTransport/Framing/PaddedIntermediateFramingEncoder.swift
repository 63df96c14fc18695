// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore

/// Writes padded intermediate frames.
///
/// Specification: *MTProto transports*, Padded intermediate.
struct PaddedIntermediateFramingEncoder: Sendable {
    /// The largest multiple of 4 that leaves the mark free with any padding, in bytes.
    static let maximumPayloadLength = 0x7fff_ffec
    /// TDLib takes only packets shorter than 16 bytes for control packets: 8 bytes and up to 7 more.
    static let maximumQuickAckPadding = 7
    /// tdesktop wants fewer than two words behind the header, other clients strip the length modulo 4.
    static let maximumErrorPadding = 3

    private var generator: FramePaddingGenerator

    /// The most padding behind a message, 0 to 15 bytes.
    var maximumPadding: Int

    init(role: Role, random: RandomSource) {
        self.generator = FramePaddingGenerator(random: random)
        // Several clients strip only the length modulo 4, so a server must stay below 4 bytes.
        self.maximumPadding = role == .client ? PaddedIntermediateFramingDecoder.maximumPadding : 3
    }

    /// Frames a payload with the given padding, or with fresh one.
    mutating func encode(
        _ payload: inout ByteBuffer,
        requestQuickAck: Bool,
        padding: FramePadding? = nil
    ) throws(FramingError) {
        try self.checkRecoverable(payload)
        let padding = padding ?? self.generator.next(maximum: self.maximumPadding)
        let mark = requestQuickAck ? IntermediateFramingDecoder.mark : 0
        padding.write(to: &payload)
        payload.prependWord(UInt32(truncatingIfNeeded: payload.readableBytes) | mark)
    }

    /// A frame of 8 bytes, −1 and the token, and some padding.
    mutating func encodeQuickAck(_ token: UInt32, padding: FramePadding? = nil) -> ByteBuffer {
        let padding = padding ?? self.generator.next(maximum: min(self.maximumPadding, Self.maximumQuickAckPadding))
        var buffer = ByteBuffer.withHeadroom(capacity: 12 + FrameEncoder.trailerCapacity)
        buffer.writeInteger(UInt32.max, endianness: .little)
        buffer.writeInteger(token, endianness: .little)
        padding.write(to: &buffer)
        buffer.prependWord(UInt32(truncatingIfNeeded: buffer.readableBytes))
        return buffer
    }

    /// A frame of one negative word and some padding.
    mutating func encodeTransportError(_ word: Int32, padding: FramePadding? = nil) -> ByteBuffer {
        let padding = padding ?? self.generator.next(maximum: min(self.maximumPadding, Self.maximumErrorPadding))
        var buffer = ByteBuffer.withHeadroom(capacity: 8 + FrameEncoder.trailerCapacity)
        buffer.writeInteger(word, endianness: .little)
        padding.write(to: &buffer)
        buffer.prependWord(UInt32(truncatingIfNeeded: buffer.readableBytes))
        return buffer
    }

    /// The receiver finds the payload's end from its content; a payload for which that fails must not be sent.
    private func checkRecoverable(_ payload: ByteBuffer) throws(FramingError) {
        typealias Decoder = PaddedIntermediateFramingDecoder
        let length = payload.readableBytes
        guard length >= Decoder.plaintextHeaderLength,
            let start = payload.getInteger(at: payload.readerIndex, endianness: .little, as: UInt64.self)
        else { throw .length(.unpaddable, length) }
        if start == 0 {
            guard let declared = payload.peekWord(at: 16), declared == length - Decoder.plaintextHeaderLength else {
                throw .length(.unpaddable, length)
            }
        } else {
            guard length >= Decoder.minimumEncryptedLength, length % 16 == 8 else {
                throw .length(.unpaddable, length)
            }
        }
    }
}
