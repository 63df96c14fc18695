// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import Testing

@Suite struct ReconnectBackoffTests {
    /// Fixed, so that a failure comes again.
    private static let seed: UInt64 = 20_261_121

    @Test("Pauses spread over everything up to a limit that doubles from 0.1 s to 16 s")
    func limits() {
        let random = RandomSource.seeded(Self.seed)
        let limits = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 16_000, 16_000].map { Duration.milliseconds($0) }
        var longest = [Duration](repeating: .zero, count: limits.count)
        var shortest = [Duration](repeating: .seconds(99), count: limits.count)
        for _ in 0..<500 {
            var backoff = ReconnectBackoff()
            for index in limits.indices {
                let pause = backoff.next(random: random)
                longest[index] = max(longest[index], pause)
                shortest[index] = min(shortest[index], pause)
            }
        }
        for (index, limit) in limits.enumerated() {
            #expect(longest[index] <= limit)
            #expect(longest[index] > limit * 3 / 4)
            #expect(shortest[index] >= .zero)
            #expect(shortest[index] < limit / 4)
        }
    }

    @Test("A connection that worked begins anew; a flood error waits long")
    func resets() {
        let random = RandomSource.seeded(Self.seed)
        var backoff = ReconnectBackoff()
        for _ in 0..<100 { _ = backoff.next(random: random) }
        backoff.reset()
        #expect(backoff.next(random: random) <= Duration.milliseconds(100))
        #expect(Duration.seconds(8)...Duration.seconds(16) ~= backoff.nextAfterFlood(random: random))
        backoff.reset()
        #expect(backoff.next(random: random) <= Duration.milliseconds(100))
    }

    @Test("Limits without sense do no harm")
    func strange() {
        let random = RandomSource.seeded(Self.seed)
        var none = ReconnectBackoff(initial: .zero, maximum: .zero)
        for _ in 0..<100 { #expect(Duration.zero...Duration.nanoseconds(1) ~= none.next(random: random)) }
        var endless = ReconnectBackoff(initial: .seconds(Int64.max), maximum: .seconds(Int64.max))
        for _ in 0..<100 { #expect(endless.next(random: random) >= .zero) }
        #expect(endless.nextAfterFlood(random: random) >= .zero)
    }
}
