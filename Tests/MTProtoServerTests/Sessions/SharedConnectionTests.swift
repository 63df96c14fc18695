// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import NIOCore
import Testing

/// Clients that share a connection, as intermediaries make them, know nothing of each other's message identifiers.
@Suite(.network, .timeLimit(.minutes(10)))
struct SharedConnectionTests {
    private static let carriers = [Carrier.tcp, .http]

    /// Runs a server whose echo queries with a fifth byte of 1 wait at the gate, and two sessions on one connection. The first
    /// has asked a query that waits; its identifier is given.
    private static func withSessions(
        _ carrier: Carrier,
        _ gate: Gate,
        _ body: @Sendable (RawClient, RawSession, RawSession, UInt64) async throws -> Void
    ) async throws {
        try await withServer {
            $0.timeouts.predecessor = .minutes(5)
        } respond: { query, _ in
            .asynchronous {
                if query.getInteger(at: query.readerIndex + 4, as: UInt8.self) == 1 { await gate.pass() }
                return .result(query)
            }
        } _: { _, address in
            var options = RawClient.Options()
            options.carrier = carrier
            let client = try await RawClient(to: address, options)
            var first = try await client.makeSession()
            let query = first.message(Queries.echo(fill: 1))
            let wait = first.message(HTTPSessionTests.wait(0), isContentRelated: false)
            try await client.send(first.seal(container: [query, wait]).payload)
            try await eventually { gate.arrivals == 1 }
            if carrier == .http {
                let answers = try await HTTPSessionTests.answers(client, first)
                #expect(answers.isEmpty)
            }
            try await body(client, first, first.sibling(), query.identifier)
            await client.close()
        }
    }

    /// A message that has the identifier of another session's.
    private static func message(
        _ body: ByteBuffer,
        as identifier: UInt64,
        in session: inout RawSession
    ) -> ContainedMessage {
        ContainedMessage(
            identifier: identifier,
            sequenceNumber: session.sequenceNumbers.next(isContentRelated: true),
            body: body
        )
    }

    /// The result of the query that waited.
    private static func result(
        of identifier: UInt64,
        in session: inout RawSession,
        on client: RawClient,
        _ carrier: Carrier
    ) async throws -> ByteBuffer {
        guard carrier == .http else { return try await client.result(of: identifier, in: session) }
        try await HTTPSessionTests.poll(client, &session)
        return try await HTTPSessionTests.polled(client, &session) { try HTTPSessionTests.results($0)[identifier] }
    }

    @Test("Queries with one message identifier in two sessions are both answered", arguments: carriers)
    func answers(_ carrier: Carrier) async throws {
        let gate = Gate()
        try await Self.withSessions(carrier, gate) { client, first, second, identifier in
            var (first, second) = (first, second)
            let query = Self.message(Queries.echo(fill: 2), as: identifier, in: &second)
            try await client.send(second.seal(query).payload)
            #expect(try await client.result(of: identifier, in: second) == Queries.echo(fill: 2))
            gate.open()
            #expect(try await Self.result(of: identifier, in: &first, on: client, carrier) == Queries.echo(fill: 1))
        }
    }

    @Test("rpc_drop_answer cancels the query of its own session", arguments: carriers)
    func dropAnswer(_ carrier: Carrier) async throws {
        let gate = Gate()
        try await Self.withSessions(carrier, gate) { client, first, second, identifier in
            var (first, second) = (first, second)
            let query = Self.message(Queries.echo(20, fill: 1), as: identifier, in: &second)
            let drop = second.message(RPCDropAnswer(requestIdentifier: identifier).serialized())
            try await client.send(second.seal(container: [query, drop]).payload)
            _ = try RPCAnswerDroppedRunning(try await client.result(of: drop.identifier, in: second))
            _ = try RPCAnswerDroppedRunning(try await client.result(of: identifier, in: second))
            try await eventually { gate.cancellations == 1 }
            gate.open()
            #expect(try await Self.result(of: identifier, in: &first, on: client, carrier) == Queries.echo(fill: 1))
        }
    }

    @Test("invokeAfterMsg waits for no query of another session", arguments: carriers)
    func afterMessage(_ carrier: Carrier) async throws {
        let gate = Gate()
        try await Self.withSessions(carrier, gate) { client, first, second, identifier in
            var (first, second) = (first, second)
            let query = InvokeAfterMessage(messageIdentifier: identifier, query: Queries.echo(fill: 2)).serialized()
            let answer = try await client.invoke(query, in: &second)
            #expect(answer == Queries.echo(fill: 2))
            gate.open()
            #expect(try await Self.result(of: identifier, in: &first, on: client, carrier) == Queries.echo(fill: 1))
        }
    }

    @Test("A lost connection lets queries with one message identifier in two sessions go on")
    func detached() async throws {
        let gate = Gate()
        try await Self.withSessions(.http, gate) { client, first, second, identifier in
            var (first, second) = (first, second)
            let query = Self.message(Queries.echo(fill: 1), as: identifier, in: &second)
            try await client.send(second.seal(query).payload)
            try await eventually { gate.arrivals == 2 }
            let polling = try await HTTPSessionTests.client(try #require(client.bytes.channel.remoteAddress))
            await client.close()
            try await HTTPSessionTests.poll(polling, &first)
            gate.open()
            let answer = try await HTTPSessionTests.polled(polling, &first) {
                try HTTPSessionTests.results($0)[identifier]
            }
            #expect(answer == Queries.echo(fill: 1))
            try await HTTPSessionTests.poll(polling, &second)
            let another = try await HTTPSessionTests.polled(polling, &second) {
                try HTTPSessionTests.results($0)[identifier]
            }
            #expect(another == Queries.echo(fill: 1))
            #expect(gate.cancellations == 0)
            await polling.close()
        }
    }
}
