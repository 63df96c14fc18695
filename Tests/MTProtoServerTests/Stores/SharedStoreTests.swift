// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

/// Two servers that share their stores, as two processes would: the connections of one session meet nowhere else.
@Suite(.network, .timeLimit(.minutes(10)))
struct SharedStoreTests {
    /// Two servers and what they share.
    private struct Pair: Sendable {
        let first: MTProtoServer
        let second: MTProtoServer
        let firstAddress: SocketAddress
        let secondAddress: SocketAddress
        let store: SerializingSessionStore
    }

    private static func withServers(
        _ change: @escaping @Sendable (inout ServerConfiguration) -> Void = { _ in },
        respond: @escaping @Sendable (ByteBuffer, QueryContext) -> QueryResponse = { query, _ in .result(query) },
        _ body: @escaping @Sendable (Pair) async throws -> Void
    ) async throws {
        let store = SerializingSessionStore()
        let keys = InMemoryAuthorizationKeyStore()
        let configure: @Sendable (inout ServerConfiguration) -> Void = { configuration in
            configuration.sessions = store
            configuration.authorizationKeys = keys
            change(&configuration)
        }
        try await withServer(configure, respond: respond) { first, firstAddress in
            try await withServer(configure, respond: respond) { second, secondAddress in
                try await body(
                    Pair(
                        first: first,
                        second: second,
                        firstAddress: firstAddress,
                        secondAddress: secondAddress,
                        store: store
                    )
                )
            }
        }
    }

    private static let update = UpdatesTooLong().serialized()

    private static func isUpdate(_ body: MessageBody) -> Void? {
        if case .other(UpdatesTooLong.constructor, _) = body { () } else { nil }
    }

    @Test("Queries of one session at both servers are answered where they came in")
    func queries() async throws {
        try await Self.withServers { pair in
            let first = try await RawClient(to: pair.firstAddress)
            var session = try await first.makeSession()
            try await first.ping(in: &session)
            let second = try await RawClient(to: pair.secondAddress)
            try await second.ping(2, in: &session)
            #expect(pair.store.count == 1)
            let queries = (0..<20).map { _ in session.seal(Queries.echo()) }
            for (number, query) in queries.enumerated() {
                try await (number.isMultiple(of: 2) ? first : second).send(query.payload)
            }
            for (number, query) in queries.enumerated() {
                let client = number.isMultiple(of: 2) ? first : second
                #expect(try await client.result(of: query.identifier, in: session) == Queries.echo())
            }
            await first.close()
            await second.close()
        }
    }

    @Test("Payloads that came at once are processed in their order, though the store answers later")
    func order() async throws {
        let seen = Mutex<[UInt64]>([])
        try await Self.withServers(
            respond: { query, context in
                seen.withLock { $0.append(context.messageIdentifier) }
                return .result(query)
            },
            { pair in
                let client = try await RawClient(to: pair.firstAddress)
                var session = try await client.makeSession()
                let queries = (0..<50).map { _ in session.seal(Queries.echo(400)) }
                var bytes = ByteBuffer()
                for query in queries { bytes.writeImmutableBuffer(try client.frame(query.payload)) }
                try await client.write(bytes)
                for query in queries {
                    #expect(try await client.result(of: query.identifier, in: session) == Queries.echo(400))
                }
                #expect(seen.withLock { $0 } == queries.map(\.identifier))
                await client.close()
            }
        )
    }

    @Test("A push at the other server reaches the client")
    func push() async throws {
        try await Self.withServers { pair in
            let client = try await RawClient(to: pair.firstAddress)
            var session = try await client.makeSession()
            #expect(try await !pair.second.push(Self.update, to: session.serverIdentifier))
            try await client.ping(in: &session)
            for _ in 0..<3 {
                #expect(try await pair.second.push(Self.update, to: session.serverIdentifier))
                try await client.message(in: session) { body, _ in Self.isUpdate(body) }
            }
            await client.close()
            try await eventually { pair.first.connectionCount == 0 && pair.store.subscriberCount == 0 }
            // Without a connection it waits, for the other server as well.
            #expect(try await pair.first.push(Self.update, to: session.serverIdentifier))
            let again = try await RawClient(to: pair.secondAddress)
            try await again.ping(2, in: &session)
            try await again.message(in: session) { body, _ in Self.isUpdate(body) }
            await again.close()
        }
    }

