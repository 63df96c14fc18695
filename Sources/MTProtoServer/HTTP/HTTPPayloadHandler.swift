// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore
internal import NIOHTTP1

/// Makes payloads of HTTP requests and responses of payloads: the counterpart of ``MTProtoTransportHandler`` without a stream.
///
/// One request is in hand at a time: what comes behind it waits, and reading stops.
final class HTTPPayloadHandler: ChannelDuplexHandler, RemovableChannelHandler, PayloadTransport {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = TransportEvent
    typealias OutboundIn = TransportCommand
    typealias OutboundOut = HTTPServerResponsePart

    /// Requests that one read brings at once, beyond which their client is told to come again on a new connection.
    private static let maximumWaitingPartCount = 64

    private let clock: SessionClock
    private let watch: HTTPReadWatch
    private var machine: HTTPRequestMachine
    private var context: ChannelHandlerContext?
    /// What arrived behind the request in hand.
    private var waiting: Deque<HTTPServerRequestPart> = []
    private var isPaused = false
    private var isProcessing = false
    private var isDiscarding = false
    private var isInputClosedWaiting = false
    private var hasPendingRead = false
    /// Whether something was read that brought no part of a request: the beginning of a head, which the decoder keeps. One
    /// behind the end of a request in the same read is not seen, because the decoder does not tell what it keeps: until
    /// another byte of it comes, the limit of silence holds and not that of unfinished requests.
    private var hasPartialHead = false
    /// Whether parts have come with the read that is going on.
    private var hasParts = false
    private var date: (seconds: Int64, text: String)?

    /// - Parameter watch: stands in front of the decoder.
    init(limits: HTTPRequestMachine.Limits, clock: SessionClock, watch: HTTPReadWatch) {
        self.machine = HTTPRequestMachine(limits: limits)
        self.clock = clock
        self.watch = watch
    }

    // MARK: PayloadTransport

    var hasPartialFrame: Bool {
        !self.isPaused && !self.machine.isAnswerAwaited && (self.machine.isReceiving || self.hasPartialHead)
    }

    var bufferedByteCount: Int {
        self.waiting.reduce(self.machine.bufferedByteCount) { count, part in
            guard case .body(let bytes) = part else { return count }
            return count + bytes.readableBytes
        }
    }

    var maySendPayload: Bool { self.machine.isAnswerAwaited }

    var hasSentLast: Bool { self.machine.isClosed }

    func pause() {
        guard !self.isDiscarding else { return }
        self.isPaused = true
    }

    func resume() {
        guard self.isPaused, let context = self.context else { return }
        self.isPaused = false
        if let action = self.machine.checkAuthorization() { self.perform(action, context: context) }
        self.process(context: context)
    }

    @discardableResult
    func discard() -> Bool {
        let hasEnded = self.isInputClosedWaiting
        self.isDiscarding = true
        self.isPaused = false
        self.isInputClosedWaiting = false
        self.waiting.removeAll()
        self.machine.discard()
        self.readIfWanted()
        return hasEnded
    }

    func flushed(_ promise: EventLoopPromise<Void>) {
        guard let context = self.context else { return promise.fail(ChannelError.ioOnClosedChannel) }
        context.writeAndFlush(Self.wrapOutboundOut(.end(nil)), promise: promise)
    }

    /// Answers a request for a WebSocket; this handler is to be removed then.
    func switchProtocols(_ headers: HTTPHeaders) {
        let head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
        self.context?.writeAndFlush(Self.wrapOutboundOut(.head(head)), promise: nil)
    }

    /// Whether the client's last byte has come, which nobody was told yet.
    var hasInputEnded: Bool { self.isInputClosedWaiting }

    func endInput() {
        self.machine.endInput()
    }

