// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// Drives the session of a client over one connection.
///
/// All protocol decisions are in ``ClientSession``; this class moves bytes, keeps time and matches answers with callers.
final class ClientSessionHandler: ChannelInboundHandler, ChannelOutboundHandler, RemovableChannelHandler {
    typealias InboundIn = TransportEvent
    typealias OutboundIn = TransportCommand
    typealias OutboundOut = TransportCommand

    /// One call of `invoke`.
    struct Request {
        let number: UInt64
        let result: EventLoopPromise<ByteBuffer>
        let quickAck: EventLoopPromise<Void>?
        /// The query, kept while its `initConnection` wrapper may have to be repeated.
        var bareQuery: ByteBuffer?
        let isWrapped: Bool
        let start: ContinuousClock.Instant

        func fail(with cause: any Error, delivery: DeliveryState? = nil) {
            let error = QueryFailure(
                cause: cause,
                phase: self.isWrapped ? .initialization : .use,
                delivery: delivery
            )
            self.result.fail(error)
            self.quickAck?.fail(error)
        }
    }

    var session: ClientSession
    let clock: SessionClock
    let application: ApplicationInformation
    let logger: Logger
    var context: ChannelHandlerContext?
    var requests: [ClientSession.Query: Request] = [:]
    var queriesByNumber: [UInt64: ClientSession.Query] = [:]
    var pings: [Int64: EventLoopPromise<Duration>] = [:]
    /// Whether the server has answered a query that was wrapped in `initConnection`.
    var isInitialized = false
    var events: ConnectionEventsSource?
    private static let closingTime = TimeAmount.seconds(1)
    let onStep: @Sendable (ConnectionStep) -> Void
    private var isFlushScheduled = false
    private var hasPendingRead = false
    private var isEventDemandExhausted = false
    /// Bytes of events that came after the demand was exhausted.
    private var surplusEventByteCount = 0
    /// How many bytes of events are kept beyond the demand so that answers behind them can be read.
    private static let maximumSurplusEventByteCount = 1 << 20
    private var timer: (deadline: Int64, task: Scheduled<Void>)?
    private(set) var failure: (any Error)?
    private var isEnded = false

    init(
        session: consuming ClientSession,
        application: ApplicationInformation,
        clock: SessionClock,
        logger: Logger,
        onStep: @escaping @Sendable (ConnectionStep) -> Void
    ) {
        self.session = session
        self.application = application
        self.clock = clock
        self.logger = logger
        self.onStep = onStep
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let keyIdentifier = self.session.state.authorizationKey.identifier
        context.write(self.wrapOutboundOut(.setAuthorized(keyIdentifier: keyIdentifier)), promise: nil)
        self.session.connectionOpened(at: self.clock.now())
        self.flush()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end(with: self.failure ?? ChannelError.ioOnClosedChannel)
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end(with: self.failure ?? ConnectionClosedByPeer())
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(with: error)
    }

    /// Ends the connection because of an error.
    func fail(with error: any Error) {
        if self.failure == nil { self.failure = error }
        self.logger.debug("connection failed", metadata: ["error": "\(error)"])
        self.end(with: error)
        self.context?.close(promise: nil)
    }

