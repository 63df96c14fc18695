// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore
public import NIOWebSocket

/// Turns an upgraded channel into the stream of bytes that a ``MTProtoTransportHandler`` behind it works with, for
/// either role.
///
/// It stands behind NIO's `WebSocketFrameDecoder`, whose frames it takes. Frames go out as bytes: past NIO's
/// `WebSocketFrameEncoder`, if the upgrade has put one into the pipeline, because that masks byte by byte.
///
/// - Each write becomes one binary message, a client's long ones several; an empty write becomes nothing, and its
///   promise completes when everything before it has left.
/// - Pings are answered. While the channel is not writable only the newest waits.
/// - `close(mode: .output)` sends a Close frame and completes when that has left. The code is 1000, the reason empty
///   unless a ``WebSocketCloseReason`` went out as a user event before. A server ends its output when both sides have sent
///   Close, and waits for a peer that never does: its owner has to set a limit. `close(mode: .all)` sends the frame
///   if it can and closes at once.
/// - A Close frame of the peer is answered, and fired as ``WebSocketClosed`` and then `ChannelEvent.inputClosed`. Nothing
///   can be written after that.
/// - A frame that breaks the rules makes the handler send Close, fire a ``WebSocketStreamError`` once and ignore what
///   follows; like the transport's handler it leaves it to the next one to close the channel.
public final class WebSocketStreamHandler: ChannelDuplexHandler, RemovableChannelHandler {
    /// Frames, still masked.
    public typealias InboundIn = WebSocketFrame
    /// Bytes of the stream.
    public typealias InboundOut = ByteBuffer
    /// Bytes of the stream.
    public typealias OutboundIn = ByteBuffer
    /// Bytes of the connection.
    public typealias OutboundOut = ByteBuffer

    private var stream: WebSocketByteStream
    /// How many frames have come, wrapping: whether a read has ended one.
    package private(set) var receivedFrameCount: UInt64 = 0
    private var closeReason = WebSocketCloseReason.none
    /// Where frames go out: this handler's context, or that of NIO's encoder.
    private var wire: ChannelHandlerContext?
    private var waitingPong: ByteBuffer?
    private var needsFlush = false
    private var hasFiredInputClosed = false
    private var hasEndedOutput = false

    /// Makes the handler of a WebSocket whose opening handshake is over.
    ///
    /// - Parameters:
    ///   - role: The side of this end.
    ///   - maximumFrameLength: The most bytes of a frame that is sent; see
    ///     ``WebSocketByteStream/init(role:maximumFrameLength:random:)``.
    ///   - random: Where a client's masking keys come from.
    public init(role: Role, maximumFrameLength: Int? = nil, random: RandomSource = .system) {
        self.stream = WebSocketByteStream(role: role, maximumFrameLength: maximumFrameLength, random: random)
    }

    /// Looks for NIO's encoder.
    public func handlerAdded(context: ChannelHandlerContext) {
        let encoder = try? context.pipeline.syncOperations.context(handlerType: WebSocketFrameEncoder.self)
        self.wire = encoder ?? context
    }

    /// Lets the pipeline go.
    public func handlerRemoved(context: ChannelHandlerContext) {
        self.wire = nil
    }

    // MARK: Inbound

