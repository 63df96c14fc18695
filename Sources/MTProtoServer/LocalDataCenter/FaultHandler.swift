// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Plays the faults of a ``FaultPlan`` that concern bytes; sits next to the socket.
final class FaultHandler: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let plan: FaultPlan
    private var sentByteCount = 0

    init(plan: FaultPlan) {
        self.plan = plan
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var buffer = self.unwrapOutboundIn(data)
        if let limit = self.plan.stallAfterBytes {
            buffer =
                buffer.getSlice(
                    at: buffer.readerIndex,
                    length: min(buffer.readableBytes, max(0, limit - self.sentByteCount))
                ) ?? ByteBuffer()
        }
        var closes = false
        if let limit = self.plan.closeAfterBytes, self.sentByteCount + buffer.readableBytes >= limit {
            buffer = buffer.getSlice(at: buffer.readerIndex, length: max(0, limit - self.sentByteCount)) ?? ByteBuffer()
            closes = true
        }
        self.sentByteCount += buffer.readableBytes
        if let length = self.plan.pieceLength {
            while buffer.readableBytes > length, let piece = buffer.readSlice(length: length) {
                context.writeAndFlush(self.wrapOutboundOut(piece), promise: nil)
            }
        }
        context.write(self.wrapOutboundOut(buffer), promise: promise)
        if closes {
            context.flush()
            context.close(promise: nil)
        }
    }
}
