// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// Payloads that somebody recorded and repeats on a connection of his own.
@Suite("Server session: replayed payloads")
struct ServerSessionReplayTests {
    @Test("Rejections are for the connection that carried the payload, never in the session's queue")
    func rejections() throws {
        var harness = try ServerSessionHarness.established()
        let inner = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        let body = MessageContainer(messages: [inner]).serialized()
        let container = harness.send(body: body, isContentRelated: false)
        #expect(try harness.queueOutput().isEmpty)
        let again = harness.send(body: body, isContentRelated: false, identifier: container.identifier)
        #expect(again.actions.acceptsQuickAck == false)
        #expect(again.actions.queries.isEmpty)
        #expect(!harness.session.hasOutput)
        #expect(try harness.output().badMessages.map(\.code) == [19])
        // Wrong salt, wrong time, wrong parity.
        harness.send(Ping(pingIdentifier: 1), isContentRelated: false, salt: 5)
        harness.send(Ping(pingIdentifier: 1), isContentRelated: false, identifier: 4)
        harness.send(Ping(pingIdentifier: 1), isContentRelated: false, identifier: 5)
        #expect(!harness.session.hasOutput)
        let outputs = try harness.output()
        #expect(outputs.badSalts.count == 1)
        #expect(outputs.badMessages.map(\.code) == [16, 18])
    }

    @Test("A bare message that was received before is not accepted; in a fresh container it is")
    func bareDuplicate() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        func send(_ harness: inout ServerSessionHarness) -> ServerSessionHarness.Sent {
            harness.send(
                body: query.body,
                isContentRelated: true,
                identifier: query.identifier,
                sequenceNumber: query.sequenceNumber
            )
        }
        #expect(send(&harness).actions.acceptsQuickAck == true)
        #expect(send(&harness).actions.acceptsQuickAck == false)
        harness.respond(to: query.identifier)
        #expect(try harness.output().results.count == 1)
        #expect(send(&harness).actions.acceptsQuickAck == false)
        // On the connections that the session has, the answer is repeated.
        #expect(try harness.output().results.count == 1)
        let sent = harness.send(MessageContainer(messages: [query]), isContentRelated: false)
        #expect(sent.actions.acceptsQuickAck == true && sent.actions.queries.isEmpty)
    }

    @Test("A session made anew refuses what its predecessor received")
    func floor() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery()
        let highest = try #require(harness.session.highestReceivedIdentifier)
        #expect(highest == query.identifier)
        harness.session = ServerSession(
            authorizationKeyIdentifier: ServerSessionHarness.key.identifier,
            sessionIdentifier: ServerSessionHarness.sessionIdentifier
        )
        harness.session.raiseFloor(to: highest)
        let again = harness.send(
            HelpGetNearestDataCenter(),
            isContentRelated: true,
            identifier: query.identifier,
            sequenceNumber: query.sequenceNumber
        )
        #expect(again.actions.queries.isEmpty && !harness.session.hasAcceptedMessages)
        #expect(try harness.output().badMessages.map(\.code) == [16])
        #expect(harness.sendQuery().actions.queries.count == 1)
    }

    @Test("A running query, and one whose answer waits, is known after a thousand other messages")
    func knownBeyondTheWindow() throws {
        var harness = try ServerSessionHarness.established { $0.duplicateWindowCapacity = 10 }
        let queries = (0..<3).map { _ in
            harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        }
        harness.send(MessageContainer(messages: queries), isContentRelated: false)
        harness.respond(to: queries[0].identifier)
        #expect(try harness.output().results.count == 1)
        harness.respond(to: queries[1].identifier)
        for _ in 0..<20 { harness.send(Ping(pingIdentifier: 1), isContentRelated: false) }
        let again = harness.send(MessageContainer(messages: queries), isContentRelated: false)
        #expect(again.actions.queries.isEmpty)
        let request = harness.send(
            MessagesStateRequest(identifiers: queries.map(\.identifier)),
            isContentRelated: false
        )
        let outputs = try harness.output()
        #expect(outputs.badMessages.isEmpty)
        let info = try #require(outputs.stateInfos.first { $0.requestIdentifier == request.identifier })
        #expect(info.info == [108, 108, 36] as [UInt8])
    }

    @Test("Discardable: never accepted anything, or quiet for ten minutes without a connection")
    func discardable() throws {
        var harness = ServerSessionHarness()
        harness.send(Ping(pingIdentifier: 1), isContentRelated: false, salt: 5)
        #expect(harness.session.isDiscardable(at: harness.clock.now))
        harness.sendQuery()
        #expect(!harness.session.isDiscardable(at: harness.clock.now))
        harness.session.connectionOpened(at: harness.clock.now)
        harness.clock.advance(by: .seconds(3600))
        #expect(!harness.session.isDiscardable(at: harness.clock.now))
        harness.session.connectionClosed(at: harness.clock.now)
        for query in Array(harness.session.runningQueries) { harness.respond(to: query) }
        harness.clock.advance(by: .seconds(599))
        #expect(!harness.session.isDiscardable(at: harness.clock.now))
        harness.clock.advance(by: .seconds(1))
        #expect(harness.session.isDiscardable(at: harness.clock.now))
    }
}

/// What answers and updates cost.
@Suite("Server session: room in the queue")
struct ServerSessionRoomTests {
    @Test("A small part of a large buffer does not keep the buffer")
    func slack() throws {
        var harness = try ServerSessionHarness.established()
        let large = ByteBuffer(repeating: 1, count: 1 << 20)
        let slice = try #require(large.getSlice(at: 0, length: 100))
        #expect(slice.storageCapacity >= 1 << 20)
        #expect(slice.withoutSlack.storageCapacity < 1024)
        #expect(slice.withoutSlack == slice)
        harness.session.push(slice, at: harness.clock.now)
        #expect(try harness.output().count == 1)
    }

    @Test("Queries are refused before an answer that was never sent would have to give way")
    func refusedBeforeLoss() throws {
        var harness = try ServerSessionHarness.established { $0.maximumQueuedMessageCount = 20 }
        var taken: [UInt64] = []
        for _ in 0..<15 {
            taken += harness.sendQuery().actions.queries.map(\.messageIdentifier)
        }
        #expect(taken.count < 15)
        for query in taken { harness.respond(to: query) }
        harness.sendQuery()
        let answered = try harness.output().results.filter { $0.result.readableBytes == 8 }
        #expect(answered.map(\.requestIdentifier) == taken)
    }

    @Test("What a closed connection carried is repeated on the other one")
    func closedConnection() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.connectionOpened(at: harness.clock.now)
        harness.session.connectionOpened(at: harness.clock.now)
        harness.session.push(ByteBuffer(repeating: 1, count: 8), at: harness.clock.now)
        #expect(try harness.queueOutput(connection: 1).count == 1)
        harness.session.push(ByteBuffer(repeating: 2, count: 8), at: harness.clock.now)
        let lost = try harness.queueOutput(connection: 2)
        harness.session.connectionClosed(at: harness.clock.now, connection: 2)
        #expect(try harness.queueOutput(connection: 1).map(\.identifier) == lost.map(\.identifier))
    }
}
