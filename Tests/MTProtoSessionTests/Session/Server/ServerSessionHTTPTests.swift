// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// Responses to HTTP requests: one payload each, put back when lost, and nothing diverted by a repeated request.
@Suite("Server session: HTTP")
struct ServerSessionHTTPTests {
    private typealias Output = ServerSessionHarness.Output
    private let update = UpdatesTooLong().serialized()

    // MARK: One payload a response

    @Test("With nothing to say a response is an empty container")
    func emptyContainer() throws {
        var harness = try ServerSessionHarness.established()
        let response = harness.session.nextResponse(
            authorizationKey: ServerSessionHarness.key,
            salts: harness.schedule,
            at: harness.clock.now,
            random: harness.random,
            carrier: 1
        )
        let message = try EncryptedMessage.open(response, with: ServerSessionHarness.key, from: .serverToClient)
        #expect(Array(message.body.readableBytesView) == [0xDC, 0xF8, 0xF1, 0x73, 0, 0, 0, 0])
        #expect(message.sequenceNumber & 1 == 0)
        #expect(message.identifier & 3 == 3)
        #expect(harness.session.queuedMessageCount == 0, "nothing that wants an acknowledgement")
    }

    @Test("A response holds what fits into one payload; the rest waits for the next")
    func oneContainer() throws {
        var harness = try ServerSessionHarness.established()
        for _ in 0..<30 {
            let query = harness.sendQuery()
            harness.respond(to: query.identifier, byteCount: 4000)
        }
        var counts: [Int] = []
        repeat { counts.append(try harness.response(1).results.count) } while counts.last != 0
        #expect(counts.reduce(0, +) == 30)
        #expect(counts.allSatisfy { $0 <= 8 })
    }

    @Test("The answers to the request's own queries come before what waits otherwise, if not all of it fits")
    func ownAnswersFirst() throws {
        var harness = ServerSessionHarness()
        let query = harness.sendQuery()
        harness.send(Ping(pingIdentifier: 4), isContentRelated: false)
        harness.respond(to: query.identifier, byteCount: 100_000)
        let first = try harness.response(1, answering: [query.identifier])
        #expect(first.results.map(\.requestIdentifier) == [query.identifier])
        #expect(first.count == 1)
        let second = try harness.response(2)
        #expect(second.pongs.count == 1)
        #expect(second.count == 2, "the notice of the new session")
        harness.session.responseLost(2, at: harness.clock.now)
        #expect(try harness.response(3).map(\.identifier) == [second[1].identifier])
    }

    @Test("What was brought forward lets nothing stay that is too old")
    func ownAnswersAndAge() throws {
        var harness = try ServerSessionHarness.established()
        for _ in 0..<3 { harness.session.push(ByteBuffer(repeating: 1, count: 20_000), at: harness.clock.now) }
        harness.advance(by: .seconds(300))
        let query = harness.sendQuery()
        harness.respond(to: query.identifier, byteCount: 30_000)
        #expect(try harness.response(1, answering: [query.identifier]).results.count == 1)
        harness.advance(by: .seconds(301))
        #expect(harness.session.forgottenMessages.expired == 3)
        #expect(harness.session.queuedMessageCount == 1)
    }

