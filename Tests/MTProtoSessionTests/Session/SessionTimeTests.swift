// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import Testing

@Suite("Session time")
struct SessionTimeTests {
    @Test("A manual clock stands still until it is moved")
    func manualClock() {
        let manual = ManualSessionClock()
        let clock = manual.clock
        let start = clock.now()
        #expect(clock.now() == start)
        manual.advance(by: .milliseconds(1500))
        #expect(clock.now().wallNanoseconds == start.wallNanoseconds + 1_500_000_000)
        #expect(clock.now().monotonicNanoseconds == start.monotonicNanoseconds + 1_500_000_000)
        manual.skewWall(by: .seconds(-3600))
        #expect(clock.now().wallNanoseconds == start.wallNanoseconds - 3_598_500_000_000)
        #expect(clock.now().monotonicNanoseconds == start.monotonicNanoseconds + 1_500_000_000)
        manual.advance(by: .seconds(Int64.max))
        #expect(clock.now().monotonicNanoseconds == .max)
    }

    @Test(
        "Whole seconds are rounded down",
        arguments: [
            (0, 0), (999_999_999, 0), (1_000_000_000, 1), (-1, -1), (-1_000_000_000, -1), (.min, -9_223_372_037),
        ]
            as [(Int64, Int64)]
    )
    func seconds(nanoseconds: Int64, expected: Int64) {
        #expect(SessionTime(wallNanoseconds: nanoseconds, monotonicNanoseconds: 0).wallSeconds == expected)
    }

    @Test("The system's clocks tell plausible times")
    func systemClock() {
        let first = SessionClock.system.now()
        let second = SessionClock.system.now()
        #expect(first.wallSeconds > 1_700_000_000)
        #expect(second.monotonicNanoseconds >= first.monotonicNanoseconds)
    }
}
