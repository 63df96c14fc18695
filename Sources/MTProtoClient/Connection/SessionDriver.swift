// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// Drives the session of a client over a link.
///
/// All protocol decisions are in ``ClientSession``; this class moves payloads, keeps time and matches answers with callers.
///
/// Without ``onLinkLost`` it ends with its link. With it, the session stays: callers wait on, and the session sees to their
/// queries when it is attached to another link.
final class SessionDriver: LinkReceiver {
    /// One call of `invoke`.
    struct Request {
        let number: UInt64
        let result: EventLoopPromise<ByteBuffer>
        let quickAck: EventLoopPromise<Void>?
        /// The query, kept while its `initConnection` wrapper may have to be repeated.
        var bareQuery: ByteBuffer?
        let isWrapped: Bool
        /// Whether it was refused once because the key was not bound.
        var wasUnbound = false
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
    let eventLoop: any EventLoop
    private(set) var hasQuickAcknowledgements = false
    let application: ApplicationInformation
    let logger: Logger
    /// What carries the session now.
    private(set) var link: (any ClientLink)?
    /// Why there is no link, if one was lost.
    private(set) var linkError: (any Error)?
    /// Called when the link is gone and the session waits for another one.
    var onLinkLost: ((any Error) -> Void)?
    /// Called when the server says that the temporary key is not bound. Without it the query fails.
    var onUnbound: ((any Error) -> Void)?
    /// Whether queries that the server has confirmed go again when it has forgotten the session.
    var repeatsWhenForgotten = true
    /// Called when no query is unanswered any more.
    var onIdle: (() -> Void)?
    /// Whether new queries wait in ``held``.
    var isHolding = false
    var held = HeldQueries()
    /// A key exchange that shares the link with the session.
    var plaintext: PlaintextExchange?
    /// The key before the session's: what still comes under it is old.
    private var retiredKeyIdentifier: UInt64?
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
        eventLoop: any EventLoop,
        application: ApplicationInformation,
        clock: SessionClock,
        logger: Logger,
        onStep: @escaping @Sendable (ConnectionStep) -> Void
    ) {
        self.session = session
        self.eventLoop = eventLoop
        self.application = application
        self.clock = clock
        self.logger = logger
        self.onStep = onStep
    }

    // MARK: Life

    /// Takes a link over and sends the session's first payload on it.
    func attach(_ link: any ClientLink) {
        guard !self.isEnded else { return link.close() }
        self.detach(because: ConnectionClosedLocally())
        self.link = link
        self.linkError = nil
        self.hasQuickAcknowledgements = link.hasQuickAcknowledgements
        self.surplusEventByteCount = 0
        self.session.connectionOpened(at: self.clock.now(), isWatched: link.isWatchedByPings)
        link.attach(self)
        guard self.link === link, !self.isEnded else { return }
        link.sessionBegins(keyIdentifier: self.session.state.authorizationKey.identifier)
        self.flush()
    }

    /// Leaves the link, and closes it. The session stays, and so do its queries; pings go with their connection.
    func detach(because error: any Error) {
        guard let link = self.link else { return }
        self.link = nil
        self.linkError = error
        link.attach(AbandonedLink())
        link.close()
        self.timer?.task.cancel()
        self.timer = nil
        self.session.connectionClosed(at: self.clock.now())
        let plaintext = self.plaintext
        self.plaintext = nil
        plaintext?.linkFailed(error)
        let pings = self.pings
        self.pings.removeAll()
        for promise in pings.values { promise.fail(error) }
        // What the session has to tell all the same.
        self.rescheduleTimer(at: self.clock.now())
    }

    /// Ends without closing the link, which another session goes on with. Nothing more is sent: what would answer it came to the
    /// other session.
    func leaveLink() {
        guard let link = self.link, !self.isEnded else { return }
        self.link = nil
        link.attach(AbandonedLink())
        self.end(with: ConnectionClosedLocally())
    }

    /// Goes on with another session, under another key, when the present one is over: queries that the server cannot have are
    /// held for it, others fail. On the link there is, if there is one.
    func replaceSession(with session: consuming ClientSession, because error: any Error) {
        guard !self.isEnded else { return }
        if self.link != nil {
            // What came under the key is acknowledged under it.
            self.session.connectionWillClose()
            self.flush()
            self.session.connectionClosed(at: self.clock.now())
        }
        self.isHolding = true
        self.isInitialized = false
        self.retiredKeyIdentifier = self.session.state.authorizationKey.identifier
        for (query, delivery) in self.session.end() {
            guard let request = self.takeRequest(query) else { continue }
            if delivery == .notDelivered, let body = request.bareQuery {
                self.held.append(
                    HeldQuery(query: body, number: request.number, result: request.result, quickAck: request.quickAck)
                )
            } else {
                request.fail(with: error, delivery: delivery)
            }
        }
        for request in self.requests.values { request.fail(with: error, delivery: .maybeDelivered) }
        self.requests.removeAll()
        self.queriesByNumber.removeAll()
        for promise in self.pings.values { promise.fail(error) }
        self.pings.removeAll()
        self.session = session
        guard let link = self.link else { return }
        self.session.connectionOpened(at: self.clock.now(), isWatched: link.isWatchedByPings)
        link.sessionBegins(keyIdentifier: self.session.state.authorizationKey.identifier)
        self.flush()
    }

