// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@testable import MTProtoClient

@Suite struct ConnectionRaceTests {
    private static let millisecond: Int64 = 1_000_000

    private static func race(_ rungs: [Int], maximumRunningCount: Int = 8) -> ConnectionRace {
        ConnectionRace(
            rungs: rungs,
            configuration: .init(
                stagger: 250 * self.millisecond,
                patience: 5_000 * self.millisecond,
                maximumRunningCount: maximumRunningCount
            )
        )
    }

    private static func after(_ milliseconds: Int64) -> Int64 { milliseconds * self.millisecond }

    @Test("Candidates start a stagger apart; the first that connects wins, the others are closed")
    func staggered() {
        var race = Self.race([3])
        #expect(race.begin(at: 0) == .init(started: [0], wakeAt: Self.after(250)))
        #expect(race.timerFired(at: Self.after(100)) == .init(wakeAt: Self.after(250)))
        #expect(race.timerFired(at: Self.after(250)) == .init(started: [1], wakeAt: Self.after(500)))
        #expect(race.timerFired(at: Self.after(500)) == .init(started: [2]))
        #expect(race.connected(1, at: Self.after(600)) == .init(closed: [0, 2], outcome: .won(1)))
        #expect(race.connected(0, at: Self.after(601)) == .init())
        #expect(race.failed(2, at: Self.after(602)) == .init())
        #expect(race.timerFired(at: Self.after(700)) == .init())
    }

    @Test("When one fails the next starts at once")
    func failure() {
        var race = Self.race([3])
        _ = race.begin(at: 0)
        #expect(race.failed(0, at: Self.after(10)) == .init(started: [1], wakeAt: Self.after(260)))
        #expect(race.failed(1, at: Self.after(20)) == .init(started: [2]))
        #expect(race.failed(2, at: Self.after(30)) == .init(outcome: .lost))
        #expect(race.failed(2, at: Self.after(31)) == .init())
    }

    @Test("A rung waits for the one before to fail, or for its patience")
    func ladder() {
        var race = Self.race([1, 1, 1])
        #expect(race.begin(at: 0) == .init(started: [0], wakeAt: Self.after(5_000)))
        #expect(race.failed(0, at: Self.after(1_000)) == .init(started: [1], wakeAt: Self.after(6_000)))
        #expect(race.timerFired(at: Self.after(6_000)) == .init(started: [2]))
        #expect(race.connected(1, at: Self.after(6_100)) == .init(closed: [2], outcome: .won(1)))
    }

    @Test("So many are under way at most; a place that becomes free is taken at once")
    func places() {
        var race = Self.race([3], maximumRunningCount: 1)
        #expect(race.begin(at: 0) == .init(started: [0]))
        #expect(race.timerFired(at: Self.after(9_000)) == .init())
        #expect(race.failed(0, at: Self.after(9_000)) == .init(started: [1]))
        #expect(race.connected(1, at: Self.after(9_100)) == .init(outcome: .won(1)))
    }

    @Test("Without candidates it is lost at once; rungs may be empty")
    func empty() {
        var none = Self.race([])
        #expect(none.begin(at: 0) == .init(outcome: .lost))
        var hollow = Self.race([0, 0])
        #expect(hollow.begin(at: 0) == .init(outcome: .lost))
        var gap = Self.race([0, 1, 0, 1])
        #expect(gap.begin(at: 0) == .init(started: [0], wakeAt: Self.after(5_000)))
        #expect(gap.failed(0, at: Self.after(1)) == .init(started: [1]))
    }

    @Test("Who gives up closes what is under way")
    func abandoned() {
        var race = Self.race([2, 1])
        _ = race.begin(at: 0)
        _ = race.timerFired(at: Self.after(250))
        #expect(race.abandon() == .init(closed: [0, 1]))
        #expect(race.timerFired(at: Self.after(9_000)) == .init())
    }

    /// What a schedule does with a candidate, so long after its start.
    private struct Fate {
        let delay: Int64
        let connects: Bool
    }

    private struct Generator: RandomNumberGenerator {
        let source: RandomSource

        mutating func next() -> UInt64 { self.source.integer() }
    }

    private static func run(seed: UInt64) -> String? {
        var generator = Generator(source: .seeded(seed))
        let rungs = (0..<Int.random(in: 1...4, using: &generator)).map { _ in Int.random(in: 0...5, using: &generator) }
        let count = rungs.reduce(0, +)
        let fates = (0..<count).map { _ in
            Fate(
                delay: .random(in: 0...8_000, using: &generator) * self.millisecond,
                connects: .random(using: &generator)
            )
        }
        let limit = Int.random(in: 1...4, using: &generator)
        var race = self.race(rungs, maximumRunningCount: limit)
        var now: Int64 = 0
        var running: [Int: Int64] = [:]
        var closed: Set<Int> = []
        var failed: Set<Int> = []
        var lastStart: (candidate: Int, time: Int64, failures: Int)?
        var decision = race.begin(at: now)
        for _ in 0..<10_000 {
            for candidate in decision.started {
                guard candidate == running.count + closed.count + failed.count else { return "order" }
                let isSameRung =
                    lastStart.map { self.rung(of: $0.candidate, rungs) == self.rung(of: candidate, rungs) } ?? false
                if isSameRung, let lastStart, lastStart.failures == failed.count,
                    now - lastStart.time < self.after(250)
                {
                    return "too early"
                }
                lastStart = (candidate, now, failed.count)
                running[candidate] = now + fates[candidate].delay
                if running.count > limit { return "too many" }
            }
            for candidate in decision.closed {
                guard running.removeValue(forKey: candidate) != nil else { return "closed what does not run" }
                closed.insert(candidate)
            }
            switch decision.outcome {
            case .won(let winner):
                guard running.keys.elementsEqual([winner]) else { return "left over: \(running)" }
                return fates[winner].connects ? nil : "a wrong winner"
            case .lost:
                return running.isEmpty && failed.count == count && !fates.contains(where: \.connects)
                    ? nil : "lost too early"
            case nil: break
            }
            let next = running.min { ($0.value, $0.key) < ($1.value, $1.key) }
            switch (next, decision.wakeAt) {
            case (nil, nil): return "asleep for ever"
            case (_, let wake?) where wake < (next?.value ?? .max):
                guard wake >= now else { return "wakes in the past" }
                now = wake
                decision = race.timerFired(at: now)
            case (let next?, _):
                now = max(now, next.value)
                if fates[next.key].connects {
                    decision = race.connected(next.key, at: now)
                } else {
                    running[next.key] = nil
                    failed.insert(next.key)
                    decision = race.failed(next.key, at: now)
                }
            default: return "unreachable"
            }
        }
        return "no end"
    }

    private static func rung(of candidate: Int, _ rungs: [Int]) -> Int {
        var end = 0
        for (index, count) in rungs.enumerated() {
            end += count
            if candidate < end { return index }
        }
        return rungs.count
    }

    @Test("Thousands of schedules: one winner, nothing left over, never asleep while somebody could start")
    func schedules() {
        for seed: UInt64 in 0..<4_000 {
            let fault = Self.run(seed: seed)
            #expect(fault == nil, "ConnectionRaceTests.run(seed: \(seed)): \(fault ?? "")")
        }
    }
}