    /// Fires the bytes of a binary frame; control frames are dealt with here.
    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.receivedFrameCount &+= 1
        do {
            switch try self.stream.receive(Self.unwrapInboundIn(data)) {
            case .bytes(let bytes):
                context.fireChannelRead(Self.wrapInboundOut(bytes))
            case .ping(let data):
                self.waitingPong = data
                if context.channel.isWritable { self.writePong() }
            case .closed(let closed):
                self.peerClosed(closed, context: context)
            case nil:
                break
            }
        } catch {
            self.fail(error, context: context)
        }
    }

    /// Lets the pongs go.
    public func channelReadComplete(context: ChannelHandlerContext) {
        self.flushIfNeeded(context: context)
        context.fireChannelReadComplete()
    }

    /// Sends the pong that has waited.
    public func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable, self.waitingPong != nil {
            self.writePong()
            self.flushIfNeeded(context: context)
        }
        context.fireChannelWritabilityChanged()
    }

    /// Fires the end of the input once, whether a Close frame or the connection says it.
    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .some(.inputClosed) = event as? ChannelEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        self.stream.endInput()
        self.fireInputClosed(context: context)
    }

    /// Treats an error of NIO's frame decoder like one of the rules here.
    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The decoder complains of every read behind its first error.
        if self.stream.hasInputEnded, error is NIOWebSocketError || error is ByteToMessageDecoderError { return }
        guard let error = error as? NIOWebSocketError else { return context.fireErrorCaught(error) }
        self.stream.endInput()
        self.fail(WebSocketStreamError(error), context: context)
    }

    private func peerClosed(_ closed: WebSocketClosed, context: ChannelHandlerContext) {
        self.writeClose(.none, context: context, promise: nil)
        self.endOutputIfDone(context: context)
        context.fireUserInboundEventTriggered(closed)
        self.fireInputClosed(context: context)
    }

    private func fireInputClosed(context: ChannelHandlerContext) {
        guard !self.hasFiredInputClosed else { return }
        self.hasFiredInputClosed = true
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    private func fail(_ error: WebSocketStreamError, context: ChannelHandlerContext) {
        self.writeClose(WebSocketCloseReason(error), context: context, promise: nil)
        context.fireErrorCaught(error)
    }

    // MARK: Outbound

    /// Frames and writes the bytes.
    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard let wire = self.wire else { promise?.fail(ChannelError.ioOnClosedChannel); return }
        var bytes = Self.unwrapOutboundIn(data)
        guard bytes.readableBytes > 0 else { return wire.write(Self.wrapOutboundOut(bytes), promise: promise) }
        guard !self.stream.hasSentClose else { promise?.fail(ChannelError.outputClosed); return }
        while let frame = self.stream.takeFrame(from: &bytes) {
            let isLast = bytes.readableBytes == 0
            wire.write(Self.wrapOutboundOut(frame.bytes), promise: isLast && frame.data == nil ? promise : nil)
            if let data = frame.data {
                wire.write(Self.wrapOutboundOut(data), promise: isLast ? promise : nil)
            }
        }
    }

    /// Sends what waits; pongs that were written go with it.
    public func flush(context: ChannelHandlerContext) {
        self.needsFlush = false
        context.flush()
    }

    /// Takes a ``WebSocketCloseReason`` for the Close frame that comes later.
    public func triggerUserOutboundEvent(
        context: ChannelHandlerContext,
        event: Any,
        promise: EventLoopPromise<Void>?
    ) {
        guard let reason = event as? WebSocketCloseReason else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        self.closeReason = reason
        promise?.succeed()
    }

    /// Sends the Close frame, and closes what a WebSocket's end closes.
    public func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .output:
            self.writeClose(self.closeReason, context: context, promise: promise)
            self.endOutputIfDone(context: context)
        case .all:
            self.writeClose(self.closeReason, context: context, promise: nil)
            context.close(mode: .all, promise: promise)
        case .input:
            context.close(mode: .input, promise: promise)
        }
    }

    private func writeClose(
        _ reason: WebSocketCloseReason,
        context: ChannelHandlerContext,
        promise: EventLoopPromise<Void>?
    ) {
        self.waitingPong = nil
        guard let wire = self.wire, let frame = self.stream.close(reason) else {
            promise?.succeed()
            return
        }
        wire.write(Self.wrapOutboundOut(frame), promise: promise)
        self.needsFlush = false
        context.flush()
    }

    /// A server ends the connection once both sides have sent Close; a client waits for that.
    private func endOutputIfDone(context: ChannelHandlerContext) {
        guard self.stream.role == .server, self.stream.hasSentClose, self.stream.hasInputEnded, !self.hasEndedOutput
        else { return }
        self.hasEndedOutput = true
        context.close(mode: .output, promise: nil)
    }

    private func writePong() {
        guard let data = self.waitingPong else { return }
        self.waitingPong = nil
        guard let wire = self.wire, let frame = self.stream.pong(data) else { return }
        wire.write(Self.wrapOutboundOut(frame), promise: nil)
        self.needsFlush = true
    }

    private func flushIfNeeded(context: ChannelHandlerContext) {
        guard self.needsFlush else { return }
        self.needsFlush = false
        context.flush()
    }
}

@available(*, unavailable)
extension WebSocketStreamHandler: Sendable {}
