// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import Testing

@Suite("Pending acknowledgements")
struct PendingAcknowledgementsTests {
    @Test("Due when more than 16 wait")
    func count() {
        let clock = ManualSessionClock()
        var pending = PendingAcknowledgements()
        for identifier: UInt64 in 1...16 { pending.add(identifier, at: clock.now) }
        #expect(!pending.isDue(at: clock.now))
        pending.add(17, at: clock.now)
        #expect(pending.isDue(at: clock.now))
        #expect(pending.drain() == Array(1...17))
        #expect(pending.isEmpty && !pending.isDue(at: clock.now) && pending.deadline == nil)
    }

    @Test("Due when the oldest waited 30 seconds, wall clock or not")
    func delay() {
        let clock = ManualSessionClock()
        var pending = PendingAcknowledgements()
        let start = clock.now.monotonicNanoseconds
        pending.add(1, at: clock.now)
        clock.advance(by: .seconds(10))
        pending.add(2, at: clock.now)
        #expect(pending.deadline == start + 30_000_000_000)
        clock.skewWall(by: .seconds(100))
        #expect(!pending.isDue(at: clock.now))
        clock.advance(by: .seconds(20))
        #expect(pending.isDue(at: clock.now))
        #expect(pending.drain(limit: 1) == [1])
        #expect(pending.deadline == start + 40_000_000_000)
        #expect(!pending.isDue(at: clock.now))
    }

    @Test("One drain takes at most 8192, and nothing grows without bound")
    func bounds() {
        let clock = ManualSessionClock()
        var pending = PendingAcknowledgements()
        for identifier: UInt64 in 0..<70_000 { pending.add(identifier, at: clock.now) }
        #expect(pending.count == 65_536)
        #expect(pending.drain().count == 8192)
        #expect(pending.drain(limit: -1) == [])
        pending.removeAll()
        #expect(pending.popFirst() == nil)
    }
}
