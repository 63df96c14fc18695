// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import NIOCore
import Testing

@Suite struct ClientSessionKeepAliveTests {
    private func connected(
        _ change: (inout ClientSession.Configuration) -> Void = { _ in }
    ) throws -> ClientSessionHarness {
        try ClientSessionHarness {
            $0.keepAliveInterval = .seconds(60)
            change(&$0)
        }
    }

    private func pings(_ sent: [ClientSessionHarness.Sent]) -> [(message: UInt64, ping: PingDelayDisconnect)] {
        sent.flatMap { payload in
            zip(payload.messages, payload.bodies).compactMap { message, body in
                guard case .pingDelayDisconnect(let ping) = body else { return nil }
                return (message.identifier, ping)
            }
        }
    }

    private func pong(_ harness: ClientSessionHarness, _ sent: [ClientSessionHarness.Sent]) throws {
        for entry in self.pings(sent) {
            try harness.deliver(
                Pong(messageIdentifier: entry.message, pingIdentifier: entry.ping.pingIdentifier)
            )
        }
    }

    @Test func aConnectionBeginsWithAPing() throws {
        let harness = try self.connected()
        let pings = self.pings(try harness.flush())
        #expect(pings.count == 1)
        #expect(pings.first?.ping.disconnectDelay == 75)
    }

    @Test func anIdleConnectionIsPingedEveryMinute() throws {
        let harness = try self.connected()
        try self.pong(harness, try harness.flush())
        for _ in 1...10 {
            #expect(try harness.advance(by: .milliseconds(59_000)).isEmpty)
            let sent = try harness.advance(by: .milliseconds(1_000))
            #expect(self.pings(sent).count == 1)
            try self.pong(harness, sent)
        }
        #expect(harness.isConnected)
        #expect(Set(harness.events.names) == ["pong"])
    }

    @Test func silenceAfterAPingIsDeath() throws {
        let harness = try self.connected()
        try harness.flush()
        #expect(try harness.advance(by: .milliseconds(14_999)).isEmpty)
        #expect(harness.isConnected)
        try harness.advance(by: .milliseconds(1))
        #expect(harness.events.names == ["dead"])
        #expect(!harness.isConnected)
        #expect(harness.deadline == nil)
        try harness.invoke()
        #expect(try harness.flush().isEmpty)
        harness.reconnect()
        #expect(harness.isConnected)
        #expect(try harness.flush().flatMap(\.messages).count == 2)
    }

    @Test func anythingThatComesBackIsLife() throws {
        let harness = try self.connected()
        try harness.flush()
        try harness.advance(by: .seconds(14))
        try harness.deliver(UpdatesTooLong())
        try harness.advance(by: .seconds(30))
        #expect(harness.isConnected)
    }

    @Test func roundTripsAreMeasured() throws {
        let harness = try self.connected()
        let sent = try harness.flush()
        harness.clock.advance(by: .milliseconds(120))
        try self.pong(harness, sent)
        guard case .pong(_, let roundTrip)? = harness.events.first else {
            Issue.record("no pong")
            return
        }
        #expect(roundTrip == 120_000_000)
        let smoothed = harness.session.roundTripNanoseconds
        #expect(smoothed == 120_000_000)
        try self.pong(harness, sent)
        #expect(harness.events.count == 1, "a pong for nothing is none")
    }

    @Test func aBusyConnectionIsPingedSoonAndFoundDeadSoon() throws {
        let harness = try self.connected()
        try self.pong(harness, try harness.flush())
        try harness.invoke()
        try harness.flush()
        #expect(try harness.advance(by: .milliseconds(1_999)).isEmpty)
        let sent = try harness.advance(by: .milliseconds(1))
        #expect(self.pings(sent).count == 1)
        try harness.advance(by: .seconds(15))
        #expect(harness.events.names == ["pong", "dead"])
    }

    @Test func anAnsweredConnectionIsIdleAgain() throws {
        let harness = try self.connected()
        try self.pong(harness, try harness.flush())
        try harness.invoke()
        let sent = try harness.flush()
        try harness.answer(sent[0].messages[0])
        // Only the acknowledgement and the regular ping follow.
        let later = try harness.advance(by: .milliseconds(59_999))
        #expect(self.pings(later).isEmpty)
    }

