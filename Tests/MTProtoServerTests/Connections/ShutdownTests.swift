// SPDX-License-Identifier: Apache-2.0

import Logging
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOPosix
import Testing

/// The end of a server.
@Suite(.network, .timeLimit(.minutes(10)))
struct ShutdownTests {
    @Test("What is ready is sent before the connection closes, and nothing new is accepted")
    func drains() async throws {
        var configuration = try LocalDataCenter.Configuration(privateKey: TestKeys.privateKey)
        configuration.server.timeouts.drain = .minutes(5)
        let dataCenter = try LocalDataCenter(configuration: configuration)
        let (listening, continuation) = AsyncStream.makeStream(of: ListeningAddresses.self)
        let running = Task { try await dataCenter.run { continuation.yield($0) } }
        var iterator = listening.makeAsyncIterator()
        let address = try #require(await iterator.next()?.plain.first)

        let client = try await RawClient(to: address)
        var session = try await client.makeSession()
        try await client.ping(in: &session)
        let idle = try await RawClient(to: address)
        try await idle.ping(in: &session)
        let query = session.seal(Queries.echo(30_000))
        try await client.send(query.payload)
        #expect(try await client.result(of: query.identifier, in: session) == Queries.echo(30_000))
        running.cancel()
        #expect(try await client.eventsUntilClosed().allSatisfy { if case .payload = $0 { true } else { false } })
        try await idle.eventsUntilClosed()
        await client.close()
        await idle.close()
        try await running.value
        await #expect(throws: (any Error).self) { try await ByteConnection(to: address) }
    }

    @Test("A query that runs when the server ends is answered before the connection closes")
    func answersRunningQueries() async throws {
        let gate = Gate()
        var configuration = ServerConfiguration(privateKeys: [TestKeys.privateKey])
        configuration.timeouts.drain = .minutes(5)
        let server = try MTProtoServer(
            configuration: configuration,
            responder: ClosureResponder { query, _ in
                .asynchronous {
                    await gate.pass()
                    return .result(query)
                }
            }
        )
        let (listening, continuation) = AsyncStream.makeStream(of: ListeningAddresses.self)
        let running = Task { try await server.run { continuation.yield($0) } }
        var iterator = listening.makeAsyncIterator()
        let address = try #require(await iterator.next()?.plain.first)
        let client = try await RawClient(to: address)
        var session = try await client.makeSession()
        let query = session.seal(Queries.echo())
        try await client.send(query.payload)
        try await eventually { gate.arrivals == 1 }
        running.cancel()
        // The listening socket is closed before the connections are told.
        await server.hasStoppedListening(at: address)
        gate.open()
        #expect(try await client.result(of: query.identifier, in: session) == Queries.echo())
        try await client.eventsUntilClosed()
        await client.close()
        try await running.value
        #expect(gate.cancellations == 0)
    }

