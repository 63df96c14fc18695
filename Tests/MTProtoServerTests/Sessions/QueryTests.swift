// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

/// Asynchronous answers, their order and their end.
@Suite(.network, .timeLimit(.minutes(10)))
struct QueryTests {
    /// Echo queries whose fifth byte is 1 wait at the gate; all are noted in the order in which they run.
    private static func responder(
        _ gate: Gate,
        _ log: Log = Log()
    ) -> @Sendable (ByteBuffer, QueryContext) -> QueryResponse {
        { query, _ in
            log.append(query.getInteger(at: query.readerIndex + 4) ?? 0)
            guard query.getInteger(at: query.readerIndex + 4, as: UInt8.self) == 1 else { return .result(query) }
            return .asynchronous {
                await gate.pass()
                return .result(query)
            }
        }
    }

    final class Log: Sendable {
        private let bytes = Mutex<[UInt8]>([])
        var values: [UInt8] { self.bytes.withLock { $0 } }
        func append(_ byte: UInt8) { self.bytes.withLock { $0.append(byte) } }
    }

    @Test("rpc_drop_answer cancels a query that waits for its answer")
    func dropAnswer() async throws {
        let gate = Gate()
        try await withServer { _ in
        } respond: {
            Self.responder(gate)($0, $1)
        } _: { _, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            let query = session.seal(Queries.echo(fill: 1))
            try await client.send(query.payload)
            try await eventually { gate.arrivals == 1 }
            let drop = session.seal(RPCDropAnswer(requestIdentifier: query.identifier).serialized())
            try await client.send(drop.payload)
            _ = try RPCAnswerDroppedRunning(try await client.result(of: drop.identifier, in: session))
            _ = try RPCAnswerDroppedRunning(try await client.result(of: query.identifier, in: session))
            try await eventually { gate.cancellations == 1 }
            let again = session.seal(RPCDropAnswer(requestIdentifier: 4).serialized())
            try await client.send(again.payload)
            _ = try RPCAnswerUnknown(try await client.result(of: again.identifier, in: session))
            await client.close()
        }
    }

    @Test("A closed connection cancels its queries, and the session answers them as failed when asked again")
    func closedConnection() async throws {
        let gate = Gate()
        try await withServer { _ in
        } respond: {
            Self.responder(gate)($0, $1)
        } _: { server, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            let query = session.message(Queries.echo(fill: 1))
            try await client.send(session.seal(query).payload)
            try await eventually { gate.arrivals == 1 }
            await client.close()
            try await eventually { gate.cancellations == 1 && server.connectionCount == 0 }
            let second = try await RawClient(to: address)
            try await second.send(session.seal(container: [query]).payload)
            let error = try RPCErrorMessage(try await second.result(of: query.identifier, in: session))
            #expect(error.code == 500)
            await second.close()
        }
    }

    @Test("A client that has gone without a word does not keep its query running")
    func goneClient() async throws {
        let gate = Gate()
        try await withServer {
            $0.timeouts.drain = .milliseconds(50)
            $0.session.acknowledgementDelay = .seconds(3_600)
        } respond: {
            Self.responder(gate)($0, $1)
        } _: { server, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            try await client.send(session.seal(Queries.echo(fill: 1)).payload)
            try await eventually { gate.arrivals == 1 }
            await client.close()
            try await eventually { gate.cancellations == 1 && server.connectionCount == 0 }
        }
    }

    @Test("A slow query is acknowledged before it is answered")
    func acknowledgedFirst() async throws {
        let gate = Gate()
        try await withServer {
            $0.session.acknowledgementDelay = .milliseconds(10)
        } respond: {
            Self.responder(gate)($0, $1)
        } _: { _, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            let query = session.seal(Queries.echo(fill: 1))
            try await client.send(query.payload)
            try await client.message(in: session) { body, _ -> Void? in
                guard case .acknowledgement(let acknowledgement) = body else { return nil }
                return acknowledgement.identifiers.contains(query.identifier) ? () : nil
            }
            gate.open()
            _ = try await client.result(of: query.identifier, in: session)
            await client.close()
        }
    }

