// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import MTProtoTransport
import Testing

@Suite("Message identifiers")
struct MessageIdentifierGeneratorTests {
    private static let noon: Int64 = 1_705_754_878_000_000_000

    @Test("The high half is the second, the low half its fraction in 2⁻³² steps")
    func scale() {
        var generator = MessageIdentifierGenerator(role: .client)
        let identifier = generator.next(serverNanoseconds: Self.noon + 500_000_000)
        #expect(identifier == 1_705_754_878 << 32 | 0x8000_0000)
        #expect(MessageIdentifierGenerator.seconds(of: identifier) == 1_705_754_878)
        #expect(MessageIdentifierGenerator.nanoseconds(of: identifier) == Self.noon + 500_000_000)
    }

    @Test(
        "The lowest bits tell the sender",
        arguments: [(Role.client, false, 0), (.client, true, 0), (.server, true, 1), (.server, false, 3)]
    )
    func lowestBits(role: Role, isResponse: Bool, expected: UInt64) {
        var generator = MessageIdentifierGenerator(role: role)
        let identifier = generator.next(serverNanoseconds: Self.noon + 1, isResponse: isResponse)
        #expect(identifier & 3 == expected)
    }

    @Test("The fraction of the second is never zero")
    func fraction() {
        var generator = MessageIdentifierGenerator(role: .client)
        #expect(generator.next(serverNanoseconds: Self.noon) & 0xFFFF_FFFF == 4)
    }

    @Test("Identifiers rise when the clock stands or goes back, until a restart")
    func monotony() {
        var generator = MessageIdentifierGenerator(role: .server)
        var last: UInt64 = 0
        for step: Int64 in [0, 0, 1, 5_000_000_000, 0, -100_000_000_000, 0] {
            let identifier = generator.next(serverNanoseconds: Self.noon + step, isResponse: step == 0)
            #expect(identifier & ~3 >= (last & ~3) + 4)
            last = identifier
        }
        generator.restart()
        #expect(generator.next(serverNanoseconds: Self.noon) < last)
    }

    @Test("Absurd clocks do not trap", arguments: [Int64.min, -1, 0, Int64.max])
    func absurdClocks(nanoseconds: Int64) {
        var generator = MessageIdentifierGenerator(role: .client)
        let first = generator.next(serverNanoseconds: nanoseconds)
        #expect(generator.next(serverNanoseconds: nanoseconds) == first + 4)
        _ = MessageIdentifierGenerator.nanoseconds(of: .max)
    }
}

@Suite("Sequence numbers")
struct SequenceNumberCounterTests {
    @Test("Content-related messages count twice plus one, the others twice the count")
    func numbers() {
        var counter = SequenceNumberCounter()
        let numbers = [false, true, false, true, true, false].map { counter.next(isContentRelated: $0) }
        #expect(numbers == [0, 1, 2, 3, 5, 6])
    }
}