    @Test("A query repeated at the other server is executed once, and its answer repeated there")
    func duplicates() async throws {
        let gate = Gate()
        let count = Atomic<Int>(0)
        try await Self.withServers(
            respond: { query, _ in
                count.add(1, ordering: .relaxed)
                return .asynchronous {
                    await gate.pass()
                    return .result(query)
                }
            },
            { pair in
                let first = try await RawClient(to: pair.firstAddress)
                var session = try await first.makeSession()
                let query = session.message(Queries.echo())
                try await first.send(session.seal(container: [query]).payload)
                try await first.ping(in: &session)
                let second = try await RawClient(to: pair.secondAddress)
                try await second.send(session.seal(container: [query]).payload)
                try await second.ping(2, in: &session)
                gate.open()
                #expect(try await first.result(of: query.identifier, in: session) == Queries.echo())
                try await second.send(session.seal(container: [query]).payload)
                #expect(try await second.result(of: query.identifier, in: session) == Queries.echo())
                #expect(count.load(ordering: .relaxed) == 1)
                await first.close()
                await second.close()
            }
        )
    }

    @Test("What a connection at one server carried and nobody acknowledged is repeated at the other")
    func connectionLost() async throws {
        try await Self.withServers { pair in
            let first = try await RawClient(to: pair.firstAddress)
            var session = try await first.makeSession()
            let second = try await RawClient(to: pair.secondAddress)
            try await second.ping(in: &session)
            try await first.ping(2, in: &session)
            let query = session.seal(Queries.echo())
            try await first.send(query.payload)
            #expect(try await first.result(of: query.identifier, in: session) == Queries.echo())
            await first.close()
            #expect(try await second.result(of: query.identifier, in: session) == Queries.echo())
            await second.close()
        }
    }

    @Test("destroy_session at one server ends a session that is connected at the other")
    func destroySession() async throws {
        try await Self.withServers { pair in
            let first = try await RawClient(to: pair.firstAddress)
            var session = try await first.makeSession()
            try await first.ping(in: &session)
            var other = session.sibling()
            let second = try await RawClient(to: pair.secondAddress)
            try await second.ping(2, in: &other)
            let request = DestroySession(sessionIdentifier: session.identifier).serialized()
            try await second.send(other.seal(request, isContentRelated: false).payload)
            try await second.message(in: other) { body, _ -> Void? in
                guard case .destroySessionOK(let answer) = body else { return nil }
                #expect(answer.sessionIdentifier == session.identifier)
                return ()
            }
            try await second.send(other.seal(request, isContentRelated: false).payload)
            try await second.message(in: other) { body, _ -> Void? in
                if case .destroySessionNone = body { () } else { nil }
            }
            #expect(try await !pair.second.push(Self.update, to: session.serverIdentifier))
            // Its client hears that it begins anew.
            let ping = session.seal(Ping(pingIdentifier: 3).serialized(), isContentRelated: false)
            try await first.send(ping.payload)
            try await first.message(in: session) { body, _ -> Void? in
                guard case .newSession(let created) = body, created.firstMessageIdentifier == ping.identifier else {
                    return nil
                }
                return ()
            }
            try await first.pong(3, in: session)
            #expect(try await pair.second.push(Self.update, to: session.serverIdentifier))
            try await first.message(in: session) { body, _ in Self.isUpdate(body) }
            await first.close()
            await second.close()
        }
    }

