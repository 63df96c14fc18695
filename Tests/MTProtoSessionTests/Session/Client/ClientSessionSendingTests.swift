// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

@Suite struct ClientSessionSendingTests {
    @Test func aSingleQueryGoesBare() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(7)
        let sent = try harness.flush()
        try #require(sent.count == 1)
        #expect(!sent[0].isContainer)
        #expect(sent[0].message.sequenceNumber == 1)
        #expect(sent[0].message.identifier % 4 == 0)
        #expect(sent[0].message.salt == ClientSessionHarness.salt)
        #expect(sent[0].message.sessionIdentifier == ClientSessionHarness.sessionIdentifier)
        #expect(MessageIdentifierGenerator.seconds(of: sent[0].message.identifier) == harness.now.wallSeconds)
        #expect(ClientSessionHarness.number(of: sent[0].message.body) == 7)
    }

    @Test func queriesOfOneFlushShareAContainer() throws {
        let harness = try ClientSessionHarness()
        for number in 1...5 { try harness.invoke(number) }
        let sent = try harness.flush()
        try #require(sent.count == 1)
        #expect(sent[0].isContainer)
        #expect(sent[0].messages.map(\.sequenceNumber) == [1, 3, 5, 7, 9])
        #expect(sent[0].message.sequenceNumber == 10)
        #expect(sent[0].messages.allSatisfy { $0.identifier < sent[0].message.identifier })
        #expect(sent[0].messages.map(\.identifier) == sent[0].messages.map(\.identifier).sorted())
        #expect(sent[0].messages.compactMap { ClientSessionHarness.number(of: $0.body) } == [1, 2, 3, 4, 5])
    }

    @Test func nothingLeavesWithoutAConnection() throws {
        let harness = try ClientSessionHarness(isConnected: false)
        try harness.invoke()
        #expect(try harness.flush().isEmpty)
        harness.open()
        #expect(try harness.flush().count == 1)
        harness.close()
        try harness.invoke()
        #expect(try harness.flush().isEmpty)
    }

    @Test func containersHoldNoMoreThan1020Messages() throws {
        let harness = try ClientSessionHarness {
            $0.maximumInFlightCount = 5000
            $0.maximumContainerByteCount = 1 << 20
        }
        for number in 1...2500 { try harness.invoke(number) }
        #expect(try harness.flush().map(\.messages.count) == [1020, 1020, 460])
    }

    @Test func containersHoldNoMoreThan32KiB() throws {
        let harness = try ClientSessionHarness { $0.compressionThreshold = nil }
        for number in 1...100 { try harness.invoke(number, padding: 1000) }
        let sent = try harness.flush()
        #expect(sent.count == 4)
        #expect(sent.allSatisfy { $0.message.body.readableBytes <= 32_768 })
        #expect(sent.flatMap(\.messages).compactMap { ClientSessionHarness.number(of: $0.body) } == Array(1...100))
    }

    @Test func aLargeQueryGoesAlone() throws {
        let harness = try ClientSessionHarness { $0.compressionThreshold = nil }
        try harness.invoke(1)
        try harness.invoke(2, padding: 40_000)
        try harness.invoke(3)
        let sent = try harness.flush()
        #expect(sent.map(\.isContainer) == [false, false, false])
        #expect(sent.compactMap { ClientSessionHarness.number(of: $0.message.body) } == [1, 2, 3])
    }

    @Test func queriesBeyondTheWindowWait() throws {
        let harness = try ClientSessionHarness { $0.maximumInFlightCount = 3 }
        for number in 1...5 { try harness.invoke(number) }
        let first = try harness.flush().flatMap(\.messages)
        #expect(first.count == 3)
        try harness.answer(first[1])
        let second = try harness.flush().flatMap(\.queries)
        #expect(second.compactMap { ClientSessionHarness.number(of: $0.body) } == [4])
    }

    @Test func bytesInFlightAreBoundedButOneQueryAlwaysGoes() throws {
        let harness = try ClientSessionHarness {
            $0.maximumInFlightByteCount = 1000
            $0.compressionThreshold = nil
        }
        try harness.invoke(1, padding: 4000)
        try harness.invoke(2)
        let first = try harness.flush().flatMap(\.messages)
        #expect(first.compactMap { ClientSessionHarness.number(of: $0.body) } == [1])
        try harness.answer(first[0])
        #expect(try harness.flush().flatMap(\.queries).count == 1)
    }

    @Test func aFullQueueIsATypedAnswer() throws {
        let harness = try ClientSessionHarness(isConnected: false) {
            $0.maximumQueryCount = 3
            $0.maximumQueryByteCount = 100
        }
        for number in 1...3 { try harness.invoke(number) }
        let full = SessionError(.queueFull, deliveryState: .notDelivered)
        #expect(throws: full) { try harness.invoke(4) }
        #expect(full.isSafeToRetry)
        let other = try ClientSessionHarness(isConnected: false) { $0.maximumQueryByteCount = 30 }
        try other.invoke(1)
        try other.invoke(2)
        #expect(throws: full) { try other.invoke(3) }
        #expect(throws: full) { try harness.invokeDependent() }
    }

    @Test(arguments: [0, 2, 7, 16_777_216])
    func aQueryMustBeWholeAndOfBoundedLength(length: Int) throws {
        let harness = try ClientSessionHarness()
        #expect(throws: SessionError(.invalidQuery, deliveryState: .notDelivered)) {
            try harness.session.invoke(ByteBuffer(repeating: 1, count: length), at: harness.now)
        }
    }

    @Test func queriesWithdrawnUnsentLeaveNothing() throws {
        let harness = try ClientSessionHarness(isConnected: false)
        for number in 1...1000 {
            let query = try harness.invoke(number)
            #expect(harness.cancel(query))
        }
        #expect(harness.unanswered == 0)
        #expect(harness.unansweredBytes == 0)
        harness.open()
        #expect(try harness.flush().isEmpty)
    }

    // MARK: Bodies that depend on the identifier

    @Test func aDependentBodyIsMadeForItsIdentifierAndGoesAlone() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        _ = try harness.session.invoke(at: harness.now) { identifier, session in
            var buffer = ClientSessionHarness.query(99)
            buffer.writeInteger(identifier, endianness: .little)
            buffer.writeInteger(session, endianness: .little)
            return buffer
        }
        try harness.invoke(2)
        let sent = try harness.flush()
        #expect(sent.map(\.isContainer) == [false, false, false])
        let message = sent[1].message
        #expect(message.body.getInteger(at: message.body.readerIndex + 12, endianness: .little) == message.identifier)

        _ = try harness.refuseSalt(message.identifier, new: 5)
        let again = try #require(try harness.flush().first?.message)
        #expect(again.identifier > message.identifier)
        #expect(again.body.getInteger(at: again.body.readerIndex + 12, endianness: .little) == again.identifier)
        #expect(
            again.body.getInteger(at: again.body.readerIndex + 20, endianness: .little)
                == ClientSessionHarness.sessionIdentifier
        )
    }

    @Test func aDependentBodyThatCannotBeSentFails() throws {
        let harness = try ClientSessionHarness()
        _ = try harness.session.invoke(at: harness.now) { _ in ByteBuffer(repeating: 1, count: 3) }
        #expect(try harness.flush().isEmpty)
        #expect(harness.deadline == 0)
        try harness.advance(by: .seconds(1))
        #expect(harness.events.names == ["failed query 1 invalidQuery, notDelivered"])
        #expect(harness.deadline == nil)
    }

    // MARK: Compression

    @Test func longQueriesAreCompressedWhenThatIsShorter() throws {
        let harness = try ClientSessionHarness()
        var long = ClientSessionHarness.query(1)
        long.writeRepeatingByte(0x41, count: 4000)
        _ = try harness.session.invoke(long, at: harness.now)
        let sent = try #require(try harness.flush().first)
        #expect(sent.message.body.readableBytes < 200)
        #expect(sent.message.sequenceNumber == 1)
        #expect(try GzipPacked.unwrap(sent.message.body) == long)
    }

    @Test func shortWrappedRandomAndMediaQueriesStayAsTheyAre() throws {
        let zeros = ByteBuffer(repeating: 0, count: 400)
        var wrapped = InvokeWithoutUpdates(query: zeros).serialized()
        wrapped.writeRepeatingByte(0, count: 400)
        var media = ByteBuffer(integer: UInt32(0xDE7B_673D), endianness: .little)
        media.writeRepeatingByte(0, count: 400)
        var short = ClientSessionHarness.query(1)
        short.writeRepeatingByte(0, count: 240)
        let random = ClientSessionHarness.query(1, padding: 4000)
        for body in [wrapped, media, short, random] {
            let harness = try ClientSessionHarness()
            _ = try harness.session.invoke(body, at: harness.now)
            #expect(try harness.flush().first?.message.body == body)
        }
    }

    // MARK: Acknowledgements

    @Test func acknowledgementsLeaveWhenMoreThan16Wait() throws {
        let harness = try ClientSessionHarness()
        let update = UpdatesTooLong().serialized()
        for _ in 1...16 { try harness.deliver(update, isContentRelated: true, isResponse: false) }
        #expect(try harness.flush().isEmpty)
        try harness.deliver(update, isContentRelated: true, isResponse: false)
        let sent = try harness.flush()
        guard case .acknowledgement(let acknowledgement)? = sent.first?.bodies.first else {
            Issue.record("no msgs_ack")
            return
        }
        #expect(acknowledgement.identifiers.count == 17)
        #expect(sent.first?.message.sequenceNumber == 0)
    }

    @Test func acknowledgementsLeaveAfter30Seconds() throws {
        let harness = try ClientSessionHarness()
        let identifier = harness.nextIdentifier(isResponse: false)
        try harness.deliver(UpdatesTooLong().serialized(), isContentRelated: true, identifier: identifier)
        #expect(harness.deadline == harness.now.monotonicNanoseconds + 30_000_000_000)
        #expect(try harness.advance(by: .milliseconds(29_999)).isEmpty)
        let sent = try harness.advance(by: .milliseconds(2))
        #expect(sent.first?.bodies == [.acknowledgement(MessagesAcknowledgement(identifiers: [identifier]))])
        #expect(harness.deadline == nil)
    }

    @Test func acknowledgementsRideAlong() throws {
        let harness = try ClientSessionHarness()
        let identifier = harness.nextIdentifier(isResponse: false)
        try harness.deliver(UpdatesTooLong().serialized(), isContentRelated: true, identifier: identifier)
        try harness.invoke()
        let sent = try #require(try harness.flush().first)
        #expect(sent.isContainer)
        #expect(sent.bodies.first == .acknowledgement(MessagesAcknowledgement(identifiers: [identifier])))
        #expect(sent.queries.count == 1)
        #expect(harness.deadline == harness.now.monotonicNanoseconds + 30_000_000_000, "only the state check is left")
    }

    @Test func messagesThatNeedNoneAreNotAcknowledged() throws {
        let harness = try ClientSessionHarness()
        try harness.deliver(Pong(messageIdentifier: 4, pingIdentifier: 4))
        #expect(try harness.advance(by: .seconds(100)).isEmpty)
    }

    // MARK: Quick acknowledgements

    @Test func aTokenStandsForAllQueriesOfItsPayload() throws {
        let harness = try ClientSessionHarness()
        let first = try harness.invoke(1)
        let second = try harness.invoke(2, quickAck: true)
        let sent = try #require(try harness.flush().first)
        let token = try #require(sent.token)
        #expect(harness.state(of: first) == .maybeDelivered)
        #expect(harness.quickAck(token ^ 1).isEmpty)
        #expect(harness.quickAck(token) == [first, second])
        #expect(harness.quickAck(token).isEmpty)
        #expect(harness.state(of: first) == .delivered)
    }

    @Test func quickAcknowledgementsAreAskedForOnlyWhenWanted() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1)
        #expect(try harness.flush().first?.token == nil)
    }

    @Test func tokensDoNotOutliveTheirConnectionOrTheAnswer() throws {
        let harness = try ClientSessionHarness()
        try harness.invoke(1, quickAck: true)
        let sent = try #require(try harness.flush().first)
        try harness.answer(sent.messages[0])
        #expect(harness.quickAck(try #require(sent.token)).isEmpty)

        try harness.invoke(2, quickAck: true)
        let other = try #require(try harness.flush().first?.token)
        harness.reconnect()
        #expect(harness.quickAck(other).isEmpty)
    }

    @Test func serviceMessagesAreNoQueries() throws {
        let harness = try ClientSessionHarness()
        let bodies = [
            Ping(pingIdentifier: 1).serialized(),
            PingDelayDisconnect(pingIdentifier: 1, disconnectDelay: 1).serialized(),
            GetFutureSalts(count: 1).serialized(), DestroySession(sessionIdentifier: 1).serialized(),
            DestroyAuthKey().serialized(), MessagesStateRequest(identifiers: [1]).serialized(),
            MessagesAcknowledgement(identifiers: [1]).serialized(), MessageContainer(messages: []).serialized(),
            RPCDropAnswer(requestIdentifier: 1).serialized(),
        ]
        for body in bodies {
            #expect(throws: SessionError(.invalidQuery, deliveryState: .notDelivered)) {
                _ = try harness.session.invoke(body, at: harness.now)
            }
            _ = try harness.session.invoke(at: harness.now) { _ in body }
        }
        #expect(try harness.flush().isEmpty)
        try harness.advance(by: .milliseconds(1))
        #expect(harness.events.names.filter { $0.hasSuffix("invalidQuery, notDelivered") }.count == bodies.count)
    }
}
