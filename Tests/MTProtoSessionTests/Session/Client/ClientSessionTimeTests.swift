// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import NIOCore
import Testing

@Suite struct ClientSessionTimeTests {
    private let update = UpdatesTooLong().serialized()

    /// An identifier that the server's clock would give so many seconds from now.
    private func identifier(_ harness: ClientSessionHarness, seconds: Int64) -> UInt64 {
        UInt64(harness.serverNanoseconds / 1_000_000_000 + seconds) << 32 | 0x8000_0003
    }

    @Test func theOffsetOfTheKeyExchangeMakesTheIdentifiers() throws {
        let harness = try ClientSessionHarness(timeOffsetNanoseconds: 3_600_000_000_000, serverOffset: .seconds(3600))
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        #expect(MessageIdentifierGenerator.seconds(of: sent.message.identifier) == harness.now.wallSeconds + 3600)
        #expect(harness.isSynchronized)
    }

    @Test(arguments: [(-301, false), (-299, true), (29, true), (31, false)])
    func theWindowHoldsOnceTimeIsSynchronized(seconds: Int64, isAccepted: Bool) throws {
        let harness = try ClientSessionHarness()
        let identifier = self.identifier(harness, seconds: seconds)
        if isAccepted {
            try harness.deliver(self.update, identifier: identifier)
            #expect(harness.events.count == 1)
        } else {
            #expect(throws: SessionError(.outsideTimeWindow)) {
                try harness.deliver(self.update, identifier: identifier)
            }
            #expect(harness.events.isEmpty)
        }
    }

    @Test(arguments: [-400, 60])
    func whatTheServerWroteFarAheadEndsOneConnectionNotTheNext(seconds: Int64) throws {
        let harness = try ClientSessionHarness()
        let identifier = self.identifier(harness, seconds: seconds)
        #expect(throws: SessionError(.outsideTimeWindow)) {
            try harness.deliver(self.update, identifier: identifier)
        }
        harness.reconnect()
        // What is old may be a repetition by anybody.
        #expect(harness.isSynchronized == (seconds < 0))
        guard seconds > 0 else { return }
        try harness.deliver(self.update, identifier: identifier + 4)
        #expect(harness.events.names == ["update 4"])
    }

    @Test(arguments: [-86_400, 86_400])
    func withoutAKnownTimeThereIsNoWindow(seconds: Int64) throws {
        let harness = try ClientSessionHarness(timeOffsetNanoseconds: nil, serverOffset: .seconds(seconds))
        #expect(!harness.isSynchronized)
        try harness.deliver(self.update, isResponse: false)
        #expect(harness.events.names == ["update 4"])
        #expect(!harness.isSynchronized, "an update does not tell when it was written")
    }

    @Test(arguments: [-86_400, -1, 0, 1, 86_400])
    func theFirstAnswerSetsTheTime(seconds: Int64) throws {
        let harness = try ClientSessionHarness(timeOffsetNanoseconds: nil, serverOffset: .seconds(seconds))
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        try harness.answer(sent.messages[0])
        #expect(harness.events.names.first == "time \(Double(seconds))")
        #expect(harness.isSynchronized)
        let offset = try #require(harness.savedState.timeOffsetNanoseconds)
        #expect(abs(offset - seconds * 1_000_000_000) < 1_000)
        try harness.invoke()
        let next = try #require(try harness.flush().first)
        let server = harness.serverNanoseconds
        if seconds >= 0 {
            #expect(abs(MessageIdentifierGenerator.nanoseconds(of: next.message.identifier) - server) < 1_000)
        } else {
            #expect(next.message.identifier > sent.message.identifier, "identifiers of a session do not go back")
        }
    }

    @Test func anIdentifierTooLowCorrectsASlowClock() throws {
        let harness = try ClientSessionHarness(serverOffset: .seconds(4000))
        let query = try harness.invoke()
        let first = try #require(try harness.flush().first)
        let events = try harness.refuse(first.message.identifier, .identifierTooLow)
        #expect(events.names == ["time 4000.0"], "although the notice itself lies outside of the window")
        #expect(harness.currentSession == ClientSessionHarness.sessionIdentifier)
        let second = try #require(try harness.flush().first)
        let seconds = MessageIdentifierGenerator.seconds(of: second.message.identifier)
        #expect(seconds == harness.now.wallSeconds + 4000)
        #expect(harness.state(of: query) == .maybeDelivered)
    }

    @Test func anIdentifierTooHighCorrectsAFastClockInANewSession() throws {
        let harness = try ClientSessionHarness(serverOffset: .seconds(-4000))
        try harness.invoke()
        let first = try #require(try harness.flush().first)
        let events = try harness.refuse(first.message.identifier, .identifierTooHigh)
        #expect(events.names == ["time -4000.0", "restarted"])
        let second = try #require(try harness.flush().first)
        #expect(second.message.identifier < first.message.identifier)
        let seconds = MessageIdentifierGenerator.seconds(of: second.message.identifier)
        #expect(seconds == harness.now.wallSeconds - 4000)
    }

    @Test func whatWasTooHighOnEveryConnectionIsSentAgain() throws {
        let harness = try ClientSessionHarness(serverOffset: .seconds(-4000))
        for number in 1...2 {
            try harness.invoke(number)
            try harness.flush()
        }
        harness.reconnect()
        let sent = try #require(try harness.flush().first)
        _ = try harness.refuse(sent.message.identifier, .identifierTooHigh)
        let again = try #require(try harness.flush().first)
        #expect(again.queries.compactMap { ClientSessionHarness.number(of: $0.body) } == [1, 2])
        #expect(harness.events.names == ["time -4000.0", "restarted"])
    }

    @Test func aRefusedSaltIsBelievedOutsideOfTheWindow() throws {
        let harness = try ClientSessionHarness(serverOffset: .seconds(-1000))
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        #expect(try harness.refuseSalt(sent.message.identifier, new: 4).names == ["time -1000.0", "salts"])
    }

    @Test func aPongOutsideOfTheWindowCorrectsTheTime() throws {
        let harness = try ClientSessionHarness(serverOffset: .seconds(1000))
        let ping = harness.session.ping(at: harness.now)
        let sent = try #require(try harness.flush().first)
        let pong = Pong(messageIdentifier: sent.message.identifier, pingIdentifier: ping)
        let container = MessageContainer(messages: [
            harness.contained(self.update), harness.contained(pong.serialized(), isContentRelated: false),
        ])
        try harness.deliver(container)
        #expect(harness.events.names == ["time 1000.0", "update 4", "pong"])
    }

    @Test func anAnswerToAnotherConnectionProvesNothing() throws {
        let harness = try ClientSessionHarness(serverOffset: .seconds(1000))
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        harness.reconnect()
        #expect(throws: SessionError(.outsideTimeWindow)) { try harness.answer(sent.messages[0]) }
    }

    @Test func oldMessagesAreTakenFromFreshContainers() throws {
        let harness = try ClientSessionHarness()
        let old = harness.contained(self.update, identifier: self.identifier(harness, seconds: -550))
        try harness.deliver(MessageContainer(messages: [old]))
        #expect(harness.events.names == ["update 4"])
    }

    @Test func theServersTimeIsFollowedForward() throws {
        let harness = try ClientSessionHarness()
        for step in 1...20 {
            try harness.deliver(self.update, identifier: self.identifier(harness, seconds: 20 * Int64(step)))
        }
        #expect(harness.events.count == 20)
        #expect(try #require(harness.savedState.timeOffsetNanoseconds) >= 400_000_000_000)
    }

    @Test func settingTheWallClockDisturbsNothing() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        try harness.flush()
        harness.clock.skewWall(by: .seconds(-7200))
        harness.clock.advance(by: .seconds(1))
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        let nanoseconds = MessageIdentifierGenerator.nanoseconds(of: sent.message.identifier)
        #expect(abs(nanoseconds - harness.serverNanoseconds) < 1_000)
        #expect(!harness.isSynchronized, "which of the two clocks is right is not known")
        try harness.answer(sent.messages[0])
        #expect(harness.isSynchronized)
        #expect(abs(try #require(harness.savedState.timeOffsetNanoseconds) - 7_200_000_000_000) < 1_000)
    }

    @Test func sleepDoesNotLockTheSessionOut() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        try harness.flush()
        // The machine slept: the wall clock and the server went on, the monotonic clock did not.
        harness.clock.skewWall(by: .seconds(7200))
        harness.serverOffset += 7_200_000_000_000
        harness.reconnect()
        try harness.deliver(self.update, isResponse: false)
        let sent = try harness.flush()
        _ = try harness.refuse(try #require(sent.last).message.identifier, .identifierTooLow)
        #expect(harness.isSynchronized)
        #expect(harness.events.names.contains("time 0.0"))
    }

    @Test func afterSleepTheFirstPayloadIsInTime() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        try harness.flush()
        harness.clock.skewWall(by: .seconds(7200))
        harness.serverOffset += 7_200_000_000_000
        harness.reconnect()
        let sent = try #require(try harness.flush().first)
        let nanoseconds = MessageIdentifierGenerator.nanoseconds(of: sent.message.identifier)
        #expect(abs(nanoseconds - harness.serverNanoseconds) < 1_000_000)
    }
}
