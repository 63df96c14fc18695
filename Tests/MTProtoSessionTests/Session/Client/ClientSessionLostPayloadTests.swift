// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import NIOCore
import Testing

/// Requests over HTTP that have no response, and such that overtake each other: what was in them is done once.
@Suite struct ClientSessionLostPayloadTests {
    private let atOnce = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 0)

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
        #expect(again.first.map { $0.waits } == [self.atOnce])
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
        #expect(again.waits.count == 1)
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
        #expect(again.acknowledged == lost.acknowledged)
        #expect(again.waits.count == 1)
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

    // MARK: Requests that overtake each other

    private func announce(_ harness: ClientSessionHarness, first: UInt64) throws {
        try harness.deliver(
            NewSessionCreated(
                firstMessageIdentifier: first,
                uniqueIdentifier: 1,
                salt: ClientSessionHarness.salt
            ),
            isContentRelated: true
        )
    }

    @Test(arguments: [false, true])
    func aQueryOvertakenByTheFirstMessageKeepsItsIdentifier(isAcknowledged: Bool) throws {
        let harness = try ClientSessionHarness()
        try harness.invoke()
        let query = try #require(try harness.flush(attaching: self.atOnce).first)
        let poll = try #require(try harness.poll())
        if isAcknowledged {
            try harness.deliver(MessagesAcknowledgement(identifiers: query.queries.map(\.identifier)))
        }
        try self.announce(harness, first: poll.message.identifier)
        let again = try harness.flush(attaching: self.atOnce)
        #expect(again.flatMap(\.queries).map(\.identifier) == query.queries.map(\.identifier))
    }

    @Test func aQueryThatMustNotGoTwiceIsAskedAbout() throws {
        let harness = try ClientSessionHarness()
        let handle = try harness.session.invoke(
            ClientSessionHarness.query(1),
            repeatsWhenForgotten: false,
            at: harness.now
        )
        let query = try #require(try harness.flush(attaching: self.atOnce).first)
        let poll = try #require(try harness.poll())
        let identifier = try #require(query.queries.first).identifier
        try harness.deliver(MessagesAcknowledgement(identifiers: [identifier]))
        try self.announce(harness, first: poll.message.identifier)
        let asked = try #require(try harness.flush().first)
        #expect(asked.queries.isEmpty)
        let request = try #require(
            asked.messages.first { message in
                if case .stateRequest? = try? MessageBody.parse(message.body, isContained: true).body { return true }
                return false
            }
        )
        try harness.deliver(MessagesStateInfo(requestIdentifier: request.identifier, info: [4]))
        #expect(harness.state(of: handle) == .delivered)
        #expect(harness.unanswered == 1)
    }

    @Test func aCancelledQueryOvertakenIsDroppedAgain() throws {
        let harness = try ClientSessionHarness()
        let handle = try harness.invoke()
        let query = try #require(try harness.flush(attaching: self.atOnce).first)
        _ = harness.cancel(handle)
        let drop = try #require(try harness.flush(attaching: self.atOnce).first)
        try self.announce(harness, first: drop.message.identifier)
        let again = try #require(try harness.flush(attaching: self.atOnce).first)
        #expect(again.queries.isEmpty)
        #expect(
            again.bodies.contains { body in
                if case .rpcDropAnswer(let drop) = body {
                    return drop.requestIdentifier == query.queries.first?.identifier
                }
                return false
            }
        )
        #expect(harness.unanswered == 1)
    }
}
