// SPDX-License-Identifier: Apache-2.0
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// Passes connections on to another address, and counts their bytes: what a transport puts on the wire above TCP.
final class CountingRelay: Sendable {
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let up = Atomic<Int>(0)
    private let down = Atomic<Int>(0)

    /// Bytes from clients and to clients so far.
    var byteCounts: (up: Int, down: Int) {
        (self.up.load(ordering: .relaxed), self.down.load(ordering: .relaxed))
    }

    /// Listens on a free port of 127.0.0.1, and returns it.
    func start(to port: Int) async throws -> Int {
        let listener = try await ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 64)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { client in
                // Same loop for both: what one reads the other writes, without a hop.
                ClientBootstrap(group: client.eventLoop)
                    .channelOption(.allowRemoteHalfClosure, value: true)
                    .connect(host: "127.0.0.1", port: port)
                    .flatMapThrowing { server in
                        try client.pipeline.syncOperations.addHandler(
                            Pipe(to: server, count: { self.add($0, isUp: true) })
                        )
                        try server.pipeline.syncOperations.addHandler(
                            Pipe(to: client, count: { self.add($0, isUp: false) })
                        )
                    }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return listener.localAddress?.port ?? 0
    }

    func stop() async throws {
        try await self.group.shutdownGracefully()
    }

    private func add(_ count: Int, isUp: Bool) {
        if isUp {
            self.up.wrappingAdd(count, ordering: .relaxed)
        } else {
            self.down.wrappingAdd(count, ordering: .relaxed)
        }
    }

    private final class Pipe: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let partner: any Channel
        private let count: @Sendable (Int) -> Void

        init(to partner: any Channel, count: @escaping @Sendable (Int) -> Void) {
            self.partner = partner
            self.count = count
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let bytes = Self.unwrapInboundIn(data)
            self.count(bytes.readableBytes)
            self.partner.writeAndFlush(bytes, promise: nil)
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .some(.inputClosed) = event as? ChannelEvent { self.partner.close(mode: .output, promise: nil) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.partner.close(promise: nil)
        }
    }
}
