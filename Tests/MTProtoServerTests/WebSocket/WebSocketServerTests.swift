// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// WebSockets on the real server.
@Suite(.network, .timeLimit(.minutes(10)))
struct WebSocketServerTests {
    private static var options: RawClient.Options {
        var options = RawClient.Options()
        options.carrier = .ws
        return options
    }

    @Test("Every path of a WebSocket is one", arguments: ["/apis", "/apiws", "/apis_test", "/apiws_test"])
    func paths(path: String) async throws {
        try await withDataCenter { dataCenter in
            var options = Self.options
            options.path = path
            let client = try await RawClient(to: dataCenter, options)
            _ = try await client.makeKey()
            await client.close()
        }
    }

    @Test("Other paths are none", arguments: ["/api", "/apiw", "/"])
    func otherPaths(path: String) async throws {
        try await withDataCenter { dataCenter in
            var options = Self.options
            options.path = path
            await #expect(throws: RawWebSocket.Refused.self) { try await RawClient(to: dataCenter, options) }
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }

    @Test(
        "An upgrade without one of its headers is refused",
        arguments: [
            "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol",
        ]
    )
    func incomplete(missing: String) async throws {
        try await withDataCenter { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var http = RawHTTP()
            let lines = String(buffer: RawWebSocket.request(path: "/apiws")).split(
                separator: "\r\n",
                omittingEmptySubsequences: false
            )
            let request = lines.filter { !$0.hasPrefix("\(missing):") }.joined(separator: "\r\n")
            try await bytes.write(ByteBuffer(string: request))
            let response = try #require(try await bytes.response(&http))
            #expect(response.status == (missing == "Sec-WebSocket-Version" ? 426 : 400))
            #expect(await bytes.read() == nil)
            await bytes.close()
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }

    @Test("An upgrade on a connection that was used for a request, with the first bytes glued behind it")
    func reusedConnection() async throws {
        try await withDataCenter { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var http = RawHTTP()
            try await bytes.write(RawHTTP.request("POST", "/apiw", body: HTTPRequestTests.question()))
            #expect(try await bytes.response(&http)?.status == 200)
            var configuration = TransportConnection.ClientConfiguration(framing: .paddedIntermediate)
            configuration.obfuscation = .init(dataCenter: DataCenterIdentifier(2))
            var transport = try TransportConnection(client: configuration)
            var stream = transport.takePreamble() ?? ByteBuffer()
            stream.writeImmutableBuffer(try transport.send(HTTPRequestTests.question()))
            var request = RawWebSocket.request(path: "/apiws")
            request.writeImmutableBuffer(RawWebSocket.frame(stream))
            try await bytes.write(request)
            var webSocket = RawWebSocket()
            while try !webSocket.readUpgrade(&http) {
                http.received.writeImmutableBuffer(try #require(await bytes.read()))
            }
            // What came with the head is in there already.
            var parts = try webSocket.receive(ByteBuffer())
            while true {
                for part in parts { transport.receive(part) }
                if case .payload(let payload, _) = try transport.nextEvent() {
                    _ = try ResultPQ(try PlaintextMessage(parsing: payload).body)
                    break
                }
                parts = try webSocket.receive(try #require(await bytes.read()))
            }
            await bytes.close()
        }
    }

    @Test("A client that ends its side behind the request for a WebSocket is not waited for")
    func endedBehindUpgrade() async throws {
        try await withDataCenter { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var requests = RawHTTP.request("POST", "/apiw", body: HTTPRequestTests.question())
            requests.writeImmutableBuffer(RawWebSocket.request(path: "/apiws"))
            try await bytes.write(requests)
            try await bytes.closeOutput()
            while await bytes.read() != nil {}
            await bytes.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test(
        "Text, frames without a mask and bytes that are no obfuscation end the connection",
        arguments: [
            RawWebSocket.frame(ByteBuffer(string: "hello"), opcode: 1),
            ByteBuffer(bytes: [0x82, 0x04, 1, 2, 3, 4]),
            ByteBuffer(bytes: [0xC2, 0x84, 1, 2, 3, 4, 1, 2, 3, 4]),
            RawWebSocket.frame(ByteBuffer(repeating: 0x41, count: 64)),
            ByteBuffer(bytes: [0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4]),
        ]
    )
    func brokenRules(frame: ByteBuffer) async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter, Self.options)
            try await client.write(frame)
            #expect(try await client.eventsUntilClosed().isEmpty)
            #expect(client.closeReason?.code == 1_000)
            await client.close()
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }

    @Test("A client's Close is answered and ends the connection")
    func close() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter, Self.options)
            var session = try await client.makeSession()
            try await client.ping(in: &session)
            try await client.write(RawWebSocket.frame(ByteBuffer(bytes: [0x03, 0xE8]), opcode: 8))
            try await client.eventsUntilClosed()
            #expect(client.closeReason?.code == 1_000)
            await client.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A client that never finishes its first frame is cut off")
    func slow() async throws {
        try await withDataCenter {
            $0.server.timeouts.handshake = .milliseconds(300)
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter, Self.options)
            try await client.write(ByteBuffer(bytes: [0x82, 0xFE, 0x10, 0x00, 1, 2, 3, 4, 5]))
            try await client.eventsUntilClosed()
            await client.close()
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }

    /// The head of a frame of 1 MiB, and its first bytes.
    private static func unfinishedFrame(byteCount: Int) -> ByteBuffer {
        var bytes = ByteBuffer(bytes: [0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 0, 1, 2, 3, 4])
        bytes.writeRepeatingByte(0x41, count: byteCount)
        return bytes
    }

    @Test("A frame that is not finished has its limit of time after the first payload, too")
    func unfinishedFrame() async throws {
        try await withDataCenter {
            $0.server.timeouts.partialFrame = .milliseconds(300)
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter, Self.options)
            _ = try await client.makeKey()
            try await client.write(Self.unfinishedFrame(byteCount: 9))
            try await client.eventsUntilClosed()
            await client.close()
        }
    }

    @Test("What strangers leave unfinished is bounded over all of them; who has shown a key is none")
    func strangers() async throws {
        try await withDataCenter {
            $0.server.limits.strangerBytes = 100 * 1024
        } _: { dataCenter in
            let friend = try await RawClient(to: dataCenter, Self.options)
            var session = try await friend.makeSession()
            try await friend.ping(in: &session)
            try await friend.write(Self.unfinishedFrame(byteCount: 512 * 1024))
            let stranger = try await RawClient(to: dataCenter, Self.options)
            try await stranger.write(Self.unfinishedFrame(byteCount: 512 * 1024))
            try await stranger.eventsUntilClosed()
            await stranger.close()
            #expect(dataCenter.server.connectionCount >= 1)
            await friend.close()
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }
}
