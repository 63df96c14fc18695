// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// Sessions over several connections, and their end.
@Suite(.network, .timeLimit(.minutes(10)))
struct SessionLifeTests {
    @Test(
        "Key and session outlive a connection: an unacknowledged answer is repeated on the next, once acknowledged no more"
    )
    func unacknowledgedAnswer() async throws {
        try await withDataCenter { dataCenter in
            let first = try await RawClient(to: dataCenter)
            var session = try await first.makeSession()
            let query = session.seal(Queries.echo())
            try await first.send(query.payload)
            _ = try await first.result(of: query.identifier, in: session)
            await first.close()
            try await eventually { dataCenter.server.connectionCount == 0 }

            let second = try await RawClient(to: dataCenter)
            try await second.send(session.seal(Ping(pingIdentifier: 1).serialized(), isContentRelated: false).payload)
            let answer = try await second.message(in: session) { body, message -> UInt64? in
                guard case .rpcResult(let result) = body, result.requestIdentifier == query.identifier else {
                    return nil
                }
                #expect(result.result == Queries.echo())
                return message.identifier
            }
            let created = try await second.message(in: session) { body, message -> UInt64? in
                if case .newSession = body { message.identifier } else { nil }
            }
            let acknowledgement = MessagesAcknowledgement(identifiers: [answer, created])
            try await second.send(session.seal(acknowledgement.serialized(), isContentRelated: false).payload)
            try await second.ping(2, in: &session)
            await second.close()
            try await eventually { dataCenter.server.connectionCount == 0 }

            let third = try await RawClient(to: dataCenter)
            let ping = session.seal(Ping(pingIdentifier: 3).serialized(), isContentRelated: false)
            try await third.send(ping.payload)
            let messages = try session.open(try await third.payload())
            #expect(
                try messages.allSatisfy { if case .pong = try MessageBody.parse($0.body).body { true } else { false } }
            )
            await third.close()
        }
    }

    @Test("Two connections of one session: each query is answered, and a push reaches the client once")
    func twoConnections() async throws {
        try await withDataCenter { dataCenter in
            let first = try await RawClient(to: dataCenter)
            var session = try await first.makeSession()
            try await first.ping(in: &session)
            let second = try await RawClient(to: dataCenter)
            try await second.ping(2, in: &session)
            let queries = (0..<20).map { _ in session.seal(Queries.echo()) }
            for (number, query) in queries.enumerated() {
                try await (number.isMultiple(of: 2) ? first : second).send(query.payload)
            }
            for (number, query) in queries.enumerated() {
                let client = number.isMultiple(of: 2) ? first : second
                #expect(try await client.result(of: query.identifier, in: session) == Queries.echo())
            }
            await second.close()
            try await eventually { dataCenter.server.connectionCount == 1 }
            // The connection that is left gets what the server has to say.
            #expect(try await dataCenter.server.push(UpdatesTooLong().serialized(), to: session.serverIdentifier))
            try await first.message(in: session) { body, _ in
                if case .other(UpdatesTooLong.constructor, _) = body { () } else { nil }
            }
            await first.close()
        }
    }

    @Test("A push waits for a session without connections; there is none for an unknown session")
    func pushWithoutConnection() async throws {
        try await withDataCenter { dataCenter in
            let first = try await RawClient(to: dataCenter)
            var session = try await first.makeSession()
            #expect(try await !dataCenter.server.push(UpdatesTooLong().serialized(), to: session.serverIdentifier))
            try await first.ping(in: &session)
            #expect(dataCenter.server.connectedSessions == [session.serverIdentifier])
            await first.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
            #expect(try await dataCenter.server.push(UpdatesTooLong().serialized(), to: session.serverIdentifier))
            let second = try await RawClient(to: dataCenter)
            try await second.send(session.seal(Ping(pingIdentifier: 2).serialized(), isContentRelated: false).payload)
            try await second.message(in: session) { body, _ in
                if case .other(UpdatesTooLong.constructor, _) = body { () } else { nil }
            }
            await second.close()
        }
    }

    @Test("A query repeated under its identifier is executed once")
    func executedOnce() async throws {
        let gate = Gate()
        try await withServer { _ in
        } respond: { query, _ in
            .asynchronous {
                await gate.pass()
                return .result(query)
            }
        } _: { _, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            let query = session.message(Queries.echo())
            for _ in 0..<3 { try await client.send(session.seal(container: [query]).payload) }
            try await client.ping(in: &session)
            gate.open()
            #expect(try await client.result(of: query.identifier, in: session) == Queries.echo())
            try await client.send(session.seal(container: [query]).payload)
            try await client.ping(2, in: &session)
            #expect(gate.arrivals == 1)
            await client.close()
        }
    }

    @Test("destroy_session ends another session of the key, not the own one")
    func destroySession() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            var other = session.sibling()
            try await client.ping(in: &session)
            let second = try await RawClient(to: dataCenter)
            try await second.ping(in: &other)
            await second.close()
            for (target, existed) in [(other.identifier, true), (other.identifier, false), (session.identifier, false)]
            {
                let request = DestroySession(sessionIdentifier: target).serialized()
                try await client.send(session.seal(request).payload)
                let answer = try await client.message(in: session) { body, _ -> Bool? in
                    switch body {
                    case .destroySessionOK(let ok) where ok.sessionIdentifier == target: true
                    case .destroySessionNone(let none) where none.sessionIdentifier == target: false
                    default: nil
                    }
                }
                #expect(answer == existed)
            }
            #expect(try await !dataCenter.server.push(UpdatesTooLong().serialized(), to: other.serverIdentifier))
            await client.close()
        }
    }

    @Test("destroy_auth_key is answered, and the key is unknown everywhere then")
    func destroyKey() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            try await client.ping(in: &session)
            var sibling = session.sibling()
            let other = try await RawClient(to: dataCenter)
            try await other.ping(in: &sibling)
            try await client.send(session.seal(DestroyAuthKey().serialized(), isContentRelated: false).payload)
            try await client.message(in: session) { body, _ in
                if case .destroyAuthKeyResult(.ok) = body { () } else { nil }
            }
            try await client.eventsUntilClosed()
            await client.close()
            // Also on a connection that used the key before.
            try await other.send(sibling.seal(Queries.echo()).payload)
            #expect(try await other.transportError() == .notFound)
            await other.close()
            let next = try await RawClient(to: dataCenter)
            try await next.send(session.seal(Queries.echo()).payload)
            #expect(try await next.transportError() == .notFound)
            await next.close()
        }
    }

    @Test("A salt that has ended is refused with the present one; the one before it is accepted for half an hour more")
    func salts() async throws {
        let clock = ManualSessionClock(time: SessionClock.system.now())
        try await withDataCenter {
            $0.server.clock = clock.clock
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            session.clock = clock.clock
            try await client.ping(in: &session)
            clock.advance(by: .seconds(1_900))
            try await client.ping(2, in: &session)
            clock.advance(by: .seconds(3_600))
            let query = session.message(Queries.echo())
            try await client.send(session.seal(query).payload)
            let salt = try await client.message(in: session) { body, _ in
                if case .badSalt(let notice) = body { notice.newSalt } else { nil }
            }
            #expect(salt != session.salt)
            session.salt = salt
            try await client.ping(3, in: &session)
            await client.close()
        }
    }
}
