// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// Long payloads of clients that name a key and have not shown it.
@Suite(.network, .timeLimit(.minutes(10)))
struct StrangerBytesTests {
    private static let carriers = [Carrier.tcp, .http, .ws]
    private static let budget = 256 * 1024
    /// Bytes in a WebSocket's frame.
    private static let frameLength = 16 * 1024

    /// Runs a server with a small budget that knows the key of a session.
    private static func withSession(
        _ carrier: Carrier,
        _ body:
            @Sendable (MTProtoServer, @escaping @Sendable () async throws -> RawClient, RawSession) async throws -> Void
    ) async throws {
        try await withServer {
            $0.limits.strangerBytes = Self.budget
        } respond: { _, _ in
            .result(Queries.echo())
        } _: { server, address in
            let connect = { @Sendable in
                var options = RawClient.Options()
                options.carrier = carrier
                // A payload names its key when its first frame is whole.
                options.webSocketFrameLength = Self.frameLength
                return try await RawClient(to: address, options)
            }
            let client = try await connect()
            let session = try await client.makeSession()
            await client.close()
            try await eventually { server.connectionCount == 0 }
            try await body(server, connect, session)
        }
    }

    /// Between two frames of a WebSocket: inside of one, the server would not see that the client answers its Close.
    private static func split(_ bytes: ByteBuffer, behind frameCount: Int) -> (start: ByteBuffer, rest: ByteBuffer) {
        var (start, rest) = (bytes, bytes)
        let length = frameCount * (8 + Self.frameLength)
        start.moveWriterIndex(to: start.readerIndex + length)
        rest.moveReaderIndex(forwardBy: length)
        return (start, rest)
    }

    @Test("What they collect is bounded over all of them: beyond, 429", arguments: carriers)
    func bounded(_ carrier: Carrier) async throws {
        try await Self.withSession(carrier) { server, connect, session in
            var session = session
            let first = try await connect()
            let query = session.seal(Queries.echo(300 * 1024))
            let (start, rest) = Self.split(try first.frame(query.payload), behind: 15)
            try await first.write(start)
            try await eventually { server.strangerByteCount > 170 * 1024 }
            let second = try await connect()
            try await second.write(Self.split(try second.frame(query.payload), behind: 15).start)
            #expect(try await second.transportError() == .flood)
            #expect(try await second.eventsUntilClosed().isEmpty)
            await second.close()
            try await eventually { server.connectionCount == 1 }
            let kept = server.strangerByteCount
            #expect(kept > 170 * 1024 && kept <= Self.budget)
            // Its payload shows the key.
            try await first.write(rest)
            #expect(try await first.result(of: query.identifier, in: session) == Queries.echo())
            #expect(server.strangerByteCount == 0)
            // The place is free for others, and becomes free with their connection.
            let third = try await connect()
            try await third.write(Self.split(try third.frame(query.payload), behind: 15).start)
            try await eventually { server.strangerByteCount > 170 * 1024 }
            await third.close()
            try await eventually { server.strangerByteCount == 0 }
            await first.close()
        }
    }

    @Test("A client that has shown its key is no stranger", arguments: carriers)
    func shown(_ carrier: Carrier) async throws {
        try await Self.withSession(carrier) { server, connect, session in
            var session = session
            let client = try await connect()
            try await client.ping(in: &session)
            let query = session.seal(Queries.echo(1024 * 1024))
            let (start, rest) = Self.split(try client.frame(query.payload), behind: 55)
            try await client.write(start)
            try await client.write(rest)
            #expect(try await client.result(of: query.identifier, in: session) == Queries.echo())
            #expect(server.strangerByteCount == 0)
            await client.close()
        }
    }

    @Test("A recorded payload shows no key", arguments: carriers)
    func replayed(_ carrier: Carrier) async throws {
        try await Self.withSession(carrier) { server, connect, session in
            var session = session
            let client = try await connect()
            let ping = session.message(Ping(pingIdentifier: 1).serialized(), isContentRelated: false)
            let recorded = session.seal(container: [ping])
            try await client.send(recorded.payload)
            try await client.pong(1, in: session)
            await client.close()
            try await eventually { server.connectionCount == 0 }
            let other = try await connect()
            try await other.send(recorded.payload)
            // It is refused, and can be decrypted like any.
            _ = try session.open(try await other.payload())
            // Were its sender taken for the client, this would be answered.
            try await other.send(session.seal(Queries.echo(1024 * 1024)).payload)
            #expect(try await other.transportError() == .flood)
            #expect(try await other.eventsUntilClosed().isEmpty)
            await other.close()
            try await eventually { server.connectionCount == 0 }
            #expect(server.strangerByteCount == 0)
        }
    }

    @Test("Many hostile connections together stay within the budget", arguments: carriers)
    func many(_ carrier: Carrier) async throws {
        try await Self.withSession(carrier) { server, connect, session in
            var session = session
            let query = session.seal(Queries.echo(200 * 1024))
            // Each that is kept takes more than 100 KiB.
            let (channels, continuation) = AsyncStream.makeStream(of: (any Channel).self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<32 {
                    group.addTask {
                        let client = try await connect()
                        continuation.yield(client.bytes.channel)
                        // The server may have closed already.
                        try? await client.write(Self.split(try client.frame(query.payload), behind: 11).start)
                        while try await client.event() != nil {}
                        await client.close()
                    }
                }
                for _ in 0..<30 { try await group.next() }
                #expect(server.strangerByteCount <= Self.budget)
                try await eventually { server.connectionCount <= 2 }
                for await channel in channels.prefix(32) { try? await channel.close() }
                try await group.waitForAll()
            }
            try await eventually { server.connectionCount == 0 }
            #expect(server.strangerByteCount == 0)
        }
    }
}
