// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

/// The CRC-32/ISO-HDLC checksum (polynomial 0x04C11DB7, reflected, inverted at both ends) of the full framing.
///
/// Specification: *MTProto transports*, full.
public enum CRC32 {
    /// Computes a checksum.
    ///
    /// - Parameters:
    ///   - bytes: Any number of bytes.
    ///   - previous: The checksum of the bytes before these, 0 if there are none.
    ///   - path: The instructions to use, out of ``CryptoPath/available``.
    /// - Returns: The checksum of all bytes so far.
    public static func checksum(
        _ bytes: UnsafeRawBufferPointer,
        continuing previous: UInt32 = 0,
        path: CryptoPath = .best
    ) -> UInt32 {
        guard let base = bytes.start else {
            return previous
        }
        return cmtp_crc32(path.checked, previous, base, bytes.count)
    }
}
