// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOSSL
import Testing

/// The TLS port.
@Suite(.network, .timeLimit(.minutes(10)))
struct TLSServerTests {
    @Test("A self-signed certificate names its hosts and holds its key")
    func selfSigned() throws {
        let made = try SelfSignedCertificate(hosts: ["localhost", "127.0.0.1", "::1", "example.org"])
        let certificate = try #require(try NIOSSLCertificate.fromPEMBytes(Array(made.certificatePEM.utf8)).first)
        #expect(Array(certificate._subjectAlternativeNames()).count == 4)
        _ = try NIOSSLPrivateKey(bytes: Array(made.privateKeyPEM.utf8), format: .pem)
        #expect(!"\(made)".contains("PRIVATE"))
        #expect(throws: ServerTLSError.self) { try SelfSignedCertificate(hosts: []) }
        #expect(throws: ServerTLSError.self) { try SelfSignedCertificate(hosts: ["a b"]) }
    }

    @Test("TLS addresses need a certificate")
    func notConfigured() throws {
        var configuration = ServerConfiguration(privateKeys: [TestKeys.privateKey])
        configuration.tlsAddresses = [.loopback]
        #expect(throws: ServerTLSError.self) {
            try MTProtoServer(configuration: configuration, responder: ClosureResponder { query, _ in .result(query) })
        }
    }

    @Test("What cannot be read says so")
    func unreadable() throws {
        let good = try SelfSignedCertificate()
        let other = try SelfSignedCertificate()
        let cases: [(ServerTLS, ServerTLSError.Code)] = [
            (.files(certificateChain: "/nowhere/c.pem", privateKey: "/nowhere/k.pem"), .certificateUnreadable),
            (.pem(certificateChain: "nothing", privateKey: good.privateKeyPEM), .certificateUnreadable),
            (.pem(certificateChain: good.certificatePEM, privateKey: "nothing"), .keyUnreadable),
            (.pem(certificateChain: good.certificatePEM, privateKey: other.privateKeyPEM), .keyMismatch),
        ]
        for (tls, code) in cases {
            var configuration = ServerConfiguration(privateKeys: [TestKeys.privateKey])
            configuration.tlsAddresses = [.loopback]
            configuration.tls = tls
            let error = #expect(throws: ServerTLSError.self) {
                try MTProtoServer(
                    configuration: configuration,
                    responder: ClosureResponder { query, _ in .result(query) }
                )
            }
            #expect(error?.code == code)
        }
    }

    @Test("New connections get the new certificate after a reload; what cannot be read changes nothing")
    func reload() async throws {
        let directory = try TemporaryDirectory()
        let first = try SelfSignedCertificate()
        let second = try SelfSignedCertificate()
        try directory.write(first.certificatePEM, to: "c.pem")
        try directory.write(first.privateKeyPEM, to: "k.pem")
        try await withDataCenter {
            $0.server.tlsAddresses = [.loopback]
            $0.server.tls = .files(
                certificateChain: directory.path("c.pem"),
                privateKey: directory.path("k.pem")
            )
        } _: { dataCenter in
            #expect(dataCenter.certificatePEM == nil)
            let old = try await Self.client(of: dataCenter, trusting: first)
            _ = try await old.makeKey()
            try directory.write(second.certificatePEM, to: "c.pem")
            // The key is still the first one's.
            await #expect(throws: ServerTLSError.self) { try await dataCenter.server.reloadTLS() }
            try await Self.makeKey(at: dataCenter, trusting: first)
            try directory.write(second.privateKeyPEM, to: "k.pem")
            try await dataCenter.server.reloadTLS()
            try await Self.makeKey(at: dataCenter, trusting: second)
            await #expect(throws: (any Error).self) { try await Self.makeKey(at: dataCenter, trusting: first) }
            // The connection that there was goes on.
            _ = try await old.makeKey()
            await old.close()
        }
    }

    private static func makeKey(
        at dataCenter: RunningLocalDataCenter,
        trusting certificate: SelfSignedCertificate
    ) async throws {
        let client = try await Self.client(of: dataCenter, trusting: certificate)
        let result: Result<KeyExchangeResult, any Error>
        do {
            result = .success(try await client.makeKey())
        } catch {
            result = .failure(error)
        }
        await client.close()
        _ = try result.get()
    }

    private static func client(
        of dataCenter: RunningLocalDataCenter,
        trusting certificate: SelfSignedCertificate
    ) async throws -> RawClient {
        var options = RawClient.Options()
        options.carrier = .tls
        options.certificatePEM = certificate.certificatePEM
        return try await RawClient(to: dataCenter.tlsAddresses[0], options)
    }

    @Test("Garbage, plain protocols and TLS in TLS are closed, and the listener lives")
    func garbage() async throws {
        try await withDataCenter {
            $0.server.tlsAddresses = [.loopback]
        } _: { dataCenter in
            let openings: [ByteBuffer] = [
                ByteBuffer(bytes: RandomSource.seeded(1).bytes(300)),
                ByteBuffer(string: "GET / HTTP/1.1\r\n\r\n"),
                ByteBuffer(bytes: [0x16, 0x03, 0x01, 0xFF, 0xFF] + RandomSource.seeded(2).bytes(500)),
                ByteBuffer(bytes: [0xEE, 0xEE, 0xEE, 0xEE]),
            ]
            for opening in openings {
                var bytes = try await ByteConnection(to: dataCenter.tlsAddresses[0])
                try await bytes.write(opening)
                try await bytes.closeOutput()
                while await bytes.read() != nil {}
                await bytes.close()
            }
            var inner = try await ByteConnection(
                to: dataCenter.tlsAddresses[0],
                certificatePEM: dataCenter.certificatePEM
            )
            try await inner.write(ByteBuffer(bytes: [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01]))
            #expect(await inner.read() == nil)
            await inner.close()
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }

    @Test("A handshake that is not finished in time ends", arguments: [0, 1, 5])
    func slowHandshake(byteCount: Int) async throws {
        try await withDataCenter {
            $0.server.tlsAddresses = [.loopback]
            $0.server.timeouts.handshake = .milliseconds(300)
        } _: { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.tlsAddresses[0])
            if byteCount > 0 {
                try await bytes.write(ByteBuffer(bytes: [0x16, 0x03, 0x01, 0x02, 0x00].prefix(byteCount)))
            }
            while await bytes.read() != nil {}
            await bytes.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }
}