    @Test func theCallersPingsAreAnswered() throws {
        let harness = try ClientSessionHarness()
        let identifier = harness.session.ping(at: harness.now)
        let sent = try #require(try harness.flush().first)
        #expect(sent.bodies == [.ping(Ping(pingIdentifier: identifier))])
        #expect(sent.message.sequenceNumber == 0)
        harness.clock.advance(by: .milliseconds(5))
        try harness.deliver(Pong(messageIdentifier: sent.message.identifier, pingIdentifier: identifier))
        guard case .pong(let answered, 5_000_000)? = harness.events.first else {
            Issue.record("no pong")
            return
        }
        #expect(answered == identifier)
    }

    // MARK: A connection that takes nothing

    /// Serves the deadlines for so long without taking a payload.
    ///
    /// - Returns: How many there were.
    private func stall(
        _ harness: ClientSessionHarness,
        for duration: Duration,
        unsent: (Int64) -> Int = { _ in 0 }
    ) throws -> Int {
        let start = harness.now.monotonicNanoseconds
        let end = start + duration.clampedNanoseconds
        var count = 0
        while let deadline = harness.deadline, deadline <= end {
            harness.clock.advance(by: .nanoseconds(max(0, deadline - harness.now.monotonicNanoseconds)))
            let byteCount = unsent(harness.now.monotonicNanoseconds - start)
            harness.events += harness.session.deadlineReached(at: harness.now, unsentByteCount: byteCount)
            count += 1
            try #require(count < 1000, "the deadlines do not move")
        }
        harness.clock.advance(by: .nanoseconds(max(0, end - harness.now.monotonicNanoseconds)))
        return count
    }

    @Test func aConnectionThatTakesNothingIsFoundDeadWithoutSpinning() throws {
        let harness = try self.connected()
        try self.pong(harness, try harness.flush())
        try harness.invoke()
        try harness.flush()
        // The busy ping, then the death.
        #expect(try self.stall(harness, for: .seconds(1000)) == 2)
        #expect(harness.events.names == ["pong", "dead"])
        #expect(harness.now.monotonicNanoseconds - 1_000_000_000_000 == 1_000_000_000_000)
    }

    @Test func acknowledgementsThatCannotLeaveDoNotSpin() throws {
        let harness = try ClientSessionHarness()
        for _ in 1...3 { try harness.deliver(UpdatesTooLong(), isContentRelated: true) }
        #expect(try self.stall(harness, for: .seconds(1000)) == 1)
        let sent = try #require(try harness.flush().first)
        guard case .acknowledgement(let acknowledgement)? = sent.bodies.first else {
            Issue.record("no msgs_ack")
            return
        }
        #expect(acknowledgement.identifiers.count == 3)
        try harness.deliver(UpdatesTooLong(), isContentRelated: true)
        #expect(try harness.advance(by: .seconds(30)).count == 1, "the next ones are due in their turn")
    }

    @Test func aLongUploadIsNoDeath() throws {
        let harness = try self.connected()
        try self.pong(harness, try harness.flush())
        try harness.invoke(1, padding: 1 << 20)
        try harness.flush()
        // 10 000 bytes a second for 100 s, then nothing more.
        _ = try self.stall(harness, for: .seconds(100)) { (1 << 20) - Int($0 / 100_000) }
        #expect(harness.isConnected)
        _ = try self.stall(harness, for: .seconds(40)) { _ in (1 << 20) - 1_000_000 }
        #expect(!harness.isConnected)
        #expect(harness.events.names == ["pong", "dead"])
    }

    @Test func silenceIsJudgedByTheRoundTrip() throws {
        // Before anything is known: 15 s.
        var harness = try self.connected()
        try harness.flush()
        try harness.advance(by: .seconds(14))
        #expect(harness.isConnected)
        try harness.advance(by: .seconds(2))
        #expect(!harness.isConnected)
        // A round trip of no time: a ping after two seconds with a query out, and five more.
        harness = try self.connected()
        try self.pong(harness, try harness.flush())
        try harness.invoke(1)
        try harness.flush()
        try harness.advance(by: .seconds(6))
        #expect(harness.isConnected)
        try harness.advance(by: .seconds(2))
        #expect(!harness.isConnected)
    }

