// SPDX-License-Identifier: Apache-2.0

import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import Testing

/// The scripted proxies, spoken to by the package's own handshakes and by hand.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct ScriptedProxyTests {
    /// Passes a SOCKS5 proxy and sends bytes to what echoes them; what comes back.
    private static func echo(
        through proxy: SocketEndpoint,
        to destination: SocketEndpoint,
        credentials: ProxyCredentials? = nil
    ) async throws -> String {
        let client = try await WireConnection.dial(proxy)
        var reader = WireReader(client)
        var handshake = try SOCKS5Handshake(destination: destination, credentials: credentials)
        do {
            try await client.write(handshake.start())
            handshaking: while true {
                switch try handshake.receive(&reader.buffer) {
                case .needsMoreBytes: try await reader.readMore()
                case .send(let bytes): try await client.write(bytes)
                case .done: break handshaking
                }
            }
            try await client.write(Array("hello".utf8))
            try await client.endOutput()
            var text = ""
            while let bytes = await reader.next() { text += String(buffer: bytes) }
            await client.close()
            return text
        } catch {
            await client.close()
            throw error
        }
    }

    @Test(
        "SOCKS5: every kind of destination and of address in the reply",
        arguments: ["127.0.0.1", "2001:db8::1", "dc.example"],
        [ScriptedSOCKS5Server.BoundAddress.v4, .v6, .name(0), .name(255)]
    )
    func addresses(host: String, bound: ScriptedSOCKS5Server.BoundAddress) async throws {
        try await FaultyRelay.run(.echo) { server in
            var script = ScriptedSOCKS5Server()
            script.boundAddress = bound
            script.tunnel.resolve = { _ in server.endpoint }
            script.tunnel.gluedBytes = Array("glued ".utf8)
            try await script.run { proxy in
                let destination = try SocketEndpoint(host: host, port: 443)
                #expect(try await Self.echo(through: proxy.endpoint, to: destination) == "glued hello")
                let request = try #require(proxy.requests.first)
                #expect(request.destination.port == 443)
                #expect(request.destination.addressBytes == destination.addressBytes)
                if destination.addressBytes == nil { #expect(request.destination == destination) }
            }
        }
    }

    @Test("SOCKS5: user and password of every length", arguments: [1, 255])
    func login(length: Int) async throws {
        let login = ProxyLogin(String(repeating: "u", count: length), String(repeating: "p", count: length))
        try await FaultyRelay.run(.echo) { server in
            var script = ScriptedSOCKS5Server()
            script.login = login
            try await script.run { proxy in
                let right = try ProxyCredentials(username: login.username, password: login.password)
                let text = try await Self.echo(through: proxy.endpoint, to: server.endpoint, credentials: right)
                #expect(text == "hello")
                #expect(proxy.requests.first?.login == login)
                let wrong = try ProxyCredentials(username: login.username, password: "wrong")
                let refused = await #expect(throws: SOCKS5Error.self) {
                    _ = try await Self.echo(through: proxy.endpoint, to: server.endpoint, credentials: wrong)
                }
                #expect(refused?.code == .credentialsRefused)
                let missing = await #expect(throws: SOCKS5Error.self) {
                    _ = try await Self.echo(through: proxy.endpoint, to: server.endpoint)
                }
                #expect(missing?.code == .noAcceptableMethod)
            }
        }
    }

    @Test("SOCKS5: every reply, whole and cut short", arguments: 1...9 as ClosedRange<UInt8>, [false, true])
    func replies(reply: UInt8, isShort: Bool) async throws {
        var script = ScriptedSOCKS5Server()
        script.reply = reply
        script.hasShortReply = isShort
        try await script.run { proxy in
            let destination = try SocketEndpoint(host: "dc.example", port: 443)
            let error = await #expect(throws: SOCKS5Error.self) {
                _ = try await Self.echo(through: proxy.endpoint, to: destination)
            }
            #expect((error?.code == .unassignedReply) == (reply == 9))
        }
    }

    @Test("SOCKS5 behind a relay that trickles")
    func trickled() async throws {
        try await FaultyRelay.run(.echo) { server in
            try await ScriptedSOCKS5Server().run { proxy in
                try await FaultyRelay.run(to: proxy.endpoint, WireFaults(both: .trickle())) { relay in
                    let text = try await Self.echo(through: relay.endpoint, to: server.endpoint)
                    #expect(text == "hello")
                }
            }
        }
    }

    /// Writes a request to connect and some bytes in one; everything that comes back.
    private static func connect(
        through proxy: SocketEndpoint,
        to destination: String,
        _ fields: String = ""
    ) async throws -> String {
        let client = try await WireConnection.dial(proxy)
        let head = "CONNECT \(destination) HTTP/1.1\r\nHost: \(destination)\r\n\(fields)\r\n"
        try await client.write(Array("\(head)hello".utf8))
        try await client.endOutput()
        var reader = WireReader(client)
        var text = ""
        while let bytes = await reader.next() { text += String(buffer: bytes) }
        await client.close()
        return text
    }

    @Test(
        "CONNECT: a tunnel, with bytes glued to both heads",
        arguments: ["127.0.0.1:443", "[2001:db8::1]:443", "a.b:1"]
    )
    func tunnel(destination: String) async throws {
        try await FaultyRelay.run(.echo) { server in
            var script = ScriptedHTTPProxy()
            script.tunnel.resolve = { _ in server.endpoint }
            script.tunnel.gluedBytes = Array("glued ".utf8)
            script.headers = ["Via: 1.1 test"]
            try await script.run { proxy in
                let text = try await Self.connect(through: proxy.endpoint, to: destination)
                #expect(text == "HTTP/1.1 200 Scripted\r\nVia: 1.1 test\r\n\r\nglued hello")
                let expected = try SocketEndpoint(destination)
                #expect(proxy.requests.map(\.destination) == [expected])
            }
        }
    }

    @Test("CONNECT: user and password")
    func basic() async throws {
        try await FaultyRelay.run(.echo) { server in
            var script = ScriptedHTTPProxy()
            script.login = ProxyLogin("Aladdin", "open sesame")
            try await script.run { proxy in
                let place = "\(server.endpoint)"
                let none = try await Self.connect(through: proxy.endpoint, to: place)
                #expect(none.hasPrefix("HTTP/1.1 407 ") && none.contains("Proxy-Authenticate: Basic realm="))
                // RFC 7617's own example.
                let field = "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"
                let text = try await Self.connect(through: proxy.endpoint, to: place, field)
                #expect(text == "HTTP/1.1 200 Scripted\r\n\r\nhello")
            }
        }
    }

    @Test("CONNECT: a refusal with a body", arguments: [403, 407, 502, 504])
    func refusal(status: Int) async throws {
        var script = ScriptedHTTPProxy()
        script.status = status
        script.body = "no"
        try await script.run { proxy in
            let text = try await Self.connect(through: proxy.endpoint, to: "a.b:1")
            #expect(text == "HTTP/1.1 \(status) Scripted\r\nContent-Length: 2\r\n\r\nno")
        }
    }
}
