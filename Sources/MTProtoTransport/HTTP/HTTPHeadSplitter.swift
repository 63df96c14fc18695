// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import NIOHTTP1

/// Hands a proxy's bytes to NIO's decoder of HTTP up to the empty line that ends a head, and keeps those behind it: they are not
/// HTTP any more when the proxy has agreed.
final class HTTPHeadSplitter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// The most bytes of all heads before the final one's end, in bytes.
    static let maximumByteCount = 16 << 10

    private var context: ChannelHandlerContext?
    private var rest = ByteBuffer()
    private var passedByteCount = 0
    private var lineLength = 0
    private var isOver = false

    /// The head that was last handed on is the final one.
    func finish() {
        self.isOver = true
    }

    /// Hands the bytes behind the heads to the next handler, and leaves; on the event loop.
    func leave() {
        guard let context = self.context else { return }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        if self.rest.readableBytes > 0 {
            context.fireChannelRead(self.wrapInboundOut(self.rest))
            context.fireChannelReadComplete()
        }
        context.leavePipeline(removalToken: removalToken)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        self.rest.writeBuffer(&bytes)
        while !self.isOver, let part = self.rest.readSlice(length: self.partLength()), part.readableBytes > 0 {
            self.passedByteCount += part.readableBytes
            guard self.passedByteCount <= Self.maximumByteCount else {
                self.isOver = true
                context.fireErrorCaught(HTTPParserError.headerOverflow)
                return
            }
            context.fireChannelRead(self.wrapInboundOut(part))
        }
    }

    /// How many bytes there are up to the end of an empty line, or in all.
    private func partLength() -> Int {
        var length = 0
        for byte in self.rest.readableBytesView {
            length += 1
            switch byte {
            case UInt8(ascii: "\n"):
                let isEmpty = self.lineLength == 0
                self.lineLength = 0
                if isEmpty { return length }
            case UInt8(ascii: "\r"): break
            default: self.lineLength += 1
            }
        }
        return length
    }
}
