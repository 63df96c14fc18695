// SPDX-License-Identifier: Apache-2.0
import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore

// snippet
struct ReversingResponder: QueryResponder {
    func respond(to query: ByteBuffer, context: QueryContext) -> QueryResponse {
        guard query.readableBytes <= 1024 else { return .error(400, "QUERY_TOO_LONG") }
        return .result(ByteBuffer(bytes: query.readableBytesView.reversed()))
    }
}
// end

enum ServerSnippets {
    static func serve() async throws {
        // snippet
        let key = try RSAPrivateKey.generate()
        let server = try MTProtoServer(
            configuration: ServerConfiguration(privateKeys: [key]),
            responder: ReversingResponder()
        )
        try await server.run { addresses in
            print("listening on \(addresses.plain)")
        }
        // end
    }

    static func localDataCenter(query: ByteBuffer) async throws {
        // snippet
        try await LocalDataCenter.withLocalDataCenter { dataCenter in
            guard let port = dataCenter.addresses.first?.port else { return }
            var configuration = ClientConfiguration()
            configuration.publicKeys = [dataCenter.publicKey]
            let endpoint = try SocketEndpoint(host: "127.0.0.1", port: port)
            try await MTProtoClient.withConnection(to: .endpoint(endpoint), configuration: configuration) {
                connection in
                let answer = try await connection.invoke(query)
                print("\(answer.readableBytes) bytes")
            }
        }
        // end
    }
}
