// SPDX-License-Identifier: Apache-2.0

import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Hands the bytes of a channel to a test, in order; ends with the peer's last byte.
final class Inbound: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncStream<ByteBuffer>.Continuation

    init(_ continuation: AsyncStream<ByteBuffer>.Continuation) {
        self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.continuation.yield(self.unwrapInboundIn(data))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { self.continuation.finish() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.continuation.finish()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.continuation.finish()
        context.close(promise: nil)
    }
}

/// A TCP connection of which the test sees and sends every byte.
struct ByteConnection {
    let channel: any Channel
    private var bytes: AsyncStream<ByteBuffer>.Iterator

    /// - Parameters:
    ///   - reads: whether bytes are read as they come; otherwise only after ``startReading()``.
    ///   - certificatePEM: the certificate to trust, if TLS comes first.
    init(to address: SocketAddress, reads: Bool = true, certificatePEM: String? = nil) async throws {
        let tls = try certificatePEM.map(Self.tlsContext)
        let (stream, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        self.channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: reads)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        let handler = try NIOSSLClientHandler(context: tls, serverHostname: "localhost")
                        try channel.pipeline.syncOperations.addHandler(handler)
                    }
                    try channel.pipeline.syncOperations.addHandler(Inbound(continuation))
                }
            }
            .connect(to: address)
            .get()
        self.bytes = stream.makeAsyncIterator()
    }

    private static func tlsContext(trusting certificatePEM: String) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(certificatePEM.utf8)))
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }

    /// The next bytes; `nil` after the peer's last one.
    mutating func read() async -> ByteBuffer? {
        await self.bytes.next()
    }

    func write(_ bytes: ByteBuffer) async throws {
        try await self.channel.writeAndFlush(bytes)
    }

    /// Writes and flushes every piece on its own.
    func write(_ bytes: ByteBuffer, inPiecesOf length: Int) async throws {
        var bytes = bytes
        while let piece = bytes.readSlice(length: min(length, max(1, bytes.readableBytes))) {
            try await self.channel.writeAndFlush(piece)
            if bytes.readableBytes == 0 { return }
        }
    }

    /// The sending side, for a task of its own.
    var writer: ByteWriter { ByteWriter(channel: self.channel) }

    func stopReading() async throws {
        try await self.channel.setOption(.autoRead, value: false).get()
    }

    func startReading() async throws {
        try await self.channel.setOption(.autoRead, value: true).get()
    }

    /// Sends no more; still reads.
    func closeOutput() async throws {
        try await self.channel.close(mode: .output)
    }

    func close() async {
        try? await self.channel.close()
    }

    /// Ends the connection as a client does that has vanished.
    func reset() async throws {
        try await (self.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        await self.close()
    }
}

/// The sending side of a connection.
struct ByteWriter: Sendable {
    let channel: any Channel

    func write(_ bytes: ByteBuffer) async throws {
        try await self.channel.writeAndFlush(bytes)
    }

    /// Returns when the event loop has let some time go by.
    func pause(_ time: TimeAmount) async throws {
        try await self.channel.eventLoop.scheduleTask(in: time) {}.futureResult.get()
    }
}
