// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// What one request of a session cannot carry, or has lost, goes to another that waits: without delay.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct HTTPHandOverTests {
    private typealias Base = HTTPSessionTests

    /// Well below the time that the requests of these tests wait.
    private static let promptly = TimeAmount.seconds(12)

    private static func gated(_ gate: Gate) -> @Sendable (ByteBuffer, QueryContext) -> QueryResponse {
        { query, _ in
            .asynchronous {
                await gate.pass()
                return .result(query)
            }
        }
    }

    @Test("What does not fit into the response goes to the poll that waits", arguments: [false, true])
    func overfull(isShared: Bool) async throws {
        try await Base().withSession(isShared) { server, address, session in
            var session = session
            let polling = try await Base.client(address)
            try await Base.poll(polling, &session)
            try await eventually { server.waitingCount(in: session.serverIdentifier) == 1 }
            let asking = try await Base.client(address)
            let queries = [session.message(Queries.echo(20_000)), session.message(Queries.echo(20_000, fill: 9))]
            let start = NIODeadline.now()
            try await asking.send(session.seal(container: queries).payload)
            #expect(try await Base.answers(asking, session).keys.contains(queries[0].identifier))
            let other = try await Base.polled(polling, &session) { try Base.results($0)[queries[1].identifier] }
            #expect(other == Queries.echo(20_000, fill: 9))
            #expect(NIODeadline.now() - start < Self.promptly)
            await asking.close()
            await polling.close()
        }
    }

    @Test(
        "What a request collected when its connection vanished goes to the other that waits",
        arguments: [false, true]
    )
    func vanished(isShared: Bool) async throws {
        let gate = Gate()
        try await Base().withSession(isShared, respond: Self.gated(gate)) { server, address, session in
            var session = session
            let older = try await Base.client(address)
            try await older.send(session.seal(Queries.echo()).payload)
            try await eventually { server.waitingCount(in: session.serverIdentifier) == 1 }
            let newer = try await Base.client(address)
            let wait = session.message(Base.wait(25_000, delay: 20_000, after: 20_000), isContentRelated: false)
            try await newer.send(session.seal(container: [session.message(Queries.echo()), wait]).payload)
            try await eventually { server.waitingCount(in: session.serverIdentifier) == 2 }
            let start = NIODeadline.now()
            try await server.push(Base.update, to: session.serverIdentifier)
            try await newer.reset()
            #expect(try await Base.messages(older, session).contains { $0.body == Base.update })
            #expect(NIODeadline.now() - start < Self.promptly)
            await older.close()
        }
    }

    @Test("An update goes to the poll, also when a newer request waits for its answer", arguments: [false, true])
    func updateBesideAQuery(isShared: Bool) async throws {
        let gate = Gate()
        try await Base().withSession(isShared, respond: Self.gated(gate)) { server, address, session in
            var session = session
            let polling = try await Base.client(address)
            try await Base.poll(polling, &session)
            try await eventually { server.waitingCount(in: session.serverIdentifier) == 1 }
            let asking = try await Base.client(address)
            let query = session.seal(Queries.echo())
            try await asking.send(query.payload)
            try await eventually { server.waitingCount(in: session.serverIdentifier) == 2 }
            try await server.push(Base.update, to: session.serverIdentifier)
            try await Base.polled(polling, &session) { $0.contains { $0.body == Base.update } ? () : nil }
            gate.open()
            #expect(try await Base.answers(asking, session).keys.contains(query.identifier))
            await polling.close()
            await asking.close()
        }
    }

    @Test(
        "What a poll collects is the poll's, also when a request asks and waits for its answer meanwhile",
        arguments: [false, true]
    )
    func queryBesideACollectingPoll(isShared: Bool) async throws {
        let gate = Gate()
        try await Base().withSession(isShared, respond: Self.gated(gate)) { server, address, session in
            var session = session
            let polling = try await Base.client(address)
            let wait = session.seal(Base.wait(25_000, delay: 1_000, after: 1_000), isContentRelated: false)
            try await polling.send(wait.payload)
            try await eventually { server.waitingCount(in: session.serverIdentifier) == 1 }
            try await server.push(Base.update, to: session.serverIdentifier)
            let asking = try await Base.client(address)
            let query = session.seal(Queries.echo())
            try await asking.send(query.payload)
            #expect(try await Base.messages(polling, session).contains { $0.body == Base.update })
            gate.open()
            #expect(try await Base.answers(asking, session).keys.contains(query.identifier))
            await polling.close()
            await asking.close()
        }
    }

    @Test("A request of another session does not show that a response arrived", arguments: [false, true])
    func otherSession(isShared: Bool) async throws {
        try await Base().withSession(isShared) { server, address, session in
            var session = session
            var other = session.sibling()
            let mixed = try await Base.client(address)
            let query = session.seal(Queries.echo())
            try await mixed.send(query.payload)
            let first = try await Base.messages(mixed, session)
            let polling = try await Base.client(address)
            try await Base.poll(polling, &session)
            try await mixed.ping(in: &other)
            let start = NIODeadline.now()
            #expect(try await Base.messages(polling, session).map(\.identifier) == first.map(\.identifier))
            #expect(NIODeadline.now() - start < Self.promptly)
            await mixed.close()
            await polling.close()
        }
    }

    @Test("A last response is put back when its client has vanished", arguments: [false, true])
    func lostLastResponse(isShared: Bool) async throws {
        try await Base().withSession(isShared) { server, address, session in
            var session = session
            let query = session.seal(Queries.echo())
            var bytes = try await ByteConnection(to: address)
            var http = RawHTTP()
            try await bytes.write(
                RawHTTP.request("POST", "/api", headers: ["Connection: close"], body: query.payload)
            )
            let response = try #require(try await bytes.response(&http))
            let polling = try await Base.client(address)
            try await Base.poll(polling, &session)
            try await bytes.reset()
            let start = NIODeadline.now()
            let answer = try await Base.polled(polling, &session) { try Base.results($0)[query.identifier] }
            #expect(answer == Queries.echo())
            #expect(try Base.results(try session.open(response.body)).keys.contains(query.identifier))
            #expect(NIODeadline.now() - start < Self.promptly)
            await polling.close()
        }
    }

    @Test("A connection that becomes a WebSocket leaves the sessions of its requests", arguments: [false, true])
    func upgrade(isShared: Bool) async throws {
        let gate = Gate()
        try await Base().withSession(isShared, respond: Self.gated(gate)) { server, address, session in
            var session = session
            var bytes = try await ByteConnection(to: address)
            var http = RawHTTP()
            let query = session.message(Queries.echo())
            let wait = session.message(Base.wait(0), isContentRelated: false)
            let request = session.seal(container: [query, wait])
            try await bytes.write(RawHTTP.request("POST", "/api", body: request.payload))
            #expect(try await bytes.response(&http)?.status == 200)
            try await bytes.write(RawWebSocket.request(path: "/apiws"))
            var webSocket = RawWebSocket()
            while try !webSocket.readUpgrade(&http) {
                http.received.writeImmutableBuffer(try #require(await bytes.read()))
            }
            #expect(server.connectedSessions.isEmpty)
            // Its query goes on, and another request gets the answer.
            gate.open()
            let polling = try await Base.client(address)
            try await Base.poll(polling, &session)
            let answer = try await Base.polled(polling, &session) { try Base.results($0)[query.identifier] }
            #expect(answer == Queries.echo())
            await bytes.close()
            await polling.close()
            try await eventually { server.connectionCount == 0 }
            #expect(server.connectedSessions.isEmpty)
        }
    }

    @Test("A connection knows when a key is destroyed that it used for another session", arguments: [false, true])
    func destroyedKey(isShared: Bool) async throws {
        try await Base().withSession(isShared) { _, address, session in
            var session = session
            let mixed = try await Base.client(address)
            #expect(try await mixed.invoke(Queries.echo(), in: &session) == Queries.echo())
            let destroying = try await Base.client(address)
            var other = try await destroying.makeSession()
            #expect(try await mixed.invoke(Queries.echo(), in: &other) == Queries.echo())
            try await destroying.send(session.seal(DestroyAuthKey().serialized(), isContentRelated: false).payload)
            try await destroying.eventsUntilClosed()
            try await mixed.send(session.seal(Queries.echo()).payload)
            #expect(try await mixed.transportError() == .notFound)
            await mixed.close()
            await destroying.close()
        }
    }

    @Test(
        "A poll is answered when its key is destroyed, and when its session is",
        arguments: [false, true],
        [false, true]
    )
    func destroyedWhileWaiting(isShared: Bool, isKey: Bool) async throws {
        try await Base().withSession(isShared) { server, address, session in
            var session = session
            var other = session.sibling()
            let polling = try await Base.client(address)
            try await Base.poll(polling, &session)
            try await eventually { server.waitingCount(in: session.serverIdentifier) == 1 }
            let destroying = try await Base.client(address)
            let request =
                isKey
                ? DestroyAuthKey().serialized()
                : DestroySession(sessionIdentifier: session.identifier).serialized()
            let start = NIODeadline.now()
            try await destroying.send(other.seal(request, isContentRelated: false).payload)
            if isKey {
                #expect(try await polling.transportError() == .notFound)
            } else {
                #expect(try await Base.messages(polling, session).isEmpty)
                // The connection and the key are as good as before.
                #expect(try await polling.invoke(Queries.echo(), in: &session) == Queries.echo())
            }
            #expect(NIODeadline.now() - start < Self.promptly)
            await polling.close()
            await destroying.close()
        }
    }
}
