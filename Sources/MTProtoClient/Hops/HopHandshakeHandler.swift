// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
internal import NIOCore

/// Runs a ``HopHandshake`` on a channel, says how it ended, and leaves. What is left over goes to the handler behind it, a
/// ``HopGate``.
final class HopHandshakeHandler<Handshake: HopHandshake>: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var handshake: Handshake
    private let promise: EventLoopPromise<Void>
    private var received = ByteBuffer()
    private var hasStarted = false
    private var isOver = false
    private var isProceeding = false

    /// How many bytes a handshake may leave unconsumed while it waits for more.
    private static var maximumHeldByteCount: Int { 128 << 10 }

    init(_ handshake: Handshake, _ promise: EventLoopPromise<Void>) {
        self.handshake = handshake
        self.promise = promise
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { self.start(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        self.start(context)
        context.fireChannelActive()
    }

    private func start(_ context: ChannelHandlerContext) {
        guard !self.hasStarted else { return }
        self.hasStarted = true
        context.writeAndFlush(self.wrapOutboundOut(self.handshake.start()), promise: nil)
        self.proceed(context)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isOver else { return }
        var bytes = self.unwrapInboundIn(data)
        self.received.writeBuffer(&bytes)
        self.proceed(context)
    }

    /// Asks the handshake until it waits: also when nothing has come, for it may have spoken last.
    private func proceed(_ context: ChannelHandlerContext) {
        // A channel may bring bytes within a write: they are looked at behind it.
        guard self.hasStarted, !self.isOver, !self.isProceeding else { return }
        self.isProceeding = true
        defer { self.isProceeding = false }
        do {
            while !self.isOver {
                let heldByteCount = self.received.readableBytes
                switch try self.handshake.receive(&self.received) {
                case .needsMoreBytes:
                    guard self.received.readableBytes <= Self.maximumHeldByteCount else {
                        throw HopHandshakeViolation.holdsTooMuch
                    }
                    return
                case .send(let bytes):
                    guard self.received.readableBytes < heldByteCount else {
                        throw HopHandshakeViolation.consumesNothing
                    }
                    context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
                case .done:
                    self.isOver = true
                    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
                    self.promise.succeed()
                }
            }
        } catch {
            self.fail(with: error)
        }
    }

    func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        if self.received.readableBytes > 0 {
            context.fireChannelRead(self.wrapInboundOut(self.received))
            context.fireChannelReadComplete()
        }
        context.leavePipeline(removalToken: removalToken)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { self.fail(with: ConnectionClosedByPeer()) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(with: error)
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(with: ConnectionClosedByPeer())
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.fail(with: ChannelError.ioOnClosedChannel)
    }

    private func fail(with error: any Error) {
        guard !self.isOver else { return }
        self.isOver = true
        self.promise.fail(error)
    }
}

/// A handshake does what would never end.
enum HopHandshakeViolation: Error {
    /// It sends again and again, whatever has come.
    case consumesNothing
    /// It waits for a message that is too long.
    case holdsTooMuch
}
