// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import MTProtoSession
import NIOCore
import Testing

@Suite struct ClientSessionConnectionTests {
    // MARK: Delivery states

    @Test func theDeliveryStateAtEachPoint() throws {
        let harness = try ClientSessionHarness(isConnected: false)
        let queries = try (1...6).map { try harness.invoke($0, quickAck: $0 == 5) }
        #expect(queries.allSatisfy { harness.state(of: $0) == .notDelivered })
        harness.open()
        let sent = try #require(try harness.flush().first)
        #expect(queries.allSatisfy { harness.state(of: $0) == .maybeDelivered })
        try harness.deliver(MessagesAcknowledgement(identifiers: [sent.messages[1].identifier]))
        try harness.answer(sent.messages[2])
        _ = try harness.refuse(sent.messages[3].identifier, .oddSequenceNumberExpected)
        let late = try harness.invoke(7)
        #expect(harness.events.names == ["acknowledged query 2", "result query 3 3"])
        let end = harness.session.end()
        #expect(end.map(\.0) == [queries[0], queries[1], queries[3], queries[4], queries[5], late])
        #expect(
            end.map(\.1) == [
                .maybeDelivered, .delivered, .notDelivered, .maybeDelivered, .maybeDelivered, .notDelivered,
            ]
        )
        #expect(harness.unanswered == 0)
        #expect(try harness.flush().isEmpty)
    }

    @Test func aQuickAcknowledgementCountsAsDelivered() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1, quickAck: true)
        let token = try #require(try harness.flush().first?.token)
        _ = harness.quickAck(token)
        harness.close()
        #expect(harness.session.end().map(\.1) == [.delivered])
    }

    @Test func handlesAreNotReusedAfterTheEnd() throws {
        let harness = try ClientSessionHarness()
        let first = try harness.invoke()
        _ = harness.session.end()
        #expect(try harness.invoke() != first)
    }

    // MARK: Resuming

    @Test func youngQueriesAreRepeatedInAContainerUnderTheirIdentifiers() throws {
        let harness = try ClientSessionHarness()
        for number in 1...3 { try harness.invoke(number) }
        let first = try #require(try harness.flush().first)
        try harness.answer(first.messages[0])
        try harness.deliver(MessagesAcknowledgement(identifiers: [first.messages[1].identifier]))
        harness.close()
        #expect(harness.deadline == nil)
        try harness.invoke(4)
        harness.clock.advance(by: .seconds(20))
        harness.open()
        let second = try #require(try harness.flush().first)
        #expect(second.isContainer)
        // What the server confirmed is not sent again; it answers by itself.
        #expect(second.queries.compactMap { ClientSessionHarness.number(of: $0.body) } == [3, 4])
        #expect(second.queries[0].identifier == first.messages[2].identifier)
        #expect(second.queries[0].sequenceNumber == first.messages[2].sequenceNumber)
        #expect(second.queries[1].identifier > first.message.identifier)
        #expect(second.message.identifier > second.queries[1].identifier)
    }

    @Test func aSingleRepeatedQueryIsWrappedToo() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let first = try #require(try harness.flush().first)
        harness.reconnect()
        let second = try #require(try harness.flush().first)
        #expect(second.isContainer)
        #expect(second.messages.map(\.identifier) == [first.message.identifier])
        harness.reconnect()
        #expect(try harness.flush().first?.messages.map(\.identifier) == [first.message.identifier])
    }

    @Test func aConnectionLostBeforeTheRepetitionLosesNothing() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        try harness.flush()
        harness.reconnect()
        harness.reconnect()
        #expect(try harness.flush().flatMap(\.queries).count == 1)
    }

    @Test func anotherConnectionReplacesTheOneThatIsOpen() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let first = try #require(try harness.flush().first)
        harness.open()
        harness.open()
        #expect(try harness.flush().flatMap(\.messages).map(\.identifier) == [first.message.identifier])
    }

    @Test func oldQueriesAreAskedAboutFirst() throws {
        let harness = try ClientSessionHarness()
        for number in 1...4 { try harness.invoke(number) }
        let first = try #require(try harness.flush().first)
        harness.close()
        harness.clock.advance(by: .seconds(151))
        harness.open()
        let asked = try #require(try harness.flush().first)
        let identifiers = first.messages.map(\.identifier)
        #expect(asked.bodies == [.stateRequest(MessagesStateRequest(identifiers: identifiers))])
        // Received; answered; not received; forgotten.
        try harness.deliver(MessagesStateInfo(requestIdentifier: asked.message.identifier, info: [4, 68, 2, 1]))
        #expect(
            harness.events.names == [
                "acknowledged query 1", "acknowledged query 2", "failed query 4 deliveryUnknown, maybeDelivered",
            ]
        )
        let again = try harness.flush()
        #expect(again.flatMap(\.queries).compactMap { ClientSessionHarness.number(of: $0.body) } == [3])
        #expect(again.flatMap(\.queries)[0].identifier > first.message.identifier)
        let wanted = MessageResendAnswerRequest(identifiers: [identifiers[1]])
        #expect(again.flatMap(\.bodies).contains(.resendAnswerRequest(wanted)))
    }

    @Test func aRepeatedQueryRefusedForItsSaltKeepsItsIdentifier() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let first = try #require(try harness.flush().first)
        harness.reconnect()
        let second = try #require(try harness.flush().first)
        _ = try harness.refuseSalt(second.message.identifier, new: 8)
        let third = try #require(try harness.flush().first)
        #expect(third.isContainer)
        #expect(third.messages.map(\.identifier) == [first.message.identifier])
        #expect(third.message.salt == 8)
    }

    @Test(arguments: [BadMessageCode.identifierTooLow, .invalidContainer, .evenSequenceNumberExpected])
    func aRepeatedQueryRefusedOtherwiseIsAskedAboutFirst(code: BadMessageCode) throws {
        let harness = try ClientSessionHarness()
        let query = try harness.invoke()
        let first = try #require(try harness.flush().first)
        harness.reconnect()
        try harness.flush()
        _ = try harness.refuse(first.message.identifier, code)
        #expect(harness.state(of: query) == .maybeDelivered)
        let asked = try #require(try harness.flush().first)
        #expect(asked.bodies == [.stateRequest(MessagesStateRequest(identifiers: [first.message.identifier]))])
        try harness.deliver(MessagesStateInfo(requestIdentifier: asked.message.identifier, info: [3]))
        let again = try #require(try harness.flush().first)
        #expect(!again.isContainer)
        #expect(again.message.identifier > first.message.identifier)
    }

    // MARK: New sessions of the server

    @Test func queriesBeforeTheFirstMessageOfANewSessionAreSentAgain() throws {
        let harness = try ClientSessionHarness()
        var sent: [ClientSessionHarness.Sent] = []
        for number in 1...4 {
            try harness.invoke(number)
            sent += try harness.flush()
        }
        try harness.answer(sent[0].messages[0])
        let notice = NewSessionCreated(
            firstMessageIdentifier: sent[3].message.identifier,
            uniqueIdentifier: 1,
            salt: ClientSessionHarness.salt
        )
        try harness.deliver(notice, isContentRelated: true)
        let again = try #require(try harness.flush().first)
        #expect(again.queries.compactMap { ClientSessionHarness.number(of: $0.body) } == [2, 3])
        #expect(again.queries.allSatisfy { $0.identifier > sent[3].message.identifier })
        #expect(again.bodies.contains { if case .acknowledgement = $0 { true } else { false } })
    }

    @Test func theContentsOfTheFirstContainerAreNotSentAgain() throws {
        let harness = try ClientSessionHarness()
        for number in 1...3 { try harness.invoke(number) }
        let sent = try #require(try harness.flush().first)
        let notice = NewSessionCreated(
            firstMessageIdentifier: sent.message.identifier,
            uniqueIdentifier: 1,
            salt: ClientSessionHarness.salt
        )
        try harness.deliver(notice)
        #expect(try harness.flush().isEmpty)
    }

    // MARK: Saved state

    @Test func theStateComesBackFromItsEncodedForm() throws {
        let harness = try ClientSessionHarness(timeOffsetNanoseconds: 5)
        let saved = harness.savedState
        let copy = try JSONDecoder().decode(SavedSession.self, from: JSONEncoder().encode(saved))
        #expect(copy == saved)
        let session = ClientSession(saved: saved, random: .seeded(9))
        let state = session.state
        #expect(state == saved)
        let identifier = session.sessionIdentifier
        #expect(identifier != ClientSessionHarness.sessionIdentifier)
    }

    @Test func descriptionsShowNoKey() throws {
        let saved = try ClientSessionHarness().savedState
        var dumped = ""
        dump(saved, to: &dumped)
        for text in [String(describing: saved), String(reflecting: saved), dumped] {
            #expect(!text.contains("uthorizationKey"))
            #expect(!text.contains(String(ClientSessionHarness.salt)))
            #expect(text.count < 100)
        }
    }

    // MARK: What ends without an event

    @Test func theEndReturnsQueriesWhoseFailureWasNotToldYet() throws {
        let harness = try ClientSessionHarness()
        let query = try harness.session.invoke(at: harness.now) { _ in ByteBuffer() }
        try harness.flush()
        #expect(harness.unanswered == 0)
        let ended = harness.session.end()
        #expect(ended.map(\.0) == [query])
        #expect(ended.map(\.1) == [.notDelivered])
    }

    @Test func bodiesMadeLateCount() throws {
        let harness = try ClientSessionHarness()
        try harness.invokeDependent()
        #expect(harness.unansweredBytes == 0)
        let sent = try #require(try harness.flush().first)
        #expect(harness.unansweredBytes == sent.message.body.readableBytes)
        _ = try harness.refuseSalt(sent.message.identifier, new: 4)
        let again = try #require(try harness.flush().first)
        #expect(harness.unansweredBytes == again.message.body.readableBytes)
        try harness.answer(again.messages[0])
        #expect(harness.unansweredBytes == 0)
    }

    @Test(arguments: [true, false])
    func aQueryCanBeKeptFromAServerThatForgotThatItHadIt(repeats: Bool) throws {
        let harness = try ClientSessionHarness()
        let body = ClientSessionHarness.query(1)
        _ = try harness.session.invoke(body, repeatsWhenForgotten: repeats, at: harness.now)
        let sent = try #require(try harness.flush().first)
        try harness.deliver(MessagesAcknowledgement(identifiers: [sent.message.identifier]))
        try harness.deliver(
            NewSessionCreated(firstMessageIdentifier: .max, uniqueIdentifier: 1, salt: ClientSessionHarness.salt)
        )
        #expect(try harness.flush().flatMap(\.queries).count == (repeats ? 1 : 0))
        #expect(harness.events.names.contains("failed query 1 deliveryUnknown, delivered") == !repeats)
    }

    @Test func aQuicklyAcknowledgedQueryIsNotRepeatedOnTheNextConnection() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1, quickAck: true)
        _ = harness.quickAck(try #require(try harness.flush().first?.token))
        harness.reconnect()
        #expect(try harness.flush().flatMap(\.queries).isEmpty)
    }
}
