// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOSSL
import Synchronization
import Testing

/// A session over HTTP with our own server, through a relay that loses responses.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct HTTPRelayTests {
    /// Echoes, and counts how often each query was executed.
    private final class CountingResponder: QueryResponder {
        let executions = Mutex<[ByteBuffer: Int]>([:])

        func respond(to query: ByteBuffer, context: QueryContext) -> QueryResponse {
            self.executions.withLock { $0[ByteBuffer(bytes: query.readableBytesView), default: 0] += 1 }
            return .result(query)
        }
    }

    @Test(
        "Responses that are lost with their connections: each answer and each update comes, nothing is executed twice",
        arguments: [ClientTransport.http, .https],
        [1, 2]
    )
    func lostResponses(transport: ClientTransport, queryConnectionCount: Int) async throws {
        let certificate = try SelfSignedCertificate()
        var configuration = ServerConfiguration(privateKeys: [TestServer.privateKey])
        configuration.tlsAddresses = [.loopback]
        configuration.tls = .selfSigned(certificate)
        let responder = CountingResponder()
        let roots = try NIOSSLCertificate.fromPEMBytes(Array(certificate.certificatePEM.utf8))
        let client = clientConfiguration {
            $0.transport = transport
            $0.http.queryConnectionCount = queryConnectionCount
            $0.tls.trustRoots = .certificates(roots)
        }
        try await MTProtoServer.withServer(configuration: configuration, responder: responder) { server, addresses in
            let address = transport.carrier.isSecure ? addresses.tls[0] : addresses.plain[0]
            let endpoint = try SocketEndpoint(host: "127.0.0.1", port: try #require(address.port))
            try await CuttingRelay.run(to: endpoint) { number in
                // The connection is made in peace; then every seventh piece is lost.
                number > 30 && number % 7 == 0
            } _: { relay in
                try await MTProtoClient.withConnection(to: .endpoint(relay), configuration: client) { connection in
                    let session = ServerSessionIdentifier(
                        authorizationKey: connection.authorizationKeyIdentifier,
                        session: connection.sessionIdentifier
                    )
                    let count: UInt32 = 60
                    var events = connection.events.makeAsyncIterator()
                    var updates: Set<ByteBuffer> = []
                    for number in 0..<count {
                        try await server.push(Queries.echo(number: number + 1_000), to: session)
                        try await connection.expect(Queries.echo(number: number))
                    }
                    while updates.count < Int(count), let event = await events.next() {
                        if case .update(let update) = event {
                            #expect(updates.insert(ByteBuffer(bytes: update.readableBytesView)).inserted)
                        }
                    }
                    #expect(updates.count == Int(count))
                    let executions = responder.executions.withLock { $0 }
                    #expect(executions.count == Int(count))
                    #expect(executions.values.allSatisfy { $0 == 1 })
                }
            }
        }
    }
}