    /// Sends the queries that were held, and those to come.
    func release() {
        self.isHolding = false
        for query in self.held.removeAll() {
            self.invoke(
                query.query,
                number: query.number,
                isService: false,
                result: query.result,
                quickAck: query.quickAck,
                wasUnbound: query.wasUnbound
            )
        }
    }

    /// Ends the connection because of an error; or only leaves its link, if the session can go on with another.
    func fail(with error: any Error) {
        if self.failure == nil {
            // Not the error itself: it may hold addresses, and what the server said.
            let code = MTProtoClientError.make(from: error, phase: .use, endpoint: "").code
            self.logger.debug("connection failed", metadata: ["code": "\(code)"])
            if let onLinkLost = self.onLinkLost {
                guard self.link != nil else { return }
                self.detach(because: error)
                return onLinkLost(error)
            }
            self.failure = error
        }
        self.end(with: error)
        self.link?.close()
    }

    func linkFailed(_ error: any Error) {
        self.fail(with: self.failure ?? error)
    }

    /// Closes in good order: what is queued, and the acknowledgements that wait, go before the end.
    func finish(because reason: any Error) {
        guard !self.isEnded else { return }
        guard let link = self.link else { return self.end(with: reason) }
        // From now on it ends with its link, also if that fails as it writes.
        self.onLinkLost = nil
        self.session.connectionWillClose()
        link.prepareToFinish()
        self.flush()
        guard !self.isEnded else { return }
        if self.failure == nil { self.failure = reason }
        link.finish()
    }

    private func end(with error: any Error) {
        guard !self.isEnded else { return }
        self.isEnded = true
        if self.failure == nil { self.failure = error }
        self.timer?.task.cancel()
        self.timer = nil
        self.session.connectionClosed(at: self.clock.now())
        self.plaintext?.linkFailed(error)
        self.plaintext = nil
        for query in self.held.removeAll() { query.fail(with: error) }
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
        if let key = payload.getInteger(at: payload.readerIndex, endianness: .little, as: UInt64.self) {
            // An answer that comes after its exchange was given up is nobody's.
            if key == 0 { return self.plaintext?.receive(payload) ?? .stale }
            if key == self.retiredKeyIdentifier { return .stale }
        }
        let count = self.session.newPayloadCount
        do {
            let events = try self.session.receive(payload, at: self.clock.now())
            let isNew = self.session.newPayloadCount != count
            self.handle(events)
            if self.session.unansweredQueryCount == 0 { self.onIdle?() }
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
        self.plaintext?.linkIsReady()
        self.flush()
    }

    func payloadLost(_ identifier: UInt64, because error: any Error, wasSent: Bool) {
        guard !self.isEnded else { return }
        if identifier == 0 {
            self.plaintext?.payloadLost(identifier, because: error, wasSent: wasSent)
            return
        }
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
        self.link?.resumeReading()
    }

    // MARK: Writing

    /// Flushes after the work that is queued on the event loop now, so that queries of many tasks share a container.
    func scheduleFlush() {
        self.link?.resumeReading()
        guard !self.isFlushScheduled, !self.isEnded else { return }
        self.isFlushScheduled = true
        self.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            self.flush()
        }
    }

    func flush() {
        guard !self.isEnded else { return }
        let now = self.clock.now()
        var hasWritten = false
        // The link may fail as it writes: then the session is not connected, and has no payload.
        while let link = self.link, let outgoing = link.nextPayload(of: &self.session, at: now) {
            link.write(outgoing)
            hasWritten = true
        }
        if hasWritten { self.link?.flush() }
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
        let task = self.eventLoop.assumeIsolated().scheduleTask(in: delay) { self.timerFired() }
        self.timer = (deadline, task)
    }

    private func timerFired() {
        self.timer = nil
        guard !self.isEnded else { return }
        // The events' user may be behind; a read now and then keeps the answers to our own pings from being taken for lost.
        self.link?.readOnce()
        let unsent = self.link?.unsentByteCount ?? 0
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

/// Gets what comes over a link that its session has left.
private final class AbandonedLink: LinkReceiver {
    var mayRead: Bool { true }

    func receive(_ payload: ByteBuffer) -> PayloadValue { .stale }

    func payloadLost(_ identifier: UInt64, because error: any Error, wasSent: Bool) {}

    func linkFailed(_ error: any Error) {}
}

/// The caller closed the connection.
struct ConnectionClosedLocally: Error {}
