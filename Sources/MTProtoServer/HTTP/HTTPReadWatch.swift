// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Notes that bytes have reached the decoder of requests; stands in front of it. A read may end without any: a handler has
/// changed, or TLS had something of its own.
final class HTTPReadWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var hasRead = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.hasRead = true
        context.fireChannelRead(data)
    }

    /// Whether bytes have come since the last call.
    func takeReading() -> Bool {
        defer { self.hasRead = false }
        return self.hasRead
    }
}
