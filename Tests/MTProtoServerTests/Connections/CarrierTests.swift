// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// The same client over every carrier, on one plain and one TLS port.
@Suite(.network, .timeLimit(.minutes(10)))
struct CarrierTests {
    @Test("A key and a session", arguments: TransportCase.everywhere)
    func session(transport: TransportCase) async throws {
        try await withDataCenter {
            $0.server.tlsAddresses = [.loopback]
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter, transport.options())
            var session = try await client.makeSession()
            let query = Queries.echo(3_000)
            #expect(try await client.invoke(query, in: &session) == query)
            let long = Queries.echo(300_000)
            #expect(try await client.invoke(long, in: &session) == long)
            await client.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A payload in pieces of a few bytes", arguments: TransportCase.everywhere)
    func pieces(transport: TransportCase) async throws {
        try await withDataCenter {
            $0.server.tlsAddresses = [.loopback]
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter, transport.options(pieceLength: 7))
            var session = try await client.makeSession()
            #expect(try await client.invoke(Queries.echo(), in: &session) == Queries.echo())
            await client.close()
        }
    }

    @Test("An unknown key is a 404 and the end", arguments: TransportCase.everywhere)
    func unknownKey(transport: TransportCase) async throws {
        try await withDataCenter {
            $0.server.tlsAddresses = [.loopback]
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter, transport.options())
            var session = RawSession(try RefusalTests.someKey())
            try await client.send(session.seal(Queries.echo()).payload)
            #expect(try await client.transportError() == .notFound)
            #expect(try await client.eventsUntilClosed().isEmpty)
            if transport.carrier.usesWebSocket {
                #expect(client.closeReason == .init(code: 1_000, text: "    -404"))
            }
            await client.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A client that comes back may begin with a long payload", arguments: TransportCase.everywhere)
    func longFirstPayload(transport: TransportCase) async throws {
        try await withDataCenter {
            $0.server.tlsAddresses = [.loopback]
        } _: { dataCenter in
            let maker = try await RawClient(to: dataCenter)
            var session = try await maker.makeSession()
            await maker.close()
            let client = try await RawClient(to: dataCenter, transport.options())
            let query = Queries.echo(1_000_000)
            #expect(try await client.invokePolling(query, in: &session) == query)
            await client.close()
        }
    }

    @Test(
        "The responder is told how the client came",
        arguments: TransportCase.everywhere.filter { !$0.carrier.isSecure }
    )
    func context(transport: TransportCase) async throws {
        try await withServer { _, context in
            let isAsExpected =
                context.carrier == transport.carrier
                && context.transport?.framing == (transport.carrier.usesRequests ? nil : transport.framing)
            return isAsExpected ? .result(ByteBuffer(tlBoolean: true)) : .error(400, "UNEXPECTED")
        } _: { _, address in
            let client = try await RawClient(to: address, transport.options())
            var session = try await client.makeSession()
            #expect(try await client.invoke(Queries.echo(), in: &session) == ByteBuffer(tlBoolean: true))
            await client.close()
        }
    }
}
