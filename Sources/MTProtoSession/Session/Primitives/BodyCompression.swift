// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Decides which queries and results travel as `gzip_packed`.
///
/// The compressed object stands where the query or the result stands. A query in `invoke…` wrappers is left as it is: the place of
/// `gzip_packed` is inside of them, where only their author can put it.
///
/// Specification: *Mobile Protocol: Detailed Description*, "Packed Object".
enum BodyCompression {
    /// The constructors that are not compressed: wrappers, `rpc_error`, which clients look for as it is, and parts of media
    /// files, which are compressed already.
    private static let excluded: Set<UInt32> = [
        0xDA9B_0D0D, 0xC1CD_5EA9, 0xCB9F_372D, 0x3DC4_B4F0, 0xBF94_59B7, 0x3652_75F2, 0xACA9_FD2E,
        0x3072_CFA1, 0xB304_A621, 0xDE7B_673D, 0x2144_CA19,
    ]
    /// Data with more different byte values than this among 256 is not worth the attempt: it is compressed or encrypted.
    private static let maximumDistinctValues = 128

    /// The packed body, if it is shorter.
    static func compress(_ body: ByteBuffer, threshold: Int?) -> ByteBuffer? {
        guard let threshold, body.readableBytes > threshold,
            let constructor = body.getInteger(at: body.readerIndex, endianness: .little, as: UInt32.self),
            !self.excluded.contains(constructor), self.looksCompressible(body)
        else { return nil }
        var buffer = ByteBuffer()
        GzipPacked(packedData: Gzip.deflate(body)).write(to: &buffer)
        return buffer.readableBytes < body.readableBytes ? buffer : nil
    }

    private static func looksCompressible(_ body: ByteBuffer) -> Bool {
        body.withUnsafeReadableBytes { bytes in
            var seen: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
            for byte in bytes.prefix(256) {
                let bit = UInt64(1) << UInt64(byte & 63)
                switch byte >> 6 {
                case 0: seen.0 |= bit
                case 1: seen.1 |= bit
                case 2: seen.2 |= bit
                default: seen.3 |= bit
                }
            }
            let distinct =
                seen.0.nonzeroBitCount + seen.1.nonzeroBitCount + seen.2.nonzeroBitCount + seen.3.nonzeroBitCount
            return distinct <= self.maximumDistinctValues
        }
    }
}
