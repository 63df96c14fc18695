// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@testable import MTProtoClient

@Suite struct TemporaryKeyRenewalTests {
    private static let second: Int64 = 1_000_000_000
    private static let day = 86_400 * second

    private static func renewal(seed: UInt64 = 1, life: Int64 = day) -> TemporaryKeyRenewal {
        TemporaryKeyRenewal(issuedAt: 0, expiresAt: life, random: .seeded(seed))
    }

    @Test("A key is renewed at about nine tenths of its life, not all at once")
    func time() throws {
        var times: Set<Int64> = []
        for seed: UInt64 in 0..<200 {
            var renewal = Self.renewal(seed: seed)
            let decision = renewal.timerFired(at: 0, isIdle: true)
            #expect(decision.action == nil)
            let wake = try #require(decision.wakeAt)
            #expect((Self.day / 1_000 * 875)...(Self.day / 1_000 * 925) ~= wake)
            times.insert(wake)
            #expect(renewal.timerFired(at: wake - 1, isIdle: true) == decision)
            #expect(renewal.timerFired(at: wake, isIdle: true).action == .exchange)
        }
        #expect(times.count > 190)
    }

    /// A renewal that has just begun its exchange, and when.
    private static func exchanging() throws -> (TemporaryKeyRenewal, Int64) {
        var renewal = Self.renewal()
        let start = try #require(renewal.timerFired(at: 0, isIdle: true).wakeAt)
        #expect(renewal.timerFired(at: start, isIdle: true).action == .exchange)
        return (renewal, start)
    }

    @Test("The session changes over when no query is under way")
    func idle() throws {
        var (renewal, start) = try Self.exchanging()
        #expect(renewal.becameIdle(at: start).action == nil)
        let waiting = renewal.exchanged(at: start + Self.second, isIdle: false)
        #expect(waiting.action == nil)
        #expect(renewal.becameIdle(at: start + 2 * Self.second) == .init(action: .change))
        #expect(renewal.becameIdle(at: start + 3 * Self.second) == .init())
        (renewal, start) = try Self.exchanging()
        #expect(renewal.exchanged(at: start, isIdle: true).action == .change)
    }

    @Test("Without an idle moment queries are held back now and then, and at the end it changes over all the same")
    func busy() throws {
        var (renewal, start) = try Self.exchanging()
        var wake = try #require(renewal.exchanged(at: start, isIdle: false).wakeAt)
        #expect(wake > start && wake < Self.day)
        var holds = 0
        while true {
            let decision = renewal.timerFired(at: wake, isIdle: false)
            if decision.action == .change { break }
            #expect(decision.action == .hold)
            holds += 1
            var other = renewal
            #expect(other.becameIdle(at: wake + 1).action == .change)
            let until = try #require(decision.wakeAt)
            #expect(until - wake <= 2 * Self.second)
            let released = renewal.timerFired(at: until, isIdle: false)
            if released.action == .change {
                wake = until
                break
            }
            #expect(released.action == .release)
            wake = try #require(released.wakeAt)
            #expect(wake > until)
        }
        #expect(holds > 5)
        #expect(renewal.isExpired(at: wake))
        #expect(wake < Self.day)
    }

    @Test("An exchange that fails is tried again after a pause, until the key has ended")
    func failures() throws {
        var (renewal, now) = try Self.exchanging()
        var count = 0
        while true {
            let decision = renewal.exchangeFailed(at: now)
            let wake = decision.action == .exchange ? now : decision.wakeAt ?? now
            if decision.action == .expire { break }
            #expect(wake - now <= 60 * Self.second)
            now = wake
            let next = decision.action == .exchange ? decision : renewal.timerFired(at: now, isIdle: false)
            if next.action == .expire { break }
            #expect(next.action == .exchange)
            count += 1
        }
        #expect(renewal.isExpired(at: now))
        #expect(now < Self.day)
        #expect(count > 20)
    }

    @Test("A key that has ended while the machine slept is not used any more")
    func slept() {
        var renewal = Self.renewal()
        _ = renewal.timerFired(at: 0, isIdle: true)
        #expect(!renewal.isExpired(at: Self.day / 2))
        #expect(renewal.isExpired(at: Self.day))
        #expect(renewal.timerFired(at: Self.day, isIdle: true) == .init(action: .expire))
        #expect(renewal.timerFired(at: Self.day + 1, isIdle: true) == .init())
    }

    @Test("Thousands of schedules: one exchange at a time; the change comes before the end if there is a key by then")
    func schedules() {
        for seed: UInt64 in 0..<3_000 {
            let fault = Self.run(seed: seed)
            #expect(fault == nil, "TemporaryKeyRenewalTests.run(seed: \(seed)): \(fault ?? "")")
        }
    }

    private static func run(seed: UInt64) -> String? {
        let random = RandomSource.seeded(seed)
        let life = Int64(random.integer(in: 1...100_000)) * Self.second
        var renewal = TemporaryKeyRenewal(issuedAt: 0, expiresAt: life, random: random)
        var now: Int64 = 0
        var exchangeEnd: Int64?
        var hasKey = false
        var decision = renewal.timerFired(at: now, isIdle: true)
        for _ in 0..<10_000 {
            switch decision.action {
            case .exchange:
                if exchangeEnd != nil || hasKey { return "one exchange too many" }
                if now * 1_000 < life * 870 { return "too early" }
                exchangeEnd = now + Int64(random.integer(in: 0...20_000)) * 1_000_000
            case .hold:
                if !hasKey { return "holds for nothing" }
            case .release:
                if !hasKey { return "releases what is not held" }
            case .change:
                if !hasKey { return "changes without a key" }
                return now < life ? nil : "too late"
            case .expire:
                return hasKey ? "forgets its key" : nil
            case nil:
                break
            }
            let isIdle = random.integer(in: 0...9) == 0
            let wake = min(decision.wakeAt ?? .max, exchangeEnd ?? .max)
            guard wake != .max, wake >= now else { return "asleep, or in the past" }
            now = wake
            if exchangeEnd == now {
                exchangeEnd = nil
                if random.integer(in: 0...3) == 0 {
                    hasKey = true
                    decision = renewal.exchanged(at: now, isIdle: isIdle)
                } else {
                    decision = renewal.exchangeFailed(at: now)
                }
            } else {
                decision = renewal.timerFired(at: now, isIdle: isIdle)
            }
        }
        return "no end"
    }
}
