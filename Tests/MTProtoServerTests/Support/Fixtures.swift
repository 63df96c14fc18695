// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore

enum TestKeys {
    /// Made once a run: nothing depends on which key it is.
    static let privateKey: RSAPrivateKey = {
        do { return try RSAPrivateKey.generate() } catch { fatalError("\(error)") }
    }()
    static let publicKey = privateKey.publicKey
}

/// Forms of plaintext messages that clients use.
enum Plaintext {
    static func regular(_ body: ByteBuffer) -> ByteBuffer {
        let identifier = MessageTimes.identifier()
        return PlaintextMessage(identifier: identifier, body: body).serialized()
    }

    /// TDLib, Desktop: the identifier is 0, and random bytes are inside of the declared length.
    static func paddedInside(_ body: ByteBuffer) -> ByteBuffer {
        var body = body
        body.writeBytes(RandomSource.system.bytes(RandomSource.system.integer(in: 1...63) * 4))
        return PlaintextMessage(identifier: 0, body: body).serialized()
    }

    /// MadelineProto: random bytes behind the declared length.
    static func paddedBehind(_ body: ByteBuffer) -> ByteBuffer {
        var payload = Self.regular(body)
        payload.writeBytes(RandomSource.system.bytes(RandomSource.system.integer(in: 1...63) * 4))
        return payload
    }
}

enum MessageTimes {
    static func identifier() -> UInt64 {
        var generator = MessageIdentifierGenerator(role: .client)
        return generator.next(serverNanoseconds: SessionClock.system.now().wallNanoseconds)
    }
}

enum Queries {
    static func echo(_ byteCount: Int = 16, fill: UInt8 = 7) -> ByteBuffer {
        var query = ByteBuffer()
        query.writeInteger(LocalDataCenter.echoConstructor, endianness: .little)
        query.writeRepeatingByte(fill, count: max(0, byteCount - 4))
        return query
    }

    static let getConfig = HelpGetConfig().serialized()

    /// `invokeWithLayer(initConnection(query))`.
    static func initialized(_ query: ByteBuffer, layer: Int32 = 228) -> ByteBuffer {
        InvokeWithLayer(
            layer: layer,
            query: InitConnection(
                apiIdentifier: 1,
                deviceModel: "test",
                systemVersion: "1",
                applicationVersion: "1",
                systemLanguageCode: "en",
                languagePack: "",
                languageCode: "en",
                query: query
            ).serialized()
        ).serialized()
    }
}

/// Runs a local data centre with the shared RSA key.
func withDataCenter<Result: Sendable>(
    _ change: (inout LocalDataCenter.Configuration) -> Void = { _ in },
    _ body: @Sendable (RunningLocalDataCenter) async throws -> Result
) async throws -> Result {
    var configuration = try LocalDataCenter.Configuration(privateKey: TestKeys.privateKey)
    change(&configuration)
    return try await LocalDataCenter.withLocalDataCenter(configuration: configuration, body)
}

/// Runs a server whose queries `respond` answers.
func withServer<Result: Sendable>(
    _ change: (inout ServerConfiguration) -> Void = { _ in },
    respond: @escaping @Sendable (ByteBuffer, QueryContext) -> QueryResponse,
    _ body: @Sendable (MTProtoServer, SocketAddress) async throws -> Result
) async throws -> Result {
    var configuration = ServerConfiguration(privateKeys: [TestKeys.privateKey])
    change(&configuration)
    return try await MTProtoServer.withServer(
        configuration: configuration,
        responder: ClosureResponder(answer: respond)
    ) { server, addresses in
        try await body(server, addresses.plain[0])
    }
}

struct ClosureResponder: QueryResponder {
    let answer: @Sendable (ByteBuffer, QueryContext) -> QueryResponse

    func respond(to query: ByteBuffer, context: QueryContext) -> QueryResponse {
        self.answer(query, context)
    }
}

/// Waits for a count that no event announces; the test's time limit is the bound.
func eventually(_ condition: () -> Bool) async throws {
    while !condition() {
        try await Task.sleep(for: .milliseconds(1))
    }
}