    func answerWithNothing() {
        guard let context = self.context, let answer = self.machine.answerWithNothing() else { return }
        self.send(answer, context: context, promise: nil)
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.waiting.removeAll()
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isDiscarding else { return }
        self.hasPartialHead = false
        self.hasParts = true
        self.enqueue(Self.unwrapInboundIn(data))
        self.process(context: context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if self.watch.takeReading() { self.hasPartialHead = !self.hasParts && self.waiting.isEmpty }
        self.hasParts = false
        context.fireChannelReadComplete()
    }

    private func enqueue(_ part: HTTPServerRequestPart) {
        if case .body(let bytes) = part, case .some(.body(var last)) = self.waiting.last {
            // Chunks may be one byte each.
            self.waiting.removeLast()
            last.writeImmutableBuffer(bytes)
            return self.waiting.append(.body(last))
        }
        guard self.waiting.count < Self.maximumWaitingPartCount else { return self.machine.endInput() }
        self.waiting.append(part)
    }

    private func process(context: ChannelHandlerContext) {
        guard !self.isProcessing else { return }
        self.isProcessing = true
        // Events may pause this handler, remove it or write through it.
        while !self.isPaused, !self.isDiscarding, self.context != nil, !self.machine.isAnswerAwaited,
            let part = self.waiting.popFirst()
        {
            if let action = self.machine.receive(part) { self.perform(action, context: context) }
        }
        self.isProcessing = false
        self.fireInputClosed(context: context)
    }

    private func perform(_ action: HTTPRequestMachine.Action, context: ChannelHandlerContext) {
        switch action {
        case .sendContinue:
            let head = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(Self.wrapOutboundOut(.head(head)), promise: nil)
        case .authorizationNeeded(let keyIdentifier):
            context.fireChannelRead(Self.wrapInboundOut(.authorizationNeeded(keyIdentifier: keyIdentifier)))
            guard !self.isPaused, let action = self.machine.checkAuthorization() else { return }
            self.perform(action, context: context)
        case .payload(let payload):
            context.fireChannelRead(Self.wrapInboundOut(.payload(payload, quickAckRequested: false)))
        case .respond(let answer):
            self.send(answer, context: context, promise: nil)
            context.flush()
            if answer.closes {
                self.waiting.removeAll()
                context.fireErrorCaught(HTTPRequestError(status: answer.status.code))
            }
        case .upgrade(let head):
            context.fireUserInboundEventTriggered(WebSocketUpgradeRequest(head: head))
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError, !self.isDiscarding else {
            return context.fireErrorCaught(error)
        }
        // Requests before the broken one come first.
        guard self.waiting.isEmpty, !self.machine.isAnswerAwaited else { return self.machine.endInput() }
        if let action = self.machine.fail(error) {
            self.perform(action, context: context)
        } else {
            context.fireErrorCaught(error)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .some(.inputClosed) = event as? ChannelEvent else {
            return context.fireUserInboundEventTriggered(event)
        }
        self.isInputClosedWaiting = true
        self.fireInputClosed(context: context)
    }

    /// The end of the input does not overtake the requests before it.
    private func fireInputClosed(context: ChannelHandlerContext) {
        guard self.isInputClosedWaiting, !self.isPaused, !self.isProcessing, self.waiting.isEmpty, self.context != nil
        else { return }
        self.isInputClosedWaiting = false
        context.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    func read(context: ChannelHandlerContext) {
        self.hasPendingRead = true
        self.readIfWanted()
    }

    private func readIfWanted() {
        guard self.hasPendingRead, self.isDiscarding || self.waiting.isEmpty && !self.machine.isAnswerAwaited else {
            return
        }
        self.hasPendingRead = false
        self.context?.read()
    }

    // MARK: Writing

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let answer: HTTPAnswer?
        switch Self.unwrapOutboundIn(data) {
        case .payload(let payload, _):
            answer = self.machine.answer(payload)
        case .transportError(let code):
            answer = self.machine.answer(code)
        case .quickAck:
            promise?.succeed()
            return
        case .setAuthorized:
            self.machine.isAuthorized = true
            promise?.succeed()
            return
        }
        guard let answer else {
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        self.send(answer, context: context, promise: promise)
    }

    private func send(_ answer: HTTPAnswer, context: ChannelHandlerContext, promise: EventLoopPromise<Void>?) {
        let head = HTTPResponseHead(
            version: .http1_1,
            status: answer.status,
            headers: answer.headers(date: self.currentDate())
        )
        context.write(Self.wrapOutboundOut(.head(head)), promise: nil)
        if answer.body.readableBytes > 0 {
            context.write(Self.wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil)
        }
        context.write(Self.wrapOutboundOut(.end(nil)), promise: promise)
        guard !self.isProcessing else { return }
        if self.waiting.isEmpty, !self.isInputClosedWaiting {
            self.readIfWanted()
        } else {
            // Not from within the write: the writer is not done with this request.
            context.eventLoop.assumeIsolated().execute {
                guard let context = self.context else { return }
                self.process(context: context)
                self.hasPartialHead = false
                context.fireChannelReadComplete()
                self.readIfWanted()
            }
        }
    }

    private func currentDate() -> String {
        let seconds = self.clock.now().wallNanoseconds / 1_000_000_000
        if let date = self.date, date.seconds == seconds { return date.text }
        let text = HTTPDate.text(unixSeconds: seconds)
        self.date = (seconds, text)
        return text
    }
}

/// An HTTP request that has to be answered by changing over to a WebSocket.
struct WebSocketUpgradeRequest {
    let head: HTTPRequestHead
}
