// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import MetricsTestKit
import NIOCore
import NIOPosix
import Testing

/// What a server tells in metrics of its connections and queries; what it tells of forgotten messages is in
/// ``InMemorySessionStoreTests``.
@Suite(.network, .timeLimit(.minutes(10)))
struct ServerMetricsTests {
    private static func total(
        _ metrics: TestMetrics,
        _ name: String,
        _ dimensions: [(String, String)] = []
    ) throws -> Int64 {
        try metrics.expectCounter("mtproto_server_\(name)_total", dimensions).totalValue
    }

    @Test(
        "Connections and payloads count for their carrier, and for no other",
        arguments: [Carrier.tcp, .ws, .http]
    )
    func carriers(carrier: Carrier) async throws {
        let metrics = TestMetrics()
        try await withServer({ $0.metricsFactory = metrics }, respond: { query, _ in .result(query) }) {
            server,
            address in
            let transport = TransportCase(framing: .intermediate, isObfuscated: carrier == .ws, carrier: carrier)
            let client = try await RawClient(to: address, transport.options())
            var session = try await client.makeSession()
            #expect(try await client.invoke(Queries.echo(), in: &session) == Queries.echo())
            await client.close()
            try await eventually { server.connectionCount == 0 }
            for other in Carrier.allCases {
                let label = ("carrier", other.rawValue)
                let isOwn = other == carrier
                #expect(try Self.total(metrics, "connections_used", [label]) == (isOwn ? 1 : 0))
                for direction in ["received", "sent"] {
                    let count = try Self.total(metrics, "payloads", [label, ("direction", direction)])
                    // Three of the key exchange, and one of the query at least.
                    #expect(isOwn ? count >= 4 : count == 0)
                }
            }
        }
    }

    @Test("Messages that are sent again count", arguments: [Carrier.tcp, .http])
    func repeated(carrier: Carrier) async throws {
        let metrics = TestMetrics()
        try await withServer({ $0.metricsFactory = metrics }, respond: { query, _ in .result(query) }) {
            server,
            address in
            var options = RawClient.Options()
            options.carrier = carrier
            let first = try await RawClient(to: address, options)
            var session = try await first.makeSession()
            let query = session.seal(Queries.echo())
            try await first.send(query.payload)
            #expect(try await first.result(of: query.identifier, in: session) == Queries.echo())
            #expect(try Self.total(metrics, "messages_repeated") == 0)
            await first.close()
            try await eventually { server.connectionCount == 0 }
            let second = try await RawClient(to: address, options)
            try await second.send(session.seal(Ping(pingIdentifier: 1).serialized(), isContentRelated: false).payload)
            #expect(try await second.result(of: query.identifier, in: session) == Queries.echo())
            // The notice of the new session is the other.
            #expect(try Self.total(metrics, "messages_repeated") == 2)
            await second.close()
        }
    }

    @Test("A query whose connection has gone is cancelled for want of room, and counts")
    func detached() async throws {
        let metrics = TestMetrics()
        let gate = Gate()
        try await withServer {
            $0.metricsFactory = metrics
            $0.limits.detachedQueries = 0
        } respond: { query, _ in
            .asynchronous {
                await gate.pass()
                return .result(query)
            }
        } _: { server, address in
            let client = try await HTTPSessionTests.client(address)
            var session = try await client.makeSession()
            try await client.send(session.seal(Queries.echo()).payload)
            try await eventually { gate.arrivals == 1 }
            #expect(try Self.total(metrics, "detached_queries_cancelled") == 0)
            // A mere end of the input would leave the request waiting for its answer.
            try await client.reset()
            try await eventually { gate.cancellations == 1 && server.connectionCount == 0 }
            #expect(try Self.total(metrics, "detached_queries_cancelled") == 1)
        }
    }

    @Test("Sessions that had to go, and notices that gave way, are told once")
    func store() async throws {
        let metrics = TestMetrics()
        let sessions = InMemorySessionStore(maximumCount: 2)
        try await withServer {
            $0.metricsFactory = metrics
            $0.sessions = sessions
        } respond: { query, _ in
            .result(query)
        } _: { server, _ in
            for number in 1...3 as ClosedRange<UInt64> {
                _ = sessions.change(
                    ServerSessionIdentifier(authorizationKey: number, session: number),
                    on: MultiThreadedEventLoopGroup.singleton.next(),
                    makingIfMissing: {
                        ServerSession(
                            authorizationKeyIdentifier: $0.authorizationKey,
                            sessionIdentifier: $0.session
                        )
                    }
                ) { session in
                    guard number == 3 else { return }
                    for _ in 0..<4100 { session.answerDestroySession(1, existed: false, requestedBy: 4) }
                }
            }
            for _ in 0..<2 { server.reportMetrics() }
        }
        #expect(try Self.total(metrics, "sessions_evicted") == 1)
        #expect(try Self.total(metrics, "notices_dropped") == 4)
    }
}
