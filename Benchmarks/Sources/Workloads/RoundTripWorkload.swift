// SPDX-License-Identifier: Apache-2.0
internal import MTProtoClient
internal import MTProtoCrypto
internal import MTProtoServer
internal import MTProtoTransport
internal import NIOCore
internal import NIOPosix

/// Encrypted echo queries on one connection to a local data centre, many under way at once.
public struct RoundTripWorkload: Sendable {
    /// CPU and time of a number of queries.
    public struct Cost: Sendable {
        /// CPU nanoseconds of the server's event loop for one query.
        public var serverNanoseconds: Double
        /// CPU nanoseconds of the client's event loop for one query.
        public var clientNanoseconds: Double
        /// Wall-clock queries a second, both ends on this machine.
        public var queriesPerSecond: Double
    }

    /// Queries under way at once.
    private static let depth = 256

    /// Runs `count` queries of `byteCount` bytes, after a warm-up.
    public static func run(
        byteCount: Int,
        count: Int,
        threadClock: @escaping @Sendable () -> UInt64
    ) async throws -> Cost {
        let serverGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let clientGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var serverConfiguration = try LocalDataCenter.Configuration()
        serverConfiguration.server.eventLoopGroup = serverGroup
        let cost = try await LocalDataCenter.withLocalDataCenter(configuration: serverConfiguration) { dataCenter in
            var configuration = ClientConfiguration()
            configuration.publicKeys = [dataCenter.publicKey]
            configuration.eventLoopGroup = clientGroup
            let endpoint = try SocketEndpoint(host: "127.0.0.1", port: dataCenter.addresses[0].port ?? 0)
            return try await MTProtoClient.withConnection(
                to: .endpoint(endpoint),
                configuration: configuration
            ) { connection in
                var query = ByteBuffer()
                query.writeInteger(LocalDataCenter.echoConstructor, endianness: .little)
                // Nothing that compresses: what is measured is the way of the bytes.
                query.writeBytes(RandomSource.seeded(1).bytes(byteCount - 4))
                try await connection.send(query, count: count / 4, depth: Self.depth)
                let loops = [serverGroup.next(), clientGroup.next()]
                let before = try await threadTimes(threadClock, on: loops)
                let clock = ContinuousClock()
                let start = clock.now
                try await connection.send(query, count: count, depth: Self.depth)
                let elapsed = start.duration(to: clock.now)
                let after = try await threadTimes(threadClock, on: loops)
                let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
                return Cost(
                    serverNanoseconds: Double(after[0] - before[0]) / Double(count),
                    clientNanoseconds: Double(after[1] - before[1]) / Double(count),
                    queriesPerSecond: Double(count) / seconds
                )
            }
        }
        try await serverGroup.shutdownGracefully()
        try await clientGroup.shutdownGracefully()
        return cost
    }
}
