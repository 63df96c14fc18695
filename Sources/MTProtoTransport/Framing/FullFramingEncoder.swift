// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore

/// Writes full frames. A frame's sequence number is drawn when it is encoded, so frames go out in that order.
///
/// Specification: *MTProto transports*, Full.
struct FullFramingEncoder: Sendable {
    /// The largest multiple of 4 whose frame length is a positive signed integer, in bytes.
    static let maximumPayloadLength = 0x7fff_fffc - FullFramingDecoder.overhead

    private var sequenceNumber: UInt32 = 0

    mutating func encode(_ payload: inout ByteBuffer) {
        let total = payload.readableBytes + FullFramingDecoder.overhead
        payload.prependWord(self.sequenceNumber)
        payload.prependWord(UInt32(truncatingIfNeeded: total))
        let checksum = payload.withUnsafeReadableBytes { CRC32.checksum($0) }
        payload.writeInteger(checksum, endianness: .little)
        self.sequenceNumber &+= 1
    }
}
