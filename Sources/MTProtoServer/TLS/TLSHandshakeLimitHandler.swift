// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOTLS

/// Ends a connection whose TLS handshake takes too long; sits behind the TLS handler and leaves when the handshake is done.
final class TLSHandshakeLimitHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let limit: TimeAmount
    private var expiry: Scheduled<Void>?

    init(limit: TimeAmount) {
        self.limit = limit
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        self.expiry = context.eventLoop.assumeIsolated().scheduleTask(in: self.limit) {
            // Behind the TLS handler: nobody is there to take leave of.
            channel.pipeline.syncOperations.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.expiry?.cancel()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        guard case .some(.handshakeCompleted) = event as? TLSUserEvent else { return }
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
}
