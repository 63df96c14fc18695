// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@testable import MTProtoClient

@Suite struct ConnectionStateDebouncerTests {
    private static let millisecond: Int64 = 1_000_000

    private static func after(_ milliseconds: Int64) -> Int64 { milliseconds * Self.millisecond }

    @Test("What is better is shown after 50 ms, what is worse after 300 ms")
    func delays() {
        var debouncer = ConnectionStateDebouncer(.connecting)
        #expect(debouncer.due == nil)
        #expect(debouncer.change(to: .ready, at: Self.after(10)) == nil)
        #expect(debouncer.due == Self.after(60))
        #expect(debouncer.timerFired(at: Self.after(59)) == nil)
        #expect(debouncer.timerFired(at: Self.after(60)) == .ready)
        #expect(debouncer.due == nil)
        #expect(debouncer.change(to: .connecting, at: Self.after(100)) == nil)
        #expect(debouncer.timerFired(at: Self.after(399)) == nil)
        #expect(debouncer.timerFired(at: Self.after(400)) == .connecting)
        #expect(debouncer.shown == .connecting)
    }

    @Test("A link that is back soon was never gone")
    func blink() {
        var debouncer = ConnectionStateDebouncer(.ready)
        #expect(debouncer.change(to: .connecting, at: 0) == nil)
        #expect(debouncer.change(to: .updating, at: Self.after(200)) == nil)
        #expect(debouncer.change(to: .ready, at: Self.after(299)) == nil)
        #expect(debouncer.due == nil)
        #expect(debouncer.timerFired(at: Self.after(1_000)) == nil)
    }

    @Test("Whoever stays below is seen below, however often the state there changes")
    func restlessness() {
        var debouncer = ConnectionStateDebouncer(.ready)
        var shown: [ConnectionState] = []
        for step in 0..<20 {
            let state: ConnectionState = step.isMultiple(of: 2) ? .connecting : .updating
            if let state = debouncer.change(to: state, at: Self.after(Int64(step) * 40)) { shown.append(state) }
        }
        #expect(shown.first == .connecting)
    }

    @Test("Thousands of schedules: no state twice, none that is not so, none later than its delay")
    func schedules() {
        for seed: UInt64 in 0..<4_000 {
            let fault = Self.run(seed: seed)
            #expect(fault == nil, "ConnectionStateDebouncerTests.run(seed: \(seed)): \(fault ?? "")")
        }
    }

    private static func run(seed: UInt64) -> String? {
        let random = RandomSource.seeded(seed)
        let states = ConnectionState.allCases
        var actual = states[random.integer(in: 0...(states.count - 1))]
        var debouncer = ConnectionStateDebouncer(actual)
        var shown = actual
        var now: Int64 = 0
        /// Since when the state has differed from the one shown in one direction.
        var differs: (isAbove: Bool, since: Int64)?
        for _ in 0..<50 {
            let next = now + Self.after(Int64(random.integer(in: 0...400)))
            while let due = debouncer.due, due <= next {
                guard due >= now else { return "due in the past" }
                now = due
                guard let new = debouncer.timerFired(at: now) else { return "nothing to show when due" }
                guard new != shown, new == actual else { return "shows \(new)" }
                shown = new
                differs = nil
            }
            now = next
            if let differs, now - differs.since > Self.after(differs.isAbove ? 50 : 300) { return "too late" }
            actual = states[random.integer(in: 0...(states.count - 1))]
            if actual == shown {
                differs = nil
            } else if differs?.isAbove != (actual > shown) {
                differs = (actual > shown, now)
            }
            if let new = debouncer.change(to: actual, at: now) {
                guard new != shown, new == actual else { return "shows \(new)" }
                shown = new
                differs = nil
            }
        }
        return nil
    }
}