    /// Closes in good order: what is queued, and the acknowledgements that wait, go before the end.
    func finish(because reason: any Error) {
        guard !self.isEnded, let context = self.context else { return }
        self.session.connectionWillClose()
        self.flush()
        self.failure = reason
        // Until the last byte has left, or a second is over: a server that does not read must not hold us.
        let promise = context.eventLoop.makePromise(of: Void.self)
        let timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.closingTime) {
            context.close(promise: nil)
        }
        promise.futureResult.assumeIsolated().whenComplete { _ in
            timer.cancel()
            context.close(promise: nil)
        }
        context.close(mode: .output, promise: promise)
    }

    private func end(with error: any Error) {
        guard !self.isEnded else { return }
        self.isEnded = true
        if self.failure == nil { self.failure = error }
        self.timer?.task.cancel()
        self.timer = nil
        self.session.connectionClosed(at: self.clock.now())
        for (query, delivery) in self.session.end() {
            guard let request = self.takeRequest(query) else { continue }
            request.fail(with: error, delivery: delivery)
        }
        for request in self.requests.values {
            request.fail(with: error, delivery: .maybeDelivered)
        }
        self.requests.removeAll()
        self.queriesByNumber.removeAll()
        for promise in self.pings.values { promise.fail(error) }
        self.pings.removeAll()
        self.events?.finish()
        self.events = nil
    }

    func takeRequest(_ query: ClientSession.Query) -> Request? {
        guard let request = self.requests.removeValue(forKey: query) else { return nil }
        self.queriesByNumber[request.number] = nil
        return request
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isEnded else { return }
        switch self.unwrapInboundIn(data) {
        case .payload(let payload, _):
            do {
                self.handle(try self.session.receive(payload, at: self.clock.now()))
            } catch {
                self.fail(with: error)
            }
        case .quickAck(let token):
            for query in self.session.receiveQuickAck(token) {
                self.requests[query]?.quickAck?.succeed()
            }
        case .transportError(let code):
            self.fail(with: ReceivedTransportError(code: code))
        case .handshake, .authorizationNeeded, .foreign:
            break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.flush()
        context.fireChannelReadComplete()
    }

    /// Reading waits while the user of the events is behind.
    func read(context: ChannelHandlerContext) {
        if !self.mayRead {
            self.hasPendingRead = true
        } else {
            context.read()
        }
    }

    /// Whoever takes events may be the one who waits for an answer behind them: then reading goes on, within a limit.
    private var mayRead: Bool {
        guard self.isEventDemandExhausted else { return true }
        let isAwaited = !self.requests.isEmpty || !self.pings.isEmpty
        return isAwaited && self.surplusEventByteCount < Self.maximumSurplusEventByteCount
    }

    func noteEvent(byteCount: Int) {
        if self.isEventDemandExhausted { self.surplusEventByteCount += byteCount }
    }

    func eventDemandChanged(isExhausted: Bool) {
        self.isEventDemandExhausted = isExhausted
        if !isExhausted { self.surplusEventByteCount = 0 }
        self.resumeReading()
    }

    func resumeReading() {
        guard self.hasPendingRead, self.mayRead else { return }
        self.hasPendingRead = false
        self.context?.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.flush() }
        context.fireChannelWritabilityChanged()
    }

    // MARK: Writing

    /// Flushes after the work that is queued on the event loop now, so that queries of many tasks share a container.
    func scheduleFlush() {
        self.resumeReading()
        guard !self.isFlushScheduled, let context = self.context else { return }
        self.isFlushScheduled = true
        context.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    func flush() {
        guard let context = self.context, !self.isEnded else { return }
        let now = self.clock.now()
        var hasWritten = false
        while context.channel.isWritable, let outgoing = self.session.nextPayload(at: now) {
            context.write(
                self.wrapOutboundOut(.payload(outgoing.payload, requestQuickAck: outgoing.requestsQuickAck)),
                promise: nil
            )
            hasWritten = true
        }
        if hasWritten { context.flush() }
        self.rescheduleTimer(at: now)
    }

    // MARK: Time

    private func rescheduleTimer(at now: SessionTime) {
        guard let context = self.context, let deadline = self.session.nextDeadline else { return }
        if let timer = self.timer {
            // An early timer only moves on, so that traffic does not reschedule.
            guard deadline < timer.deadline else { return }
            timer.task.cancel()
        }
        let delay = TimeAmount.nanoseconds(max(0, deadline &- now.monotonicNanoseconds))
        let task = context.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.timerFired() }
        self.timer = (deadline, task)
    }

    private func timerFired() {
        self.timer = nil
        guard !self.isEnded, let context = self.context else { return }
        if self.hasPendingRead {
            // The events' user is behind; a read now and then keeps the answers to our own pings from being taken for lost.
            self.hasPendingRead = false
            context.read()
        }
        let unsent = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
        self.handle(self.session.deadlineReached(at: self.clock.now(), unsentByteCount: unsent ?? 0))
        self.flush()
    }
}

/// A query that failed.
struct QueryFailure: Error {
    let cause: any Error
    let phase: ConnectionPhase
    /// What is known of it when its connection ended.
    let delivery: DeliveryState?
}

/// The caller closed the connection.
struct ConnectionClosedLocally: Error {}
