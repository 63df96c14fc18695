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
    /// Whether an event is being fired, so that the loop that fires it goes on with the next one.
    private var isFiring = false
    private var isDiscarding = false
    /// The end of the input, which must not overtake the events before it.
    private var isInputClosedWaiting = false

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

    /// Whether bytes wait for the rest of their frame. Always `false` while paused: what waits then may be whole.
    public var hasPartialFrame: Bool {
        !self.isPaused && self.connection.bufferedByteCount > 0
    }

    /// Fires no further events until ``resume()``, not even of bytes received already.
    ///
    /// For a handler that has to wait before it can go on: the bytes stay undecoded, under the limits that are set when they
    /// are decoded. It should not read meanwhile. The end of the input waits with them.
    public func pause() {
        guard !self.isDiscarding else { return }
        self.isPaused = true
    }

    /// Fires the events that waited.
    public func resume() {
        guard self.isPaused else { return }
        self.isPaused = false
        // Inside an event, the loop that fired it goes on by itself.
        guard !self.isFiring, let context = self.context else { return }
        let hasFired = self.fireEvents(context: context)
        if hasFired || self.hasPartialFrame, self.context != nil { context.fireChannelReadComplete() }
        self.fireInputClosed(context: context)
    }

    /// Drops the bytes that wait, and all that come, without a look at them; ``pause()`` has no effect any more. Writing
    /// goes on as before. For a handler that closes the connection.
    ///
    /// - Returns: Whether the input has ended already while events were paused. The event for it is not fired then.
    @discardableResult
    public func discard() -> Bool {
        let hasEnded = self.isInputClosedWaiting
        self.isDiscarding = true
        self.isPaused = false
        self.isInputClosedWaiting = false
        self.connection.discard()
        return hasEnded
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
        if bytes.readableBytes > 0 {
            context.fireChannelRead(NIOAny(bytes))
            context.fireChannelReadComplete()
        }
        if self.isInputClosedWaiting {
            self.isInputClosedWaiting = false
            context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        }
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
        self.fireInputClosed(context: context)
    }

    /// Fires what can be decoded, and returns whether there was anything.
    @discardableResult
    private func fireEvents(context: ChannelHandlerContext) -> Bool {
        guard !self.isFiring else { return false }
        self.isFiring = true
        defer { self.isFiring = false }
        var hasFired = false
        do {
            // Events may remove this handler, pause it or write through it; nothing is held across a call.
            while !self.hasFailed, !self.isPaused, self.context != nil, let event = try self.connection.nextEvent() {
                hasFired = true
                context.fireChannelRead(Self.wrapInboundOut(event))
            }
        } catch {
            self.fail(error, context: context)
        }
        return hasFired
    }

    private func fireInputClosed(context: ChannelHandlerContext) {
        guard self.isInputClosedWaiting, !self.isPaused, !self.isFiring, self.context != nil else { return }
        self.isInputClosedWaiting = false
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    /// Fires an error if the stream ended inside a frame. Events that are paused are lost: nobody could answer them.
    public func channelInactive(context: ChannelHandlerContext) {
        if self.isPaused { self.discard() }
        self.connection.endOfStream()
        self.fireEvents(context: context)
        context.fireChannelInactive()
    }

    /// Fires an error if the peer closed its sending side inside a frame. The event goes on behind those of the bytes
    /// before it.
    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .some(.inputClosed) = event as? ChannelEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        self.connection.endOfStream()
        self.isInputClosedWaiting = true
        self.fireEvents(context: context)
        self.fireInputClosed(context: context)
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

    private func fail(_ error: TransportConnectionError, context: ChannelHandlerContext) {
        guard !self.hasFailed else { return }
        self.hasFailed = true
        context.fireErrorCaught(error)
    }
}

@available(*, unavailable)
extension MTProtoTransportHandler: Sendable {}
