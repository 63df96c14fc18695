// SPDX-License-Identifier: Apache-2.0
import MTProtoClient
import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore

enum ReadmeSnippet {
    static func run(endpoint: SocketEndpoint, publicKey: RSAPublicKey, query: ByteBuffer) async throws {
        // snippet
        var configuration = ClientConfiguration()
        configuration.transport = .tcp(.paddedIntermediate, obfuscated: true)
        configuration.publicKeys = [publicKey]

        try await MTProtoClient.withConnection(to: .endpoint(endpoint), configuration: configuration) { connection in
            let config = try await connection.invoke(HelpGetConfig())
            print("data centre \(config.thisDataCenter) with \(config.options.count) addresses")
            let answer = try await connection.invoke(query)
            print("\(answer.readableBytes) bytes")
        }
        // end
    }
}