    @Test("Notices about the request's own payload come with its response")
    func notices() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(self.update, at: harness.clock.now)
        let sent = harness.send(
            MessageContainer(messages: [
                harness.contained(Ping(pingIdentifier: 4), isContentRelated: false),
                // Not content-related, as a query must be.
                harness.contained(HelpGetNearestDataCenter(), isContentRelated: false),
            ]),
            isContentRelated: false
        )
        let notices = sent.actions.flatMap { if case .notify(let notices) = $0 { notices } else { [] as [ByteBuffer] } }
        #expect(notices.count == 1)
        let outputs = try harness.response(1, notices: notices)
        #expect(outputs.badMessages.map(\.code) == [35])
        #expect(outputs.pongs.count == 1)
        #expect(outputs.count == 3)
    }

    // MARK: Lost responses

    @Test("What a lost response carried is sent again, in another container, under its identifiers")
    func lost() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery()
        harness.respond(to: query.identifier)
        harness.session.push(self.update, at: harness.clock.now)
        let first = try harness.response(1)
        #expect(first.count == 2)
        #expect(!harness.session.hasOutput)
        harness.session.responseLost(1, at: harness.clock.now)
        #expect(harness.session.hasOutput)
        let second = try harness.response(2)
        #expect(second.map(\.identifier) == first.map(\.identifier))
        #expect(second.map(\.sequenceNumber) == first.map(\.sequenceNumber))
        #expect(second.map(\.isContained) == [true, true])
    }

    @Test("Only the lost response is put back: not what another carried, nor what was acknowledged since")
    func onlyTheLost() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(self.update, at: harness.clock.now)
        let first = try harness.response(1)
        harness.session.push(self.update, at: harness.clock.now)
        let second = try harness.response(2)
        harness.session.responseLost(3, at: harness.clock.now)
        #expect(!harness.session.hasOutput)
        harness.session.responseLost(2, at: harness.clock.now)
        #expect(try harness.response(3).map(\.identifier) == second.map(\.identifier))
        // Carried again since, by another one.
        harness.session.responseLost(2, at: harness.clock.now)
        #expect(!harness.session.hasOutput)
        harness.send(MessagesAcknowledgement(identifiers: first.map(\.identifier)), isContentRelated: false)
        harness.session.responseLost(1, at: harness.clock.now)
        #expect(!harness.session.hasOutput)
    }

    @Test("A lost response is no lost connection: what waits needs none")
    func noConnectionCounted() throws {
        var harness = try ServerSessionHarness.established()
        harness.send(Ping(pingIdentifier: 9), isContentRelated: false)
        harness.session.responseLost(7, at: harness.clock.now)
        #expect(try harness.response(8).pongs.map(\.pingIdentifier) == [9])
        #expect(!harness.session.isDiscardable(at: harness.clock.now))
        harness.clock.advance(by: .seconds(600))
        #expect(harness.session.isDiscardable(at: harness.clock.now))
    }

    @Test("What was acknowledged after its response was lost is no output")
    func acknowledgedMeanwhile() throws {
        var harness = try ServerSessionHarness.established()
        for _ in 0..<2 { harness.session.push(self.update, at: harness.clock.now) }
        let lost = try harness.response(1)
        harness.session.push(self.update, at: harness.clock.now)
        _ = try harness.response(2)
        harness.session.responseLost(1, at: harness.clock.now)
        #expect(harness.session.hasOutput)
        harness.send(MessagesAcknowledgement(identifiers: lost.map(\.identifier)), isContentRelated: false)
        #expect(harness.session.queuedMessageCount == 1)
        #expect(!harness.session.hasOutput)
        #expect(try harness.response(3).isEmpty)
        harness.session.responseLost(2, at: harness.clock.now)
        #expect(try harness.response(4).count == 1)
    }

    @Test(
        "What the last byte stream of a session carried goes into the next response",
        arguments: [nil, 5] as [UInt64?]
    )
    func afterByteStream(connection: UInt64?) throws {
        var harness = try ServerSessionHarness.established()
        harness.session.connectionOpened(at: harness.clock.now)
        harness.session.push(self.update, at: harness.clock.now)
        let sent = try harness.queueOutput(connection: 5)
        harness.session.connectionClosed(at: harness.clock.now, connection: connection)
        #expect(harness.session.hasOutput)
        #expect(try harness.response(1).map(\.identifier) == sent.map(\.identifier))
        #expect(!harness.session.hasOutput)
    }

    @Test("The last byte stream's end takes nothing from requests that may wait")
    func noticesOfRequests() throws {
        var harness = try ServerSessionHarness.established()
        #expect(try harness.response(1).isEmpty)
        harness.session.connectionOpened(at: harness.clock.now)
        harness.send(Ping(pingIdentifier: 6), isContentRelated: false)
        harness.session.connectionClosed(at: harness.clock.now)
        #expect(try harness.response(2).pongs.map(\.pingIdentifier) == [6])
        harness.session.connectionOpened(at: harness.clock.now)
        harness.clock.advance(by: .seconds(61))
        harness.send(Ping(pingIdentifier: 7), isContentRelated: false)
        harness.session.connectionClosed(at: harness.clock.now)
        #expect(try harness.response(3).isEmpty)
    }

    // MARK: Repeated requests

    /// The client's request, as something between repeats it.
    private func request(_ harness: inout ServerSessionHarness, _ body: ByteBuffer, isContentRelated: Bool)
        -> EncryptedMessage
    {
        EncryptedMessage(
            salt: harness.schedule.current(at: harness.clock.now.wallSeconds),
            sessionIdentifier: ServerSessionHarness.sessionIdentifier,
            identifier: harness.nextIdentifier(),
            sequenceNumber: harness.sequenceNumbers.next(isContentRelated: isContentRelated),
            body: body,
            quickAckToken: 0
        )
    }

    @Test("A request repeated bare gets its own answer again, and nothing else", arguments: [false, true])
    func repeated(inContainer: Bool) throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        var message = EncryptedMessage(
            salt: harness.schedule.current(at: harness.clock.now.wallSeconds),
            sessionIdentifier: ServerSessionHarness.sessionIdentifier,
            identifier: query.identifier,
            sequenceNumber: query.sequenceNumber,
            body: query.body,
            quickAckToken: 0
        )
        if inContainer {
            let other = harness.contained(Ping(pingIdentifier: 1), isContentRelated: true)
            message = self.request(
                &harness,
                MessageContainer(messages: [query, other]).serialized(),
                isContentRelated: false
            )
        }
        let actions = harness.session.receive(message, salts: harness.schedule, at: harness.clock.now)
        #expect(actions.acceptsQuickAck == true)
        harness.respond(to: query.identifier)
        let first = try harness.response(1)
        #expect(first.results.map(\.requestIdentifier) == [query.identifier])

        harness.session.push(self.update, at: harness.clock.now)
        let before = harness.session.queuedMessageCount
        let (refusal, again) = try harness.refusal(of: message)
        #expect(again.acceptsQuickAck == false)
        #expect(again.queries.isEmpty, "nothing runs twice")
        #expect(refusal.results.map(\.requestIdentifier) == [query.identifier])
        #expect(refusal.count == (inContainer ? 2 : 1))
        #expect(refusal.badMessages.isEmpty)
        #expect(refusal.acknowledged.count == (inContainer ? 1 : 0))
        #expect(harness.session.queuedMessageCount == before)
        // The client's next response has what is its own, as if nothing had happened.
        let next = try harness.response(2)
        #expect(next.contains { if case .other = $0.body { true } else { false } })
        #expect(next.results.isEmpty && next.acknowledged.isEmpty)
        #expect(next.count == 1)
        #expect(!harness.session.hasOutput)
    }

    @Test("A request repeated while its query runs is answered at once with an acknowledgement")
    func repeatedWhileRunning() throws {
        var harness = try ServerSessionHarness.established()
        let message = self.request(
            &harness,
            HelpGetNearestDataCenter().serialized(),
            isContentRelated: true
        )
        _ = harness.session.receive(message, salts: harness.schedule, at: harness.clock.now)
        let (refusal, actions) = try harness.refusal(of: message)
        #expect(actions.queries.isEmpty)
        #expect(refusal.acknowledged == [message.identifier])
        #expect(refusal.count == 1)
        #expect(!harness.session.hasOutput, "nobody's request ends because of it")
        let isAnswered = harness.respond(to: message.identifier)
        #expect(isAnswered)
        #expect(try harness.response(1).results.count == 1)
    }

    @Test("An answer that was never sent is not given to who repeats the request")
    func unsentAnswer() throws {
        var harness = try ServerSessionHarness.established()
        let message = self.request(&harness, HelpGetNearestDataCenter().serialized(), isContentRelated: true)
        _ = harness.session.receive(message, salts: harness.schedule, at: harness.clock.now)
        harness.respond(to: message.identifier)
        #expect(try harness.refusal(of: message).outputs.results.isEmpty)
        #expect(try harness.response(1).results.count == 1)
    }

    @Test("A large answer is announced to who repeats the request")
    func largeAnswer() throws {
        var harness = try ServerSessionHarness.established()
        let message = self.request(&harness, HelpGetNearestDataCenter().serialized(), isContentRelated: true)
        _ = harness.session.receive(message, salts: harness.schedule, at: harness.clock.now)
        harness.respond(to: message.identifier, byteCount: 100_000)
        let answer = try #require(try harness.response(1).first)
        let refusal = try harness.refusal(of: message).outputs
        #expect(refusal.detailedInfos.map(\.answerIdentifier) == [answer.identifier])
        #expect(refusal.results.isEmpty)
        #expect(!harness.session.hasOutput)
    }

    @Test("Nothing of the session is given to who repeats a request that has no answer")
    func nothingDiverted() throws {
        var harness = try ServerSessionHarness.established()
        let message = self.request(
            &harness,
            HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 25_000).serialized(),
            isContentRelated: false
        )
        _ = harness.session.receive(message, salts: harness.schedule, at: harness.clock.now)
        harness.session.push(self.update, at: harness.clock.now)
        harness.send(Ping(pingIdentifier: 3), isContentRelated: false)
        let (outputs, actions) = try harness.refusal(of: message)
        #expect(outputs.isEmpty)
        #expect(!actions.contains { if case .httpWait = $0 { true } else { false } }, "it does not wait again")
        #expect(try harness.response(1).count == 2)
    }

    @Test("A payload with a wrong salt, or too old, is told what is wrong with it and gets nothing else")
    func rejected() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(self.update, at: harness.clock.now)
        var message = self.request(&harness, HelpGetNearestDataCenter().serialized(), isContentRelated: true)
        message.salt = 5
        #expect(try harness.refusal(of: message).outputs.badSalts.count == 1)
        message = self.request(&harness, HelpGetNearestDataCenter().serialized(), isContentRelated: true)
        message.identifier -= 400 << 32
        let outputs = try harness.refusal(of: message).outputs
        #expect(outputs.badMessages.map(\.code) == [16])
        #expect(outputs.count == 1)
        #expect(try harness.response(1).count == 1)
    }

    @Test("More notices than a payload holds make one payload")
    func manyNotices() throws {
        var harness = try ServerSessionHarness.established { $0.maximumContainerByteCount = 2000 }
        let messages = (0..<1000).map { _ in harness.contained(HelpGetNearestDataCenter(), isContentRelated: false) }
        let message = self.request(
            &harness,
            MessageContainer(messages: messages).serialized(),
            isContentRelated: false
        )
        let outputs = try harness.refusal(of: message).outputs
        #expect(outputs.count > 10 && outputs.count < 100)
        #expect(outputs.allSatisfy { $0.payload == outputs[0].payload })
    }
}

extension ServerSessionHarness {
    /// The response to a request, opened.
    mutating func response(
        _ carrier: UInt64,
        notices: [ByteBuffer] = [],
        answering queries: Set<UInt64> = []
    ) throws -> [Output] {
        let payload = self.session.nextResponse(
            notices: notices,
            answering: queries,
            authorizationKey: Self.key,
            salts: self.schedule,
            at: self.clock.now,
            random: self.random,
            carrier: carrier
        )
        return try self.open(payload, at: self.clock.now.wallSeconds)
    }

    /// What a request that is not accepted is answered with.
    mutating func refusal(
        of message: EncryptedMessage
    ) throws -> (outputs: [Output], actions: [ServerSessionAction]) {
        let actions = self.session.receive(message, salts: self.schedule, at: self.clock.now)
        #expect(actions.acceptsQuickAck == false)
        let payload = self.session.refusal(
            of: message,
            notices: actions.flatMap { if case .notify(let notices) = $0 { notices } else { [] as [ByteBuffer] } },
            authorizationKey: Self.key,
            salts: self.schedule,
            at: self.clock.now,
            random: self.random
        )
        return (try self.open(payload, at: self.clock.now.wallSeconds), actions)
    }
}
