// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// What happens to queries, and to the caller, when an established connection ends.
@Suite(.network, .timeLimit(.minutes(10)))
struct UseFailureTests {
    /// Connects to a scripted server that is honest up to the first query.
    private static func connect<Result: Sendable>(
        _ change: (inout ClientConfiguration) -> Void = { _ in },
        script: @escaping @Sendable (ScriptedConnection, ServerQuery) async throws -> Void,
        _ body: @escaping @Sendable (MTProtoConnection) async throws -> Result
    ) async throws -> Result {
        let configuration = clientConfiguration(change)
        return try await ScriptedServer.run { connection in
            try await connection.exchangeKeys()
            try await script(connection, try await connection.query())
        } _: { endpoint in
            try await MTProtoClient.withConnection(to: .endpoint(endpoint), configuration: configuration) {
                try await body($0)
            }
        }
    }

    @Test("The server dies with the query unanswered and unacknowledged: it may have been delivered")
    func maybeDelivered() async throws {
        try await Self.connect { _, _ in
        } _: { connection in
            let error = await clientError { _ = try await connection.invoke(Queries.echo()) }
            #expect(error?.code == .connectionClosed)
            #expect(error?.phase == .initialization)
            #expect(error?.delivery == .maybeDelivered)
        }
    }

    @Test("The server dies after it has acknowledged the query: it was delivered")
    func delivered() async throws {
        try await Self.connect { connection, query in
            let acknowledgement = MessagesAcknowledgement(identifiers: [query.messageIdentifier])
            try await connection.send(try connection.seal(acknowledgement.serialized()))
        } _: { connection in
            let error = await clientError { _ = try await connection.invoke(Queries.echo()) }
            #expect(error?.code == .connectionClosed)
            #expect(error?.delivery == .delivered)
        }
    }

    @Test("The server dies while a query waits behind another: it was not delivered")
    func notDelivered() async throws {
        try await Self.connect {
            $0.session.maximumInFlightCount = 1
        } script: { _, _ in
        } _: { connection in
            async let first = clientError { _ = try await connection.invoke(Queries.echo()) }
            let sent = try (0..<3).map { _ in try connection.send(Queries.echo()) }
            let errors = await [
                first, clientError { _ = try await sent[0].result() }, clientError { _ = try await sent[1].result() },
                clientError { _ = try await sent[2].result() },
            ]
            #expect(errors.count { $0?.delivery == .maybeDelivered } == 1)
            #expect(errors.count { $0?.delivery == .notDelivered } == 3)
            // And so is one that comes when the connection is gone.
            let late = await clientError { _ = try await connection.invoke(Queries.echo()) }
            #expect(late?.code == .connectionClosed)
            #expect(late?.delivery == .notDelivered)
            let receipt = await clientError { try await sent[2].received() }
            #expect(receipt?.delivery == .notDelivered)
            let ping = await clientError { _ = try await connection.ping() }
            #expect(ping?.code == .connectionClosed)
        }
    }

    static let codes: [TransportErrorCode] = [.forbidden, .notFound, .flood]

    @Test("A transport error in use", arguments: codes)
    func transportError(code: TransportErrorCode) async throws {
        try await Self.connect { connection, _ in
            try await connection.sendTransportError(code)
            await connection.closed()
        } _: { connection in
            let error = await clientError { _ = try await connection.invoke(Queries.echo()) }
            #expect(error?.code == (code == .notFound ? .authorizationKeyUnknown : .transportError))
            #expect(error?.transportError == code)
            #expect(error?.phase == .initialization)
            #expect(error?.delivery == .maybeDelivered)
        }
    }

    @Test("A message that only a client may send ends the connection")
    func wrongIdentifier() async throws {
        try await Self.connect { connection, _ in
            let body = UpdatesTooLong().serialized()
            try await connection.send(try connection.seal(body, identifier: connection.clientIdentifier))
            await connection.closed()
        } _: { connection in
            let error = await clientError { _ = try await connection.invoke(Queries.echo()) }
            #expect(error?.code == .session)
            #expect(error?.delivery == .maybeDelivered)
        }
    }

    @Test("A message for another session is ignored")
    func otherSession() async throws {
        try await Self.connect { connection, query in
            let answer = RPCResult(requestIdentifier: query.messageIdentifier, result: Queries.echo(number: 1))
            try await connection.send(try connection.seal(answer.serialized(), session: 1))
            connection.respond(to: query.messageIdentifier, Queries.echo(number: 2))
            try await connection.flush()
            await connection.closed()
        } _: { connection in
            try await connection.expect(Queries.echo(), Queries.echo(number: 2))
        }
    }

    @Test("A result that is not what the method says")
    func malformedResult() async throws {
        try await Self.connect { connection, query in
            connection.respond(to: query.messageIdentifier, Queries.echo())
            try await connection.flush()
            await connection.closed()
        } _: { connection in
            let error = await clientError { _ = try await connection.invoke(HelpGetConfig()) }
            #expect(error?.code == .malformedResult)
            #expect(error?.isRetryable == false)
        }
    }

    @Test("CONNECTION_NOT_INITED: the wrapper is sent again by itself")
    func notInitialized() async throws {
        try await Self.connect { connection, first in
            #expect(try QueryEnvelope.unwrap(first.body).layer == 228)
            connection.respond(to: first.messageIdentifier, Queries.echo(number: 1))
            try await connection.flush()
            let second = try await connection.query()
            #expect(try QueryEnvelope.unwrap(second.body).layer == nil)
            let error = RPCErrorMessage(code: 400, message: "CONNECTION_NOT_INITED").serialized()
            connection.respond(to: second.messageIdentifier, error)
            try await connection.flush()
            let third = try await connection.query()
            #expect(try QueryEnvelope.unwrap(third.body).layer == 228)
            connection.respond(to: third.messageIdentifier, Queries.echo(number: 2))
            try await connection.flush()
            await connection.closed()
        } _: { connection in
            try await connection.expect(Queries.echo(), Queries.echo(number: 1))
            try await connection.expect(Queries.echo(), Queries.echo(number: 2))
        }
    }

