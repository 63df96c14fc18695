// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// HTTP on the real server, byte by byte: what is answered, and with what.
@Suite(.network, .timeLimit(.minutes(10)))
struct HTTPRequestTests {
    /// A step of a key exchange, which every stranger may take.
    static func question() -> ByteBuffer {
        Plaintext.regular(RequestPQMulti(nonce: .random(.system)).serialized())
    }

    /// The server still answers, whatever was done to it.
    static func checkLife(of dataCenter: RunningLocalDataCenter) async throws {
        var bytes = try await ByteConnection(to: dataCenter.addresses[0])
        var http = RawHTTP()
        try await bytes.write(RawHTTP.request("POST", "/api", headers: ["Connection: close"], body: Self.question()))
        let response = try #require(try await bytes.response(&http))
        #expect(response.status == 200)
        #expect(response["Connection"] == "close")
        #expect(await bytes.read() == nil)
        await bytes.close()
        try await eventually { dataCenter.server.connectionCount == 0 }
    }

    /// Sends one thing, and returns the response and whether the server closed behind it.
    private func response(
        to request: ByteBuffer,
        of dataCenter: RunningLocalDataCenter
    ) async throws -> RawHTTP.Response? {
        var bytes = try await ByteConnection(to: dataCenter.addresses[0])
        var http = RawHTTP()
        try await bytes.write(request)
        let response = try await bytes.response(&http)
        if response?["Connection"] == "close" { #expect(await bytes.read() == nil) }
        await bytes.close()
        return response
    }

    @Test("The headers of an answer, Content-Length last, and no CORS where none is asked for", arguments: ["", "w"])
    func headers(flag: String) async throws {
        try await withDataCenter { dataCenter in
            let request = RawHTTP.request("POST", "/api\(flag)", body: Self.question())
            let response = try #require(try await self.response(to: request, of: dataCenter))
            #expect(response.status == 200)
            #expect(response["Connection"] == "keep-alive")
            #expect(response["Content-Type"] == "application/octet-stream")
            #expect(response["Pragma"] == "no-cache")
            #expect(response["Cache-Control"] == "no-store")
            #expect(response["Date"]?.hasSuffix(" GMT") == true)
            #expect(response["Access-Control-Allow-Origin"] == (flag == "w" ? "*" : nil))
            #expect(response.headers.last?.name == "Content-Length")
            let answer = try PlaintextMessage(parsing: response.body)
            _ = try ResultPQ(answer.body)
        }
    }

    @Test("A browser asks first, then sends, on one connection")
    func preflight() async throws {
        try await withDataCenter { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var http = RawHTTP()
            let origin = ["Origin: https://example.org"]
            let question =
                origin + [
                    "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: content-type",
                ]
            try await bytes.write(RawHTTP.request("OPTIONS", "/apiw", headers: question))
            let permission = try #require(try await bytes.response(&http))
            #expect(permission.status == 200 && permission.body.readableBytes == 0)
            #expect(permission["Access-Control-Allow-Origin"] == "*")
            #expect(permission["Access-Control-Allow-Methods"] == "POST, OPTIONS")
            #expect(permission["Access-Control-Allow-Headers"] == "origin, content-type")
            #expect(permission["Access-Control-Max-Age"] == "1728000")
            #expect(permission["Content-Type"] == "text/plain")
            try await bytes.write(RawHTTP.request("POST", "/apiw", headers: origin, body: Self.question()))
            #expect(try await bytes.response(&http)?.status == 200)
            await bytes.close()
        }
    }

    static let requests: [(String, ByteBuffer, Int)] = [
        ("an empty body", RawHTTP.request("POST", "/api", body: ByteBuffer()), 400),
        ("a body of 41 bytes", RawHTTP.request("POST", "/api", body: ByteBuffer(repeating: 0, count: 41)), 400),
        ("a body of 4 bytes", RawHTTP.request("POST", "/api", body: ByteBuffer(repeating: 0, count: 4)), 404),
        ("zeros", RawHTTP.request("POST", "/api", body: ByteBuffer(repeating: 0, count: 40)), 404),
        ("an unknown key", RawHTTP.request("POST", "/api", body: ByteBuffer(repeating: 9, count: 120)), 404),
        ("another path", RawHTTP.request("POST", "/", body: question()), 404),
        ("GET", RawHTTP.request("GET", "/api"), 405),
        ("HEAD", RawHTTP.request("HEAD", "/api"), 405),
        ("OPTIONS", RawHTTP.request("OPTIONS", "/api"), 405),
        ("a WebSocket's path", RawHTTP.request("POST", "/apiws", body: question()), 405),
        ("a WebSocket that is none", RawHTTP.request("GET", "/apiws"), 400),
        ("no length", RawHTTP.request("POST", "/api"), 411),
        ("17 MiB", RawHTTP.request("POST", "/api", headers: ["Content-Length: 17825792"]), 413),
        (
            "65 540 bytes of a stranger",
            RawHTTP.request("POST", "/api", body: ByteBuffer(repeating: 1, count: 65_540)), 404
        ),
        ("a long target", RawHTTP.request("POST", "/" + String(repeating: "a", count: 2_000), body: question()), 414),
        (
            "a longer target",
            RawHTTP.request("POST", "/" + String(repeating: "a", count: 9_000), body: question()), 431
        ),
        (
            "a compressed body", RawHTTP.request("POST", "/api", headers: ["Content-Encoding: gzip"], body: question()),
            415
        ),
        ("another expectation", RawHTTP.request("POST", "/api", headers: ["Expect: x"], body: question()), 417),
        (
            "a header of 9 KiB",
            RawHTTP.request("POST", "/api", headers: ["X: " + String(repeating: "a", count: 9_216)], body: question()),
            431
        ),
        (
            "40 KiB of headers",
            RawHTTP.request(
                "POST",
                "/api",
                headers: (0..<10).map { "X-\($0): " + String(repeating: "a", count: 4_096) },
                body: question()
            ), 431
        ),
        ("two lengths", RawHTTP.request("POST", "/api", headers: ["Content-Length: 4"], body: question()), 400),
        (
            "a length and chunks",
            RawHTTP.request("POST", "/api", headers: ["Transfer-Encoding: chunked"], body: question()), 400
        ),
        ("a length that is none", RawHTTP.request("POST", "/api", headers: ["Content-Length: -4"]), 400),
        ("no HTTP", ByteBuffer(string: "POST what is this\r\n\r\n"), 400),
        ("another version", ByteBuffer(string: "POST /api HTTP/2.0\r\nContent-Length: 4\r\n\r\n"), 505),
        ("no header", ByteBuffer(string: "POST /api HTTP/1.1\r\n: nothing\r\n\r\n"), 400),
    ]

    @Test("What HTTP is at fault with, and transport errors, have a status and end the connection", arguments: requests)
    func statuses(name: String, request: ByteBuffer, status: Int) async throws {
        try await withDataCenter { dataCenter in
            let response = try #require(try await self.response(to: request, of: dataCenter))
            #expect(response.status == status)
            #expect(response["Connection"] == "close")
            #expect(response.body.readableBytes == 0)
            #expect((response["Allow"] != nil) == (status == 405))
            try await Self.checkLife(of: dataCenter)
        }
    }

    @Test("HTTP/1.0 ends with its answer unless it asks not to", arguments: [false, true])
    func oldVersion(isKeepAlive: Bool) async throws {
        try await withDataCenter { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var http = RawHTTP()
            let body = Self.question()
            var request = ByteBuffer(
                string: "POST /api HTTP/1.0\r\n\(isKeepAlive ? "Connection: keep-alive\r\n" : "")"
                    + "Content-Length: \(body.readableBytes)\r\n\r\n"
            )
            request.writeImmutableBuffer(body)
            for _ in 0..<(isKeepAlive ? 2 : 1) {
                try await bytes.write(request)
                #expect(try await bytes.response(&http)?.status == 200)
            }
            if !isKeepAlive { #expect(await bytes.read() == nil) }
            await bytes.close()
        }
    }

    @Test("Absolute form and an empty Host, as behind a proxy of TDLib")
    func absoluteForm() async throws {
        try await withDataCenter { dataCenter in
            var request = ByteBuffer(
                string: "POST HTTP://127.0.0.1:80/api HTTP/1.1\r\nHost: \r\nProxy-Connection: keep-alive\r\n"
            )
            let body = Self.question()
            request.writeString("Content-Length: \(body.readableBytes)\r\n\r\n")
            request.writeImmutableBuffer(body)
            let response = try await self.response(to: request, of: dataCenter)
            #expect(response?.status == 200)
        }
    }

    @Test("A client that waits for 100 Continue gets it, and then its answer")
    func continues() async throws {
        try await withDataCenter { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var http = RawHTTP()
            let body = Self.question()
            let head = ["Content-Length: \(body.readableBytes)", "Expect: 100-continue"]
            try await bytes.write(RawHTTP.request("POST", "/api", headers: head))
            #expect(try await bytes.response(&http)?.status == 100)
            try await bytes.write(body)
            #expect(try await bytes.response(&http)?.status == 200)
            await bytes.close()
        }
    }

    @Test("A chunked body, also of one-byte chunks and with trailers", arguments: [1, 7, 1_000])
    func chunks(length: Int) async throws {
        try await withDataCenter { dataCenter in
            var request = RawHTTP.request("POST", "/api", headers: ["Transfer-Encoding: chunked"])
            var body = Self.question()
            while let piece = body.readSlice(length: min(length, max(1, body.readableBytes))) {
                request.writeString("\(String(piece.readableBytes, radix: 16))\r\n")
                request.writeImmutableBuffer(piece)
                request.writeString("\r\n")
            }
            request.writeString("0\r\nX-Trailer: 1\r\n\r\n")
            let response = try await self.response(to: request, of: dataCenter)
            #expect(response?.status == 200)
        }
    }

    @Test("Requests sent ahead are answered in their order; too many of them end the connection, the listener lives")
    func pipelining() async throws {
        try await withDataCenter { dataCenter in
            for count in [5, 2_000] {
                var bytes = try await ByteConnection(to: dataCenter.addresses[0])
                var http = RawHTTP()
                var requests = ByteBuffer()
                let nonces = (0..<count).map { _ in Bytes16.random(.system) }
                for nonce in nonces {
                    let body = Plaintext.regular(RequestPQMulti(nonce: nonce).serialized())
                    requests.writeImmutableBuffer(RawHTTP.request("POST", "/api", body: body))
                }
                // The server may close before it has taken everything.
                let writer = bytes.writer
                let writing = Task { [requests] in try? await writer.write(requests) }
                var answered = 0
                while answered < count, let response = try await bytes.response(&http) {
                    guard response.status == 200 else { break }
                    let answer = try ResultPQ(try PlaintextMessage(parsing: response.body).body)
                    #expect(answer.nonce == nonces[answered])
                    answered += 1
                }
                if count == 5 { #expect(answered == 5) }
                #expect(answered > 0)
                await bytes.close()
                await writing.value
            }
            try await Self.checkLife(of: dataCenter)
        }
    }
}
