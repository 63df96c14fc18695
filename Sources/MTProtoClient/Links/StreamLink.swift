// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// A link over one byte stream: the last handler of a channel, behind ``MTProtoTransportHandler``.
final class StreamLink: ChannelInboundHandler, ChannelOutboundHandler, RemovableChannelHandler, ClientLink {
    typealias InboundIn = TransportEvent
    typealias OutboundIn = TransportCommand
    typealias OutboundOut = TransportCommand

    let eventLoop: any EventLoop
    let closeFuture: EventLoopFuture<Void>
    let hasQuickAcknowledgements: Bool
    private let channel: any Channel
    private var context: ChannelHandlerContext?
    private var receiver: (any LinkReceiver)?
    private var failure: (any Error)?
    private var hasPendingRead = false
    private var isFinishing = false

    /// Makes the link of a channel whose stream has a framing; to be added to the pipeline behind the transport's handler.
    convenience init(channel: any Channel, framing: Framing) {
        self.init(channel: channel, hasQuickAcknowledgements: framing != .full)
    }

    /// Makes the link of a channel; to be added to the pipeline behind the transport's handlers.
    init(channel: any Channel, hasQuickAcknowledgements: Bool) {
        self.channel = channel
        self.eventLoop = channel.eventLoop
        self.closeFuture = channel.closeFuture
        self.hasQuickAcknowledgements = hasQuickAcknowledgements
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.fail(with: ChannelError.ioOnClosedChannel)
        self.context = nil
        self.receiver = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(with: ConnectionClosedByPeer())
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let closed = event as? WebSocketClosed {
            // An error packet came before, if the server is one of the better ones; then this changes nothing.
            self.fail(with: closed.transportError.map { ReceivedTransportError(code: $0) as any Error } ?? closed)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(with: error)
    }

    private func fail(with error: any Error) {
        guard self.failure == nil else { return }
        self.failure = error
        self.receiver?.linkFailed(error)
    }

    func attach(_ receiver: any LinkReceiver) {
        self.receiver = self.context == nil ? nil : receiver
        if let failure = self.failure { receiver.linkFailed(failure) }
    }

    func close() {
        self.fail(with: ConnectionClosedLocally())
        self.channel.close(promise: nil)
    }

    func finish() {
        guard !self.isFinishing, let context = self.context else { return }
        self.isFinishing = true
        // Until the last byte has left, or a second is over: a server that does not read must not hold us.
        let promise = context.eventLoop.makePromise(of: Void.self)
        let timer = context.eventLoop.assumeIsolated().scheduleTask(in: linkClosingTime) {
            context.close(promise: nil)
        }
        promise.futureResult.assumeIsolated().whenComplete { _ in
            timer.cancel()
            context.close(promise: nil)
        }
        context.close(mode: .output, promise: promise)
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .payload(let payload, _):
            _ = self.receiver?.receive(payload)
        case .quickAck(let token):
            self.receiver?.receiveQuickAcknowledgement(token)
        case .transportError(let code):
            self.fail(with: ReceivedTransportError(code: code))
        case .handshake, .authorizationNeeded, .foreign:
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.receiver?.linkIsReady()
        context.fireChannelReadComplete()
    }

    /// Reading waits while the receiver is behind.
    func read(context: ChannelHandlerContext) {
        if let receiver = self.receiver, !receiver.mayRead {
            self.hasPendingRead = true
        } else {
            context.read()
        }
    }

    func resumeReading() {
        guard self.hasPendingRead, self.receiver?.mayRead ?? true else { return }
        self.readOnce()
    }

    func readOnce() {
        guard self.hasPendingRead else { return }
        self.hasPendingRead = false
        self.context?.read()
    }

    // MARK: Writing

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.receiver?.linkIsReady() }
        context.fireChannelWritabilityChanged()
    }

    func sessionBegins(keyIdentifier: UInt64) {
        self.context?.write(self.wrapOutboundOut(.setAuthorized(keyIdentifier: keyIdentifier)), promise: nil)
    }

    func nextPayload(of session: inout ClientSession, at now: SessionTime) -> OutgoingPayload? {
        guard let context = self.context, context.channel.isWritable else { return nil }
        return session.nextPayload(at: now)
    }

    func write(_ payload: OutgoingPayload) {
        self.context?.write(
            self.wrapOutboundOut(.payload(payload.payload, requestQuickAck: payload.requestsQuickAck)),
            promise: nil
        )
    }

    func writePlaintext(_ payload: ByteBuffer) -> Bool {
        self.context?.writeAndFlush(self.wrapOutboundOut(.payload(payload, requestQuickAck: false)), promise: nil)
        // Without a context the link has failed, and its receiver knows.
        return true
    }

    func flush() {
        self.context?.flush()
    }

    var unsentByteCount: Int {
        (try? self.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
}

/// The server sent a transport error.
struct ReceivedTransportError: Error {
    let code: TransportErrorCode
}
