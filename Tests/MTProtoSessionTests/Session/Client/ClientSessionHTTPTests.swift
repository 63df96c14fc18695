// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import NIOCore
import Testing

/// What a client's session does for HTTP: long polls, waits beside queries, the `Date` header.
@Suite struct ClientSessionHTTPTests {
    private let atOnce = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 0)
    private let long = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 25_000)

    // MARK: Polls

    @Test func aPollWithoutAnythingElseIsABareWait() throws {
        let harness = try ClientSessionHarness()
        let sent = try #require(try harness.poll())
        #expect(!sent.isContainer)
        #expect(sent.waits == [self.long])
        #expect(sent.message.sequenceNumber == 0)
        #expect(sent.token == nil)
        #expect(
            Array(sent.messages[0].body.readableBytesView) == [
                0x9F, 0x35, 0x99, 0x92, 0, 0, 0, 0, 0, 0, 0, 0, 0xA8, 0x61, 0, 0,
            ]
        )
    }

    @Test func aPollTakesTheAcknowledgementsAlong() throws {
        let harness = try ClientSessionHarness()
        try harness.deliver(UpdatesTooLong(), isContentRelated: true)
        #expect(try harness.flush().isEmpty, "alone it waits for its delay")
        let sent = try #require(try harness.poll())
        #expect(sent.isContainer)
        #expect(sent.acknowledged.count == 1)
        #expect(sent.waits == [self.long])
        #expect(sent.messages.allSatisfy { $0.sequenceNumber % 2 == 0 })
        #expect((try #require(try harness.poll())).acknowledged.isEmpty)
        #expect(try harness.advance(by: .seconds(60)).isEmpty)
    }

    @Test func aPollLeavesQueriesAndServiceMessagesInLine() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        _ = harness.session.ping(at: harness.now)
        let sent = try #require(try harness.poll())
        #expect(sent.messages.count == 1)
        #expect(sent.message.sequenceNumber == 0)
        #expect(try harness.flush().flatMap(\.messages).count == 2)
    }

    @Test func aPollCountsAsNoQuery() throws {
        let harness = try ClientSessionHarness()
        for _ in 0..<5 { _ = try harness.poll() }
        #expect(harness.unanswered == 0)
        #expect(harness.deadline == nil)
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        #expect(sent.message.sequenceNumber == 1, "no content-related message came before")
    }

    @Test func withoutAConnectionThereIsNoPoll() throws {
        let harness = try ClientSessionHarness(isConnected: false)
        #expect(try harness.poll() == nil)
    }

    @Test func anEmptyContainerIsAResponseOfNothing() throws {
        let harness = try ClientSessionHarness()
        _ = try harness.poll()
        #expect(try harness.deliver(MessageContainer(messages: [])).isEmpty)
        #expect(try harness.flush().isEmpty)
    }

    @Test func aWrongSaltOfAPollIsLearnedAndThePollNotRepeated() throws {
        let harness = try ClientSessionHarness()
        let sent = try #require(try harness.poll())
        let events = try harness.refuseSalt(sent.message.identifier, new: 77)
        #expect(events.names == ["salts"])
        #expect(try harness.flush().isEmpty)
        let next = try #require(try harness.poll())
        #expect(next.message.salt == 77)
        #expect(next.messages.count == 1)
    }

    @Test func aWrongSaltOfAPollWithAcknowledgementsRepeatsThose() throws {
        let harness = try ClientSessionHarness()
        try harness.deliver(UpdatesTooLong(), isContentRelated: true)
        let sent = try #require(try harness.poll())
        _ = try harness.refuseSalt(sent.message.identifier, new: 77)
        let again = try #require(try harness.flush().first)
        #expect(again.acknowledged == sent.acknowledged)
        #expect(again.waits.isEmpty)
    }

    @Test func aPollRefusedBecauseOfTheTimeSetsTheTime() throws {
        let harness = try ClientSessionHarness(timeOffsetNanoseconds: nil, serverOffset: .seconds(4000))
        let sent = try #require(try harness.poll())
        #expect(try harness.refuse(sent.message.identifier, .identifierTooLow).names == ["time 4000.0"])
        let next = try #require(try harness.poll())
        #expect(
            MessageIdentifierGenerator.seconds(of: next.message.identifier) == harness.serverNanoseconds / 1_000_000_000
        )
    }

    // MARK: Waits beside queries

    @Test func aWaitRidesAlongWithQueries() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        try harness.invoke(2)
        let sent = try #require(try harness.flush(attaching: self.atOnce).first)
        #expect(sent.queries.count == 2)
        #expect(sent.waits == [self.atOnce])
        #expect(sent.messages.last?.sequenceNumber == 4, "not content-related")
    }

    @Test func withNothingToSendAWaitAloneIsNotSent() throws {
        let harness = try ClientSessionHarness()
        #expect(try harness.flush(attaching: self.atOnce).isEmpty)
        try harness.deliver(UpdatesTooLong(), isContentRelated: true)
        #expect(try harness.flush(attaching: self.atOnce).isEmpty)
        harness.clock.advance(by: .seconds(30))
        let sent = try #require(try harness.flush(attaching: self.atOnce).first)
        #expect(sent.acknowledged.count == 1)
        #expect(sent.waits == [self.atOnce])
    }

    @Test(arguments: [100, 1000])
    func thereIsRoomForTheWaitInEachFullContainer(padding: Int) throws {
        let harness = try ClientSessionHarness { $0.compressionThreshold = nil }
        for number in 0..<300 { try harness.invoke(number, padding: padding) }
        let all = try harness.flush(attaching: self.atOnce)
        #expect(all.count > 1)
        for sent in all {
            #expect(sent.waits == [self.atOnce])
            #expect(sent.message.body.readableBytes <= 32_768)
        }
    }

    @Test func thereIsRoomForTheWaitWhenTheCountIsFull() throws {
        let harness = try ClientSessionHarness { $0.maximumContainerCount = 3 }
        for number in 0..<4 { try harness.invoke(number) }
        let all = try harness.flush(attaching: self.atOnce)
        #expect(all.map(\.messages.count) == [3, 3])
        #expect(all.allSatisfy { $0.waits.count == 1 })
    }

    @Test func aQueryLargerThanAContainerGoesWithoutAWait() throws {
        let harness = try ClientSessionHarness { $0.compressionThreshold = nil }
        try harness.invoke(1, padding: 40_000)
        let sent = try harness.flush(attaching: self.atOnce)
        #expect(sent.map(\.messages.count) == [1])
    }

    @Test func aQueryThatTravelsAloneGoesWithoutAWait() throws {
        let harness = try ClientSessionHarness()
        try harness.invokeDependent()
        let first = try harness.flush(attaching: self.atOnce)
        #expect(first.map(\.isContainer) == [false])
        try harness.invoke(2)
        let second = try #require(try harness.flush(attaching: self.atOnce).first)
        _ = try harness.refuse(second.message.identifier, .invalidContainer)
        #expect(try harness.flush(attaching: self.atOnce).filter(\.isContainer).isEmpty)
    }

    // MARK: The Date header

    @Test(arguments: [-86_400, -3, 3, 28])
    func aHintMovesTheTimeUntilItIsKnown(seconds: Int64) throws {
        let harness = try ClientSessionHarness(timeOffsetNanoseconds: nil, serverOffset: .seconds(seconds))
        let server = harness.serverNanoseconds / 1_000_000_000
        harness.session.noteServerTime(unixSeconds: server, at: harness.now)
        #expect(!harness.isSynchronized)
        #expect(harness.savedState.timeOffsetNanoseconds == nil, "a hint is not saved")
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        #expect(MessageIdentifierGenerator.seconds(of: sent.message.identifier) == server)
        try harness.answer(sent.messages[0])
        #expect(harness.isSynchronized)
        #expect(harness.savedState.timeOffsetNanoseconds != nil)
        harness.session.noteServerTime(unixSeconds: server + 5000, at: harness.now)
        let after = harness.session.serverNanoseconds(at: harness.now)
        #expect(abs(after - harness.serverNanoseconds) < 1_000_000)
    }

    @Test(arguments: [-1, 0, 1])
    func aHintOfWhatIsKnownChangesNothing(seconds: Int64) throws {
        let harness = try ClientSessionHarness(timeOffsetNanoseconds: nil)
        let before = harness.session.serverNanoseconds(at: harness.now)
        harness.session.noteServerTime(unixSeconds: before / 1_000_000_000 + seconds, at: harness.now)
        let after = harness.session.serverNanoseconds(at: harness.now)
        #expect(after == before)
    }

    @Test func forgedHintsDoNotLeadFurtherThanAServerFollows() throws {
        let harness = try ClientSessionHarness(timeOffsetNanoseconds: nil)
        let start = harness.now.wallSeconds
        for lead: Int64 in [86_400, 20, 40, 29, 60, -5_000, 40, 25] {
            harness.session.noteServerTime(unixSeconds: start + lead, at: harness.now)
        }
        #expect(harness.session.serverNanoseconds(at: harness.now) / 1_000_000_000 == start + 25)
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        let verdict = MessageTimeWindow.check(
            sent.message.identifier,
            serverNanoseconds: harness.serverNanoseconds
        )
        #expect(verdict == .acceptable)
        try harness.answer(sent.messages[0])
        #expect(harness.isSynchronized)
    }

    @Test(arguments: [Int64.min, -1, Int64(UInt32.max) + 1, Int64.max])
    func anImpossibleHintIsIgnored(seconds: Int64) throws {
        let harness = try ClientSessionHarness(timeOffsetNanoseconds: nil)
        let before = harness.session.serverNanoseconds(at: harness.now)
        harness.session.noteServerTime(unixSeconds: seconds, at: harness.now)
        let after = harness.session.serverNanoseconds(at: harness.now)
        #expect(after == before)
    }

    @Test func aHintCountsAgainAfterTheClockJumped() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        try harness.flush()
        harness.clock.skewWall(by: .seconds(-4000))
        _ = harness.session.serverNanoseconds(at: harness.now)
        #expect(!harness.isSynchronized)
        let seconds = harness.now.wallSeconds + 4020
        harness.session.noteServerTime(unixSeconds: seconds, at: harness.now)
        let after = harness.session.serverNanoseconds(at: harness.now)
        #expect(after / 1_000_000_000 == seconds)
    }

    @Test(arguments: [0, 1_640_995_200, -1_800, -10])
    func aHintDoesNotGoBehindWhatTheServerWrote(seconds: Int64) throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        try harness.answer(try #require(try harness.flush().first).messages[0])
        harness.clock.advance(by: .seconds(60))
        harness.clock.skewWall(by: .seconds(-4000))
        let before = harness.session.serverNanoseconds(at: harness.now)
        #expect(!harness.isSynchronized)
        let hint = seconds < 0 ? harness.serverNanoseconds / 1_000_000_000 + seconds : seconds
        harness.session.noteServerTime(unixSeconds: hint, at: harness.now)
        let after = harness.session.serverNanoseconds(at: harness.now)
        #expect(after == before)
        // Ahead it may go, and back from there.
        for lead: Int64 in [20, 5] {
            let ahead = harness.serverNanoseconds / 1_000_000_000 + lead
            harness.session.noteServerTime(unixSeconds: ahead, at: harness.now)
            let moved = harness.session.serverNanoseconds(at: harness.now)
            #expect(moved / 1_000_000_000 == ahead)
        }
    }

    @Test func aHintDoesNotMakeAnOldQueryYoung() throws {
        let harness = try ClientSessionHarness(timeOffsetNanoseconds: nil)
        try harness.invoke()
        let lost = try #require(try harness.flush().first)
        harness.clock.advance(by: .seconds(1_800))
        harness.session.noteServerTime(unixSeconds: harness.now.wallSeconds - 1_800, at: harness.now)
        harness.lose(lost)
        let asked = try #require(try harness.flush().first)
        #expect(asked.bodies == [.stateRequest(MessagesStateRequest(identifiers: [lost.message.identifier]))])
    }
}
