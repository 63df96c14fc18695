// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

@testable import MTProtoServer

/// Silent, slow and half-open clients. Every limit but the one under test is out of reach.
@Suite(.network, .timeLimit(.minutes(10)))
struct TimeoutTests {
    @Test("A connection whose first request was answered at once is silent, not in the middle of a request")
    func answeredAtOnce() async throws {
        try await withDataCenter {
            $0.server.timeouts.partialFrame = .milliseconds(50)
        } _: { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            var http = RawHTTP()
            try await bytes.write(RawHTTP.request("OPTIONS", "/apiw"))
            #expect(try await bytes.response(&http)?.status == 200)
            try await bytes.writer.pause(.milliseconds(300))
            try await bytes.write(RawHTTP.request("POST", "/apiw", body: HTTPRequestTests.question()))
            #expect(try await bytes.response(&http)?.status == 200)
            await bytes.close()
        }
    }

    @Test("A connection that never sends a byte ends after the idle time")
    func silent() async throws {
        try await withDataCenter {
            $0.server.timeouts.idle = .milliseconds(100)
        } _: { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            #expect(await bytes.read() == nil)
            await bytes.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A session that falls silent ends after the idle time")
    func silentSession() async throws {
        let keys = InMemoryAuthorizationKeyStore()
        var session = try await withDataCenter {
            $0.server.authorizationKeys = keys
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter)
            let session = try await client.makeSession()
            await client.close()
            return session
        }
        let ping = session.seal(Ping(pingIdentifier: 1).serialized(), isContentRelated: false).payload
        try await withDataCenter {
            $0.server.authorizationKeys = keys
            $0.server.timeouts.idle = .milliseconds(300)
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter)
            try await client.send(ping)
            try await client.eventsUntilClosed()
            await client.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A handshake that is not finished in time ends", arguments: [1, 3, 40])
    func handshake(byteCount: Int) async throws {
        try await withDataCenter {
            $0.server.timeouts.handshake = .milliseconds(100)
        } _: { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            // Undecided between obfuscated and full.
            try await bytes.write(ByteBuffer(repeating: 0x31, count: byteCount))
            #expect(await bytes.read() == nil)
            await bytes.close()
        }
    }

    @Test("A frame that is not finished in time ends the connection, also when bytes keep trickling")
    func partialFrame() async throws {
        try await withDataCenter {
            $0.server.timeouts.partialFrame = .milliseconds(300)
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            try await client.ping(in: &session)
            let frame = try client.frame(session.seal(Queries.echo(60_000)).payload)
            let trickle = client.bytes.writer
            // A byte at a time for as long as the server takes them.
            let writer = Task {
                for byte in frame.readableBytesView {
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

    @Test("A client that does not read what it asked for is cut off")
    func stalledWrite() async throws {
        try await withDataCenter {
            $0.server.timeouts.stalledWrite = .milliseconds(200)
        } _: { dataCenter in
            let maker = try await RawClient(to: dataCenter)
            var session = try await maker.makeSession()
            await maker.close()
            var options = RawClient.Options()
            options.reads = false
            let client = try await RawClient(to: dataCenter, options)
            try await client.send(session.seal(Ping(pingIdentifier: 1).serialized(), isContentRelated: false).payload)
            let query = Queries.echo(60_000)
            let frames = try (0..<400).map { _ in try client.frame(session.seal(query).payload) }
            let bytes = client.bytes.writer
            let writer = Task {
                for frame in frames { try await bytes.write(frame) }
            }
            try await eventually { dataCenter.server.connectionCount == 0 }
            writer.cancel()
            await client.close()
            _ = await writer.result
        }
    }

    @Test("A client that reads slowly is served to its end")
    func slowReader() async throws {
        try await withDataCenter { dataCenter in
            let maker = try await RawClient(to: dataCenter)
            var session = try await maker.makeSession()
            await maker.close()
            var options = RawClient.Options()
            options.reads = false
            let client = try await RawClient(to: dataCenter, options)
            try await client.send(session.seal(Ping(pingIdentifier: 1).serialized(), isContentRelated: false).payload)
            let query = Queries.echo(60_000)
            let sealed = (0..<100).map { _ in session.seal(query) }
            let frames = try sealed.map { try client.frame($0.payload) }
            let bytes = client.bytes.writer
            let writer = Task {
                for frame in frames { try await bytes.write(frame) }
            }
            try await client.startReading()
            for query in sealed {
                #expect(try await client.result(of: query.identifier, in: session).readableBytes == 60_000)
            }
            try await writer.value
            await client.close()
        }
    }

    @Test("ping_delay_disconnect closes after its delay; a later one replaces it")
    func pingDelayDisconnect() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            let start = NIODeadline.now()
            for (number, delay) in [(1, 0x7FFF_FFFF), (2, 1)] as [(Int64, Int32)] {
                let ping = PingDelayDisconnect(pingIdentifier: number, disconnectDelay: delay)
                try await client.send(session.seal(ping.serialized(), isContentRelated: false).payload)
                try await client.pong(number, in: session)
            }
            try await client.eventsUntilClosed()
            #expect(NIODeadline.now() - start >= .seconds(1))
            await client.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A client that closes its sending side still gets its answers, then the end", arguments: TransportCase.all)
    func halfClosed(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            let maker = try await RawClient(to: dataCenter)
            var session = try await maker.makeSession()
            await maker.close()
            let client = try await RawClient(to: dataCenter, transport.options())
            let queries = (0..<5).map { _ in session.seal(Queries.echo(8_000)) }
            // At once: the server has to look the key up when the end is there already.
            var bytes = ByteBuffer()
            for query in queries { bytes.writeImmutableBuffer(try client.frame(query.payload)) }
            try await client.write(bytes)
            try await client.closeOutput()
            for query in queries {
                #expect(try await client.result(of: query.identifier, in: session) == Queries.echo(8_000))
            }
            try await client.eventsUntilClosed()
            await client.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A client that vanishes inside a frame leaves nothing behind", arguments: TransportCase.all)
    func truncated(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter, transport.options())
            var session = try await client.makeSession()
            var frame = try client.frame(session.seal(Queries.echo(1_000)).payload)
            frame.moveWriterIndex(to: frame.writerIndex - 1)
            try await client.write(frame)
            try await client.closeOutput()
            try await client.eventsUntilClosed()
            await client.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }
}
