// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import NIOCore
import Testing

@Suite struct ClientSessionMessageStateTests {
    // MARK: Our messages

    @Test func queriesThatWaitLongAreAskedAbout() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        let first = try #require(try harness.flush().first)
        #expect(try harness.advance(by: .milliseconds(29_999)).isEmpty)
        let asked = try #require(try harness.advance(by: .milliseconds(2)).first)
        #expect(asked.bodies == [.stateRequest(MessagesStateRequest(identifiers: [first.message.identifier]))])
        try harness.deliver(MessagesStateInfo(requestIdentifier: asked.message.identifier, info: [2]))
        let again = try #require(try harness.flush().first)
        #expect(again.isContainer)
        #expect(again.messages.map(\.identifier) == [first.message.identifier], "young, so the same identifier is safe")
        try harness.answer(again.messages[0])
        try harness.advance(by: .seconds(100))
        #expect(harness.deadline == nil)
    }

    @Test func statesOfForeignRequestsAreIgnored() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        let first = try #require(try harness.flush().first)
        try harness.deliver(MessagesStateInfo(requestIdentifier: first.message.identifier, info: [1]))
        #expect(harness.events.isEmpty)
        #expect(harness.unanswered == 1)
    }

    @Test func statesCanBeAskedFor() throws {
        let harness = try ClientSessionHarness()
        let queries = try (1...2).map { try harness.invoke($0) }
        let waiting = try harness.invoke(3)
        harness.session.requestState(of: [waiting], at: harness.now)
        let first = try #require(try harness.flush().first)
        harness.session.requestState(of: queries, at: harness.now)
        let asked = try #require(try harness.flush().first)
        let identifiers = first.messages.prefix(2).map(\.identifier)
        #expect(asked.bodies == [.stateRequest(MessagesStateRequest(identifiers: identifiers))])
        try harness.deliver(MessagesStateInfo(requestIdentifier: asked.message.identifier, info: [4 + 32]))
        #expect(harness.events.names == ["state query 1 36", "acknowledged query 1"], "a short answer is no trap")
    }

    @Test func anAnswerThatWasGivenIsAskedForAgainByRepeating() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        let first = try #require(try harness.flush().first)
        let asked = try #require(try harness.advance(by: .seconds(31)).first)
        try harness.deliver(MessagesStateInfo(requestIdentifier: asked.message.identifier, info: [4 + 32 + 64]))
        let again = try #require(try harness.flush().first)
        #expect(again.isContainer)
        #expect(again.messages.map(\.identifier) == [first.message.identifier])
    }

    @Test func anAnswerThatNeverComesEndsTheQuery() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        try harness.flush()
        for _ in 0..<100 where harness.unanswered > 0 {
            for sent in try harness.advance(by: .seconds(31)) {
                for (message, body) in zip(sent.messages, sent.bodies) {
                    guard case .stateRequest = body else { continue }
                    try harness.deliver(
                        MessagesStateInfo(requestIdentifier: message.identifier, info: [4 + 32 + 64])
                    )
                    try harness.flush()
                }
            }
        }
        #expect(harness.events.names == ["acknowledged query 1", "failed query 1 answerLost, delivered"])
    }

    @Test func allInfoConfirmsWhatWasReceived() throws {
        let harness = try ClientSessionHarness()
        for number in 1...2 { try harness.invoke(number) }
        let sent = try #require(try harness.flush().first)
        try harness.deliver(MessagesAllInfo(identifiers: sent.messages.map(\.identifier) + [44], info: [4, 1]))
        #expect(harness.events.names == ["acknowledged query 1"])
        #expect(try harness.flush().isEmpty)
    }

    @Test func theServerCanAskForRepetition() throws {
        let harness = try ClientSessionHarness()
        for number in 1...3 { try harness.invoke(number) }
        let sent = try #require(try harness.flush().first)
        try harness.deliver(MessageResendRequest(identifiers: [sent.messages[1].identifier]))
        let second = try #require(try harness.flush().first)
        #expect(second.isContainer)
        #expect(second.messages.map(\.identifier) == [sent.messages[1].identifier])
        try harness.deliver(MessageResendRequest(identifiers: [sent.message.identifier]))
        let third = try #require(try harness.flush().first)
        #expect(third.messages.map(\.identifier) == sent.messages.map(\.identifier), "the container's contents")
    }

    @Test func whatCannotBeRepeatedIsAnsweredByStates() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        let sent = try #require(try harness.flush().first)
        let known = harness.nextIdentifier(isResponse: false)
        try harness.deliver(UpdatesTooLong().serialized(), identifier: known)
        let request = harness.nextIdentifier()
        let identifiers = [sent.message.identifier, known, 5]
        try harness.deliver(MessageResendRequest(identifiers: identifiers).serialized(), identifier: request)
        let bodies = try harness.flush().flatMap(\.bodies)
        #expect(bodies.contains(.stateInfo(MessagesStateInfo(requestIdentifier: request, info: [1, 4, 1]))))
    }

    // MARK: The server's messages

    @Test func theServersQuestionsAreAnswered() throws {
        let harness = try ClientSessionHarness()
        var identifiers = (0..<4).map { _ in harness.nextIdentifier(isResponse: false) }
        for index in [0, 2] {
            try harness.deliver(UpdatesTooLong().serialized(), identifier: identifiers[index])
        }
        identifiers.append(1)
        let request = harness.nextIdentifier()
        identifiers.append(request + 4)
        try harness.deliver(MessagesStateRequest(identifiers: identifiers).serialized(), identifier: request)
        let info = MessagesStateInfo(requestIdentifier: request, info: [4, 2, 4, 2, 1, 3])
        #expect(try harness.flush().first?.bodies == [.stateInfo(info)])
    }

    @Test func questionsWithoutEndAreNotAnsweredWithoutEnd() throws {
        let harness = try ClientSessionHarness(isConnected: false)
        for _ in 0..<2000 { try harness.deliver(MessagesStateRequest(identifiers: [1])) }
        harness.open()
        #expect(try harness.flush().flatMap(\.messages).count == 1024)
    }

    @Test func aLargeAnswerIsAskedForOrRefused() throws {
        let harness = try ClientSessionHarness { $0.maximumAnswerByteCount = 10_000 }
        for number in 1...2 { try harness.invoke(number) }
        let sent = try #require(try harness.flush().first)
        let answers = (0..<5).map { _ in harness.nextIdentifier() }
        func detail(_ query: UInt64, _ answer: Int, _ byteCount: Int32) throws {
            let info = MessageDetailedInfo(
                identifier: query,
                answerIdentifier: answers[answer],
                byteCount: byteCount,
                status: 0
            )
            try harness.deliver(info)
        }
        try detail(sent.messages[0].identifier, 0, 10_000)
        #expect(try harness.flush().first?.bodies == [.resendRequest(MessageResendRequest(identifiers: [answers[0]]))])
        try detail(sent.messages[1].identifier, 1, 10_001)
        #expect(harness.events.names == ["failed query 2 answerTooLarge, delivered"])
        // The answer to a query that nobody waits for is acknowledged, so that it is forgotten.
        try detail(44, 2, 100)
        let result = RPCResult(requestIdentifier: sent.messages[0].identifier, result: ClientSessionHarness.query(1))
        try harness.deliver(result.serialized(), isContentRelated: true, identifier: answers[3])
        try detail(sent.messages[0].identifier, 3, 100)
        try harness.invoke(3)
        let acknowledged = MessagesAcknowledgement(identifiers: [answers[1], answers[2], answers[3], answers[3]])
        #expect(try harness.flush().first?.bodies.first == .acknowledgement(acknowledged))
    }

    @Test func anUpdateOfferedIsAskedFor() throws {
        let harness = try ClientSessionHarness()
        let identifier = harness.nextIdentifier(isResponse: false)
        try harness.deliver(MessageNewDetailedInfo(answerIdentifier: identifier, byteCount: 100, status: 0))
        #expect(try harness.flush().first?.bodies == [.resendRequest(MessageResendRequest(identifiers: [identifier]))])
    }

    // MARK: Cancelling

    private func drop(
        _ outcome: RPCDropAnswerResult
    ) throws -> (harness: ClientSessionHarness, query: UInt64, drop: UInt64) {
        let harness = try ClientSessionHarness()
        let query = try harness.invoke()
        let first = try #require(try harness.flush().first)
        #expect(!harness.cancel(query))
        #expect(!harness.cancel(query))
        let sent = try harness.flush()
        #expect(sent.flatMap(\.bodies) == [.rpcDropAnswer(RPCDropAnswer(requestIdentifier: first.message.identifier))])
        try harness.deliver(
            RPCResult(requestIdentifier: sent[0].message.identifier, result: outcome.serialized()),
            isContentRelated: true
        )
        return (harness, first.message.identifier, sent[0].message.identifier)
    }

    @Test func allThreeAnswersToADropEndTheQuery() throws {
        let cases: [(RPCDropAnswerResult, String)] = [
            (.unknown(RPCAnswerUnknown()), "unknown"), (.droppedRunning(RPCAnswerDroppedRunning()), "running"),
            (.dropped(RPCAnswerDropped(messageIdentifier: 1, sequenceNumber: 3, byteCount: 8)), "dropped"),
        ]
        for (outcome, name) in cases {
            let (harness, query, _) = try self.drop(outcome)
            #expect(harness.events.names == ["dropped query 1 \(name)"])
            // The copy of the answer that goes to the original query.
            try harness.deliver(RPCResult(requestIdentifier: query, result: outcome.serialized()))
            #expect(harness.events.count == 1)
            #expect(harness.unanswered == 0)
        }
    }

    @Test func theCopyOfADropAnswerEndsTheQueryToo() throws {
        let harness = try ClientSessionHarness()
        let query = try harness.invoke()
        let first = try #require(try harness.flush().first)
        _ = harness.cancel(query)
        try harness.flush()
        let result = RPCAnswerDroppedRunning().serialized()
        try harness.deliver(RPCResult(requestIdentifier: first.message.identifier, result: result))
        #expect(harness.events.names == ["dropped query 1 running"])
    }

    @Test func aFasterAnswerWins() throws {
        let harness = try ClientSessionHarness()
        let query = try harness.invoke(5)
        let first = try #require(try harness.flush().first)
        _ = harness.cancel(query)
        let sent = try #require(try harness.flush().first)
        try harness.answer(first.messages[0])
        try harness.deliver(
            RPCResult(requestIdentifier: sent.message.identifier, result: RPCAnswerUnknown().serialized())
        )
        #expect(harness.events.names == ["result query 1 5"])
    }

    @Test func aCancelledQueryIsDroppedAgainOnTheNextConnectionAndNotRepeated() throws {
        let harness = try ClientSessionHarness()
        let query = try harness.invoke()
        let first = try #require(try harness.flush().first)
        _ = harness.cancel(query)
        try harness.flush()
        harness.reconnect()
        let bodies = try harness.flush().flatMap(\.bodies)
        #expect(bodies == [.rpcDropAnswer(RPCDropAnswer(requestIdentifier: first.message.identifier))])
    }

    @Test func aCancelledQueryThatWasRefusedIsGone() throws {
        let harness = try ClientSessionHarness()
        let query = try harness.invoke()
        let first = try #require(try harness.flush().first)
        _ = harness.cancel(query)
        _ = try harness.refuseSalt(first.message.identifier, new: 3)
        #expect(harness.events.names == ["salts", "dropped query 1 unknown"])
        #expect(try harness.flush().isEmpty)
    }

    // MARK: Destroying

    @Test(arguments: [true, false])
    func destroyingASessionIsToldBareAndWrapped(isWrapped: Bool) throws {
        let harness = try ClientSessionHarness()
        harness.session.destroySession(ClientSessionHarness.sessionIdentifier, at: harness.now)
        #expect(try harness.flush().isEmpty, "not the session's own")
        for (identifier, existed) in [(UInt64(5), true), (6, false)] {
            harness.session.destroySession(identifier, at: harness.now)
            let sent = try #require(try harness.flush().first)
            let body =
                existed
                ? DestroySessionOK(sessionIdentifier: identifier).serialized()
                : DestroySessionNone(sessionIdentifier: identifier).serialized()
            for _ in 1...2 {
                if isWrapped {
                    try harness.deliver(RPCResult(requestIdentifier: sent.message.identifier, result: body))
                } else {
                    try harness.deliver(body)
                }
            }
        }
        #expect(harness.events.names == ["destroyed 5 true", "destroyed 6 false"])
    }

    @Test(arguments: [true, false])
    func destroyingTheKeyIsToldBareAndWrapped(isWrapped: Bool) throws {
        let results: [(DestroyAuthKeyResult, String)] = [
            (.ok(DestroyAuthKeyOK()), "key destroyed"), (.none(DestroyAuthKeyNone()), "key unknown"),
            (.fail(DestroyAuthKeyFail()), "key kept"),
        ]
        for (result, name) in results {
            let harness = try ClientSessionHarness()
            try harness.deliver(result.serialized())
            #expect(harness.events.isEmpty, "nobody asked")
            harness.session.destroyAuthorizationKey(at: harness.now)
            try harness.flush()
            harness.reconnect()
            let sent = try #require(try harness.flush().first)
            #expect(sent.bodies == [.destroyAuthKey], "asked again on the next connection")
            if isWrapped {
                try harness.deliver(
                    RPCResult(requestIdentifier: sent.message.identifier, result: result.serialized())
                )
            } else {
                try harness.deliver(result.serialized())
            }
            #expect(harness.events.names == [name])
        }
    }

    @Test func aStateAskedBeforeTheLastCopyLeftIsIgnored() throws {
        let harness = try ClientSessionHarness()
        let query = try harness.invoke(1)
        let first = try #require(try harness.flush().first)
        harness.session.requestState(of: [query], at: harness.now)
        let asked = try #require(try harness.flush().first)
        try harness.deliver(MessageResendRequest(identifiers: [first.message.identifier]))
        #expect(try harness.flush().flatMap(\.queries).count == 1)
        harness.clock.advance(by: .seconds(160))
        try harness.deliver(MessagesStateInfo(requestIdentifier: asked.message.identifier, info: [2]))
        #expect(try harness.flush().flatMap(\.queries).isEmpty)
        #expect(harness.unanswered == 1)
    }

    @Test func aQueryThatMayBeKnownIsNotWithdrawn() throws {
        let harness = try ClientSessionHarness()
        let query = try harness.invoke(1)
        try harness.flush()
        try harness.deliver(
            NewSessionCreated(firstMessageIdentifier: .max, uniqueIdentifier: 1, salt: ClientSessionHarness.salt)
        )
        #expect(!harness.cancel(query))
        try harness.advance(by: .milliseconds(1))
        #expect(harness.events.names.last == "dropped query 1 unknown")
        #expect(harness.unanswered == 0)
    }
}
