// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import NIOCore
import Testing

/// What a client's session does for HTTP: long polls, waits beside queries, lost requests, the `Date` header.
@Suite struct ClientSessionHTTPTests {
    private typealias Sent = ClientSessionHarness.Sent
    private let atOnce = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 0)
    private let long = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 25_000)

    private func waits(_ sent: Sent) -> [HTTPWait] {
        sent.bodies.compactMap { if case .httpWait(let wait) = $0 { wait } else { nil } }
    }

    private func acknowledged(_ sent: Sent) -> [UInt64] {
        sent.bodies.flatMap {
            if case .acknowledgement(let message) = $0 { message.identifiers } else { [] as [UInt64] }
        }
    }

    // MARK: Polls

    @Test func aPollWithoutAnythingElseIsABareWait() throws {
        let harness = try ClientSessionHarness()
        let sent = try #require(try harness.poll())
        #expect(!sent.isContainer)
        #expect(self.waits(sent) == [self.long])
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
        #expect(self.acknowledged(sent).count == 1)
        #expect(self.waits(sent) == [self.long])
        #expect(sent.messages.allSatisfy { $0.sequenceNumber % 2 == 0 })
        #expect(self.acknowledged(try #require(try harness.poll())).isEmpty)
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
        #expect(self.acknowledged(again) == self.acknowledged(sent))
        #expect(self.waits(again).isEmpty)
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
        #expect(self.waits(sent) == [self.atOnce])
        #expect(sent.messages.last?.sequenceNumber == 4, "not content-related")
    }

    @Test func withNothingToSendAWaitAloneIsNotSent() throws {
        let harness = try ClientSessionHarness()
        #expect(try harness.flush(attaching: self.atOnce).isEmpty)
        try harness.deliver(UpdatesTooLong(), isContentRelated: true)
        #expect(try harness.flush(attaching: self.atOnce).isEmpty)
        harness.clock.advance(by: .seconds(30))
        let sent = try #require(try harness.flush(attaching: self.atOnce).first)
        #expect(self.acknowledged(sent).count == 1)
        #expect(self.waits(sent) == [self.atOnce])
    }

    @Test(arguments: [100, 1000])
    func thereIsRoomForTheWaitInEachFullContainer(padding: Int) throws {
        let harness = try ClientSessionHarness { $0.compressionThreshold = nil }
        for number in 0..<300 { try harness.invoke(number, padding: padding) }
        let all = try harness.flush(attaching: self.atOnce)
        #expect(all.count > 1)
        for sent in all {
            #expect(self.waits(sent) == [self.atOnce])
            #expect(sent.message.body.readableBytes <= 32_768)
        }
    }

    @Test func thereIsRoomForTheWaitWhenTheCountIsFull() throws {
        let harness = try ClientSessionHarness { $0.maximumContainerCount = 3 }
        for number in 0..<4 { try harness.invoke(number) }
        let all = try harness.flush(attaching: self.atOnce)
        #expect(all.map(\.messages.count) == [3, 3])
        #expect(all.allSatisfy { self.waits($0).count == 1 })
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

    // MARK: Lost payloads

    @Test func theQueriesOfALostPayloadAreRepeatedUnderTheirIdentifiersAndNoOthers() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        try harness.invoke(2)
        let lost = try #require(try harness.flush(attaching: self.atOnce).first)
        try harness.invoke(3)
        let other = try #require(try harness.flush(attaching: self.atOnce).first)
        harness.lose(lost)
        let again = try harness.flush(attaching: self.atOnce)
        #expect(again.count == 1)
        #expect(again.first?.isContainer == true)
        #expect(again.first?.queries.map(\.identifier) == lost.queries.map(\.identifier))
        #expect(again.first?.queries.map(\.sequenceNumber) == lost.queries.map(\.sequenceNumber))
        #expect(again.first.map { self.waits($0) } == [self.atOnce])
        try harness.answer(other.queries[0])
        for query in again[0].queries { try harness.answer(query) }
        #expect(harness.unanswered == 0)
    }

    @Test func aBareQueryIsRepeatedInAContainer() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let lost = try #require(try harness.flush().first)
        #expect(!lost.isContainer)
        harness.lose(lost)
        let again = try #require(try harness.flush().first)
        #expect(again.isContainer)
        #expect(again.queries.map(\.identifier) == [lost.message.identifier])
    }

    @Test func answeredAndAcknowledgedQueriesOfALostPayloadAreNotRepeated() throws {
        let harness = try ClientSessionHarness()
        for number in 1...3 { try harness.invoke(number) }
        let lost = try #require(try harness.flush().first)
        try harness.answer(lost.messages[0])
        try harness.deliver(MessagesAcknowledgement(identifiers: [lost.messages[1].identifier]))
        harness.lose(lost)
        let again = try #require(try harness.flush().first)
        #expect(again.queries.map(\.identifier) == [lost.messages[2].identifier])
    }

    @Test func aPayloadLostTwiceIsRepeatedTwiceAndNotMore() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let first = try #require(try harness.flush().first)
        harness.lose(first)
        harness.lose(first)
        let second = try harness.flush()
        #expect(second.count == 1)
        harness.lose(first)
        #expect(try harness.flush().isEmpty, "it was sent otherwise since")
        harness.lose(second[0])
        #expect(try harness.flush().count == 1)
        harness.session.payloadLost(12345, at: harness.now)
        #expect(try harness.flush().isEmpty)
    }

    @Test func anOldQueryOfALostPayloadIsAskedAbout() throws {
        let harness = try ClientSessionHarness { $0.stateCheckDelay = .seconds(3600) }
        try harness.invoke()
        let lost = try #require(try harness.flush().first)
        harness.clock.advance(by: .seconds(151))
        harness.lose(lost)
        let asked = try #require(try harness.flush().first)
        guard case .stateRequest(let request)? = asked.bodies.first else {
            Issue.record("no request for the state")
            return
        }
        #expect(request.identifiers == [lost.message.identifier])
        #expect(asked.queries.isEmpty)
    }

    @Test func aCancelledQueryOfALostPayloadIsDroppedAgain() throws {
        let harness = try ClientSessionHarness()
        let query = try harness.invoke()
        let lost = try #require(try harness.flush().first)
        #expect(!harness.cancel(query))
        let dropped = try #require(try harness.flush().first)
        harness.lose(lost)
        harness.lose(dropped)
        let bodies = try harness.flush().flatMap(\.bodies)
        #expect(!bodies.isEmpty)
        for body in bodies {
            guard case .rpcDropAnswer(let drop) = body else {
                Issue.record("\(body)")
                continue
            }
            #expect(drop.requestIdentifier == lost.message.identifier)
        }
    }

    @Test func theServiceMessagesOfALostPayloadGoAgain() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        harness.session.destroySession(9, at: harness.now)
        let ping = harness.session.ping(at: harness.now)
        let lost = try #require(try harness.flush(attaching: self.atOnce).first)
        #expect(lost.messages.count == 4)
        harness.lose(lost)
        let again = try #require(try harness.flush(attaching: self.atOnce).first)
        #expect(again.messages.count == 4, "and the wait once")
        #expect(self.waits(again).count == 1)
        #expect(Set(again.messages.map(\.identifier)).intersection(lost.messages.map(\.identifier)).count == 1)
        let pong = again.messages.first { message in
            if case .ping? = try? MessageBody.parse(message.body, isContained: true).body { return true }
            return false
        }
        try harness.deliver(Pong(messageIdentifier: try #require(pong).identifier, pingIdentifier: ping))
        #expect(harness.events.names == ["pong"])
    }

    @Test func theAcknowledgementsOfALostPollGoAgain() throws {
        let harness = try ClientSessionHarness()
        try harness.deliver(UpdatesTooLong(), isContentRelated: true)
        let lost = try #require(try harness.poll())
        harness.lose(lost)
        let again = try #require(try harness.poll())
        #expect(self.acknowledged(again) == self.acknowledged(lost))
        #expect(self.waits(again).count == 1)
    }

    @Test func aLostPingIsNoSilence() throws {
        let harness = try ClientSessionHarness()
        _ = harness.session.ping(at: harness.now)
        let lost = try #require(try harness.flush().first)
        try harness.advance(by: .seconds(14))
        harness.lose(lost)
        try harness.advance(by: .seconds(14))
        #expect(harness.isConnected)
        try harness.advance(by: .seconds(1))
        #expect(harness.events.names == ["dead"])
    }

    @Test func aPayloadLostWithItsConnectionIsTheConnectionsBusiness() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let lost = try #require(try harness.flush().first)
        harness.close()
        harness.lose(lost)
        harness.open()
        #expect(try harness.flush().flatMap(\.queries).count == 1)
    }

    // MARK: The Date header

    @Test(arguments: [-86_400, -3, 3, 86_400])
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
        let seconds = harness.now.wallSeconds + 9000
        harness.session.noteServerTime(unixSeconds: seconds, at: harness.now)
        let after = harness.session.serverNanoseconds(at: harness.now)
        #expect(after / 1_000_000_000 == seconds)
    }
}
