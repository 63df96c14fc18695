// SPDX-License-Identifier: Apache-2.0

import MTProtoTransport
import NIOCore
import NIOPosix
import Synchronization

/// Hands bytes on between clients and a server, and cuts connections at will.
enum CuttingRelay {
    /// Runs `body` with the relay's endpoint.
    ///
    /// - Parameters:
    ///   - server: where the bytes go.
    ///   - cuts: told the number of each piece of bytes that the server sends, counted over all connections; says whether both
    ///     ends of its connection are closed instead of handing it on.
    ///   - holds: told the number of each connection; says whether nothing is handed on, until its client ends it.
    ///   - sees: gets each piece of bytes that a client sends.
    static func run<Result: Sendable>(
        to server: SocketEndpoint,
        cuts: @escaping @Sendable (Int) -> Bool = { _ in false },
        holds: @escaping @Sendable (Int) -> Bool = { _ in false },
        sees: @escaping @Sendable (ByteBuffer) -> Void = { _ in },
        _ body: @Sendable (SocketEndpoint) async throws -> Result
    ) async throws -> Result {
        let count = Mutex(0)
        let connectionCount = Mutex(0)
        return try await ScriptedListener.run(
            accept: { channel in
                let (bytes, input) = AsyncStream.makeStream(of: ByteBuffer.self)
                try channel.pipeline.syncOperations.addHandler(Inbound(input))
                return ScriptedChannel(channel: channel, bytes: bytes)
            },
            script: { client in
                let number = connectionCount.withLock { count in
                    count += 1
                    return count
                }
                if holds(number) {
                    for await piece in client.bytes { sees(piece) }
                    return
                }
                let (bytes, input) = AsyncStream.makeStream(of: ByteBuffer.self)
                let upstream = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .channelInitializer { channel in
                        channel.eventLoop.makeCompletedFuture {
                            try channel.pipeline.syncOperations.addHandler(Inbound(input))
                        }
                    }
                    .connect(host: server.host, port: server.port)
                    .get()
                await withDiscardingTaskGroup { group in
                    group.addTask {
                        for await piece in client.bytes {
                            sees(piece)
                            try? await upstream.writeAndFlush(piece)
                        }
                        try? await upstream.close()
                    }
                    for await piece in bytes {
                        let number = count.withLock { count in
                            count += 1
                            return count
                        }
                        guard !cuts(number) else { break }
                        try? await client.channel.writeAndFlush(piece)
                    }
                    try? await client.channel.close()
                    try? await upstream.close()
                }
            },
            close: { try? await $0.channel.close() },
            body
        )
    }
}
