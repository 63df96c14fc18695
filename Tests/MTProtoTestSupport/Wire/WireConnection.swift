// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif
package import MTProtoTransport
package import NIOCore
internal import NIOPosix
internal import Synchronization

/// One end of a TCP connection of which a test sees and sends every byte, and that can end in every way.
package final class WireConnection: Sendable {
    package let channel: any Channel
    /// What comes, until the peer's last byte.
    package let bytes: AsyncStream<ByteBuffer>
    private let wasResetState: NIOLoopBound<InboundBytes>

    private init(channel: any Channel, bytes: AsyncStream<ByteBuffer>, handler: InboundBytes) {
        self.channel = channel
        self.bytes = bytes
        self.wasResetState = NIOLoopBound(handler, eventLoop: channel.eventLoop)
    }

    /// Takes a channel that is not yet active; on its event loop.
    static func adopt(_ channel: any Channel) throws -> WireConnection {
        let (bytes, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        let handler = InboundBytes(continuation)
        try channel.pipeline.syncOperations.addHandler(handler)
        return WireConnection(channel: channel, bytes: bytes, handler: handler)
    }

    /// Connects to an address.
    package static func dial(
        _ endpoint: SocketEndpoint,
        counting channels: OpenChannels = OpenChannels()
    ) async throws -> WireConnection {
        let adopted = Mutex<WireConnection?>(nil)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = try Self.adopt(channel)
                    channels.add(channel)
                    adopted.withLock { $0 = connection }
                }
            }
            .connect(host: endpoint.host, port: endpoint.port)
            .get()
        // The last one tried is the one that is connected, but names with several addresses may race.
        guard let connection = adopted.withLock({ $0 }), connection.channel === channel else {
            try? await channel.close()
            throw ChannelError.operationUnsupported
        }
        return connection
    }

    package func write(_ bytes: ByteBuffer) async throws {
        try await self.channel.writeAndFlush(bytes)
    }

    package func write(_ bytes: [UInt8]) async throws {
        try await self.write(ByteBuffer(bytes: bytes))
    }

    /// Sends no more; still reads.
    package func endOutput() async throws {
        try await self.channel.close(mode: .output)
    }

    /// Reads no more; sees only the connection's end.
    package func stopReading() async throws {
        try await self.channel.setOption(.autoRead, value: false).get()
    }

    /// Ends in order.
    package func close() async {
        try? await self.channel.close()
    }

    /// Ends as if this end had vanished.
    package func reset() async {
        let options = self.channel as? any SocketOptionProvider
        try? await options?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        await self.close()
    }

    /// Waits for the peer's end, and drops what comes until then.
    package func drain() async {
        for await _ in self.bytes {}
    }

    /// Whether the peer has reset the connection.
    package func wasReset() async -> Bool {
        let state = self.wasResetState
        return (try? await self.channel.eventLoop.submit { state.value.wasReset }.get()) ?? false
    }
}

/// Hands the bytes of a channel on, in order; ends with the peer's last byte.
private final class InboundBytes: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncStream<ByteBuffer>.Continuation
    private(set) var wasReset = false

    init(_ continuation: AsyncStream<ByteBuffer>.Continuation) {
        self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.continuation.yield(self.unwrapInboundIn(data))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { self.continuation.finish() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.continuation.finish()
    }

    /// Also a connection that ended before it was active has an end.
    func handlerRemoved(context: ChannelHandlerContext) {
        self.continuation.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? IOError, error.errnoCode == ECONNRESET { self.wasReset = true }
        context.close(promise: nil)
    }
}

/// Reads a connection's bytes as a protocol needs them.
package struct WireReader {
    /// The peer ended first.
    package struct Ended: Error {}

    private var iterator: AsyncStream<ByteBuffer>.Iterator
    /// What has come and was not read.
    package var buffer = ByteBuffer()

    package init(_ connection: WireConnection) {
        self.iterator = connection.bytes.makeAsyncIterator()
    }

    /// Reads so many bytes.
    package mutating func read(_ count: Int) async throws -> [UInt8] {
        while self.buffer.readableBytes < count { try await self.readMore() }
        return self.buffer.readBytes(length: count) ?? []
    }

    /// Waits for any more bytes.
    package mutating func readMore() async throws {
        guard var bytes = await self.iterator.next() else { throw Ended() }
        self.buffer.writeBuffer(&bytes)
    }

    /// The next bytes, whatever there are; `nil` behind the last ones.
    package mutating func next() async -> ByteBuffer? {
        if self.buffer.readableBytes > 0 {
            defer { self.buffer = ByteBuffer() }
            return self.buffer
        }
        return await self.iterator.next()
    }
}
