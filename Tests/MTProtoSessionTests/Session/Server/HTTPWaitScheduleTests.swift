// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import Testing

/// When an HTTP request is answered, in milliseconds after it came.
@Suite("HTTP: http_wait")
struct HTTPWaitScheduleTests {
    private static let start: Int64 = 5_000_000_000_000
    private static func time(_ milliseconds: Int64) -> Int64 { Self.start + milliseconds * 1_000_000 }

    /// The deadline in milliseconds after the request, with messages at certain times.
    private static func deadline(
        _ wait: HTTPWait?,
        messages: [Int64],
        configuration: HTTPWaitSchedule.Configuration = .init()
    ) -> Int64 {
        var schedule = HTTPWaitSchedule(requestedAt: Self.start, wait: wait, configuration: configuration)
        for message in messages { schedule.messageArrived(at: Self.time(message)) }
        return (schedule.deadline - Self.start) / 1_000_000
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let delay: Int32
        let after: Int32
        let wait: Int32
        let messages: [Int64]
        let deadline: Int64

        var testDescription: String { "\(self.delay)/\(self.after)/\(self.wait) \(self.messages) → \(self.deadline)" }
    }

    @Test(
        "The formula with an explicit http_wait",
        arguments: [
            // No message: max_wait.
            Row(delay: 0, after: 0, wait: 25_000, messages: [], deadline: 25_000),
            Row(delay: 500, after: 500, wait: 0, messages: [], deadline: 0),
            // The defaults of the protocol: with the first message.
            Row(delay: 0, after: 0, wait: 25_000, messages: [0], deadline: 0),
            Row(delay: 0, after: 0, wait: 25_000, messages: [700, 900], deadline: 700),
            // TDLib's: at most 30 ms after the first, 10 ms after the latest.
            Row(delay: 30, after: 10, wait: 25_000, messages: [100], deadline: 110),
            Row(delay: 30, after: 10, wait: 25_000, messages: [100, 108], deadline: 118),
            Row(delay: 30, after: 10, wait: 25_000, messages: [100, 108, 117, 126], deadline: 130),
            Row(delay: 30, after: 10, wait: 0, messages: [0], deadline: 0),
            // max_delay goes before wait_after, max_wait before both.
            Row(delay: 20, after: 1000, wait: 25_000, messages: [100], deadline: 120),
            Row(delay: 1000, after: 1000, wait: 300, messages: [100, 200], deadline: 300),
            Row(delay: 1000, after: 50, wait: 300, messages: [100, 200], deadline: 250),
            // Never before the first message, though max_wait is over: it has come while the answer was on its way out.
            Row(delay: 0, after: 0, wait: 300, messages: [400], deadline: 400),
            // Negative times are none.
            Row(delay: -1, after: Int32.min, wait: -5, messages: [], deadline: 0),
            Row(delay: -1, after: -1, wait: 1000, messages: [10], deadline: 10),
            // What comes in the wrong order counts by its time.
            Row(delay: 100, after: 10, wait: 1000, messages: [50, 40], deadline: 60),
            Row(delay: 100, after: 10, wait: 1000, messages: [-50], deadline: 10),
            // The bound of 60 s holds for all three.
            Row(delay: 0, after: 0, wait: .max, messages: [], deadline: 60_000),
            Row(delay: .max, after: .max, wait: .max, messages: [1000], deadline: 60_000),
        ]
    )
    func formula(_ row: Row) {
        let wait = HTTPWait(maximumDelay: row.delay, waitAfter: row.after, maximumWait: row.wait)
        #expect(Self.deadline(wait, messages: row.messages) == row.deadline)
    }

    @Test("Without http_wait: 25 s for the first message, and 50 ms for its company")
    func defaults() {
        #expect(Self.deadline(nil, messages: []) == 25_000)
        #expect(Self.deadline(nil, messages: [0]) == 50)
        #expect(Self.deadline(nil, messages: [1000]) == 1050)
        #expect(Self.deadline(nil, messages: [1000, 1049]) == 1050)
        #expect(Self.deadline(nil, messages: [24_990]) == 25_000)
    }

    @Test("Without http_wait: at once when messages wait already, or when all queries of the request are answered")
    func atOnce() {
        var schedule = HTTPWaitSchedule(requestedAt: Self.start, wait: nil)
        schedule.messagesWaiting(at: Self.start)
        #expect(schedule.isDue(at: Self.start))
        schedule = HTTPWaitSchedule(requestedAt: Self.start, wait: nil)
        schedule.messageArrived(at: Self.time(10))
        #expect(!schedule.isDue(at: Self.time(10)))
        schedule.requestAnswered(at: Self.time(20))
        #expect(schedule.isDue(at: Self.time(20)))
    }

    @Test("An explicit http_wait collects, whatever waits already")
    func explicitCollects() {
        let wait = HTTPWait(maximumDelay: 30, waitAfter: 10, maximumWait: 25_000)
        var schedule = HTTPWaitSchedule(requestedAt: Self.start, wait: wait)
        schedule.messagesWaiting(at: Self.start)
        schedule.requestAnswered(at: Self.start)
        #expect(schedule.deadline == Self.time(10))
        #expect(!schedule.isDue(at: Self.time(9)))
        #expect(schedule.isDue(at: Self.time(10)))
    }

    @Test("The limits are configurable; negative ones are none")
    func configuration() {
        var configuration = HTTPWaitSchedule.Configuration()
        configuration.maximumWait = .seconds(1)
        configuration.defaultWait = .seconds(2)
        configuration.collection = .milliseconds(5)
        #expect(Self.deadline(nil, messages: [], configuration: configuration) == 1000)
        #expect(Self.deadline(nil, messages: [10], configuration: configuration) == 15)
        let long = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 25_000)
        #expect(Self.deadline(long, messages: [], configuration: configuration) == 1000)
        configuration.maximumWait = .seconds(-1)
        #expect(Self.deadline(long, messages: [], configuration: configuration) == 0)
        #expect(Self.deadline(nil, messages: [10], configuration: configuration) == 10)
    }

    @Test("The ends of the clock do not trap", arguments: [Int64.min, -1, 0, Int64.max - 1, Int64.max])
    func extremes(start: Int64) {
        let wait = HTTPWait(maximumDelay: .max, waitAfter: .max, maximumWait: .max)
        for wait in [wait, nil] {
            var schedule = HTTPWaitSchedule(requestedAt: start, wait: wait)
            #expect(schedule.deadline >= start)
            for moment in [Int64.min, 0, .max] {
                schedule.messageArrived(at: moment)
                #expect(schedule.deadline >= start)
            }
        }
    }
}
