// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoClient
import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

/// A server that does not make a WebSocket of the connection, or breaks the one it made.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct WebSocketFailureTests {
    /// A client's opening handshake.
    struct Request: Sendable {
        let lines: [String]

        init(_ connection: ScriptedConnection) async throws {
            var text = ""
            while !text.hasSuffix("\r\n\r\n") { text += String(buffer: try await connection.read()) }
            self.lines = text.components(separatedBy: "\r\n")
        }

        func header(_ name: String) -> String? {
            self.lines.first { $0.lowercased().hasPrefix("\(name):") }?
                .dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
        }

        /// The answer of an honest server.
        func acceptance(subprotocol: String? = "binary", extra: String = "") -> [UInt8] {
            let key = self.header("sec-websocket-key") ?? ""
            let digest = sha1(Array("\(key)258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
            let accept = digest.withUnsafeBytes { Data($0).base64EncodedString() }
            let line = subprotocol.map { "Sec-WebSocket-Protocol: \($0)\r\n" } ?? ""
            return Array(
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \(accept)\r\n\(line)\(extra)\r\n"
                    .utf8
            )
        }
    }

    static func failure(
        _ change: @escaping @Sendable (inout ClientConfiguration) -> Void = { _ in },
        script: @escaping @Sendable (ScriptedConnection, Request) async throws -> Void
    ) async throws -> MTProtoClientError? {
        try await ScriptedServer.run { connection in
            try await script(connection, try await Request(connection))
            await connection.closed()
        } _: { endpoint in
            await ConnectFailureTests.failure(to: endpoint) {
                $0.transport = .webSocket(tls: false)
                change(&$0)
            }
        }
    }

    @Test("The request")
    func request() async throws {
        let seen = Mutex<[Request]>([])
        try await ScriptedServer.run { connection in
            let request = try await Request(connection)
            seen.withLock { $0.append(request) }
        } _: { endpoint in
            let error = await ConnectFailureTests.failure(to: endpoint) { $0.transport = .webSocket(tls: false) }
            #expect(error?.code == .connectionClosed)
            #expect(error?.phase == .transportHandshake)
            #expect(error?.endpoint == "ws://\(endpoint)/apiws")
            let request = try #require(seen.withLock { $0.first })
            #expect(request.lines.first == "GET /apiws HTTP/1.1")
            #expect(request.header("host") == "\(endpoint)")
            #expect(request.header("upgrade") == "websocket")
            #expect(request.header("connection")?.lowercased() == "upgrade")
            #expect(request.header("sec-websocket-version") == "13")
            #expect(request.header("sec-websocket-protocol") == "binary")
            #expect(request.header("sec-websocket-extensions") == nil)
            #expect(request.header("content-length") == nil)
            #expect(Data(base64Encoded: request.header("sec-websocket-key") ?? "")?.count == 16)
        }
    }

    @Test("Refused", arguments: [200, 301, 400, 403, 404, 426, 429, 500, 501, 503, 505])
    func refused(status: Int) async throws {
        let error = try await Self.failure { connection, _ in
            try await connection.write(Array("HTTP/1.1 \(status) No\r\nContent-Length: 2\r\n\r\nno".utf8))
        }
        #expect(error?.code == .upgradeRefused)
        #expect(error?.httpStatus == status)
        #expect(error?.phase == .transportHandshake)
        #expect(error?.isRetryable == [500, 503].contains(status))
    }

    @Test("Accepted in a way that is none", arguments: ["chat", "binary, binary", ""])
    func wrongSubprotocol(subprotocol: String) async throws {
        let error = try await Self.failure { connection, request in
            try await connection.write(request.acceptance(subprotocol: subprotocol))
        }
        #expect(error?.code == .upgradeRefused)
        #expect(error?.httpStatus == 101)
    }

    @Test("Accepted with an extension, or with another key's answer", arguments: [false, true])
    func wrongAcceptance(isExtension: Bool) async throws {
        let error = try await Self.failure { connection, request in
            let extra = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
            var bytes = request.acceptance(extra: isExtension ? extra : "")
            if !isExtension {
                bytes = Array(
                    String(decoding: bytes, as: UTF8.self)
                        .replacingOccurrences(of: "Sec-WebSocket-Accept: ", with: "Sec-WebSocket-Accept: A").utf8
                )
            }
            try await connection.write(bytes)
        }
        #expect(error?.code == .upgradeRefused)
    }

    @Test("Not HTTP at all")
    func garbage() async throws {
        let error = try await Self.failure { connection, _ in
            try await connection.write([0x15, 3, 1, 0, 2, 2, 0x50, 0x0D, 0x0A, 0x0D, 0x0A])
        }
        #expect(error?.code == .http)
        #expect(error?.phase == .transportHandshake)
    }

    @Test("Silence")
    func silent() async throws {
        let error = try await Self.failure {
            $0.timeouts.attempt = .milliseconds(300)
        } script: { _, _ in
        }
        #expect(error?.code == .timeout)
        #expect(error?.phase == .transportHandshake)
    }

    /// Close frames, and what the client makes of them.
    static let closes: [([UInt8], TransportErrorCode?)] = [
        ([0x88, 0x0A, 0x03, 0xE8] + Array("    -404".utf8), .notFound),
        ([0x88, 0x05, 0x03, 0xE8] + Array("429".utf8), .flood),
        ([0x88, 0x02, 0x03, 0xE8], nil),
        ([0x88, 0x00], nil),
        ([0x88, 0x05, 0x03, 0xE9] + Array("bye".utf8), nil),
    ]

    @Test("Closed with a reason; the server leaves our subprotocol unmentioned", arguments: closes)
    func closed(frame: [UInt8], code: TransportErrorCode?) async throws {
        let error = try await Self.failure { connection, request in
            // Glued to the handshake: nothing in between is lost.
            try await connection.write(request.acceptance(subprotocol: nil) + frame)
        }
        #expect(error?.code == (code == nil ? .connectionClosed : .transportError))
        #expect(error?.transportError == code)
    }

    @Test("Closed with a reason in the key exchange", arguments: closes)
    func closedInExchange(frame: [UInt8], code: TransportErrorCode?) async throws {
        let error = try await Self.failure { connection, request in
            try await connection.write(request.acceptance())
            // The client's first bytes: its handshake is over.
            _ = try await connection.read()
            try await connection.write(frame)
        }
        #expect(error?.code == (code == nil ? .connectionClosed : .transportError))
        #expect(error?.transportError == code)
        #expect(error?.phase == .keyExchange)
    }

    @Test(
        "Frames that no WebSocket has, or no MTProto server sends",
        arguments: [
            [0x81, 0x02, 0x68, 0x69], [0x82, 0x81, 1, 2, 3, 4, 5], [0xC2, 0x01, 0], [0x80, 0x01, 0],
            [0x82, 0x7F, 0, 0, 0, 1, 0, 0, 0, 0],
        ] as [[UInt8]]
    )
    func brokenFrame(frame: [UInt8]) async throws {
        let error = try await Self.failure { connection, request in
            try await connection.write(request.acceptance())
            // The client's first bytes: its handshake is over.
            _ = try await connection.read()
            try await connection.write(frame)
        }
        #expect(error?.code == .framing)
        #expect(error?.phase == .keyExchange)
    }
}
