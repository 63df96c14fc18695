// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@Suite struct RandomSourceTests {
    @Test func seedsRepeat() {
        #expect(RandomSource.seeded(7).bytes(100) == RandomSource.seeded(7).bytes(100))
        #expect(RandomSource.seeded(7).bytes(100) != RandomSource.seeded(8).bytes(100))
    }

    @Test func requestsMayBeCutAnywhere() {
        let whole = RandomSource.seeded(9).bytes(33)
        let cut = RandomSource.seeded(9)
        #expect(cut.bytes(1) + cut.bytes(0) + cut.bytes(15) + cut.bytes(17) == whole)
    }

    @Test func systemGivesDifferentBytes() {
        #expect(RandomSource.system.bytes(32) != RandomSource.system.bytes(32))
        #expect(RandomSource.system.bytes(0).isEmpty)
    }

    @Test func integersFillTheirRange() {
        let source = RandomSource.seeded(10)
        let values = Set((0..<200).map { _ in source.integer(in: -1...2) })
        #expect(values == [-1, 0, 1, 2])
        #expect(source.integer(in: 5...5) == 5)
        let words: [UInt64] = (0..<64).map { _ in source.integer() }
        #expect(words.reduce(0, |) == .max)
        #expect(words.reduce(.max, &) == 0)
        _ = source.integer(in: Int.min...Int.max)
    }
}
