// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Holds what comes in behind a layer's handshake until the next layer's handlers are in the pipeline behind it: bytes glued to
/// a proxy's answer, the end of the input, an error. While it holds bytes nothing more is read.
final class HopGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = NIOAny
    typealias OutboundOut = NIOAny

    private var context: ChannelHandlerContext?
    private var held: [ByteBuffer] = []
    private var hasPendingRead = false
    private var isInputClosed = false
    private var error: (any Error)?
    private var state = State.holding

    private enum State {
        /// Nothing passes.
        case holding
        /// What is held is handed on; more may come meanwhile, and waits for its turn.
        case releasing
        /// Everything passes.
        case open
    }

    /// Hands on what it holds, and leaves; on the event loop.
    func release() {
        guard let context = self.context else { return }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// Behind the next layer's handlers, so that they see everything in order, and nothing can come between.
    func removeHandler(context: ChannelHandlerContext, removalToken: ChannelHandlerContext.RemovalToken) {
        self.state = .releasing
        let hasHeld = !self.held.isEmpty
        while !self.held.isEmpty {
            let held = self.held
            self.held = []
            for bytes in held { context.fireChannelRead(self.wrapInboundOut(bytes)) }
        }
        self.state = .open
        if hasHeld { context.fireChannelReadComplete() }
        if self.isInputClosed { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        if let error = self.error { context.fireErrorCaught(error) }
        // A channel may answer this at once: the bytes pass.
        if self.hasPendingRead { context.read() }
        context.leavePipeline(removalToken: removalToken)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.state == .open {
            context.fireChannelRead(data)
        } else {
            self.held.append(self.unwrapInboundIn(data))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if self.state == .open || self.state == .holding && self.held.isEmpty { context.fireChannelReadComplete() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if self.state != .open, case .some(.inputClosed) = event as? ChannelEvent {
            self.isInputClosed = true
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// The first one says what happened.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.state == .open {
            context.fireErrorCaught(error)
        } else if self.error == nil {
            self.error = error
        }
    }

    func read(context: ChannelHandlerContext) {
        if self.state == .open || self.state == .holding && self.held.isEmpty {
            context.read()
        } else {
            self.hasPendingRead = true
        }
    }
}