    @Test("A server that does not answer pings any more is dead")
    func dead() async throws {
        try await Self.connect {
            $0.session.keepAliveInterval = .milliseconds(50)
            $0.session.pongTimeout = .milliseconds(100)
        } script: { connection, _ in
            await connection.closed()
        } _: { connection in
            let error = await clientError { _ = try await connection.invoke(Queries.echo()) }
            #expect(error?.code == .timeout)
            #expect(error?.phase == .initialization)
        }
    }

    @Test("A query that is cancelled drops its answer; the connection goes on")
    func cancelledQuery() async throws {
        let (arrived, continuation) = AsyncStream.makeStream(of: Void.self)
        try await Self.connect { connection, first in
            continuation.yield()
            let second = try await connection.query()
            // The request to drop the first came before.
            #expect(connection.session?.runningQueryCount == 1)
            #expect(second.messageIdentifier > first.messageIdentifier)
            connection.respond(to: second.messageIdentifier, Queries.echo())
            try await connection.flush()
            await connection.closed()
        } _: { connection in
            let sent = try connection.send(Queries.echo())
            let waiting = Task { await clientError { _ = try await sent.result() } }
            for await _ in arrived { break }
            waiting.cancel()
            #expect(await waiting.value?.code == .cancelled)
            try await connection.expect(Queries.echo())
        }
    }

    @Test("A cancelled task ends the connection and its queries")
    func cancelledUse() async throws {
        let (started, continuation) = AsyncStream.makeStream(of: Void.self)
        try await Self.connectCancelled(started, continuation)
    }

    private static func connectCancelled(
        _ started: AsyncStream<Void>,
        _ continuation: AsyncStream<Void>.Continuation
    ) async throws {
        try await ScriptedServer.run { connection in
            try await connection.exchangeKeys()
            _ = try await connection.query()
            continuation.yield()
            await connection.closed()
        } _: { endpoint in
            let using = Task {
                await clientError {
                    try await MTProtoClient.withConnection(
                        to: .endpoint(endpoint),
                        configuration: clientConfiguration()
                    ) { connection in
                        _ = try await connection.invoke(Queries.echo())
                    }
                }
            }
            for await _ in started { break }
            using.cancel()
            #expect(await using.value?.code == .cancelled)
        }
    }

    @Test("What the closure throws is thrown, after the connection is closed")
    func closureThrows() async throws {
        struct Mine: Error {}
        try await withDataCenter { dataCenter in
            await #expect(throws: Mine.self) {
                try await dataCenter.connect { _ in throw Mine() }
            }
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("Queries and pings after the closure fail, not delivered")
    func afterTheClosure() async throws {
        try await withDataCenter { dataCenter in
            let connection = try await dataCenter.connect { $0 }
            let error = await clientError { _ = try await connection.invoke(Queries.echo()) }
            #expect(error?.code == .connectionClosed)
            #expect(error?.delivery == .notDelivered)
            _ = await clientError { _ = try await connection.ping() }
        }
    }

    @Test("A query that is not answered in the time given fails, its delivery is known, and the connection goes on")
    func queryTimeout() async throws {
        try await withDataCenter {
            $0.faults = try FaultPlan("lose-answer=1")
        } _: { dataCenter in
            try await dataCenter.connect { connection in
                let error = await clientError {
                    _ = try await connection.invoke(Queries.echo(), timeout: .milliseconds(200))
                }
                #expect(error?.code == .timeout)
                #expect(error?.phase == .initialization)
                #expect(error?.delivery != nil)
                _ = try await connection.ping()
            }
        }
    }

    @Test("A ping whose task is cancelled returns")
    func cancelledPing() async throws {
        try await withDataCenter {
            $0.faults = try FaultPlan("stall-after=100000")
        } _: { dataCenter in
            try await dataCenter.connect { connection in
                // Cancelled before it begins, so that the answer cannot come first.
                let task = Task {
                    withUnsafeCurrentTask { $0?.cancel() }
                    return try await connection.ping()
                }
                let error = await clientError { _ = try await task.value }
                #expect(error?.code == .cancelled)
            }
        }
    }

    @Test("What was sent before the body returns leaves before the connection closes")
    func lastQueryLeaves() async throws {
        let (received, continuation) = AsyncStream.makeStream(of: Void.self)
        struct Responder: QueryResponder {
            let received: AsyncStream<Void>.Continuation
            func respond(to query: ByteBuffer, context: QueryContext) -> QueryResponse {
                self.received.yield()
                return .result(query)
            }
        }
        let configuration = ServerConfiguration(privateKeys: [TestServer.privateKey])
        try await MTProtoServer.withServer(
            configuration: configuration,
            responder: Responder(received: continuation)
        ) { _, addresses in
            let port = try #require(addresses.plain.first?.port)
            try await MTProtoClient.withConnection(
                to: .endpoint(try SocketEndpoint(host: "127.0.0.1", port: port)),
                configuration: clientConfiguration()
            ) { connection in
                _ = try connection.send(Queries.echo())
            }
            var iterator = received.makeAsyncIterator()
            #expect(await iterator.next() != nil)
        }
    }
}
