// SPDX-License-Identifier: Apache-2.0

package import MTProtoTransport
package import NIOCore
internal import NIOPosix

/// A server of a test while it runs.
package struct RunningWireListener: Sendable {
    /// Where it listens, on 127.0.0.1; means nothing for a Unix socket.
    package let endpoint: SocketEndpoint
    /// Its connections, and those that it makes for them.
    package let channels: OpenChannels
}

/// Listens on a free port of 127.0.0.1, or on a Unix socket, and runs a script for each connection.
package enum WireListener {
    /// Runs `body` with a listener for connections as they come from the wire.
    ///
    /// - Parameters:
    ///   - path: of a Unix socket to listen on instead of a port.
    ///   - prepare: puts handlers under the script's bytes, such as TLS; on the event loop.
    ///   - script: gets each connection with its number, from 0; the connection is closed when it ends. What it throws counts for
    ///     nothing: the body says what a test is about.
    /// - Throws: what `body` throws; otherwise ``LeakedChannels`` when connections are open long after it.
    package static func run<Result: Sendable>(
        at path: String? = nil,
        prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in },
        script: @escaping @Sendable (_ number: Int, WireConnection, OpenChannels) async throws -> Void,
        _ body: @Sendable (RunningWireListener) async throws -> Result
    ) async throws -> Result {
        try await self.run(
            at: path,
            accept: { channel in
                try prepare(channel)
                return try WireConnection.adopt(channel)
            },
            script: { number, connection, channels in
                try? await script(number, connection, channels)
                await connection.close()
            },
            body
        )
    }

    /// Runs `body` with a listener for connections of any kind.
    ///
    /// - Parameters:
    ///   - accept: makes of a channel what the script works with; on the event loop.
    ///   - script: as for connections of the wire, but closes what it has got by itself.
    package static func run<Accepted: Sendable, Result: Sendable>(
        at path: String? = nil,
        accept: @escaping @Sendable (any Channel) throws -> Accepted,
        script: @escaping @Sendable (_ number: Int, Accepted, OpenChannels) async -> Void,
        _ body: @Sendable (RunningWireListener) async throws -> Result
    ) async throws -> Result {
        let channels = OpenChannels()
        let (connections, continuation) = AsyncStream.makeStream(of: Accepted.self)
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = try accept(channel)
                    channels.add(channel)
                    if case .terminated = continuation.yield(connection) { throw ChannelError.ioOnClosedChannel }
                }
            }
        let listener =
            if let path {
                try await bootstrap.bind(unixDomainSocketPath: path).get()
            } else {
                try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
            }
        let endpoint = try SocketEndpoint(host: "127.0.0.1", port: listener.localAddress?.port ?? 0)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await Self.serve(connections, channels, script) }
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(try await body(RunningWireListener(endpoint: endpoint, channels: channels)))
            } catch {
                result = .failure(error)
            }
            try await listener.close()
            continuation.finish()
            let isClean = await channels.allClosed()
            let leaked = channels.openCount
            channels.closeAll()
            try await group.waitForAll()
            if !isClean, case .success = result { throw LeakedChannels(count: leaked) }
            return try result.get()
        }
    }

    private static func serve<Accepted: Sendable>(
        _ connections: AsyncStream<Accepted>,
        _ channels: OpenChannels,
        _ script: @escaping @Sendable (Int, Accepted, OpenChannels) async -> Void
    ) async {
        await withDiscardingTaskGroup { scripts in
            var number = 0
            for await connection in connections {
                let own = number
                number += 1
                scripts.addTask { await script(own, connection, channels) }
            }
        }
    }
}
