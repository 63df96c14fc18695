// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
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
    try change(&configuration)
    return try await LocalDataCenter.withLocalDataCenter(configuration: configuration, body)
}

/// A client's configuration for the test servers.
func clientConfiguration(_ change: (inout ClientConfiguration) -> Void = { _ in }) -> ClientConfiguration {
    var configuration = ClientConfiguration()
    configuration.publicKeys = [TestServer.publicKey]
    change(&configuration)
    return configuration
}

extension RunningLocalDataCenter {
    var endpoint: SocketEndpoint {
        get throws { try SocketEndpoint(host: "127.0.0.1", port: self.addresses[0].port ?? 0) }
    }

    /// Connects a client and runs `body`.
    func connect<Result: Sendable>(
        _ change: (inout ClientConfiguration) -> Void = { _ in },
        _ body: @Sendable (MTProtoConnection) async throws -> Result
    ) async throws -> Result {
        try await MTProtoClient.withConnection(
            to: .endpoint(try self.endpoint),
            configuration: clientConfiguration(change),
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

/// A way to connect: every framing plain, and obfuscated where it can be.
struct TransportCase: Sendable, CustomTestStringConvertible {
    let transport: ClientTransport

    static let all = Framing.allCases.flatMap { framing in
        [false, true].compactMap { isObfuscated in
            isObfuscated && !framing.isObfuscatable
                ? nil : TransportCase(transport: .tcp(framing, obfuscated: isObfuscated))
        }
    }

    var testDescription: String {
        "\(self.transport.framing.rawValue)\(self.transport.isObfuscated ? " obfuscated" : "")"
    }
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
