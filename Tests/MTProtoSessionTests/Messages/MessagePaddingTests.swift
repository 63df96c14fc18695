// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@testable import MTProtoSession

@Suite struct MessagePaddingTests {
    @Test(arguments: [
        MessagePadding.minimal, .sizeClasses, .standard, .random(), .random(maximumBlocks: 62),
        .random(maximumBlocks: .max), .random(maximumBlocks: -1),
    ])
    func everyPaddingIsLegal(padding: MessagePadding) {
        let random = RandomSource.seeded(3)
        for length in stride(from: 0, through: 8192, by: 4) {
            let count = padding.byteCount(bodyLength: length, random: random)
            #expect(MessagePadding.range.contains(count), "\(length) bytes")
            #expect((32 + length + count).isMultiple(of: 16), "\(length) bytes")
        }
    }

    @Test(arguments: [(0, 16), (4, 12), (8, 24), (12, 20), (16, 16), (20, 12), (24, 24)])
    func minimumIsTheLeast(length: Int, count: Int) {
        #expect(MessagePadding.minimal.byteCount(bodyLength: length, random: .seeded(1)) == count)
    }

    @Test(arguments: [
        (0, 64), (20, 64), (24, 128), (84, 128), (88, 192), (1236, 1280), (1240, 1728), (1684, 1728), (1688, 2176),
    ])
    func sizeClassesRoundUp(length: Int, encrypted: Int) {
        let count = MessagePadding.sizeClasses.byteCount(bodyLength: length, random: .seeded(1))
        #expect(32 + length + count == encrypted)
    }

    @Test func randomPaddingUsesItsRange() {
        let random = RandomSource.seeded(4)
        let counts = Set((0..<500).map { _ in MessagePadding.random().byteCount(bodyLength: 4, random: random) })
        #expect(counts == Set(stride(from: 12, through: 12 + 15 * 16, by: 16)))
    }
}
