// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOSSL
import Synchronization
import Testing

@testable import MTProtoClient

/// Echoes, and counts how often each query was executed.
final class CountingResponder: QueryResponder {
    let executions = Mutex<[ByteBuffer: Int]>([:])
    private let answer: @Sendable (ByteBuffer) -> QueryResponse

    init(answer: @escaping @Sendable (ByteBuffer) -> QueryResponse = { .result($0) }) {
        self.answer = answer
    }

    func respond(to query: ByteBuffer, context: QueryContext) -> QueryResponse {
        self.executions.withLock { $0[ByteBuffer(bytes: query.readableBytesView), default: 0] += 1 }
        return self.answer(query)
    }

    /// How many different queries were executed.
    var count: Int { self.executions.withLock { $0.count } }

    var repeatedCount: Int { self.executions.withLock { $0.values.count { $0 > 1 } } }
}

/// Our own server, for clients that stay connected.
struct StayingServer: Sendable {
    let responder: CountingResponder
    let server: MTProtoServer
    let plain: SocketEndpoint
    let secure: SocketEndpoint
    let tls: TLSConfiguration

    func endpoint(for transport: ClientTransport) -> SocketEndpoint {
        transport.carrier.isSecure ? self.secure : self.plain
    }
}

/// A client that stays connected while a test's body runs.
enum StayingClient {
    static func run(
        to endpoint: SocketEndpoint,
        machine: ReconnectMachine.Configuration = .init(),
        _ change: (inout ClientConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (MTProtoClientService) async throws -> Void
    ) async throws {
        let service = try MTProtoClientService(
            target: .endpoint(endpoint),
            configuration: clientConfiguration(change),
            machine: machine
        )
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await service.run() }
            do {
                try await body(service)
            } catch {
                // Why the service has ended says more than what became of the body.
                group.cancelAll()
                try await group.waitForAll()
                throw error
            }
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    static func withServer(
        _ change: (inout ServerConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (SocketEndpoint, CountingResponder) async throws -> Void
    ) async throws {
        try await self.withServer(responder: CountingResponder(), change) { server in
            try await body(server.plain, server.responder)
        }
    }

    static func withServer(
        responder: CountingResponder,
        _ change: (inout ServerConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (StayingServer) async throws -> Void
    ) async throws {
        let certificate = try SelfSignedCertificate()
        var configuration = ServerConfiguration(privateKeys: [TestServer.privateKey])
        configuration.tlsAddresses = [.loopback]
        configuration.tls = .selfSigned(certificate)
        change(&configuration)
        let roots = try NIOSSLCertificate.fromPEMBytes(Array(certificate.certificatePEM.utf8))
        try await MTProtoServer.withServer(configuration: configuration, responder: responder) { server, addresses in
            var tls = ClientConfiguration.defaultTLS
            tls.trustRoots = .certificates(roots)
            try await body(
                StayingServer(
                    responder: responder,
                    server: server,
                    plain: try SocketEndpoint(host: "127.0.0.1", port: try #require(addresses.plain[0].port)),
                    secure: try SocketEndpoint(host: "127.0.0.1", port: try #require(addresses.tls[0].port)),
                    tls: tls
                )
            )
        }
    }

    /// Asks numbered queries, several at a time, and expects each one's answer.
    static func ask(
        _ service: MTProtoClientService,
        _ numbers: Range<UInt32>,
        atOnce: UInt32 = 10,
        _ asked: @escaping @Sendable (UInt32) -> Void = { _ in }
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in numbers {
                if number - numbers.lowerBound >= atOnce { try await group.next() }
                asked(number)
                group.addTask {
                    let query = Queries.echo(number: number)
                    let answer = try await service.invoke(query)
                    #expect(answer == query)
                }
            }
            try await group.waitForAll()
        }
    }
}
