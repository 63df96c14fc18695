// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Puts a ``TransportConnection`` into a channel's pipeline, for either role.
///
/// Bytes of the stream come in as ``TransportEvent``s; ``TransportCommand``s go out as bytes. A client's first bytes
/// are written when the channel becomes active, and leave with the first flush, so that they and the first frame share
/// a segment.
///
/// A stream that breaks the rules makes the handler fire a ``TransportConnectionError`` once and drop what follows;
/// the handler does not close the channel. After ``TransportEvent/foreign(_:)`` it does nothing until it is removed
/// from the pipeline, and then hands the bytes it holds to the next handler as a `ByteBuffer`.
public final class MTProtoTransportHandler: ChannelDuplexHandler, RemovableChannelHandler {
    /// Bytes of the stream.
    public typealias InboundIn = ByteBuffer
    /// What was received.
    public typealias InboundOut = TransportEvent
    /// What to do.
    public typealias OutboundIn = TransportCommand
    /// Bytes of the stream.
    public typealias OutboundOut = ByteBuffer

    private var connection: TransportConnection
    private var hasFailed = false
    private var context: ChannelHandlerContext?
    private var isPaused = false
    private var hasEnded = false

    /// Makes the handler of a client.
    ///
    /// - Throws: ``TransportConnectionError``; see ``TransportConnection/init(client:)``.
    public init(client configuration: TransportConnection.ClientConfiguration) throws(TransportConnectionError) {
        self.connection = try TransportConnection(client: configuration)
    }

    /// Makes the handler of a server.
    public init(server configuration: TransportConnection.ServerConfiguration) {
        self.connection = TransportConnection(server: configuration)
    }

    /// How the two ends speak; `nil` on a server that does not know yet.
    public var handshake: TransportHandshake? {
        self.connection.handshake
    }

    /// How many bytes were received and belong to no event yet.
    public var bufferedByteCount: Int {
        self.connection.bufferedByteCount
    }

    /// Takes the bytes that were received and not consumed; see ``TransportConnection/takeBufferedBytes()``.
    public func takeBufferedBytes() -> ByteBuffer {
        self.connection.takeBufferedBytes()
    }

    /// Fires no further events until ``resume()``, not even of bytes received already.
    ///
    /// For a handler that has to wait before it can go on: the bytes stay undecoded, under the limits that are set when they
    /// are decoded. It should not read meanwhile.
    public func pause() {
        self.isPaused = true
    }

    /// Fires the events that waited.
    public func resume() {
        guard self.isPaused, let context = self.context else { return }
        self.isPaused = false
        self.fireEvents(context: context)
        if self.hasEnded { self.endOfStream(context: context) }
    }

    /// Completes a promise when everything written so far has left, and flushes.
    public func flushed(_ promise: EventLoopPromise<Void>) {
        guard let context = self.context else { return promise.fail(ChannelError.ioOnClosedChannel) }
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer()), promise: promise)
    }

    /// Writes a client's first bytes if the channel is active already.
    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { self.writePreamble(context: context) }
    }

    /// Hands bytes that were not consumed to the next handler.
    public func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        // A closed channel removes all handlers: the next one is no successor, and takes events, not bytes.
        guard context.channel.isActive else { return }
        let bytes = self.connection.takeBufferedBytes()
        guard bytes.readableBytes > 0 else { return }
        context.fireChannelRead(NIOAny(bytes))
        context.fireChannelReadComplete()
    }

    /// Writes a client's first bytes.
    public func channelActive(context: ChannelHandlerContext) {
        self.writePreamble(context: context)
        context.fireChannelActive()
    }

    /// Fires the events that the bytes make.
    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.hasFailed else { return }
        self.connection.receive(Self.unwrapInboundIn(data))
        self.fireEvents(context: context)
    }

    private func fireEvents(context: ChannelHandlerContext) {
        do {
            // Events may remove this handler, pause it or write through it; nothing is held across a call.
            while !self.hasFailed, !self.isPaused, let event = try self.connection.nextEvent() {
                context.fireChannelRead(Self.wrapInboundOut(event))
            }
        } catch {
            self.fail(error, context: context)
        }
    }

    /// Fires an error if the stream ended inside a frame.
    public func channelInactive(context: ChannelHandlerContext) {
        self.endOfStream(context: context)
        context.fireChannelInactive()
    }

    /// Fires an error if the peer closed its sending side inside a frame.
    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { self.endOfStream(context: context) }
        context.fireUserInboundEventTriggered(event)
    }

    /// Frames and writes what the command says. A command that cannot be done fails its promise.
    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        do {
            switch Self.unwrapOutboundIn(data) {
            case .payload(let payload, let requestQuickAck):
                let bytes = try self.connection.send(payload, requestQuickAck: requestQuickAck)
                context.write(Self.wrapOutboundOut(bytes), promise: promise)
            case .quickAck(let token):
                guard let bytes = try self.connection.sendQuickAck(token) else {
                    promise?.succeed()
                    return
                }
                context.write(Self.wrapOutboundOut(bytes), promise: promise)
            case .transportError(let code):
                let bytes = try self.connection.sendTransportError(code)
                context.write(Self.wrapOutboundOut(bytes), promise: promise)
            case .setAuthorized(let keyIdentifier):
                self.connection.authorizationKeyIdentifier = keyIdentifier
                self.connection.isAuthorized = true
                promise?.succeed()
            }
        } catch {
            promise?.fail(error)
        }
    }

    private func writePreamble(context: ChannelHandlerContext) {
        guard let preamble = self.connection.takePreamble() else { return }
        context.write(Self.wrapOutboundOut(preamble), promise: nil)
    }

    private func endOfStream(context: ChannelHandlerContext) {
        self.hasEnded = true
        // What waits undecoded may be whole frames.
        guard !self.hasFailed, !self.isPaused else { return }
        do {
            try self.connection.endOfStream()
        } catch {
            self.fail(error, context: context)
        }
    }

    private func fail(_ error: TransportConnectionError, context: ChannelHandlerContext) {
        guard !self.hasFailed else { return }
        self.hasFailed = true
        context.fireErrorCaught(error)
    }
}

@available(*, unavailable)
extension MTProtoTransportHandler: Sendable {}