    /// Runs a server over a store that answers later, and gives what ends it and waits for its end.
    private static func withStore(
        drain: TimeAmount,
        logger: Logger = LogRecorder().logger,
        answer: @escaping @Sendable (ByteBuffer, QueryContext) -> QueryResponse = { query, _ in .result(query) },
        _ body: (MTProtoServer, SocketAddress, SerializingSessionStore, Task<Void, any Error>) async throws -> Void
    ) async throws {
        let store = SerializingSessionStore()
        // A queue that is freed while suspended ends the process, and the other tests with it.
        defer { store.resume() }
        var configuration = ServerConfiguration(privateKeys: [TestKeys.privateKey])
        configuration.timeouts.drain = drain
        configuration.sessions = store
        configuration.logger = logger
        configuration.session.acknowledgementDelay = .seconds(3_600)
        let server = try MTProtoServer(
            configuration: configuration,
            responder: ClosureResponder(answer: answer)
        )
        let (listening, continuation) = AsyncStream.makeStream(of: ListeningAddresses.self)
        let running = Task { try await server.run { continuation.yield($0) } }
        var iterator = listening.makeAsyncIterator()
        try await body(server, try #require(await iterator.next()?.plain.first), store, running)
    }

    /// Has the server end while the store does not answer; returns when the connection has, and left a change behind.
    private static func endConnections(
        of server: MTProtoServer,
        at address: SocketAddress,
        _ store: SerializingSessionStore,
        _ running: Task<Void, any Error>
    ) async throws {
        let client = try await RawClient(to: address)
        var session = try await client.makeSession()
        try await client.ping(in: &session)
        try await eventually { store.pendingCount == 0 }
        store.suspend()
        running.cancel()
        try await client.eventsUntilClosed()
        await client.close()
        try await eventually { server.connectionCount == 0 && store.pendingCount > 0 }
    }

    @Test("The server ends after the changes that its connections have left to the store")
    func pendingChanges() async throws {
        try await Self.withStore(drain: .seconds(60)) { server, address, store, running in
            try await Self.endConnections(of: server, at: address, store, running)
            let ends = QueryTests.Log()
            let end = Task {
                try await running.value
                ends.append(1)
            }
            // A server that does not wait has ended by then; one that does has not, however long this takes.
            try await Task.sleep(for: .milliseconds(200))
            #expect(ends.values.isEmpty)
            store.resume()
            try await end.value
            #expect(store.pendingCount == 0)
        }
    }

    @Test("A store that does not answer keeps the server for the drain time only, and the operator is told")
    func stuckStore() async throws {
        let log = LogRecorder()
        try await Self.withStore(drain: .milliseconds(200), logger: log.logger) { server, address, store, running in
            try await Self.endConnections(of: server, at: address, store, running)
            try await running.value
            #expect(store.pendingCount > 0)
        }
        #expect(log.errors.count == 1 && log.errors.first?.metadata["pending"] != nil)
    }

    @Test("The outcome of a query whose connection is gone is in the store when the server has ended")
    func detachedQuery() async throws {
        let gate = Gate()
        let answer = HTTPSessionTests.echo(behind: gate)
        try await Self.withStore(drain: .seconds(60), answer: answer) { server, address, store, running in
            let client = try await HTTPSessionTests.client(address)
            var session = try await client.makeSession()
            try await client.send(session.seal(Queries.echo()).payload)
            try await eventually { gate.arrivals == 1 }
            try await client.reset()
            try await eventually { server.connectionCount == 0 }
            #expect(try store.session(session.serverIdentifier)?.runningQueryCount == 1)
            running.cancel()
            try await running.value
            #expect(gate.cancellations == 1)
            #expect(try store.session(session.serverIdentifier)?.runningQueryCount == 0)
        }
    }

    @Test("An asynchronous answer that is asynchronous itself ends with the server, too")
    func detachedQueryInParts() async throws {
        let (first, second) = (Gate(), Gate())
        try await Self.withStore(drain: .seconds(60)) { query, _ in
            .asynchronous {
                await first.pass()
                return .asynchronous {
                    await second.pass()
                    return .result(query)
                }
            }
        } _: { server, address, store, running in
            let client = try await HTTPSessionTests.client(address)
            var session = try await client.makeSession()
            try await client.send(session.seal(Queries.echo()).payload)
            try await eventually { first.arrivals == 1 }
            try await client.reset()
            try await eventually { server.connectionCount == 0 }
            first.open()
            try await eventually { second.arrivals == 1 }
            running.cancel()
            try await running.value
            #expect(second.cancellations == 1)
            #expect(try store.session(session.serverIdentifier)?.runningQueryCount == 0)
        }
    }

    @Test("A half-closed client that reads late gets its answers to the last byte")
    func slowReaderGetsTheTail() async throws {
        let answer = Queries.echo(900_000)
        try await withServer { _, _ in
            .result(answer)
        } _: { _, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            try await client.ping(in: &session)
            // Their answers are more than the sockets hold, so that most waits in the server when the client's side ends.
            let queries = (0..<24).map { _ in session.seal(Queries.echo()) }
            try await client.stopReading()
            for query in queries { try await client.send(query.payload) }
            try await client.closeOutput()
            try await client.startReading()
            for query in queries {
                #expect(try await client.result(of: query.identifier, in: session) == answer)
            }
            await client.close()
        }
    }

    @Test("A client that never closes is cut off when the drain time is over")
    func drainTime() async throws {
        let client = try await withDataCenter {
            $0.server.timeouts.drain = .milliseconds(100)
        } _: { dataCenter in
            let bytes = try await ByteConnection(to: dataCenter.addresses[0])
            try await eventually { dataCenter.server.connectionCount == 1 }
            return bytes.channel
        }
        try? await client.close()
    }

    @Test("An address that is taken is an error of run()")
    func addressInUse() async throws {
        try await withDataCenter { dataCenter in
            let port = try #require(dataCenter.addresses[0].port)
            await #expect(throws: (any Error).self) {
                try await withDataCenter {
                    $0.server.addresses = [.loopback, try? SocketEndpoint(host: "127.0.0.1", port: port)].compactMap {
                        $0
                    }
                } _: { _ in
                }
            }
        }
    }

    @Test("The body's error is thrown, after the server has ended")
    func bodyThrows() async throws {
        struct Mine: Error {}
        await #expect(throws: Mine.self) {
            try await withDataCenter { _ in throw Mine() }
        }
    }

    @Test("A server without an RSA key is refused")
    func noKey() {
        #expect(throws: KeyExchangeError.self) {
            try MTProtoServer(
                configuration: ServerConfiguration(privateKeys: []),
                responder: ClosureResponder { query, _ in .result(query) }
            )
        }
    }
}

extension MTProtoServer {
    /// Returns when nobody listens at the address any more.
    fileprivate func hasStoppedListening(at address: SocketAddress) async {
        while let connection = try? await ByteConnection(to: address) { await connection.close() }
    }
}
