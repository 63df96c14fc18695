// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// Drives the session of a client over a link.
///
/// All protocol decisions are in ``ClientSession``; this class moves payloads, keeps time and matches answers with callers.
final class SessionDriver: LinkReceiver {
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
    let hasQuickAcknowledgements: Bool
    let application: ApplicationInformation
    let logger: Logger
    private let link: any ClientLink
    var requests: [ClientSession.Query: Request] = [:]
    var queriesByNumber: [UInt64: ClientSession.Query] = [:]
    var pings: [Int64: EventLoopPromise<Duration>] = [:]
    /// Whether the server has answered a query that was wrapped in `initConnection`.
    var isInitialized = false
    var events: ConnectionEventsSource?
    let onStep: @Sendable (ConnectionStep) -> Void
    private var isFlushScheduled = false
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
        link: any ClientLink,
        application: ApplicationInformation,
        clock: SessionClock,
        logger: Logger,
        onStep: @escaping @Sendable (ConnectionStep) -> Void
    ) {
        self.session = session
        self.link = link
        self.hasQuickAcknowledgements = link.hasQuickAcknowledgements
        self.application = application
        self.clock = clock
        self.logger = logger
        self.onStep = onStep
    }

    // MARK: Life

    /// Takes the link over and sends the session's first payload.
    func start() {
        self.session.connectionOpened(at: self.clock.now())
        self.link.attach(self)
        guard !self.isEnded else { return }
        self.link.sessionBegins(keyIdentifier: self.session.state.authorizationKey.identifier)
        self.flush()
    }

    /// Ends the connection because of an error.
    func fail(with error: any Error) {
        if self.failure == nil {
            self.failure = error
            // Not the error itself: it may hold addresses, and what the server said.
            let code = MTProtoClientError.make(from: error, phase: .use, endpoint: "").code
            self.logger.debug("connection failed", metadata: ["code": "\(code)"])
        }
        self.end(with: error)
        self.link.close()
    }

    func linkFailed(_ error: any Error) {
        self.fail(with: self.failure ?? error)
    }

    /// Closes in good order: what is queued, and the acknowledgements that wait, go before the end.
    func finish(because reason: any Error) {
        guard !self.isEnded else { return }
        self.session.connectionWillClose()
        self.link.prepareToFinish()
        self.flush()
        if self.failure == nil { self.failure = reason }
        self.link.finish()
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

    func receive(_ payload: ByteBuffer) -> PayloadValue {
        guard !self.isEnded else { return .stale }
        let count = self.session.newPayloadCount
        do {
            let events = try self.session.receive(payload, at: self.clock.now())
            let isNew = self.session.newPayloadCount != count
            self.handle(events)
            guard isNew else { return .stale }
            return events.isEmpty ? .empty : .interesting
        } catch {
            self.fail(with: error)
            return .stale
        }
    }

    func receiveQuickAcknowledgement(_ token: UInt32) {
        for query in self.session.receiveQuickAck(token) {
            self.requests[query]?.quickAck?.succeed()
        }
    }

    func linkIsReady() {
        self.flush()
    }

    func payloadLost(_ identifier: UInt64, because error: any Error, wasSent: Bool) {
        guard !self.isEnded else { return }
        self.session.payloadLost(identifier, at: self.clock.now())
    }

    func note(serverTime seconds: Int64) {
        guard !self.isEnded else { return }
        self.session.noteServerTime(unixSeconds: seconds, at: self.clock.now())
    }

    /// Whoever takes events may be the one who waits for an answer behind them: then reading goes on, within a limit.
    var mayRead: Bool {
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
        self.link.resumeReading()
    }

    // MARK: Writing

    /// Flushes after the work that is queued on the event loop now, so that queries of many tasks share a container.
    func scheduleFlush() {
        self.link.resumeReading()
        guard !self.isFlushScheduled, !self.isEnded else { return }
        self.isFlushScheduled = true
        self.link.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    func flush() {
        guard !self.isEnded else { return }
        let now = self.clock.now()
        var hasWritten = false
        // The link may fail as it writes: then the session is not connected, and has no payload.
        while let outgoing = self.link.nextPayload(of: &self.session, at: now) {
            self.link.write(outgoing)
            hasWritten = true
        }
        if hasWritten { self.link.flush() }
        self.rescheduleTimer(at: now)
    }

    // MARK: Time

    private func rescheduleTimer(at now: SessionTime) {
        guard !self.isEnded, let deadline = self.session.nextDeadline else { return }
        if let timer = self.timer {
            // An early timer only moves on, so that traffic does not reschedule.
            guard deadline < timer.deadline else { return }
            timer.task.cancel()
        }
        let delay = TimeAmount.nanoseconds(max(0, deadline &- now.monotonicNanoseconds))
        let task = self.link.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.timerFired() }
        self.timer = (deadline, task)
    }

    private func timerFired() {
        self.timer = nil
        guard !self.isEnded else { return }
        // The events' user may be behind; a read now and then keeps the answers to our own pings from being taken for lost.
        self.link.readOnce()
        let unsent = self.link.unsentByteCount
        self.handle(self.session.deadlineReached(at: self.clock.now(), unsentByteCount: unsent))
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
