// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOSSL
import Testing

enum TestServer {
    /// Made once a run: nothing depends on which key it is.
    static let privateKey: RSAPrivateKey = {
        do { return try RSAPrivateKey.generate() } catch { fatalError("\(error)") }
    }()
    static let publicKey = privateKey.publicKey
    static let keyExchanges: ServerKeyExchangeTable = {
        do { return try ServerKeyExchangeTable(configuration: .init(privateKeys: [privateKey])) } catch {
            fatalError("\(error)")
        }
    }()
}

/// Runs a local data centre with the shared RSA key.
func withDataCenter<Result: Sendable>(
    _ change: (inout LocalDataCenter.Configuration) throws -> Void = { _ in },
    _ body: @Sendable (RunningLocalDataCenter) async throws -> Result
) async throws -> Result {
    var configuration = try LocalDataCenter.Configuration(privateKey: TestServer.privateKey)
    configuration.server.tlsAddresses = [.loopback]
    try change(&configuration)
    return try await LocalDataCenter.withLocalDataCenter(configuration: configuration, body)
}

/// A client's configuration for the test servers.
func clientConfiguration(_ change: (inout ClientConfiguration) -> Void = { _ in }) -> ClientConfiguration {
    var configuration = ClientConfiguration()
    configuration.publicKeys = [TestServer.publicKey]
    // All tests run at once, unoptimized: what is not about time has much of it.
    configuration.timeouts.connect = .seconds(110)
    configuration.timeouts.attempt = .seconds(60)
    configuration.timeouts.hop = .seconds(60)
    configuration.timeouts.keyExchangeStep = .seconds(60)
    configuration.timeouts.session = .seconds(60)
    configuration.session.pongTimeout = .seconds(60)
    configuration.session.minimumPongTimeout = .seconds(60)
    change(&configuration)
    return configuration
}

extension RunningLocalDataCenter {
    var endpoint: SocketEndpoint {
        get throws { try SocketEndpoint(host: "127.0.0.1", port: self.addresses[0].port ?? 0) }
    }

    /// Where a transport is spoken.
    func endpoint(for transport: ClientTransport) throws -> SocketEndpoint {
        let addresses = transport.carrier.isSecure ? self.tlsAddresses : self.addresses
        return try SocketEndpoint(host: "127.0.0.1", port: addresses[0].port ?? 0)
    }

    /// Trusts the data centre's own certificate.
    var trustingTLS: TLSConfiguration {
        var tls = ClientConfiguration.defaultTLS
        if let pem = self.certificatePEM, let certificates = try? NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)) {
            tls.trustRoots = .certificates(certificates)
        }
        return tls
    }

    /// Connects a client and runs `body`.
    func connect<Result: Sendable>(
        _ change: (inout ClientConfiguration) -> Void = { _ in },
        _ body: @Sendable (MTProtoConnection) async throws -> Result
    ) async throws -> Result {
        let configuration = clientConfiguration {
            $0.tls = self.trustingTLS
            change(&$0)
        }
        return try await MTProtoClient.withConnection(
            to: .endpoint(try self.endpoint(for: configuration.transport)),
            configuration: configuration,
            body
        )
    }

    func sessionIdentifier(of connection: MTProtoConnection) -> ServerSessionIdentifier {
        ServerSessionIdentifier(
            authorizationKey: connection.authorizationKeyIdentifier,
            session: connection.sessionIdentifier
        )
    }
}

enum Queries {
    static func echo(_ byteCount: Int = 16, fill: UInt8 = 7) -> ByteBuffer {
        var query = ByteBuffer()
        query.writeInteger(LocalDataCenter.echoConstructor, endianness: .little)
        query.writeRepeatingByte(fill, count: max(0, byteCount - 4))
        return query
    }

    static func echo(number: UInt32) -> ByteBuffer {
        var query = ByteBuffer()
        query.writeInteger(LocalDataCenter.echoConstructor, endianness: .little)
        query.writeInteger(number)
        return query
    }
}

/// A way to connect.
struct TransportCase: Sendable, CustomTestStringConvertible {
    let transport: ClientTransport

    /// Every one that there is.
    static let all = ClientTransport.all.map { TransportCase(transport: $0) }

    /// One of each carrier.
    static let carriers: [TransportCase] = [
        .tcp(), .webSocket(tls: false), .webSocket(.paddedIntermediate, tls: true), .http, .https,
    ].map { TransportCase(transport: $0) }

    var testDescription: String { self.transport.description }
}

/// Waits for a count that no event announces; the test's time limit is the bound.
func eventually(_ condition: () -> Bool) async throws {
    while !condition() {
        try await Task.sleep(for: .milliseconds(1))
    }
}

/// The client's error that `body` throws.
func clientError(_ body: () async throws -> Void) async -> MTProtoClientError? {
    do {
        try await body()
        Issue.record("nothing was thrown")
    } catch let error as MTProtoClientError {
        return error
    } catch {
        Issue.record("another error: \(error)")
    }
    return nil
}

extension MTProtoConnection {
    /// Invokes a query and expects an answer; the query itself when none is named.
    func expect(
        _ query: ByteBuffer,
        _ answer: ByteBuffer? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let result = try await self.invoke(query)
        #expect(result == answer ?? query, sourceLocation: sourceLocation)
    }
}