    @Test("destroy_auth_key is answered, and ends every session of the key at both servers")
    func destroyKey() async throws {
        try await Self.withServers { pair in
            let first = try await RawClient(to: pair.firstAddress)
            var session = try await first.makeSession()
            try await first.ping(in: &session)
            try await first.send(session.seal(DestroyAuthKey().serialized(), isContentRelated: false).payload)
            try await first.message(in: session) { body, _ -> Void? in
                if case .destroyAuthKeyResult(.ok) = body { () } else { nil }
            }
            try await first.eventsUntilClosed()
            try await eventually { pair.store.count == 0 }
            let second = try await RawClient(to: pair.secondAddress)
            try await second.send(session.seal(Ping(pingIdentifier: 1).serialized(), isContentRelated: false).payload)
            #expect(try await second.transportError() == .notFound)
            await second.close()
        }
    }

    @Test("A store that fails costs the connection, and nothing else")
    func failure() async throws {
        try await Self.withServers { pair in
            let first = try await RawClient(to: pair.firstAddress)
            var session = try await first.makeSession()
            try await first.ping(in: &session)
            pair.store.isUnavailable = true
            try await first.send(session.seal(Queries.echo()).payload)
            #expect(try await first.eventsUntilClosed().isEmpty)
            await #expect(throws: SerializingSessionStore.Unavailable.self) {
                try await pair.first.push(Self.update, to: session.serverIdentifier)
            }
            await first.close()
            try await eventually { pair.first.connectionCount == 0 }
            pair.store.isUnavailable = false
            let again = try await RawClient(to: pair.firstAddress)
            #expect(try await again.invoke(Queries.echo(), in: &session) == Queries.echo())
            await again.close()
        }
    }

    @Test(
        "A result that the store could not take is offered again: the query is answered, and ran once",
        arguments: [
            Carrier.tcp, .http,
        ]
    )
    func failedResult(carrier: Carrier) async throws {
        let gate = Gate()
        try await Self.withServers(
            respond: { query, _ in
                .asynchronous {
                    await gate.pass()
                    return .result(query)
                }
            },
            { pair in
                var options = RawClient.Options()
                options.carrier = carrier
                let first = try await RawClient(to: pair.firstAddress, options)
                var session = try await first.makeSession()
                // A new session has something to say, which would end the request.
                try await first.ping(in: &session)
                let query = session.message(Queries.echo())
                try await first.send(session.seal(container: [query]).payload)
                try await eventually { gate.arrivals == 1 && pair.store.pendingCount == 0 }
                pair.store.isUnavailable = true
                gate.open()
                let events = try await first.eventsUntilClosed()
                if case .some(.transportError(let code)) = events.last { #expect(code.rawValue == 500) }
                await first.close()
                try await eventually { pair.first.connectionCount == 0 }
                pair.store.isUnavailable = false
                let second = try await RawClient(to: pair.secondAddress)
                try await second.send(session.seal(container: [query]).payload)
                #expect(try await second.result(of: query.identifier, in: session) == Queries.echo())
                #expect(gate.arrivals == 1)
                await second.close()
            }
        )
    }

    @Test("A query that the store took when its connection was gone does not run for ever, nor the connection count")
    func abandoned() async throws {
        try await Self.withServers(
            { $0.timeouts.drain = .milliseconds(20) },
            { pair in
                let first = try await RawClient(to: pair.firstAddress)
                var session = try await first.makeSession()
                let query = session.message(Queries.echo())
                pair.store.suspend()
                try await first.send(session.seal(query).payload)
                try await eventually { pair.store.pendingCount == 1 }
                // Nothing is read while the store is awaited: a mere end would not be seen.
                try await first.reset()
                try await eventually { pair.first.connectionCount == 0 }
                pair.store.resume()
                let clock = SessionClock.system
                try await eventually {
                    guard let saved = try? pair.store.session(session.serverIdentifier) else { return false }
                    var later = clock.now()
                    later.monotonicNanoseconds += 700_000_000_000
                    later.wallNanoseconds += 700_000_000_000
                    return saved.hasAcceptedMessages && saved.runningQueryCount == 0
                        && saved.isDiscardable(at: later)
                }
                let second = try await RawClient(to: pair.secondAddress)
                try await second.send(session.seal(container: [query]).payload)
                let answer = try await second.result(of: query.identifier, in: session)
                #expect(try RPCErrorMessage(answer).message == "QUERY_CANCELLED")
                await second.close()
            }
        )
    }
}
