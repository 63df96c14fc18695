// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// Turns, waits and the queue of a session over HTTP, on the real server.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct HTTPSessionTests {
    static func client(_ address: SocketAddress) async throws -> RawClient {
        var options = RawClient.Options()
        options.carrier = .http
        return try await RawClient(to: address, options)
    }

    static func wait(_ milliseconds: Int32, delay: Int32 = 0, after: Int32 = 0) -> ByteBuffer {
        HTTPWait(maximumDelay: delay, waitAfter: after, maximumWait: milliseconds).serialized()
    }

    /// Sends a poll; its answer is read later.
    static func poll(
        _ client: RawClient,
        _ session: inout RawSession,
        _ milliseconds: Int32 = 25_000,
        acknowledging identifiers: [UInt64] = []
    ) async throws {
        guard !identifiers.isEmpty else {
            return try await client.send(session.seal(Self.wait(milliseconds), isContentRelated: false).payload)
        }
        let acknowledgement = session.message(
            MessagesAcknowledgement(identifiers: identifiers).serialized(),
            isContentRelated: false
        )
        let wait = session.message(Self.wait(milliseconds), isContentRelated: false)
        try await client.send(session.seal(container: [acknowledgement, wait]).payload)
    }

    /// The messages of the next response.
    static func messages(_ client: RawClient, _ session: RawSession) async throws -> [ContainedMessage] {
        try session.open(try await client.payload())
    }

    /// The answers among the messages, by their queries.
    static func results(_ messages: [ContainedMessage]) throws -> [UInt64: ByteBuffer] {
        var results: [UInt64: ByteBuffer] = [:]
        for message in messages {
            if case .rpcResult(let result) = try MessageBody.parse(message.body).body {
                results[result.requestIdentifier] = result.result
            }
        }
        return results
    }

    /// The answers in the next response, by their queries.
    static func answers(_ client: RawClient, _ session: RawSession) async throws -> [UInt64: ByteBuffer] {
        try Self.results(try await Self.messages(client, session))
    }

    /// Reads responses to polls, and polls on, until one has what is looked for: an acknowledgement may come before it.
    static func polled<Value>(
        _ client: RawClient,
        _ session: inout RawSession,
        _ select: ([ContainedMessage]) throws -> Value?
    ) async throws -> Value {
        while true {
            if let value = try select(try await Self.messages(client, session)) { return value }
            try await Self.poll(client, &session)
        }
    }

    /// A session that has said everything which a new one has to say.
    static func session(_ address: SocketAddress, clock: SessionClock = .system) async throws -> RawSession {
        let client = try await Self.client(address)
        var session = try await client.makeSession()
        session.clock = clock
        try await client.ping(in: &session)
        let started = try await client.message(in: session) { body, message -> UInt64? in
            if case .newSession = body { message.identifier } else { nil }
        }
        try await Self.poll(client, &session, 0, acknowledging: [started])
        #expect(try await Self.messages(client, session).isEmpty)
        await client.close()
        return session
    }

    static let update = UpdatesTooLong().serialized()

    /// Answers each query with itself once the gate is open.
    static func echo(behind gate: Gate) -> @Sendable (ByteBuffer, QueryContext) -> QueryResponse {
        { query, _ in
            .asynchronous {
                await gate.pass()
                return .result(query)
            }
        }
    }

    /// - Parameter isShared: whether the sessions are in a store as processes share one, which answers later.
    func withSession(
        _ isShared: Bool,
        _ change: @Sendable (inout ServerConfiguration) -> Void = { _ in },
        clock: SessionClock = .system,
        respond: @escaping @Sendable (ByteBuffer, QueryContext) -> QueryResponse = { query, _ in .result(query) },
        _ body: @Sendable (MTProtoServer, SocketAddress, RawSession) async throws -> Void
    ) async throws {
        try await withServer {
            $0.clock = clock
            // An acknowledgement would answer a poll before what the test waits for.
            $0.session.acknowledgementDelay = .seconds(3_600)
            if isShared { $0.sessions = SerializingSessionStore() }
            change(&$0)
        } respond: { query, context in
            respond(query, context)
        } _: { server, address in
            let session = try await Self.session(address, clock: clock)
            // Until then the session has a connection that is not the test's.
            try await eventually { server.connectionCount == 0 }
            try await body(server, address, session)
        }
    }

    @Test(
        "A poll that nothing comes for is answered with an empty container when its time is over",
        arguments: [0, 150],
        [false, true]
    )
    func emptyPoll(milliseconds: Int32, isShared: Bool) async throws {
        try await self.withSession(isShared) { _, address, session in
            var session = session
            let client = try await Self.client(address)
            for _ in 0..<2 {
                let start = NIODeadline.now()
                try await Self.poll(client, &session, milliseconds)
                let payload = try await client.payload()
                let message = try EncryptedMessage.open(payload, with: session.key, from: .serverToClient)
                #expect(Array(message.body.readableBytesView) == [0xDC, 0xF8, 0xF1, 0x73, 0, 0, 0, 0])
                #expect(NIODeadline.now() - start >= .milliseconds(Int64(milliseconds)))
            }
            await client.close()
        }
    }

    @Test(
        "A poll that waits gets what is pushed, and after its acknowledgement nothing of it again",
        arguments: [false, true]
    )
    func push(isShared: Bool) async throws {
        try await self.withSession(isShared) { server, address, session in
            var session = session
            let client = try await Self.client(address)
            try await Self.poll(client, &session)
            try await eventually { server.waitingCount(in: session.serverIdentifier) == 1 }
            #expect(try await server.push(Self.update, to: session.serverIdentifier))
            let pushed = try await Self.messages(client, session)
            #expect(pushed.map(\.body) == [Self.update])
            try await Self.poll(client, &session, 0, acknowledging: pushed.map(\.identifier))
            #expect(try await Self.messages(client, session).isEmpty)
            await client.close()
        }
    }

    @Test("What waits already is sent at once, whatever the poll says", arguments: [false, true])
    func queued(isShared: Bool) async throws {
        try await self.withSession(isShared) { server, address, session in
            var session = session
            try await server.push(Self.update, to: session.serverIdentifier)
            let client = try await Self.client(address)
            try await Self.poll(client, &session)
            #expect(try await Self.messages(client, session).count == 1)
            await client.close()
        }
    }

    @Test("wait_after and max_delay collect messages in one response", arguments: [false, true])
    func collecting(isShared: Bool) async throws {
        try await self.withSession(isShared) { server, address, session in
            var session = session
            let client = try await Self.client(address)
            let wait = Self.wait(25_000, delay: 3_000, after: 400)
            try await client.send(session.seal(wait, isContentRelated: false).payload)
            try await eventually { server.waitingCount(in: session.serverIdentifier) == 1 }
            for _ in 0..<3 { try await server.push(Self.update, to: session.serverIdentifier) }
            #expect(try await Self.messages(client, session).count == 3)
            await client.close()
        }
    }

    @Test("An answer goes to the request that asked, an update to the one that polls", arguments: [false, true])
    func ownAnswers(isShared: Bool) async throws {
        let gate = Gate()
        try await self.withSession(
            isShared,
            respond: Self.echo(behind: gate)
        ) { server, address, session in
            var session = session
            let asking = try await Self.client(address)
            let polling = try await Self.client(address)
            let query = session.seal(Queries.echo())
            try await asking.send(query.payload)
            try await eventually { gate.arrivals == 1 }
            try await Self.poll(polling, &session)
            try await eventually { server.waitingCount(in: session.serverIdentifier) == 2 }
            gate.open()
            #expect(try await Self.answers(asking, session).keys.contains(query.identifier))
            try await server.push(Self.update, to: session.serverIdentifier)
            try await Self.polled(polling, &session) { $0.contains { $0.body == Self.update } ? () : nil }
            for client in [asking, polling] { await client.close() }
        }
    }

    @Test("A request that does not wait leaves its answer to the poll", arguments: [false, true])
    func impatient(isShared: Bool) async throws {
        let gate = Gate()
        try await self.withSession(
            isShared,
            respond: Self.echo(behind: gate)
        ) { _, address, session in
            var session = session
            let asking = try await Self.client(address)
            let polling = try await Self.client(address)
            try await Self.poll(polling, &session)
            let query = session.message(Queries.echo())
            let wait = session.message(Self.wait(0), isContentRelated: false)
            try await asking.send(session.seal(container: [query, wait]).payload)
            #expect(try await Self.answers(asking, session).isEmpty)
            gate.open()
            let answer = try await Self.polled(polling, &session) { try Self.results($0)[query.identifier] }
            #expect(answer == Queries.echo())
            await asking.close()
            await polling.close()
        }
    }

    @Test("The newest poll wins: an older one is answered with nothing", arguments: [false, true])
    func newestPoll(isShared: Bool) async throws {
        try await self.withSession(isShared) { server, address, session in
            var session = session
            let older = try await Self.client(address)
            let newer = try await Self.client(address)
            try await Self.poll(older, &session)
            try await eventually { server.waitingCount(in: session.serverIdentifier) == 1 }
            try await Self.poll(newer, &session)
            #expect(try await Self.messages(older, session).isEmpty)
            try await server.push(Self.update, to: session.serverIdentifier)
            #expect(try await Self.messages(newer, session).count == 1)
            await older.close()
            await newer.close()
        }
    }

    @Test("A session's messages go to its own requests only", arguments: [false, true])
    func otherSession(isShared: Bool) async throws {
        try await self.withSession(isShared) { server, address, session in
            var session = session
            var other = session.sibling()
            let client = try await Self.client(address)
            try await client.ping(in: &other)
            try await server.push(Self.update, to: session.serverIdentifier)
            try await Self.poll(client, &other, 0)
            let others = try await Self.messages(client, other)
            #expect(!others.contains { $0.body == Self.update })
            // The same connection, as an intermediary mixes them.
            try await Self.poll(client, &session)
            #expect(try await Self.messages(client, session).map(\.body) == [Self.update])
            await client.close()
        }
    }

    @Test("A queue that is full forgets the oldest", arguments: [false, true])
    func overflow(isShared: Bool) async throws {
        try await self.withSession(isShared, { $0.session.maximumQueuedMessageCount = 3 }) { server, address, session in
            var session = session
            for number in 0..<5 as Range<Int64> {
                try await server.push(
                    Pong(messageIdentifier: 0, pingIdentifier: number).serialized(),
                    to: session.serverIdentifier
                )
            }
            let client = try await Self.client(address)
            try await Self.poll(client, &session)
            let numbers = try await Self.messages(client, session).compactMap { message -> Int64? in
                if case .pong(let pong) = try MessageBody.parse(message.body).body { pong.pingIdentifier } else { nil }
            }
            #expect(numbers == [2, 3, 4])
            await client.close()
        }
    }

    @Test(
        "After ten minutes a message is forgotten, before it is repeated until acknowledged",
        arguments: [false, true]
    )
    func tenMinutes(isShared: Bool) async throws {
        let manual = ManualSessionClock()
        try await self.withSession(isShared, clock: manual.clock) { server, address, session in
            var session = session
            try await server.push(Self.update, to: session.serverIdentifier)
            let client = try await Self.client(address)
            var identifiers: Set<UInt64> = []
            for _ in 0..<3 {
                try await Self.poll(client, &session, 0)
                let messages = try await Self.messages(client, session)
                #expect(messages.map(\.body) == [Self.update])
                identifiers.formUnion(messages.map(\.identifier))
                // Long enough for a repetition.
                manual.advance(by: .seconds(160))
            }
            #expect(identifiers.count == 1)
            manual.advance(by: .seconds(300))
            try await Self.poll(client, &session, 0)
            #expect(try await Self.messages(client, session).isEmpty)
            await client.close()
        }
    }

    @Test("A half-closed poll is answered with what there is", arguments: [false, true])
    func halfClosed(isShared: Bool) async throws {
        try await self.withSession(isShared) { server, address, session in
            var session = session
            let client = try await Self.client(address)
            try await Self.poll(client, &session)
            try await client.closeOutput()
            #expect(try await Self.messages(client, session).isEmpty)
            #expect(try await client.eventsUntilClosed().isEmpty)
            await client.close()
            try await eventually { server.connectionCount == 0 }
        }
    }

    @Test("A wrong salt is said in the response to the request that has it", arguments: [false, true])
    func wrongSalt(isShared: Bool) async throws {
        try await self.withSession(isShared) { _, address, session in
            var session = session
            let salt = session.salt
            session.salt ^= 1
            let client = try await Self.client(address)
            try await client.send(session.seal(Queries.echo()).payload)
            let messages = try await Self.messages(client, session)
            guard case .badSalt(let notice) = try MessageBody.parse(try #require(messages.first).body).body else {
                Issue.record("no bad_server_salt")
                return
            }
            session.salt = notice.newSalt
            #expect(session.salt == salt)
            #expect(try await client.invoke(Queries.echo(), in: &session) == Queries.echo())
            await client.close()
        }
    }

    @Test(
        "destroy_auth_key is answered in its response; a connection that has used the key knows",
        arguments: [false, true]
    )
    func destroyedKey(isShared: Bool) async throws {
        try await self.withSession(isShared) { _, address, session in
            var session = session
            let idle = try await Self.client(address)
            try await Self.poll(idle, &session, 0)
            #expect(try await Self.messages(idle, session).isEmpty)
            let client = try await Self.client(address)
            try await client.send(session.seal(DestroyAuthKey().serialized(), isContentRelated: false).payload)
            let messages = try await Self.messages(client, session)
            let constructors = messages.map {
                $0.body.getInteger(at: $0.body.readerIndex, endianness: .little) as UInt32?
            }
            #expect(constructors.contains(DestroyAuthKeyOK.constructor))
            #expect(try await client.eventsUntilClosed().isEmpty)
            await client.close()
            try await idle.send(session.seal(Queries.echo()).payload)
            #expect(try await idle.transportError() == .notFound)
            #expect(try await idle.eventsUntilClosed().isEmpty)
            await idle.close()
        }
    }

    @Test("A server that ends answers the poll that waits")
    func shutdown() async throws {
        var configuration = ServerConfiguration(privateKeys: [TestKeys.privateKey])
        configuration.timeouts.drain = .minutes(5)
        let server = try MTProtoServer(
            configuration: configuration,
            responder: ClosureResponder { query, _ in .result(query) }
        )
        let (listening, continuation) = AsyncStream.makeStream(of: ListeningAddresses.self)
        let running = Task { try await server.run { continuation.yield($0) } }
        var iterator = listening.makeAsyncIterator()
        let address = try #require(await iterator.next()?.plain.first)
        var session = try await Self.session(address)
        try await eventually { server.connectionCount == 0 }
        let client = try await Self.client(address)
        try await Self.poll(client, &session)
        try await eventually { server.waitingCount(in: session.serverIdentifier) == 1 }
        running.cancel()
        #expect(try await Self.messages(client, session).isEmpty)
        try await client.eventsUntilClosed()
        await client.close()
        try await running.value
    }
}
