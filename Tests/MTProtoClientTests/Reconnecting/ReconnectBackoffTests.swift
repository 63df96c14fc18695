// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import Testing

@Suite struct ReconnectBackoffTests {
    private static let millisecond: Int64 = 1_000_000

    @Test("Pauses spread over everything up to a limit that doubles from 0.1 s to 16 s")
    func limits() {
        let limits: [Int64] = [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 16_000, 16_000]
        var longest = [Int64](repeating: 0, count: limits.count)
        var shortest = [Int64](repeating: .max, count: limits.count)
        for _ in 0..<500 {
            var backoff = ReconnectBackoff()
            for index in limits.indices {
                let pause = backoff.next(random: .system)
                longest[index] = max(longest[index], pause)
                shortest[index] = min(shortest[index], pause)
            }
        }
        // A fair generator misses one of these with a probability of about 10⁻⁵⁰.
        for (index, limit) in limits.enumerated() {
            #expect(longest[index] <= limit * Self.millisecond)
            #expect(longest[index] > limit * Self.millisecond * 3 / 4)
            #expect(shortest[index] >= 0)
            #expect(shortest[index] < limit * Self.millisecond / 4)
        }
    }

    @Test("A connection that worked begins anew; a flood error waits long")
    func resets() {
        var backoff = ReconnectBackoff()
        for _ in 0..<100 { _ = backoff.next(random: .system) }
        backoff.reset()
        #expect(backoff.next(random: .system) <= 100 * Self.millisecond)
        #expect(8_000 * Self.millisecond...16_000 * Self.millisecond ~= backoff.nextAfterFlood(random: .system))
        backoff.reset()
        #expect(backoff.next(random: .system) <= 100 * Self.millisecond)
    }

    @Test("Limits without sense do no harm")
    func strange() {
        var none = ReconnectBackoff(initial: .zero, maximum: .zero)
        for _ in 0..<100 { #expect(0...1 ~= none.next(random: .system)) }
        var endless = ReconnectBackoff(initial: .seconds(Int64.max), maximum: .seconds(Int64.max))
        for _ in 0..<100 { #expect(endless.next(random: .system) >= 0) }
        #expect(endless.nextAfterFlood(random: .system) >= 0)
    }
}
