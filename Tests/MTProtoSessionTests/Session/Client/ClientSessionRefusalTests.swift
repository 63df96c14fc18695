// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import NIOCore
import Testing

@Suite struct ClientSessionRefusalTests {
    private static let simple: [BadMessageCode] = [
        .identifierTooLow, .identifierParity, .evenSequenceNumberExpected, .oddSequenceNumberExpected,
        .invalidContainer, BadMessageCode(rawValue: 99),
    ]

    @Test(arguments: Self.simple)
    func aRefusedQueryIsSentAgainUnderANewIdentifier(code: BadMessageCode) throws {
        let harness = try ClientSessionHarness()
        let query = try harness.invoke(3)
        let first = try #require(try harness.flush().first)
        _ = try harness.refuse(first.message.identifier, code)
        #expect(harness.state(of: query) == .notDelivered)
        let second = try #require(try harness.flush().first)
        #expect(second.message.identifier > first.message.identifier)
        #expect(second.message.sequenceNumber % 2 == 1)
        #expect(ClientSessionHarness.number(of: second.message.body) == 3)
        // The answer may come for any of the identifiers.
        try harness.answer(first.messages[0])
        #expect(harness.events.names.last == "result query 1 3")
        try harness.answer(second.messages[0])
        #expect(harness.unanswered == 0)
        #expect(harness.events.filter { if case .result = $0 { true } else { false } }.count == 1)
    }

