// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MTProtoClient

/// When HTTP waits, tries again and gives up: no clock runs here.
@Suite struct HTTPPacingTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000)

    @Test("A broken connection is dialed at once, then ever later")
    func backOff() {
        var backOff = HTTPBackOff()
        let delays = (0..<9).map { _ in backOff.failed().nanoseconds / 1_000_000 }
        #expect(delays == [0, 100, 200, 400, 800, 1_600, 2_000, 2_000, 2_000])
        backOff.succeeded()
        let next = backOff.failed()
        #expect(next == .zero)
    }

    @Test("A server that fails all the time is given up after the limit")
    func limit() {
        var limit = HTTPRetryLimit(limit: .seconds(10))
        var now = Self.start
        for _ in 0..<10 {
            let goesOn1 = limit.failed(at: now, since: now)
            #expect(goesOn1)
            now = now + .seconds(1)
        }
        let goesOn2 = limit.failed(at: now, since: now)
        #expect(!goesOn2)
        limit.succeeded()
        let goesOn3 = limit.failed(at: now, since: now)
        #expect(goesOn3)
    }

    @Test("Failures with long pauses between are not one long failure")
    func pauses() {
        var limit = HTTPRetryLimit(limit: .seconds(10))
        var now = Self.start
        for _ in 0..<10 {
            let goesOn4 = limit.failed(at: now, since: now)
            #expect(goesOn4)
            now = now + .minutes(1)
        }
        // Attempts that take long themselves are.
        let goesOn5 = limit.failed(at: now, since: now)
        #expect(goesOn5)
        let goesOn6 = limit.failed(at: now + .seconds(30), since: now)
        #expect(!goesOn6)
    }

    @Test("Polls cut by a proxy that does not like silence are no failures")
    func cutPolls() {
        let limit = TimeAmount.seconds(10)
        #expect(!HTTPBackOff.isFailure(after: .seconds(5), isPoll: true, limit: limit))
        #expect(HTTPBackOff.isFailure(after: .milliseconds(10), isPoll: true, limit: limit))
        #expect(HTTPBackOff.isFailure(after: .seconds(5), isPoll: false, limit: limit))
        #expect(!HTTPBackOff.isFailure(after: .seconds(10), isPoll: false, limit: limit))
    }

    @Test("A failure explains what never came, unless later attempts were silent for longer")
    func explanation() {
        var failure = HTTPRetriedFailure()
        let now = Self.start + .seconds(10)
        #expect(failure.explanation(at: now, attempts: []) == nil)
        failure.failed(ConnectionClosedByPeer(), since: Self.start)
        failure.failed(HTTPResponseError(.status(503)), since: Self.start + .seconds(4))
        // Nothing is under way, or only for less than the six seconds before.
        #expect(failure.explanation(at: now, attempts: []) is HTTPResponseError)
        #expect(failure.explanation(at: now, attempts: [Self.start + .seconds(6)]) is HTTPResponseError)
        #expect(failure.explanation(at: now, attempts: [now, Self.start + .seconds(4)]) == nil)
        failure.succeeded()
        #expect(failure.explanation(at: now, attempts: []) == nil)
    }

    private static func watch(unsent: Int = 0) -> HTTPResponseWatch {
        HTTPResponseWatch(start: self.start, answerLimit: .seconds(8), unsentByteCount: unsent)
    }

    @Test("An answer that does not begin in time")
    func noAnswer() {
        var watch = Self.watch()
        #expect(watch.deadline == Self.start + .seconds(8))
        let goesOn7 = watch.goesOn(at: watch.deadline, unsentByteCount: 0, receivedByteCount: 0)
        #expect(!goesOn7)
    }

    @Test("A body that drips does not hold a request for long; one that flows may")
    func body() {
        var drip = Self.watch()
        let goesOn8 = drip.goesOn(at: drip.deadline, unsentByteCount: 0, receivedByteCount: 1)
        #expect(goesOn8)
        #expect(drip.deadline == Self.start + .seconds(13))
        let goesOn9 = drip.goesOn(at: drip.deadline, unsentByteCount: 0, receivedByteCount: 1_000)
        #expect(!goesOn9)
        var flow = Self.watch()
        var count = 1
        while flow.goesOn(at: flow.deadline, unsentByteCount: 0, receivedByteCount: count) { count += 16 << 10 }
        #expect(flow.deadline == Self.start + .minutes(5))
    }

    @Test("A request that is long on its way")
    func upload() {
        var watch = Self.watch(unsent: 1 << 20)
        let goesOn10 = watch.goesOn(at: watch.deadline, unsentByteCount: 1 << 19, receivedByteCount: 0)
        #expect(goesOn10)
        let goesOn11 = watch.goesOn(at: watch.deadline, unsentByteCount: 0, receivedByteCount: 0)
        #expect(goesOn11)
        #expect(watch.deadline == Self.start + .seconds(21))
        let goesOn12 = watch.goesOn(at: watch.deadline, unsentByteCount: 0, receivedByteCount: 0)
        #expect(!goesOn12)
        var stuck = Self.watch(unsent: 1 << 20)
        let goesOn13 = stuck.goesOn(at: stuck.deadline, unsentByteCount: 1 << 20, receivedByteCount: 0)
        #expect(!goesOn13)
    }

    @Test("Polls answered for nothing slow down; others do not")
    func pace() {
        var pace = HTTPPollPace()
        for _ in 0..<1_000 { #expect(pace.answered(after: .zero, withSomething: true) == .zero) }
        for _ in 0..<1_000 { #expect(pace.answered(after: .seconds(25), withSomething: false) == .zero) }
        let pauses = (0..<30).map { _ in
            pace.answered(after: .milliseconds(1), withSomething: false).nanoseconds / 1_000_000
        }
        #expect(pauses.prefix(8).allSatisfy { $0 == 0 })
        #expect(Array(pauses[8..<12]) == [100, 200, 300, 400])
        #expect(pauses.last == 1_000)
        #expect(pace.answered(after: .zero, withSomething: true) == .zero)
        #expect(pace.answered(after: .zero, withSomething: false) == .zero)
    }

    @Test("However fast a server answers polls for nothing, it gets about one a second")
    func busyPolls() {
        var pace = HTTPPollPace()
        var time = TimeAmount.zero
        var count = 0
        while time < .minutes(1) {
            time = time + .milliseconds(1) + pace.answered(after: .milliseconds(1), withSomething: false)
            count += 1
        }
        #expect(count < 80)
    }
}
