// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore

extension ByteBuffer {
    /// The bytes of hexadecimal digits; white space is ignored.
    init(wireHex text: String) {
        self.init(bytes: Hexadecimal.bytes(text.filter { !$0.isWhitespace }) ?? [])
    }

    /// The readable bytes as hexadecimal digits.
    var wireHex: String { Hexadecimal.string(self.readableBytesView) }

    /// The first bytes only.
    func prefix(_ count: Int) -> ByteBuffer {
        self.getSlice(at: self.readerIndex, length: count) ?? ByteBuffer()
    }
}
