// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
internal import NIOCore
internal import NIOWebSocket

/// Watches what a WebSocket's decoder keeps of a frame that is not whole; stands in front of the decoder.
///
/// A frame may be long before its client has shown a key, because its first payload may be. What strangers keep the server's
/// memory with is therefore bounded over all connections.
final class WebSocketBacklog: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let stream: WebSocketStreamHandler
    private var strangerBytes: StrangerBytes
    /// Bytes that arrived behind the last whole frame; those that came in one read with its end are not counted.
    private(set) var byteCount = 0

    init(before stream: WebSocketStreamHandler, _ strangerBytes: StrangerBytes) {
        self.stream = stream
        self.strangerBytes = strangerBytes
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frameCount = self.stream.receivedFrameCount
        self.byteCount += self.unwrapInboundIn(data).readableBytes
        context.fireChannelRead(data)
        guard self.stream.receivedFrameCount == frameCount else { return self.clear() }
        guard !self.strangerBytes.keep(self.byteCount) else { return }
        self.clear()
        context.fireErrorCaught(NIOWebSocketError.invalidFrameLength)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.clear()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.clear()
    }

    /// The client has shown a key: from now on the limit of a frame is the only one.
    func authorized() {
        self.strangerBytes.release()
    }

    private func clear() {
        self.byteCount = 0
        self.strangerBytes.shrink(to: 0)
    }
}
