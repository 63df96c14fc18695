// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore

/// Up to 15 bytes to put behind a payload, kept in two words so that drawing them needs no allocation.
package struct FramePadding: Sendable {
    /// Bytes to use of the 16, 0 to 15.
    package let count: Int
    private let low: UInt64
    private let high: UInt64

    init(count: Int, low: UInt64, high: UInt64) {
        self.count = count
        self.low = low
        self.high = high
    }

    /// Padding of given bytes, at most 15 of them.
    package init(_ bytes: [UInt8]) {
        func word(_ slice: ArraySlice<UInt8>) -> UInt64 {
            slice.reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        self.init(count: min(bytes.count, 15), low: word(bytes.prefix(8)), high: word(bytes.dropFirst(8).prefix(7)))
    }

    /// Writes the padding behind the readable bytes. Touches 16 bytes of the buffer's tail.
    func write(to buffer: inout ByteBuffer) {
        let end = buffer.writerIndex
        buffer.setInteger(self.low, at: end, endianness: .little)
        if self.count > 8 { buffer.setInteger(self.high, at: end + 8, endianness: .little) }
        buffer.moveWriterIndex(forwardBy: self.count)
    }
}

/// Draws padding of fresh length and content for each frame.
///
/// The bytes are no secret, so a fast generator makes them; only its seed comes from the random source.
struct FramePaddingGenerator: Sendable {
    private var state: UInt64

    init(random: RandomSource) {
        self.state = random.integer()
    }

    /// Draws 0 to `maximum` bytes, `maximum` being at most 15.
    mutating func next(maximum: Int) -> FramePadding {
        let choice = self.word().multipliedFullWidth(by: UInt64(maximum) + 1).high
        return FramePadding(count: Int(choice), low: self.word(), high: self.word())
    }

    /// One step of SplitMix64.
    private mutating func word() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
