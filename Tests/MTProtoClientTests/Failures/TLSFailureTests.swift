// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOSSL
import Testing

/// TLS that does not come about, and whom a client trusts.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct TLSFailureTests {
    static let transports = ClientTransport.all.filter { $0.carrier.isSecure && $0.framing != .abridged }

    private static func failure(
        _ transport: ClientTransport,
        at endpoint: SocketEndpoint,
        trusting pem: String?
    ) async -> MTProtoClientError? {
        await ConnectFailureTests.failure(to: endpoint) {
            $0.transport = transport
            $0.tls.shutdownTimeout = .milliseconds(100)
            if let pem, let certificates = try? NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)) {
                $0.tls.trustRoots = .certificates(certificates)
            }
        }
    }

    @Test("A certificate that nobody trusted has signed", arguments: transports)
    func untrusted(transport: ClientTransport) async throws {
        try await withDataCenter { dataCenter in
            let endpoint = try dataCenter.endpoint(for: transport)
            let error = await Self.failure(transport, at: endpoint, trusting: nil)
            #expect(error?.code == .certificateRefused)
            #expect(error?.phase == .transportHandshake)
            #expect(error?.isRetryable == false)
            #expect(error?.endpoint?.hasPrefix("\(transport.carrier.rawValue)://") == true)
            let other = try SelfSignedCertificate()
            let second = await Self.failure(transport, at: endpoint, trusting: other.certificatePEM)
            #expect(second?.code == .certificateRefused)
        }
    }

    @Test(
        "A certificate for another host, asked for by name and by address",
        arguments: transports,
        ["localhost", "127.0.0.1"]
    )
    func otherHost(transport: ClientTransport, host: String) async throws {
        let certificate = try SelfSignedCertificate(hosts: ["elsewhere.example", "10.1.2.3"])
        try await withDataCenter {
            $0.server.tls = .selfSigned(certificate)
        } _: { dataCenter in
            let port = try dataCenter.endpoint(for: transport).port
            let endpoint = try SocketEndpoint(host: host, port: port)
            let error = await Self.failure(transport, at: endpoint, trusting: certificate.certificatePEM)
            #expect(error?.code == .certificateRefused)
        }
    }

    @Test("The right certificate, asked for by name and by address", arguments: transports, ["localhost", "127.0.0.1"])
    func trusted(transport: ClientTransport, host: String) async throws {
        try await withDataCenter { dataCenter in
            let port = try dataCenter.endpoint(for: transport).port
            let configuration = clientConfiguration {
                $0.transport = transport
                $0.tls = dataCenter.trustingTLS
            }
            try await MTProtoClient.withConnection(
                to: .endpoint(try SocketEndpoint(host: host, port: port)),
                configuration: configuration
            ) { try await $0.expect(Queries.echo()) }
        }
    }

    @Test("A port without TLS", arguments: transports)
    func plainPort(transport: ClientTransport) async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.read()
            try await connection.write(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
            await connection.closed()
        } _: { endpoint in
            let error = await Self.failure(transport, at: endpoint, trusting: nil)
            #expect(error?.code == .tls)
            #expect(error?.phase == .transportHandshake)
        }
    }

    @Test("A server that closes, or says nothing", arguments: transports, [false, true])
    func silent(transport: ClientTransport, closes: Bool) async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.read()
            if !closes { await connection.closed() }
        } _: { endpoint in
            let error = await ConnectFailureTests.failure(to: endpoint) {
                $0.transport = transport
                $0.timeouts.attempt = closes ? .seconds(10) : .milliseconds(300)
                $0.tls.shutdownTimeout = .milliseconds(100)
            }
            #expect(error?.code == (closes ? .connectionClosed : .timeout), "\(String(describing: error))")
            #expect(error?.phase == .transportHandshake)
        }
    }

    @Test("A configuration that cannot be used")
    func configuration() async throws {
        let error = await ConnectFailureTests.failure(to: try SocketEndpoint("127.0.0.1:9")) {
            $0.transport = .https
            $0.tls.trustRoots = .file("/nowhere.pem")
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.phase == .transportHandshake)
    }
}