    @Test func aWrongSaltIsStoredAndTheMessageSentAgain() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(3)
        let first = try #require(try harness.flush().first)
        let events = try harness.refuseSalt(first.message.identifier, new: 0xBEEF)
        #expect(events.names == ["salts"])
        let second = try #require(try harness.flush().first)
        #expect(second.message.salt == 0xBEEF)
        #expect(second.message.identifier > first.message.identifier)
        #expect(second.message.sequenceNumber == 3)
    }

    @Test(arguments: [BadMessageCode.identifierTooLow, .wrongSalt, .containerIdentifierRepeated, .tooOld])
    func aRefusedContainerMeansItsContents(code: BadMessageCode) throws {
        let harness = try ClientSessionHarness()
        for number in 1...3 { try harness.invoke(number) }
        _ = harness.session.ping(at: harness.now)
        let first = try #require(try harness.flush().first)
        #expect(first.messages.count == 4)
        if code == .wrongSalt {
            _ = try harness.refuseSalt(first.message.identifier, new: 9)
        } else {
            _ = try harness.refuse(first.message.identifier, code)
        }
        let second = try #require(try harness.flush().first)
        if code == .tooOld || code == .containerIdentifierRepeated {
            let identifiers = first.queries.map(\.identifier)
            guard case .stateRequest(let request)? = second.bodies.last else {
                Issue.record("no msgs_state_req")
                return
            }
            #expect(request.identifiers.sorted() == identifiers)
            #expect(second.queries.isEmpty)
        } else {
            #expect(second.queries.compactMap { ClientSessionHarness.number(of: $0.body) } == [1, 2, 3])
        }
        #expect(second.bodies.contains { if case .ping = $0 { true } else { false } })
    }

    @Test func aWrongContainerMakesItsMessagesGoSingly() throws {
        let harness = try ClientSessionHarness()
        for number in 1...3 { try harness.invoke(number) }
        _ = harness.session.ping(at: harness.now)
        let first = try #require(try harness.flush().first)
        _ = try harness.refuse(first.message.identifier, .invalidContainer)
        try harness.invoke(4)
        let second = try harness.flush()
        #expect(second.allSatisfy { !$0.isContainer })
        #expect(second.flatMap(\.queries).compactMap { ClientSessionHarness.number(of: $0.body) } == [1, 2, 3, 4])
        #expect(second.count == 5)
    }

    @Test func messageTooOldAsksForTheStateFirst() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        let first = try #require(try harness.flush().first)
        _ = try harness.refuse(first.message.identifier, .tooOld)
        let asked = try #require(try harness.flush().first)
        let request = MessagesStateRequest(identifiers: [first.message.identifier])
        #expect(asked.bodies == [.stateRequest(request)])
        try harness.deliver(MessagesStateInfo(requestIdentifier: asked.message.identifier, info: [2]))
        let second = try #require(try harness.flush().first)
        #expect(!second.isContainer)
        #expect(second.message.identifier > first.message.identifier)
        #expect(ClientSessionHarness.number(of: second.message.body) == 1)
    }

    @Test func messageTooOldThatArrivedIsNotRepeated() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        let first = try #require(try harness.flush().first)
        _ = try harness.refuse(first.message.identifier, .tooOld)
        let asked = try #require(try harness.flush().first)
        try harness.deliver(MessagesStateInfo(requestIdentifier: asked.message.identifier, info: [4 + 32]))
        #expect(harness.events.names == ["acknowledged query 1"])
        #expect(try harness.flush().isEmpty)
    }

    /// Somebody between sends the client's payload twice: the server refuses the second, and has executed the first.
    @Test(arguments: [1, 2])
    func aPayloadThatWasReplayedIsNotExecutedTwice(queries: Int) throws {
        let harness = try ClientSessionHarness()
        for number in 1...queries { try harness.invoke(number) }
        let first = try #require(try harness.flush().first)
        _ = try harness.refuse(first.message.identifier, .containerIdentifierRepeated)
        let asked = try #require(try harness.flush().first)
        guard case .stateRequest(let request)? = asked.bodies.first else {
            Issue.record("no msgs_state_req")
            return
        }
        #expect(request.identifiers.sorted() == first.queries.map(\.identifier))
        #expect(asked.queries.isEmpty)
        let info = [UInt8](repeating: 4 + 32, count: queries)
        try harness.deliver(MessagesStateInfo(requestIdentifier: asked.message.identifier, info: info))
        #expect(harness.events.names.sorted() == (1...queries).map { "acknowledged query \($0)" })
        for _ in 1...20 { _ = try harness.refuse(first.message.identifier, .containerIdentifierRepeated) }
        #expect(try harness.flush().isEmpty)
        for message in first.queries { try harness.answer(message) }
        #expect(harness.unanswered == 0)
    }

    @Test func whatDidNotArriveBesideARepeatedContainerIsRepeatedUnderItsIdentifier() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        let first = try #require(try harness.flush().first)
        _ = try harness.refuse(first.message.identifier, .containerIdentifierRepeated)
        let asked = try #require(try harness.flush().first)
        try harness.deliver(MessagesStateInfo(requestIdentifier: asked.message.identifier, info: [2]))
        let again = try #require(try harness.flush().first)
        #expect(again.isContainer)
        #expect(again.messages.map(\.identifier) == [first.message.identifier])
    }

    @Test(arguments: [BadMessageCode.sequenceNumberTooLow, .sequenceNumberTooHigh, .identifierTooHigh])
    func wrongNumberingMakesANewSession(code: BadMessageCode) throws {
        let harness = try ClientSessionHarness()
        for number in 1...3 {
            try harness.invoke(number)
            try harness.flush()
        }
        let fourth = try harness.invoke(4)
        #expect(harness.identifier(of: fourth) == nil)
        let sent = try harness.flush()
        let last = try #require(sent.first)
        harness.clock.advance(by: .seconds(1))
        let events = try harness.refuse(last.message.identifier, code)
        #expect(events.names.suffix(4).contains("restarted"))
        // Sent before the refused one in a session that is gone: nobody knows.
        #expect(events.names.filter { $0.hasSuffix("sessionRestarted, maybeDelivered") }.count == 3)
        #expect(harness.currentSession != ClientSessionHarness.sessionIdentifier)
        let again = try #require(try harness.flush().first)
        #expect(again.message.sessionIdentifier == harness.currentSession)
        #expect(again.message.sequenceNumber == 1)
        #expect(again.queries.compactMap { ClientSessionHarness.number(of: $0.body) } == [4])
        try harness.answer(again.messages[0])
        #expect(harness.events.names.last == "result query 4 4")
    }

    @Test(arguments: [BadMessageCode.sequenceNumberTooLow, .identifierTooHigh])
    func queriesThatTheServerMayHaveAcceptedDoNotMoveToTheNewSession(code: BadMessageCode) throws {
        // The first was just too high on arrival; those behind it came when they were not any more.
        let harness = try ClientSessionHarness(serverOffset: .milliseconds(-30_050))
        var sent: [ClientSessionHarness.Sent] = []
        for number in 1...3 {
            try harness.invoke(number)
            sent += try harness.flush()
        }
        let events = try harness.refuse(sent[0].message.identifier, code)
        #expect(events.names.filter { $0.hasSuffix("sessionRestarted, maybeDelivered") }.count == 2)
        let again = try #require(try harness.flush().first)
        #expect(again.queries.compactMap { ClientSessionHarness.number(of: $0.body) } == [1])
        // The notices about the others speak of a session that is gone.
        let late = try harness.deliver(
            BadMessageNotification(badIdentifier: sent[1].message.identifier, badSequenceNumber: 0, code: 17)
                .serialized(),
            sessionIdentifier: ClientSessionHarness.sessionIdentifier
        )
        #expect(late.isEmpty)
    }

    @Test func queriesThatWereTooHighForCertainMoveToTheNewSession() throws {
        let harness = try ClientSessionHarness(serverOffset: .seconds(-100))
        var sent: [ClientSessionHarness.Sent] = []
        for number in 1...3 {
            try harness.invoke(number)
            sent += try harness.flush()
        }
        _ = try harness.refuse(sent[1].message.identifier, .identifierTooHigh)
        let again = try #require(try harness.flush().first)
        #expect(again.queries.compactMap { ClientSessionHarness.number(of: $0.body) } == [1, 2, 3])
    }

    /// A payload sent twice by somebody between is refused for its age or salt when its first copy was taken long ago.
    @Test(arguments: [BadMessageCode.identifierTooLow, .wrongSalt])
    func aNoticeAboutAQueryThatIsKnownToHaveArrivedMakesNoNewIdentifier(code: BadMessageCode) throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1, quickAck: true)
        let first = try #require(try harness.flush().first)
        _ = harness.quickAck(try #require(first.token))
        if code == .wrongSalt {
            _ = try harness.refuseSalt(first.message.identifier, new: 5)
        } else {
            _ = try harness.refuse(first.message.identifier, code)
        }
        #expect(try harness.flush().flatMap(\.queries).allSatisfy { $0.identifier == first.message.identifier })
    }

    @Test func aPingThatIsRefusedForEverFails() throws {
        let harness = try ClientSessionHarness()
        _ = harness.session.ping(at: harness.now)
        while let sent = try harness.flush().first {
            _ = try harness.refuse(sent.message.identifier, .identifierParity)
        }
        #expect(harness.deadline == 0)
        try harness.advance(by: .milliseconds(1))
        #expect(harness.events.names == ["ping failed"])
    }

    @Test func pingsMoveToTheNewSession() throws {
        let harness = try ClientSessionHarness()
        let ping = harness.session.ping(at: harness.now)
        try harness.flush()
        try harness.invoke(1)
        let sent = try #require(try harness.flush().first)
        _ = try harness.refuse(sent.message.identifier, .sequenceNumberTooLow)
        #expect(try harness.flush().flatMap(\.bodies).contains(.ping(Ping(pingIdentifier: ping))))
    }

    @Test func noticesAboutUnknownMessagesAreIgnored() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        for code in Self.simple + [.tooOld, .sequenceNumberTooLow, .identifierTooHigh] {
            #expect(try harness.refuse(sent.message.identifier + 4, code).isEmpty)
        }
        #expect(try harness.refuseSalt(sent.message.identifier + 4, new: 1).isEmpty)
        #expect(try harness.flush().isEmpty)
        #expect(harness.savedState.salts.map(\.salt) == [ClientSessionHarness.salt])
    }

    @Test func noticesAboutAnsweredQueriesAreIgnored() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        try harness.answer(sent.messages[0])
        #expect(try harness.refuseSalt(sent.message.identifier, new: 1).isEmpty)
    }

    @Test(arguments: Self.simple + [.wrongSalt, .identifierTooHigh, .sequenceNumberTooLow])
    func aServerThatRefusesEverythingEndsTheQuery(code: BadMessageCode) throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        for _ in 1...5 {
            let sent = try harness.flush()
            try #require(sent.count == 1)
            if code == .wrongSalt {
                _ = try harness.refuseSalt(sent[0].message.identifier, new: sent[0].message.identifier)
            } else {
                _ = try harness.refuse(sent[0].message.identifier, code)
            }
        }
        let sent = try #require(try harness.flush().first)
        _ = try harness.refuse(sent.message.identifier, code)
        let text = "failed query 1 rejected (bad_msg_notification \(code.rawValue)), notDelivered"
        #expect(harness.events.names.contains(text))
        #expect(try harness.flush().isEmpty)
    }

    @Test func aServerThatRefusesServiceMessagesDoesNotMakeALoop() throws {
        let harness = try ClientSessionHarness()
        _ = harness.session.ping(at: harness.now)
        var count = 0
        while let sent = try harness.flush().first {
            _ = try harness.refuse(sent.message.identifier, .identifierTooHigh)
            count += 1
            try #require(count < 100)
        }
        #expect(count == 6)
    }

    @Test func oddParityIsKeptForServiceMessagesOnceDemanded() throws {
        let harness = try ClientSessionHarness()
        _ = harness.session.ping(at: harness.now)
        let even = try #require(try harness.flush().first)
        #expect(even.message.sequenceNumber % 2 == 0)
        _ = try harness.refuse(even.message.identifier, .oddSequenceNumberExpected)
        let odd = try #require(try harness.flush().first)
        #expect(odd.message.sequenceNumber % 2 == 1)
        #expect(odd.bodies == even.bodies)
    }

    @Test func aCompressedQueryRefusedAsOddGoesUncompressed() throws {
        let harness = try ClientSessionHarness()
        var long = ClientSessionHarness.query(1)
        long.writeRepeatingByte(0, count: 1000)
        _ = try harness.session.invoke(long, at: harness.now)
        let first = try #require(try harness.flush().first)
        _ = try harness.refuse(first.message.identifier, .evenSequenceNumberExpected)
        #expect(try harness.flush().first?.message.body == long)
        #expect(harness.unansweredBytes == long.readableBytes)
    }

    @Test func refusedAcknowledgementsAreRepeated() throws {
        let harness = try ClientSessionHarness()
        for _ in 1...17 { try harness.deliver(UpdatesTooLong(), isContentRelated: true) }
        let first = try #require(try harness.flush().first)
        _ = try harness.refuseSalt(first.message.identifier, new: 3)
        #expect(try harness.flush().first?.bodies == first.bodies)
    }
}
