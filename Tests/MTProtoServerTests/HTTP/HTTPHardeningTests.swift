// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// Clients that are slow, lie or talk nonsense: a status or a close, and the listener lives.
@Suite(.network, .timeLimit(.minutes(10)))
struct HTTPHardeningTests {
    @Test(
        "A head or a body that is not finished in time ends the connection",
        arguments: [
            "POST", "POST /api HTTP/1.1\r\nHos", "POST /api HTTP/1.1\r\nContent-Length: 40\r\n\r\n1234",
            "POST /api HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n1234",
        ]
    )
    func slow(beginning: String) async throws {
        try await withDataCenter {
            $0.server.timeouts.handshake = .milliseconds(500)
        } _: { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            try await bytes.write(ByteBuffer(string: beginning))
            #expect(await bytes.read() == nil)
            await bytes.close()
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }

    @Test("A known client's request that trickles ends, too", arguments: [true, false])
    func trickle(isHead: Bool) async throws {
        try await withDataCenter {
            $0.server.timeouts.partialFrame = .milliseconds(300)
        } _: { dataCenter in
            var options = RawClient.Options()
            options.carrier = .http
            let client = try await RawClient(to: dataCenter, options)
            var session = try await client.makeSession()
            try await client.ping(in: &session)
            let request = try client.frame(session.seal(Queries.echo(8_000)).payload)
            let trickle = client.bytes.writer
            let writer = Task {
                if !isHead {
                    try await trickle.write(request.getSlice(at: 0, length: 200) ?? ByteBuffer())
                }
                for byte in request.readableBytesView.dropFirst(isHead ? 0 : 200) {
                    try await trickle.write(ByteBuffer(integer: byte))
                    try await trickle.pause(.milliseconds(5))
                }
            }
            try await client.eventsUntilClosed()
            writer.cancel()
            await client.close()
            _ = await writer.result
        }
    }

    @Test("A connection that is kept alive for nothing ends after a while")
    func idle() async throws {
        try await withDataCenter {
            $0.server.timeouts.httpIdle = .milliseconds(200)
        } _: { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var http = RawHTTP()
            try await bytes.write(RawHTTP.request("POST", "/api", body: HTTPRequestTests.question()))
            #expect(try await bytes.response(&http)?.status == 200)
            #expect(await bytes.read() == nil)
            await bytes.close()
        }
    }

    @Test("10 000 header lines are refused before they are all there")
    func manyHeaders() async throws {
        try await withDataCenter { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var http = RawHTTP()
            let request = RawHTTP.request("POST", "/api", headers: (0..<10_000).map { "X-\($0): y" })
            let writer = bytes.writer
            let writing = Task { try? await writer.write(request) }
            #expect(try await bytes.response(&http)?.status == 431)
            await bytes.close()
            await writing.value
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }

    @Test("A body shorter than announced is a 400, one that is longer has its answer and then the end")
    func lyingLength() async throws {
        try await withDataCenter { dataCenter in
            let question = HTTPRequestTests.question()
            for difference in [400, -8, 8] {
                var bytes = try await ByteConnection(to: dataCenter.addresses[0])
                var http = RawHTTP()
                let length = "Content-Length: \(question.readableBytes + difference)"
                var request = RawHTTP.request("POST", "/api", headers: [length])
                request.writeImmutableBuffer(question)
                try await bytes.write(request)
                try await bytes.closeOutput()
                let response = try #require(try await bytes.response(&http))
                #expect(response.status == (difference > 0 ? 400 : 404))
                #expect(await bytes.read() == nil)
                await bytes.close()
            }
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }

    @Test("What is no request behind a request ends the connection after the answer")
    func garbageBehind() async throws {
        try await withDataCenter { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var http = RawHTTP()
            var request = RawHTTP.request("POST", "/api", body: HTTPRequestTests.question())
            request.writeString("\u{1}\u{2}\u{3} garbage\r\n\r\n")
            try await bytes.write(request)
            let response = try #require(try await bytes.response(&http))
            #expect(response.status == 200)
            #expect(response["Connection"] == "close")
            #expect(await bytes.read() == nil)
            await bytes.close()
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }

    @Test("A client that has closed its side gets its answer")
    func halfClosed() async throws {
        try await withDataCenter { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var http = RawHTTP()
            try await bytes.write(RawHTTP.request("POST", "/api", body: HTTPRequestTests.question()))
            try await bytes.closeOutput()
            #expect(try await bytes.response(&http)?.status == 200)
            #expect(await bytes.read() == nil)
            await bytes.close()
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }

    @Test("Random bytes behind the word of a method", arguments: 0..<20 as Range<UInt64>)
    func noise(seed: UInt64) async throws {
        try await withDataCenter { dataCenter in
            let random = RandomSource.seeded(seed)
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var noise = ByteBuffer(string: ["POST", "HEAD", "GET ", "OPTI"][Int(seed % 4)])
            noise.writeBytes(random.bytes(random.integer(in: 1...3_000)))
            try await bytes.write(noise)
            try await bytes.closeOutput()
            while await bytes.read() != nil {}
            await bytes.close()
            try await HTTPRequestTests.checkLife(of: dataCenter)
        }
    }
}
