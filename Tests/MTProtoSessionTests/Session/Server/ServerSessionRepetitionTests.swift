// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// Duplicates of the client's messages, and dropped answers.
@Suite("Server session: duplicates and dropped answers")
struct ServerSessionRepetitionTests {
    private func repeated(_ sent: ServerSessionHarness.Sent, _ harness: inout ServerSessionHarness)
        -> ServerSessionHarness.Sent
    {
        harness.send(
            HelpGetNearestDataCenter(),
            isContentRelated: true,
            identifier: sent.identifier,
            sequenceNumber: sent.sequenceNumber
        )
    }

    @Test("A duplicate of a running query is acknowledged and not executed again")
    func running() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery()
        let again = self.repeated(query, &harness)
        #expect(again.actions.queries.isEmpty)
        #expect(again.actions.acceptsQuickAck == false)
        #expect(try harness.output().acknowledged == [query.identifier])
        harness.respond(to: query.identifier)
        #expect(try harness.output().results.count == 1)
    }

    @Test("A duplicate of an answered query repeats the answer, in a container, with its identifier")
    func answered() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery()
        harness.respond(to: query.identifier)
        let answer = try #require(try harness.output().first)
        #expect(self.repeated(query, &harness).actions.queries.isEmpty)
        let outputs = try harness.output()
        #expect(outputs.map(\.identifier) == [answer.identifier])
        #expect(outputs.map(\.sequenceNumber) == [answer.sequenceNumber])
        #expect(outputs.map(\.isContained) == [true])
        #expect(outputs.first?.body == answer.body)
    }

    @Test("Inside a container as well")
    func answeredInContainer() throws {
        var harness = try ServerSessionHarness.established()
        let inner = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        harness.send(
            body: inner.body,
            isContentRelated: true,
            identifier: inner.identifier,
            sequenceNumber: inner.sequenceNumber
        )
        harness.respond(to: inner.identifier)
        let answer = try #require(try harness.output().first)
        let sent = harness.send(MessageContainer(messages: [inner, inner]), isContentRelated: false)
        #expect(sent.actions.queries.isEmpty && sent.actions.acceptsQuickAck == true)
        #expect(try harness.output().map(\.identifier) == [answer.identifier])
    }

    @Test("A large answer is announced; asked for, it comes; acknowledged, it goes")
    func large() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery()
        harness.respond(to: query.identifier, byteCount: 100_000)
        let answer = try #require(try harness.output().first)
        #expect(!answer.isContained)
        _ = self.repeated(query, &harness)
        let outputs = try harness.output()
        #expect(
            outputs.detailedInfos == [
                MessageDetailedInfo(
                    identifier: query.identifier,
                    answerIdentifier: answer.identifier,
                    byteCount: 100_012,
                    status: 0
                )
            ]
        )
        #expect(outputs.count == 1)
        harness.send(MessageResendRequest(identifiers: [answer.identifier]), isContentRelated: false)
        #expect(try harness.output().map(\.identifier) == [answer.identifier])
        harness.send(MessagesAcknowledgement(identifiers: [answer.identifier]), isContentRelated: false)
        #expect(harness.session.queuedByteCount == 0)
    }

    @Test("A duplicate after the answer was acknowledged is acknowledged, no more")
    func acknowledged() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery()
        harness.respond(to: query.identifier)
        let answer = try #require(try harness.output().first)
        harness.send(MessagesAcknowledgement(identifiers: [answer.identifier]), isContentRelated: false)
        #expect(self.repeated(query, &harness).actions.queries.isEmpty)
        let outputs = try harness.output()
        #expect(outputs.acknowledged == [query.identifier])
        #expect(outputs.count == 1)
    }

    @Test("A duplicate under a wrong salt or too late is rejected like any other message")
    func rejectedDuplicate() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery()
        harness.respond(to: query.identifier)
        _ = try harness.output()
        harness.send(HelpGetNearestDataCenter(), isContentRelated: true, identifier: query.identifier, salt: 0)
        #expect(try harness.output().badSalts.count == 1)
        harness.clock.advance(by: .seconds(301))
        _ = self.repeated(query, &harness)
        #expect(try harness.output().badMessages.map(\.code) == [16])
    }

    @Test("A query whose answer was forgotten, sent or not, is answered with an error, once", arguments: [false, true])
    func forgottenAnswer(isSent: Bool) throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        harness.send(MessageContainer(messages: [query]), isContentRelated: false)
        harness.respond(to: query.identifier)
        if isSent { #expect(try harness.output().results.count == 1) }
        harness.session.forgetQueuedMessages(byteCount: .max)
        #expect(try harness.output().results.isEmpty)
        // Bare, it may be anybody's.
        harness.send(
            body: query.body,
            isContentRelated: true,
            identifier: query.identifier,
            sequenceNumber: query.sequenceNumber
        )
        #expect(try harness.output().results.isEmpty)
        let again = harness.send(MessageContainer(messages: [query]), isContentRelated: false)
        #expect(again.actions.queries.isEmpty)
        let answer = try #require(
            try harness.output().first { if case .rpcResult = $0.body { true } else { false } }
        )
        let result = try #require([answer].results.first)
        #expect(result.requestIdentifier == query.identifier)
        #expect(try RPCErrorMessage(result.result) == RPCErrorMessage(code: 500, message: "ANSWER_FORGOTTEN"))
        harness.send(MessagesAcknowledgement(identifiers: [answer.identifier]), isContentRelated: false)
        harness.send(MessageContainer(messages: [query]), isContentRelated: false)
        #expect(try harness.output().results.isEmpty)
    }

    @Test("A duplicate of a ping is not answered again")
    func ping() throws {
        var harness = try ServerSessionHarness.established()
        let ping = harness.send(Ping(pingIdentifier: 1), isContentRelated: false)
        _ = try harness.output()
        harness.send(Ping(pingIdentifier: 1), isContentRelated: false, identifier: ping.identifier)
        #expect(try harness.output().isEmpty)
    }

    // MARK: rpc_drop_answer

    private func dropResult(
        of query: UInt64,
        _ harness: inout ServerSessionHarness
    ) throws -> (result: RPCDropAnswerResult, others: [ServerSessionHarness.Output], actions: [ServerSessionAction]) {
        let sent = harness.send(RPCDropAnswer(requestIdentifier: query), isContentRelated: false)
        let outputs = try harness.output()
        let own = try #require(outputs.results.first { $0.requestIdentifier == sent.identifier })
        let others = outputs.filter {
            if case .rpcResult(let result) = $0.body { result.requestIdentifier != sent.identifier } else { true }
        }
        return (try RPCDropAnswerResult(own.result), others, sent.actions)
    }

    @Test("Dropping an unknown query")
    func dropUnknown() throws {
        var harness = try ServerSessionHarness.established()
        let (result, others, actions) = try self.dropResult(of: 4, &harness)
        #expect(result == .unknown(RPCAnswerUnknown()))
        #expect(others.isEmpty && actions.count == 1)
    }

    @Test("Dropping a running query cancels it and answers it, too; a later result is ignored")
    func dropRunning() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery().identifier
        let (result, others, actions) = try self.dropResult(of: query, &harness)
        #expect(result == .droppedRunning(RPCAnswerDroppedRunning()))
        guard case .cancelQuery(let cancelled)? = actions.last else {
            Issue.record("no cancelQuery")
            return
        }
        #expect(cancelled == query)
        let copy = try #require(others.results.first)
        #expect(copy.requestIdentifier == query)
        #expect(try RPCDropAnswerResult(copy.result) == .droppedRunning(RPCAnswerDroppedRunning()))
        let isAnswered = harness.respond(to: query)
        #expect(!isAnswered)
        harness.advance(by: .seconds(2))
        #expect(try harness.output().isEmpty)
    }

    @Test("Dropping a sent answer tells its identifier, number and size, and forgets it")
    func dropSent() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery()
        harness.respond(to: query.identifier, byteCount: 20)
        let answer = try #require(try harness.output().first)
        let (result, others, _) = try self.dropResult(of: query.identifier, &harness)
        #expect(
            result
                == .dropped(
                    RPCAnswerDropped(
                        messageIdentifier: answer.identifier,
                        sequenceNumber: answer.sequenceNumber,
                        byteCount: 32
                    )
                )
        )
        #expect(others.isEmpty)
        let (second, _, _) = try self.dropResult(of: query.identifier, &harness)
        #expect(second == .unknown(RPCAnswerUnknown()))
        harness.session.connectionOpened(at: harness.clock.now)
        #expect(try harness.output().allSatisfy { $0.identifier != answer.identifier })
    }

    @Test("Dropping an answer that was not sent yet")
    func dropUnsent() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery().identifier
        harness.respond(to: query, byteCount: 20)
        let (result, others, _) = try self.dropResult(of: query, &harness)
        guard case .dropped(let dropped) = result else {
            Issue.record("\(result)")
            return
        }
        #expect(dropped.byteCount == 32)
        #expect(dropped.messageIdentifier & 3 == 1)
        #expect(dropped.sequenceNumber & 1 == 1)
        #expect(others.isEmpty)
    }
}
