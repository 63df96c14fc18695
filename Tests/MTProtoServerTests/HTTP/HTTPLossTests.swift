// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// Responses and requests over HTTP that are lost or come twice, on the real server.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct HTTPLossTests {
    private typealias Base = HTTPSessionTests

    @Test(
        "What a lost response carried is put back: the poll that waits gets it, under its identifiers",
        arguments: [false, true]
    )
    func lostResponse(isShared: Bool) async throws {
        try await Base().withSession(isShared) { _, address, session in
            var session = session
            let polling = try await Base.client(address)
            let asking = try await Base.client(address)
            let query = session.seal(Queries.echo())
            try await asking.send(query.payload)
            let first = try await Base.messages(asking, session)
            #expect(try Base.results(first).keys.contains(query.identifier))
            try await Base.poll(polling, &session)
            // No further request: nothing shows that the response arrived.
            await asking.close()
            let second = try await Base.messages(polling, session)
            #expect(second.map(\.identifier) == first.map(\.identifier))
            await polling.close()
        }
    }

    @Test("A response that ends its connection as asked is not put back", arguments: [false, true])
    func askedClose(isShared: Bool) async throws {
        try await Base().withSession(isShared) { _, address, session in
            var session = session
            let query = session.seal(Queries.echo())
            var bytes = try await ByteConnection(to: address)
            var http = RawHTTP()
            try await bytes.write(
                RawHTTP.request("POST", "/api", headers: ["Connection: close"], body: query.payload)
            )
            let response = try #require(try await bytes.response(&http))
            let results = try Base.results(try session.open(response.body))
            #expect(results.keys.contains(query.identifier))
            #expect(await bytes.read() == nil)
            await bytes.close()
            let client = try await Base.client(address)
            try await Base.poll(client, &session, 100)
            #expect(try await Base.messages(client, session).isEmpty)
            await client.close()
        }
    }

    @Test(
        "A connection lost between request and response: the answer comes to another, the query ran once",
        arguments: [false, true]
    )
    func lostRequest(isShared: Bool) async throws {
        let gate = Gate()
        try await Base().withSession(
            isShared,
            respond: Base.echo(behind: gate)
        ) { server, address, session in
            var session = session
            let asking = try await Base.client(address)
            let query = session.seal(Queries.echo())
            try await asking.send(query.payload)
            try await eventually { gate.arrivals == 1 }
            await asking.close()
            try await eventually { server.connectionCount == 0 }
            // The client sends it again, as it has no answer.
            let again = try await Base.client(address)
            let polling = try await Base.client(address)
            try await again.send(query.payload)
            #expect(try await Base.answers(again, session).isEmpty)
            try await Base.poll(polling, &session)
            gate.open()
            let answer = try await Base.polled(polling, &session) { try Base.results($0)[query.identifier] }
            #expect(answer == Queries.echo())
            #expect(gate.arrivals == 1)
            #expect(gate.cancellations == 0)
            await again.close()
            await polling.close()
        }
    }

    @Test("A request repeated by something between is answered again and not done twice", arguments: [false, true])
    func duplicate(isShared: Bool) async throws {
        let gate = Gate()
        gate.open()
        try await Base().withSession(
            isShared,
            respond: Base.echo(behind: gate)
        ) { _, address, session in
            var session = session
            let query = session.seal(Queries.echo())
            for _ in 0..<3 {
                let client = try await Base.client(address)
                try await client.send(query.payload)
                #expect(try await Base.answers(client, session)[query.identifier] == Queries.echo())
                await client.close()
            }
            #expect(gate.arrivals == 1)
        }
    }
}
