// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import Testing

@Suite("Received message identifiers")
struct ReceivedMessageWindowTests {
    @Test("Rising identifiers are fresh, repeated ones are duplicates")
    func basics() {
        var window = ReceivedMessageWindow(capacity: 3)
        #expect(window.insert(10) == .fresh)
        #expect(window.insert(10) == .duplicate)
        #expect(window.insert(20) == .fresh)
        #expect(window.insert(15) == .fresh)
        #expect(window.insert(15) == .duplicate)
        #expect(window.insert(20) == .duplicate)
        #expect(window.count == 3)
        #expect(window.lowest == 10)
        #expect(window.highest == 20)
    }

    @Test("A full window takes nothing below its lowest, and forgets the lowest for a new one")
    func full() {
        var window = ReceivedMessageWindow(capacity: 3)
        for identifier: UInt64 in [10, 20, 30] { _ = window.insert(identifier) }
        #expect(window.insert(5) == .tooOld)
        #expect(window.insert(25) == .fresh)
        #expect(window.lowest == 20)
        #expect(window.insert(10) == .tooOld)
        #expect(window.insert(40) == .fresh)
        #expect(window.lowest == 25)
        #expect(window.contains(25) && window.contains(30) && window.contains(40) && !window.contains(20))
    }

    @Test("An unfilled window takes identifiers below its lowest")
    func unfilled() {
        var window = ReceivedMessageWindow(capacity: 3)
        #expect(window.insert(10) == .fresh)
        #expect(window.insert(5) == .fresh)
        #expect(window.lowest == 5)
    }

    @Test("The verdict alone changes nothing")
    func verdict() {
        var window = ReceivedMessageWindow(capacity: 1)
        #expect(window.verdict(on: 10) == .fresh)
        #expect(window.count == 0)
        _ = window.insert(10)
        #expect(window.verdict(on: 10) == .duplicate)
        #expect(window.verdict(on: 9) == .tooOld)
        #expect(window.verdict(on: 11) == .fresh)
    }

    @Test("The status tells below, between, above and received")
    func status() {
        var window = ReceivedMessageWindow(capacity: 10)
        #expect(window.status(of: 10) == .notYetReceived)
        _ = window.insert(10)
        _ = window.insert(20, sequenceNumber: 0, status: .received.union(.needsNoAcknowledgement))
        window.mark(10, .acknowledged)
        window.mark(11, .acknowledged)
        #expect(window.status(of: 9).rawValue == 1)
        #expect(window.status(of: 15).rawValue == 2)
        #expect(window.status(of: 21).rawValue == 3)
        #expect(window.status(of: 10).rawValue == 12)
        #expect(window.status(of: 20).rawValue == 20)
        #expect(window.status(of: 20).isReceived && !window.status(of: 15).isReceived)
        window.unmark(10, .acknowledged)
        #expect(window.status(of: 10).rawValue == 4)
    }

    @Test("Against a sorted list, in any order", arguments: [1, 2, 3] as [UInt64])
    func model(seed: UInt64) {
        let random = RandomSource.seeded(seed)
        var window = ReceivedMessageWindow(capacity: 32)
        var model: [UInt64] = []
        for _ in 0..<2000 {
            let identifier = UInt64(random.integer(in: 0...200))
            let expected: ReceivedMessageWindow.Verdict
            if model.contains(identifier) {
                expected = .duplicate
            } else if model.count == 32, identifier < model[0] {
                expected = .tooOld
            } else {
                expected = .fresh
                model.append(identifier)
                model.sort()
                if model.count > 32 { model.removeFirst() }
            }
            #expect(window.verdict(on: identifier) == expected, "seed \(seed)")
            #expect(window.insert(identifier) == expected, "seed \(seed)")
            #expect(window.count == model.count, "seed \(seed)")
            if model.count == 32, model[0] > 150 { window = ReceivedMessageWindow(capacity: 32); model = [] }
        }
    }
}

@Suite("Message time window")
struct MessageTimeWindowTests {
    @Test(
        "From 300 seconds ago to 30 seconds ahead, inclusive",
        arguments: [
            (-301, MessageTimeWindow.Verdict.tooLow), (-300, .acceptable), (0, .acceptable), (30, .acceptable),
            (31, .tooHigh),
        ] as [(Int64, MessageTimeWindow.Verdict)]
    )
    func bounds(offset: Int64, expected: MessageTimeWindow.Verdict) {
        let now: Int64 = 1_705_754_878
        let identifier = UInt64(now + offset) << 32
        #expect(MessageTimeWindow.check(identifier, serverNanoseconds: now * 1_000_000_000) == expected)
    }

    @Test("Any identifier and clock gives a verdict", arguments: [0, 1, UInt64.max], [Int64.min, 0, Int64.max])
    func extremes(identifier: UInt64, clock: Int64) {
        let verdict = MessageTimeWindow.check(identifier, serverNanoseconds: clock)
        if identifier == .max, clock <= 0 { #expect(verdict == .tooHigh) }
        if identifier == 0, clock == .max { #expect(verdict == .tooLow) }
    }
}
