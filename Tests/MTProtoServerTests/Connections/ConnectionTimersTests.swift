// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MTProtoServer

/// The instants at which a connection expires, without a clock.
struct ConnectionTimersTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private let timeouts = ServerConfiguration.Timeouts()

    private func timers() -> ConnectionTimers {
        var timers = ConnectionTimers()
        timers.opened(at: Self.start)
        return timers
    }

    @Test func aSilentConnectionIsIdle() {
        let timers = self.timers()
        #expect(timers.nextDeadline(self.timeouts) == Self.start + self.timeouts.idle)
        #expect(timers.expiry(at: Self.start + self.timeouts.idle - .nanoseconds(1), self.timeouts) == nil)
        #expect(timers.expiry(at: Self.start + self.timeouts.idle, self.timeouts) == .idle)
    }

    @Test func theHandshakeRunsFromTheFirstByteToTheFirstPayload() {
        var timers = self.timers()
        let first = Self.start + .seconds(3)
        timers.bytesArrived(at: first, hasPartialFrame: true)
        timers.bytesArrived(at: first + .seconds(20), hasPartialFrame: true)
        #expect(timers.nextDeadline(self.timeouts) == first + self.timeouts.handshake)
        #expect(timers.expiry(at: first + self.timeouts.handshake, self.timeouts) == .handshake)
    }

    @Test("After its first payload a client may be silent up to the idle time: spare sockets are")
    func noHandshakeLimitAfterTheFirstPayload() {
        var timers = self.timers()
        timers.payloadArrived()
        timers.bytesArrived(at: Self.start + .seconds(1), hasPartialFrame: false)
        #expect(timers.nextDeadline(self.timeouts) == Self.start + .seconds(1) + self.timeouts.idle)
        timers.payloadArrived()
        timers.bytesArrived(at: Self.start + .seconds(9), hasPartialFrame: false)
        #expect(timers.nextDeadline(self.timeouts) == Self.start + .seconds(9) + self.timeouts.idle)
    }

    @Test("While a request waits for its response nobody is idle; then the client's time begins")
    func aRequestInHand() {
        var timers = self.timers()
        timers.carriesRequests = true
        timers.payloadArrived()
        timers.bytesArrived(at: Self.start, hasPartialFrame: false)
        #expect(timers.expiry(at: Self.start + .hours(1), self.timeouts) == nil)
        let answered = Self.start + .minutes(20)
        timers.answered(at: answered)
        #expect(timers.nextDeadline(self.timeouts) == answered + self.timeouts.httpIdle)
        // Another response than the one awaited changes nothing.
        timers.answered(at: answered + .minutes(1))
        #expect(timers.nextDeadline(self.timeouts) == answered + self.timeouts.httpIdle)
    }

    @Test func anUnfinishedFrameIsMeasuredFromItsStart() {
        var timers = self.timers()
        timers.payloadArrived()
        timers.authorized()
        let start = Self.start + .seconds(5)
        timers.bytesArrived(at: start, hasPartialFrame: true)
        timers.bytesArrived(at: start + .seconds(60), hasPartialFrame: true)
        #expect(timers.expiry(at: start + self.timeouts.partialFrame, self.timeouts) == .partialFrame)
        timers.payloadArrived()
        timers.bytesArrived(at: start + .seconds(61), hasPartialFrame: true)
        #expect(timers.expiry(at: start + self.timeouts.partialFrame, self.timeouts) == nil)
        timers.bytesArrived(at: start + .seconds(62), hasPartialFrame: false)
        #expect(timers.nextDeadline(self.timeouts) == start + .seconds(62) + self.timeouts.idle)
    }

    @Test func aStalledWriteIsMeasuredFromTheFirstRefusal() {
        var timers = self.timers()
        timers.writabilityChanged(isWritable: false, at: Self.start)
        timers.writabilityChanged(isWritable: false, at: Self.start + .seconds(50))
        #expect(timers.expiry(at: Self.start + self.timeouts.stalledWrite, self.timeouts) == .stalledWrite)
        timers.writabilityChanged(isWritable: true, at: Self.start + .seconds(60))
        #expect(timers.expiry(at: Self.start + self.timeouts.stalledWrite, self.timeouts) == nil)
    }

    @Test func eachDisconnectDelayReplacesTheOneBefore() {
        var timers = self.timers()
        timers.disconnect(after: .seconds(5), from: Self.start)
        timers.disconnect(after: .seconds(60), from: Self.start + .seconds(1))
        #expect(timers.expiry(at: Self.start + .seconds(5), self.timeouts) == nil)
        #expect(timers.expiry(at: Self.start + .seconds(61), self.timeouts) == .disconnectDelay)
    }

    @Test func aClientThatHasSentItsLastByteHasTheDrainTime() {
        var timers = self.timers()
        timers.inputClosed(at: Self.start + .seconds(1))
        timers.inputClosed(at: Self.start + .seconds(2))
        let end = Self.start + .seconds(1) + self.timeouts.drain
        #expect(timers.nextDeadline(self.timeouts) == end)
        #expect(timers.expiry(at: end, self.timeouts) == .halfClosed)
    }

    @Test func closingLeavesOnlyTheDrainTime() {
        var timers = self.timers()
        timers.sessionDeadline = Self.start
        timers.disconnect(after: .seconds(1), from: Self.start)
        timers.closing(at: Self.start)
        #expect(timers.nextDeadline(self.timeouts) == Self.start + self.timeouts.drain)
        #expect(timers.expiry(at: Self.start + .seconds(2), self.timeouts) == nil)
        #expect(timers.expiry(at: Self.start + self.timeouts.drain, self.timeouts) == .drain)
    }

    @Test func aSessionMayWakeEarlier() {
        var timers = self.timers()
        timers.sessionDeadline = Self.start + .seconds(2)
        #expect(timers.nextDeadline(self.timeouts) == Self.start + .seconds(2))
        #expect(timers.expiry(at: Self.start + .seconds(2), self.timeouts) == nil)
    }
}
