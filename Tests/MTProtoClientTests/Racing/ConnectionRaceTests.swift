// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@testable import MTProtoClient

@Suite struct ConnectionRaceTests {
    private static let millisecond: Int64 = 1_000_000

    fileprivate static func race(_ rungs: [Int], maximumRunningCount: Int = 8) -> ConnectionRace {
        ConnectionRace(
            rungs: rungs,
            configuration: .init(
                stagger: 250 * self.millisecond,
                patience: 5_000 * self.millisecond,
                maximumRunningCount: maximumRunningCount
            )
        )
    }

    fileprivate static func after(_ milliseconds: Int64) -> Int64 { milliseconds * self.millisecond }

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

    @Test("Patience ends whatever is left of a rung; a rung that fails meanwhile is not waited for")
    func patience() {
        var crowded = Self.race([3, 1], maximumRunningCount: 2)
        _ = crowded.begin(at: 0)
        #expect(crowded.timerFired(at: Self.after(250)) == .init(started: [1], wakeAt: Self.after(5_000)))
        #expect(crowded.timerFired(at: Self.after(5_000)) == .init(started: [3]))
        // A place of the first rung becomes free.
        #expect(crowded.failed(0, at: Self.after(5_100)) == .init(started: [2]))
        var ladder = Self.race([1, 0, 1, 1])
        #expect(ladder.begin(at: 0) == .init(started: [0], wakeAt: Self.after(5_000)))
        #expect(ladder.timerFired(at: Self.after(5_000)) == .init(started: [1], wakeAt: Self.after(10_000)))
        #expect(ladder.failed(1, at: Self.after(5_010)) == .init(started: [2]))
        #expect(ladder.connected(0, at: Self.after(5_020)) == .init(closed: [2], outcome: .won(0)))
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

    @Test("Whom one answers for all, closes the others; a refusal hurries nobody")
    func refusals() {
        var race = Self.race([3])
        _ = race.begin(at: 0)
        let refused = race.failed(0, isRefusal: true, at: 1)
        #expect(refused.started.isEmpty)
        let due = refused.wakeAt ?? 0
        #expect(due > 1)
        #expect(race.timerFired(at: due).started == [1])
        #expect(race.timerFired(at: 2 * due).started == [2])
        let ended = race.ended(by: 1)
        #expect(ended.closed == [2])
        #expect(ended.outcome == ConnectionRace.Outcome.lost)
        #expect(race.timerFired(at: 3 * due) == .init())
    }

    private struct Generator: RandomNumberGenerator {
        let source: RandomSource

        mutating func next() -> UInt64 { self.source.integer() }
    }

    /// What a schedule does with a candidate, so long after its start.
    private struct Fate {
        let delay: Int64
        let connects: Bool
    }

    /// Runs a race through a random schedule, and says what is wrong with it.
    private struct Schedule {
        let rungs: [Int]
        let fates: [Fate]
        let limit: Int
        var race: ConnectionRace
        var now: Int64 = 0
        var running: [Int: Int64] = [:]
        var closed: Set<Int> = []
        var failed: Set<Int> = []
        /// By rung: when a candidate started last, and how many had failed by then.
        var lastStarts: [Int: (time: Int64, failures: Int)] = [:]

        init(seed: UInt64) {
            var generator = Generator(source: .seeded(seed))
            self.rungs = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                Int.random(in: 0...5, using: &generator)
            }
            self.fates = (0..<self.rungs.reduce(0, +)).map { _ in
                Fate(
                    delay: ConnectionRaceTests.after(.random(in: 0...8_000, using: &generator)),
                    connects: Int.random(in: 0..<4, using: &generator) == 0
                )
            }
            self.limit = Int.random(in: 1...4, using: &generator)
            self.race = ConnectionRaceTests.race(self.rungs, maximumRunningCount: self.limit)
        }

        mutating func run() -> String? {
            var decision = self.race.begin(at: self.now)
            for _ in 0..<10_000 {
                if let fault = self.carryOut(decision) { return fault }
                switch decision.outcome {
                case .won(let winner):
                    guard Array(self.running.keys) == [winner] else { return "left over: \(self.running)" }
                    return self.fates[winner].connects ? nil : "a wrong winner"
                case .lost:
                    let isLost = self.running.isEmpty && self.failed.count == self.fates.count
                    return isLost ? nil : "lost too early"
                case nil: break
                }
                let next = self.running.min { ($0.value, $0.key) < ($1.value, $1.key) }
                if let wake = decision.wakeAt, wake < next?.value ?? .max {
                    guard wake >= self.now else { return "wakes in the past" }
                    self.now = wake
                    decision = self.race.timerFired(at: self.now)
                } else if let next {
                    self.now = max(self.now, next.value)
                    if self.fates[next.key].connects {
                        decision = self.race.connected(next.key, at: self.now)
                    } else {
                        self.running[next.key] = nil
                        self.failed.insert(next.key)
                        decision = self.race.failed(next.key, at: self.now)
                    }
                } else {
                    return "asleep for ever"
                }
            }
            return "no end"
        }

        private mutating func carryOut(_ decision: ConnectionRace.Decision) -> String? {
            for candidate in decision.started {
                let rung = ConnectionRaceTests.rung(of: candidate, self.rungs)
                // Nobody waits longer than the rungs before may take.
                if self.now > ConnectionRaceTests.after(5_000) * Int64(rung) + ConnectionRaceTests.after(8_000)
                    * Int64(self.rungs[rung])
                {
                    return "too late"
                }
                let failures = self.failed.count { ConnectionRaceTests.rung(of: $0, self.rungs) == rung }
                if let last = self.lastStarts[rung], last.failures == failures,
                    self.now - last.time < ConnectionRaceTests.after(250)
                {
                    return "too early"
                }
                self.lastStarts[rung] = (self.now, failures)
                guard self.running.updateValue(self.now + self.fates[candidate].delay, forKey: candidate) == nil else {
                    return "started twice"
                }
                if self.running.keys.count(where: { ConnectionRaceTests.rung(of: $0, self.rungs) == rung }) > self.limit
                {
                    return "too many"
                }
            }
            for candidate in decision.closed {
                guard self.running.removeValue(forKey: candidate) != nil else { return "closed what does not run" }
                self.closed.insert(candidate)
            }
            return nil
        }
    }

    fileprivate static func rung(of candidate: Int, _ rungs: [Int]) -> Int {
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
            var schedule = Schedule(seed: seed)
            let fault = schedule.run()
            #expect(fault == nil, "Schedule(seed: \(seed)).run(): \(fault ?? "")")
        }
    }
}
