// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoTransport
import NIOCore
import Testing

/// Responses that are endless, cut or in disorder, byte for byte.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct HTTPBrokenResponseTests {
    private static let maximumPayloadLength = 4_096

    /// What is written once, and what follows until the client has enough.
    struct Response: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let start: String
        var repeated: String?
        let code: MTProtoClientError.Code
        var status: Int?
    }

    private static let piece = String(repeating: "x", count: 1_000)
    private static let interim = String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 1_000)

    static let responses: [Response] = [
        Response(
            testDescription: "an endless body in chunks",
            start: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            repeated: "3e8\r\n\(piece)\r\n",
            code: .http
        ),
        Response(
            testDescription: "an endless body without a length",
            start: "HTTP/1.1 200 OK\r\n\r\n",
            repeated: piece,
            code: .http
        ),
        Response(
            testDescription: "endless headers",
            start: "HTTP/1.1 200 OK\r\n",
            repeated: "A: b\r\n",
            code: .http
        ),
        Response(
            testDescription: "an endless header",
            start: "HTTP/1.1 200 OK\r\nA: ",
            repeated: piece,
            code: .http
        ),
        Response(
            testDescription: "a length beyond all memory",
            start: "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n",
            code: .http
        ),
        Response(
            testDescription: "two lengths",
            start: "HTTP/1.1 200 OK\r\nContent-Length: 40\r\nContent-Length: 44\r\n\r\n\(piece)",
            code: .http
        ),
        Response(
            testDescription: "a redirection",
            start: "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/api\r\nContent-Length: 0\r\n\r\n",
            code: .http,
            status: 302
        ),
        Response(
            testDescription: "a status behind many interim ones",
            start: "\(interim)HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n",
            code: .http,
            status: 400
        ),
    ]

    @Test("Endless, or no payload", arguments: responses)
    func broken(response: Response) async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.read()
            try await connection.write(Array(response.start.utf8))
            if let repeated = response.repeated {
                // Until the client's end: then writing fails.
                while true { try await connection.write(Array(repeated.utf8)) }
            }
            await connection.closed()
        } _: { endpoint in
            let error = await ConnectFailureTests.failure(to: endpoint) {
                $0.transport = .http
                $0.maximumPayloadLength = Self.maximumPayloadLength
            }
            #expect(error?.code == response.code)
            #expect(error?.httpStatus == response.status)
            #expect(error?.phase == .keyExchange)
        }
    }

    @Test(
        "Cut",
        arguments: [
            "", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n0123456789",
        ]
    )
    func cut(response: String) async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.read()
            try await connection.write(Array(response.utf8))
        } _: { endpoint in
            let error = await ConnectFailureTests.failure(to: endpoint) { $0.transport = .http }
            #expect(error?.code == .connectionClosed)
            #expect(error?.phase == .keyExchange)
        }
    }
}
