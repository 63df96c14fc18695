// SPDX-License-Identifier: Apache-2.0
internal import MTProtoClient
internal import MTProtoCrypto
internal import MTProtoServer
internal import MTProtoTransport
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// What a query and its answer cost over each transport, to a local data centre.
public enum TransportCostWorkload {
    /// The cost of one query.
    public struct Cost: Sendable {
        /// The transport's name.
        public var transport: String
        /// CPU nanoseconds of the server's event loop.
        public var serverNanoseconds: Double
        /// CPU nanoseconds of the client's event loop.
        public var clientNanoseconds: Double
        /// Bytes that the client puts on the wire, acknowledgements included, without those of TCP and IP.
        public var bytesUp: Double
        /// Bytes that the server puts on the wire.
        public var bytesDown: Double
    }

    /// Runs echo queries over every transport, the plain intermediate framing over TCP first.
    ///
    /// - Parameters:
    ///   - byteCount: bytes of a query and its answer.
    ///   - depth: queries under way at once. With 1, each payload carries one query.
    ///   - count: queries to measure.
    public static func run(
        byteCount: Int,
        depth: Int,
        count: Int,
        threadClock: @escaping @Sendable () -> UInt64
    ) async throws -> [Cost] {
        let first = ClientTransport.tcp(.intermediate)
        var costs: [Cost] = []
        for transport in [first] + ClientTransport.all.filter({ $0 != first }) {
            var cost = try await self.measure(transport, isRelayed: false, byteCount, depth, count, threadClock)
            let relayed = try await self.measure(transport, isRelayed: true, byteCount, depth, count / 4, threadClock)
            cost.bytesUp = relayed.bytesUp
            cost.bytesDown = relayed.bytesDown
            costs.append(cost)
        }
        return costs
    }

    private static func measure(
        _ transport: ClientTransport,
        isRelayed: Bool,
        _ byteCount: Int,
        _ depth: Int,
        _ count: Int,
        _ threadClock: @escaping @Sendable () -> UInt64
    ) async throws -> Cost {
        let serverGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let clientGroup = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let relay = CountingRelay()
        let isSecure = transport.carrier == .wss || transport.carrier == .https
        var serverConfiguration = try LocalDataCenter.Configuration()
        serverConfiguration.server.eventLoopGroup = serverGroup
        if isSecure { serverConfiguration.server.tlsAddresses = [try SocketEndpoint(host: "127.0.0.1", port: 0)] }
        let cost = try await LocalDataCenter.withLocalDataCenter(configuration: serverConfiguration) { dataCenter in
            var configuration = ClientConfiguration()
            configuration.transport = transport
            configuration.publicKeys = [dataCenter.publicKey]
            configuration.eventLoopGroup = clientGroup
            if let certificate = dataCenter.certificatePEM {
                configuration.tls.trustRoots = .certificates(
                    try NIOSSLCertificate.fromPEMBytes(Array(certificate.utf8))
                )
            }
            let address = isSecure ? dataCenter.tlsAddresses[0] : dataCenter.addresses[0]
            var port = address.port ?? 0
            if isRelayed { port = try await relay.start(to: port) }
            return try await MTProtoClient.withConnection(
                to: .endpoint(try SocketEndpoint(host: "127.0.0.1", port: port)),
                configuration: configuration
            ) { connection in
                var query = ByteBuffer()
                query.writeInteger(LocalDataCenter.echoConstructor, endianness: .little)
                query.writeBytes(RandomSource.seeded(1).bytes(byteCount - 4))
                try await connection.send(query, count: count / 4, depth: depth)
                let loops = [serverGroup.next(), clientGroup.next()]
                let before = try await threadTimes(threadClock, on: loops)
                let bytesBefore = relay.byteCounts
                try await connection.send(query, count: count, depth: depth)
                let after = try await threadTimes(threadClock, on: loops)
                let bytesAfter = relay.byteCounts
                return Cost(
                    transport: transport.description,
                    serverNanoseconds: Double(after[0] - before[0]) / Double(count),
                    clientNanoseconds: Double(after[1] - before[1]) / Double(count),
                    bytesUp: Double(bytesAfter.up - bytesBefore.up) / Double(count),
                    bytesDown: Double(bytesAfter.down - bytesBefore.down) / Double(count)
                )
            }
        }
        try await relay.stop()
        try await serverGroup.shutdownGracefully()
        try await clientGroup.shutdownGracefully()
        return cost
    }
}

/// CPU nanoseconds of the loops' threads.
func threadTimes(_ clock: @escaping @Sendable () -> UInt64, on loops: [any EventLoop]) async throws -> [UInt64] {
    var values: [UInt64] = []
    for loop in loops { values.append(try await loop.submit { clock() }.get()) }
    return values
}

extension MTProtoConnection {
    /// Sends a query `count` times, `depth` of them under way at once.
    func send(_ query: ByteBuffer, count: Int, depth: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<depth {
                group.addTask {
                    for _ in 0..<(count / depth) { _ = try await self.invoke(query) }
                }
            }
            try await group.waitForAll()
        }
    }
}
