// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// What one client, and all together, may take.
@Suite(.network, .timeLimit(.minutes(10)))
struct LimitTests {
    @Test("Connections beyond the limit wait, and are served when one ends")
    func connections() async throws {
        try await withDataCenter {
            $0.server.limits.connections = 2
        } _: { dataCenter in
            let first = try await RawClient(to: dataCenter)
            var session = try await first.makeSession()
            let second = try await RawClient(to: dataCenter)
            try await second.ping(in: &session)
            // The kernel completes their TCP handshakes; nobody reads what they send.
            // Each has a session of its own: the pong may leave on any connection of the session.
            var waiting: [(client: RawClient, session: RawSession)] = []
            for _ in 0..<4 {
                let client = try await RawClient(to: dataCenter)
                var own = session.sibling()
                try await client.send(
                    own.seal(Ping(pingIdentifier: 7).serialized(), isContentRelated: false).payload
                )
                waiting.append((client, own))
            }
            try await second.ping(in: &session)
            #expect(dataCenter.server.connectionCount == 2)
            await first.close()
            await second.close()
            for (client, own) in waiting {
                try await client.pong(7, in: own)
                #expect(dataCenter.server.connectionCount <= 2)
                await client.close()
            }
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("With several listening sockets, a place that becomes free is offered to each of them")
    func connectionsOfSeveralListeners() async throws {
        try await withDataCenter { configuration in
            configuration.server.limits.connections = 1
            configuration.server.addresses = [.loopback, .loopback]
        } _: { dataCenter in
            let (one, other) = (dataCenter.addresses[0], dataCenter.addresses[1])
            let first = try await RawClient(to: one)
            var session = try await first.makeSession()
            // The other socket was waiting for a connection before the server was full; it takes none after this one.
            let second = try await RawClient(to: other)
            try await second.ping(in: &session)
            await second.close()
            try await eventually { dataCenter.server.connectionCount == 1 }
            let third = try await RawClient(to: other)
            try await third.send(session.seal(Ping(pingIdentifier: 8).serialized(), isContentRelated: false).payload)
            await first.close()
            try await third.pong(8, in: session)
            await third.close()
        }
    }

    @Test("A connection makes so many key exchanges in a minute, and the next one is a 429")
    func keyExchangesPerConnection() async throws {
        try await withDataCenter {
            $0.server.limits.keyExchangesPerMinute = 2
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter)
            _ = try await client.makeKey()
            _ = try await client.makeKey(.temporary(expiresIn: 3600))
            await #expect(throws: RawClient.Unexpected.self) { try await client.makeKey() }
            #expect(try await client.eventsUntilClosed().isEmpty)
            let other = try await RawClient(to: dataCenter)
            _ = try await other.makeKey()
            await other.close()
        }
    }

    @Test("A connection uses so many sessions, and the next one is a 429")
    func sessionsPerConnection() async throws {
        try await withDataCenter {
            $0.server.limits.sessionsPerConnection = 3
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            try await client.ping(in: &session)
            for _ in 0..<2 {
                var other = session.sibling()
                try await client.ping(in: &other)
            }
            var last = session.sibling()
            try await client.send(last.seal(Queries.echo()).payload)
            #expect(try await client.eventsUntilClosed().contains(.transportError(.flood)))
            await client.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test(
        "An HTTP connection begins so many sessions in a minute, and the next one is a 429; those that exist go on",
        arguments: [false, true]
    )
    func sessionsPerMinute(isShared: Bool) async throws {
        try await HTTPSessionTests().withSession(isShared) {
            $0.limits.sessionsPerMinute = 2
        } _: { server, address, session in
            var session = session
            let mixed = try await HTTPSessionTests.client(address)
            for _ in 0..<2 {
                var other = session.sibling()
                try await mixed.ping(in: &other)
                try await mixed.ping(in: &session)
                try await mixed.ping(in: &other)
            }
            var last = session.sibling()
            try await mixed.send(last.seal(Queries.echo()).payload)
            #expect(try await mixed.transportError() == .flood)
            #expect(try await mixed.eventsUntilClosed().isEmpty)
            await mixed.close()
            // On another connection it may.
            let other = try await HTTPSessionTests.client(address)
            try await other.ping(in: &last)
            await other.close()
        }
    }

    @Test("Reading stops while as many queries wait as may, and goes on with their answers")
    func concurrentQueries() async throws {
        let gate = Gate()
        try await withServer {
            $0.limits.concurrentQueries = 4
        } respond: { query, _ in
            .asynchronous {
                await gate.pass()
                return .result(query)
            }
        } _: { _, address in
            let client = try await RawClient(to: address)
            var session = try await client.makeSession()
            let sealed = (0..<32).map { _ in session.seal(Queries.echo(20_000)) }
            // One at a time, so that a read holds few of them.
            let frames = try sealed.map { try client.frame($0.payload) }
            let bytes = client.bytes.writer
            let writer = Task {
                for frame in frames { try await bytes.write(frame) }
            }
            try await eventually { gate.arrivals >= 4 }
            gate.open()
            for query in sealed {
                #expect(try await client.result(of: query.identifier, in: session).readableBytes == 20_000)
            }
            try await writer.value
            #expect(gate.arrivals == 32)
            await client.close()
        }
    }

    @Test("A container of 1025 messages is refused as a whole, one of 1024 is taken")
    func containerCount() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            let many = (0..<1_024).map { _ in session.message(Queries.echo()) }
            try await client.send(session.seal(container: many).payload)
            for message in [many[0], many[511], many[1_023]] {
                #expect(try await client.result(of: message.identifier, in: session) == Queries.echo())
            }
            let tooMany = (0..<1_025).map { _ in session.message(Queries.echo()) }
            let container = session.seal(container: tooMany)
            try await client.send(container.payload)
            let code = try await client.message(in: session) { body, _ -> Int32? in
                guard case .badMessage(let notice) = body, notice.badIdentifier == container.identifier else {
                    return nil
                }
                return notice.code
            }
            #expect(code == 64)
            await client.close()
        }
    }
}