    @Test func aPingBehindAnUploadIsAwaitedFromWhenItLeft() throws {
        let harness = try self.connected { $0.minimumPongTimeout = .seconds(15) }
        try self.pong(harness, try harness.flush())
        try harness.invoke(1, padding: 1 << 20)
        try harness.flush()
        _ = try self.stall(harness, for: .seconds(50)) { (1 << 20) - Int($0 / 100_000) }
        // Now the upload is through.
        #expect(self.pings(try harness.flush()).count == 1)
        try harness.advance(by: .seconds(14))
        #expect(harness.isConnected)
        // The last of the upload, seen to have left, grants it one more turn.
        try harness.advance(by: .seconds(17))
        #expect(harness.events.names == ["pong", "dead"])
    }

    @Test func smallQueriesThatLeaveIntoTheVoidDoNotHideADeath() throws {
        let harness = try self.connected()
        try self.pong(harness, try harness.flush())
        for number in 1...20 where harness.isConnected {
            try harness.invoke(number)
            try harness.advance(by: .seconds(1))
        }
        #expect(harness.events.names == ["pong", "dead"])
    }

    @Test func deadlinesMoveWithoutASingleFlush() throws {
        let harness = try ClientSessionHarness {
            $0.keepAliveInterval = .zero
            $0.stateCheckDelay = .zero
            $0.saltRequestInterval = .zero
            $0.acknowledgementDelay = .zero
            $0.futureSaltCount = 32
            $0.pongTimeout = .seconds(1000)
        }
        try harness.invoke()
        try harness.flush()
        try harness.deliver(UpdatesTooLong(), isContentRelated: true)
        #expect(try self.stall(harness, for: .milliseconds(100)) <= 301)
    }

    @Test func deadlinesAlwaysMove() throws {
        let harness = try ClientSessionHarness {
            $0.keepAliveInterval = .zero
            $0.stateCheckDelay = .zero
            $0.saltRequestInterval = .zero
            $0.futureSaltCount = 32
            $0.pongTimeout = .seconds(1000)
        }
        try harness.invoke()
        try harness.advance(by: .milliseconds(100))
    }

    @Test func pingsBeyondThoseRememberedFail() throws {
        let harness = try ClientSessionHarness()
        for _ in 1...257 {
            _ = harness.session.ping(at: harness.now)
            try harness.flush()
            harness.clock.advance(by: .nanoseconds(1))
        }
        try harness.advance(by: .milliseconds(1))
        #expect(harness.events.names == ["ping failed"])
        let full = try ClientSessionHarness(isConnected: false)
        for _ in 1...1025 { _ = full.session.ping(at: full.now) }
        #expect(full.session.deadlineReached(at: full.now).names == ["ping failed"])
    }

    @Test(arguments: [Int64.min, Int64.max])
    func extremeClocksDoNotTrap(monotonic: Int64) throws {
        let harness = try self.connected()
        let sent = try harness.flush()
        let entry = try #require(self.pings(sent).first)
        let pong = Pong(messageIdentifier: entry.message, pingIdentifier: entry.ping.pingIdentifier)
        let (payload, _) = EncryptedMessage.seal(
            salt: ClientSessionHarness.salt,
            sessionIdentifier: harness.currentSession,
            identifier: harness.nextIdentifier(),
            sequenceNumber: 0,
            with: harness.key,
            direction: .serverToClient,
            random: .seeded(1),
            bodyLength: 20
        ) { $0.writeImmutableBuffer(pong.serialized()) }
        var time = harness.now
        time.monotonicNanoseconds = monotonic
        _ = try? harness.session.receive(payload, at: time)
        _ = try harness.session.invoke(ClientSessionHarness.query(1), at: time)
        while harness.session.nextPayload(at: time) != nil {}
        _ = harness.session.nextDeadline
        _ = harness.session.deadlineReached(at: time)
    }
}
