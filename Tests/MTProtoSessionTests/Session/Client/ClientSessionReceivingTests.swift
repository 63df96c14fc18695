// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import NIOCore
import Testing

@Suite struct ClientSessionReceivingTests {
    private let update = UpdatesTooLong().serialized()

    // MARK: Answers

    @Test func answersFindTheirQueriesInAnyOrder() throws {
        let harness = try ClientSessionHarness()
        for number in 1...3 { try harness.invoke(number) }
        let sent = try harness.flush().flatMap(\.messages)
        for index in [2, 0, 1] { try harness.answer(sent[index]) }
        #expect(harness.events.names == ["result query 3 3", "result query 1 1", "result query 2 2"])
        #expect(harness.unanswered == 0)
        try harness.answer(sent[0])
        #expect(harness.events.count == 3, "a second answer is no event")
    }

    @Test func errorsOfTheAPIAreTold() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        let error = RPCErrorMessage(code: 420, message: "FLOOD_WAIT_30").serialized()
        try harness.deliver(RPCResult(requestIdentifier: sent.message.identifier, result: error))
        #expect(harness.events.names == ["error query 1 420 FLOOD_WAIT_30"])
    }

    @Test func aPackedAnswerIsUnpacked() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        let packed = GzipPacked(compressing: ClientSessionHarness.query(5)).serialized()
        try harness.deliver(RPCResult(requestIdentifier: sent.message.identifier, result: packed))
        #expect(harness.events.names == ["result query 1 5"])
    }

    @Test func packedIsAcceptedWhereverAnObjectStands() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        let result = RPCResult(requestIdentifier: sent.message.identifier, result: ClientSessionHarness.query(5))
        let inner = harness.contained(GzipPacked(compressing: result.serialized()).serialized())
        let container = MessageContainer(messages: [inner]).serialized()
        try harness.deliver(GzipPacked(compressing: container).serialized())
        try harness.deliver(GzipPacked(compressing: self.update).serialized())
        #expect(harness.events.names == ["result query 1 5", "update 4"])
    }

    @Test func anAnswerThatCannotBeUnpackedFailsItsQueryOnly() throws {
        let harness = try ClientSessionHarness { $0.maximumUnpackedByteCount = 1000 }
        for number in 1...4 { try harness.invoke(number) }
        let sent = try harness.flush().flatMap(\.messages)
        let large = GzipPacked(compressing: ByteBuffer(repeating: 0, count: 2000)).serialized()
        let broken = GzipPacked(packedData: ByteBuffer(repeating: 0x1F, count: 20)).serialized()
        let results = [large, broken, ByteBuffer(), ClientSessionHarness.query(4)]
        let messages = zip(sent, results).map { message, result in
            harness.contained(RPCResult(requestIdentifier: message.identifier, result: result).serialized())
        }
        try harness.deliver(MessageContainer(messages: messages))
        #expect(
            harness.events.names == [
                "failed query 1 answerTooLarge, delivered", "failed query 2 malformedAnswer, delivered",
                "failed query 3 malformedAnswer, delivered", "result query 4 4",
            ]
        )
    }

    @Test func thePayloadsOfOneContainerCannotUnpackWithoutEnd() throws {
        let harness = try ClientSessionHarness { $0.maximumUnpackedByteCount = 1000 }
        let bomb = GzipPacked(compressing: ByteBuffer(repeating: 0, count: 996)).serialized()
        let messages = (1...10).map { _ in harness.contained(bomb, isResponse: false) }
        try harness.deliver(MessageContainer(messages: messages))
        #expect(harness.events.count == 4)
        #expect(harness.unreadable == 6)
    }

    // MARK: Updates, containers, copies

    @Test func updatesPassInOrder() throws {
        let harness = try ClientSessionHarness()
        let messages = (1...3).map {
            harness.contained(ClientSessionHarness.query($0, padding: 4 * $0), isResponse: false)
        }
        try harness.deliver(MessageContainer(messages: messages))
        #expect(harness.events.names == ["update 16", "update 20", "update 24"])
    }

    @Test func anEmptyContainerIsLegal() throws {
        let harness = try ClientSessionHarness()
        #expect(try harness.deliver(MessageContainer(messages: [])).isEmpty)
    }

    @Test func aContainerIsRefusedAsAWhole() throws {
        let harness = try ClientSessionHarness()
        let good = harness.contained(self.update, isResponse: false)
        let high = harness.contained(self.update, identifier: good.identifier + (1 << 32))
        let even = harness.contained(self.update, identifier: good.identifier + 1)
        let nested = harness.contained(MessageContainer(messages: []).serialized())
        #expect(throws: SessionError(.malformedContainer)) {
            try harness.deliver(MessageContainer(messages: [good, high]))
        }
        #expect(throws: SessionError(.invalidMessageIdentifier)) {
            try harness.deliver(MessageContainer(messages: [good, even]))
        }
        #expect(throws: SessionError(.malformedContainer)) {
            try harness.deliver(MessageContainer(messages: [good, nested]))
        }
        var truncated = MessageContainer(messages: [good, good]).serialized()
        truncated.moveWriterIndex(to: truncated.writerIndex - 4)
        #expect(throws: SessionError(.malformedContainer)) { try harness.deliver(truncated) }
        let many = (0..<1025).map { _ in harness.contained(self.update) }
        #expect(throws: SessionError(.malformedContainer)) {
            try harness.deliver(MessageContainer(messages: many).serialized())
        }
        #expect(harness.events.isEmpty)
        try harness.deliver(MessageContainer(messages: [good]))
        #expect(harness.events.names == ["update 4"], "nothing of the refused containers was remembered")
    }

    @Test func anUnreadableMessageDoesNotDisturbItsNeighbours() throws {
        let harness = try ClientSessionHarness()
        let broken = harness.contained(ByteBuffer(integer: NewSessionCreated.constructor, endianness: .little))
        let good = harness.contained(self.update)
        try harness.deliver(MessageContainer(messages: [broken, good]))
        try harness.deliver(ByteBuffer(integer: Pong.constructor, endianness: .little))
        try harness.deliver(ByteBuffer())
        #expect(harness.events.names == ["update 4"])
        #expect(harness.unreadable == 3)
    }

    @Test func aCopyCountsAsTheMessageItself() throws {
        let harness = try ClientSessionHarness()
        let message = harness.contained(self.update, isResponse: false)
        try harness.deliver(MessageCopy(message: message))
        try harness.deliver(MessageCopy(message: message))
        try harness.deliver(MessageContainer(messages: [message]))
        #expect(harness.events.names == ["update 4"])
    }

    // MARK: Duplicates and foreign messages

    @Test func duplicatesAreIgnoredAndAcknowledgedAgain() throws {
        let harness = try ClientSessionHarness()
        let identifier = harness.nextIdentifier(isResponse: false)
        for _ in 1...2 {
            try harness.deliver(self.update, isContentRelated: true, identifier: identifier)
            try harness.invoke()
            let sent = try #require(try harness.flush().first)
            #expect(sent.bodies.first == .acknowledgement(MessagesAcknowledgement(identifiers: [identifier])))
        }
        #expect(harness.events.names == ["update 4"])
    }

    @Test func identifiersBelowAFullWindowAreIgnored() throws {
        let harness = try ClientSessionHarness()
        let early = harness.nextIdentifier(isResponse: false)
        for _ in 1...1000 { try harness.deliver(self.update, isResponse: false) }
        #expect(harness.events.count == 1000)
        try harness.deliver(self.update, identifier: early)
        #expect(harness.events.count == 1000)
    }

    @Test func lowerIdentifiersAreTakenWhileTheWindowHasRoom() throws {
        let harness = try ClientSessionHarness()
        let early = harness.nextIdentifier(isResponse: false)
        try harness.deliver(self.update)
        try harness.deliver(self.update, identifier: early)
        #expect(harness.events.count == 2)
    }

    @Test func messagesOfAnotherSessionAreDropped() throws {
        let harness = try ClientSessionHarness()
        #expect(try harness.deliver(self.update, sessionIdentifier: 1).isEmpty)
        #expect(harness.deadline == nil, "nothing to acknowledge")
    }

    @Test(arguments: [0, 2])
    func identifiersOfAClientAreRefused(parity: UInt64) throws {
        let harness = try ClientSessionHarness()
        let identifier = (harness.nextIdentifier() & ~3) | parity
        #expect(throws: SessionError(.invalidMessageIdentifier)) {
            try harness.deliver(self.update, identifier: identifier)
        }
    }

    @Test func payloadsThatAreNoMessagesAreRefused() throws {
        let harness = try ClientSessionHarness()
        let other = try AuthorizationKey([UInt8](repeating: 1, count: 256))
        func seal(_ key: AuthorizationKey, _ direction: MessageDirection) -> ByteBuffer {
            EncryptedMessage.seal(
                salt: 0,
                sessionIdentifier: ClientSessionHarness.sessionIdentifier,
                identifier: harness.nextIdentifier(),
                sequenceNumber: 0,
                with: key,
                direction: direction,
                random: .seeded(1),
                bodyLength: 4
            ) { $0.writeImmutableBuffer(self.update) }.payload
        }
        var flipped = seal(harness.key, .serverToClient)
        let index = flipped.writerIndex - 1
        flipped.setInteger(flipped.getInteger(at: index, as: UInt8.self)! ^ 1, at: index)
        let cases = [
            ByteBuffer(), ByteBuffer(repeating: 0, count: 71), seal(other, .serverToClient),
            seal(harness.key, .clientToServer), flipped,
        ]
        for payload in cases {
            #expect(throws: SessionError(.undecryptable)) { try harness.deliver(payload: payload) }
        }
        try harness.deliver(payload: seal(harness.key, .serverToClient))
        #expect(harness.events.names == ["update 4"])
    }

    @Test func requestsThatOnlyAClientMakesAreIgnored() throws {
        let harness = try ClientSessionHarness()
        try harness.deliver(GetFutureSalts(count: 5))
        try harness.deliver(DestroySession(sessionIdentifier: 5))
        try harness.deliver(RPCDropAnswer(requestIdentifier: 5))
        try harness.deliver(DestroyAuthKey())
        try harness.deliver(HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 0))
        #expect(harness.events.isEmpty)
        #expect(try harness.flush().isEmpty)
    }

    @Test func pingsOfTheServerAreAnswered() throws {
        let harness = try ClientSessionHarness()
        let identifier = harness.nextIdentifier(isResponse: false)
        try harness.deliver(Ping(pingIdentifier: 77).serialized(), identifier: identifier)
        #expect(try harness.flush().first?.bodies == [.pong(Pong(messageIdentifier: identifier, pingIdentifier: 77))])
    }

    @Test(arguments: [false, true])
    func anAnswerOlderThanAllRememberedIsTaken(isContained: Bool) throws {
        let harness = try ClientSessionHarness { $0.receivedWindowCapacity = 4 }
        try harness.invoke(1)
        let sent = try #require(try harness.flush().first)
        let old = harness.nextIdentifier()
        let update = harness.contained(UpdatesTooLong().serialized())
        let result = RPCResult(requestIdentifier: sent.message.identifier, result: ClientSessionHarness.query(1))
        let answer = harness.contained(result.serialized())
        let container = harness.nextIdentifier()
        for _ in 1...6 { try harness.deliver(UpdatesTooLong()) }
        harness.events = []
        if isContained {
            let body = MessageContainer(messages: [update, answer]).serialized()
            try harness.deliver(body, identifier: container)
        } else {
            try harness.deliver(UpdatesTooLong().serialized(), identifier: update.identifier)
            try harness.deliver(result.serialized(), identifier: old)
        }
        #expect(harness.events.names == ["result query 1 1"])
        #expect(harness.unanswered == 0)
    }
}