    @Test("invokeAfterMsg runs after the query it names")
    func afterMessage() async throws {
        let gate = Gate()
        let log = Log()
        try await withServer {
            $0.timeouts.predecessor = .minutes(5)
        } respond: { query, context in
            if query.getInteger(at: query.readerIndex + 4, as: UInt8.self) == 3 { gate.open() }
            return Self.responder(gate, log)(query, context)
        } _: { _, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            let first = session.message(Queries.echo(fill: 1))
            let second = session.message(
                InvokeAfterMessage(messageIdentifier: first.identifier, query: Queries.echo(fill: 2)).serialized()
            )
            let third = session.message(Queries.echo(fill: 3))
            try await client.send(session.seal(container: [first, second, third]).payload)
            #expect(try await client.result(of: third.identifier, in: session) == Queries.echo(fill: 3))
            #expect(try await client.result(of: second.identifier, in: session) == Queries.echo(fill: 2))
            #expect(try await client.result(of: first.identifier, in: session) == Queries.echo(fill: 1))
            #expect(log.values == [1, 3, 2])
            await client.close()
        }
    }

    @Test("invokeAfterMsg gives up on a slow predecessor: MSG_WAIT_TIMEOUT")
    func afterMessageTimesOut() async throws {
        let gate = Gate()
        let log = Log()
        try await withServer {
            $0.timeouts.predecessor = .milliseconds(20)
        } respond: {
            Self.responder(gate, log)($0, $1)
        } _: { _, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            let first = session.message(Queries.echo(fill: 1))
            let second = session.message(
                Queries.initialized(
                    InvokeAfterMessages(
                        messageIdentifiers: [first.identifier],
                        query: Queries.echo(fill: 2)
                    ).serialized()
                )
            )
            try await client.send(session.seal(container: [first, second]).payload)
            let error = try RPCErrorMessage(try await client.result(of: second.identifier, in: session))
            #expect(error == RPCErrorMessage(code: 400, message: "MSG_WAIT_TIMEOUT"))
            gate.open()
            _ = try await client.result(of: first.identifier, in: session)
            #expect(log.values == [1])
            await client.close()
        }
    }

    private static func after(
        _ message: ContainedMessage,
        _ fill: UInt8,
        in session: inout RawSession
    ) -> ContainedMessage {
        session.message(
            InvokeAfterMessage(messageIdentifier: message.identifier, query: Queries.echo(fill: fill)).serialized()
        )
    }

    @Test("A query that waits for one that is dropped runs at once")
    func droppedPredecessor() async throws {
        let gate = Gate()
        let log = Log()
        try await withServer {
            $0.timeouts.predecessor = .minutes(5)
        } respond: {
            Self.responder(gate, log)($0, $1)
        } _: { _, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            let first = session.message(Queries.echo(fill: 1))
            let second = Self.after(first, 2, in: &session)
            let drop = session.message(RPCDropAnswer(requestIdentifier: first.identifier).serialized())
            try await client.send(session.seal(container: [first, second, drop]).payload)
            #expect(try await client.result(of: second.identifier, in: session) == Queries.echo(fill: 2))
            #expect(log.values == [1, 2])
            await client.close()
        }
    }

    @Test("A dropped query that waits for another never runs")
    func droppedSuccessor() async throws {
        let gate = Gate()
        let log = Log()
        try await withServer {
            $0.timeouts.predecessor = .minutes(5)
        } respond: {
            Self.responder(gate, log)($0, $1)
        } _: { _, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            let first = session.message(Queries.echo(fill: 1))
            let second = Self.after(first, 2, in: &session)
            let drop = session.message(RPCDropAnswer(requestIdentifier: second.identifier).serialized())
            try await client.send(session.seal(container: [first, second, drop]).payload)
            _ = try RPCAnswerDroppedRunning(try await client.result(of: second.identifier, in: session))
            gate.open()
            #expect(try await client.result(of: first.identifier, in: session) == Queries.echo(fill: 1))
            try await client.ping(in: &session)
            #expect(log.values == [1])
            await client.close()
        }
    }
}
