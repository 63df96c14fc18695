// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore

/// The bytes of hexadecimal text, in which white space is ignored.
func hex(_ text: String) -> [UInt8] {
    Hexadecimal.bytes(text.filter { !$0.isWhitespace }) ?? []
}

extension ByteBuffer {
    init(hex text: String) {
        self.init(bytes: hex(text))
    }

    var bytes: [UInt8] {
        Array(self.readableBytesView)
    }

    /// A payload with the room around it that no layer needs to copy for.
    static func payload(_ bytes: [UInt8], headroom: Int = 32, tailroom: Int = 32) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: headroom + bytes.count + tailroom)
        buffer.writeRepeatingByte(0xaa, count: headroom)
        buffer.moveReaderIndex(forwardBy: headroom)
        buffer.writeBytes(bytes)
        return buffer
    }
}

extension RandomSource {
    /// Gives the same bytes at each call, from their beginning.
    static func fixed(_ bytes: [UInt8]) -> RandomSource {
        RandomSource { target in
            for index in target.indices { target[index] = bytes[index % bytes.count] }
        }
    }
}

/// Payloads that every framing can carry.
enum Payloads {
    /// The encrypted ping of `framing.md` §12.1, 88 bytes.
    static let ping = hex(
        """
        8ae7a271969a9b1fe1b454b19a30d9820eedd36e63cd4175e35f6a1c48404367
        f297efadead4a7674c5c3c9bb8f491cd3809f2dfcda42504e690aa2a6e039cdf
        4161f402719d1e64adda637c65d7fce3dff70235cada15cd
        """
    )
    static let pingToken: UInt32 = 0xfefd_579e

    /// The plaintext `req_pq_multi` of `carriers.md` §13, 40 bytes.
    static let requestPQ = hex(
        "000000000000000064f70d00fcc0ab6514000000f18e7ebe15a084b3b9ca2a17f03925f44b78fe68"
    )

    /// Something that looks like an encrypted message of 24 + 16 · blocks bytes.
    static func encrypted(blocks: Int, seed: UInt64 = 1) -> [UInt8] {
        var bytes = RandomSource.seeded(seed).bytes(24 + 16 * blocks)
        bytes[0] |= 1
        return bytes
    }

    /// A plaintext message with a body of so many bytes.
    static func plaintext(body: Int) -> [UInt8] {
        let length = UInt32(body)
        return [UInt8](repeating: 0, count: 8) + [1, 2, 3, 4, 5, 6, 7, 8]
            + (0..<4).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
            + (0..<body).map { UInt8(truncatingIfNeeded: $0) }
    }
}
