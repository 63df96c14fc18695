// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// Carries out what ``ReconnectMachine`` and ``TemporaryKeyRenewal`` decide: it has the session, the timers, and the queries
/// that wait for the first session. Everything happens on its event loop; what takes tasks is ordered from the service.
final class ConnectionKeeper {
    /// What the service's tasks are to do.
    enum Order: Sendable {
        case connect(Attempt)
        /// Exchange a temporary key over this connection.
        case renew(DialedConnection, number: UInt64)
    }

    /// An attempt to connect.
    struct Attempt: Sendable {
        let number: UInt64
        let holder: ConnectionHolder
        /// The session to go on with; `nil`: keys are needed, and a new one.
        let session: NIOLoopBound<SessionDriver>?
        /// What a new session replaces.
        let keeping: SessionKeeping
        /// The keys known.
        let saved: SavedConnection?
    }

    let eventLoop: any EventLoop
    let configuration: ClientConfiguration
    private let dataCenter: DataCenterIdentifier
    private let endpoint: String
    private let publish: @Sendable (ConnectionState) -> Void
    private let orders: AsyncStream<Order>.Continuation
    /// Succeeds when the last link is closed; `nil` before the end.
    private var closeFuture: EventLoopFuture<Void>?
    private var machine: ReconnectMachine
    private var debouncer: ConnectionStateDebouncer
    private var timer: (due: Int64, task: Scheduled<Void>)?
    private var stateTimer: (due: Int64, task: Scheduled<Void>)?
    private var clockTimer: Scheduled<Void>?
    private var holder: ConnectionHolder?
    private(set) var driver: SessionDriver?
    /// Queries that came before there was a session.
    var held = HeldQueries()
    var eventsSource: ConnectionEventsSource?
    private(set) var saved: SavedConnection?
    /// The temporary key whose session there is, while it is not bound.
    private var unbound: SavedConnection.Temporary?
    /// Why there will be no connection any more.
    private(set) var failure: MTProtoClientError?
    var renewal: TemporaryKeyRenewal?
    var renewalTimer: Scheduled<Void>?
    var renewalNumber: UInt64 = 0
    /// A key to go on with, not bound yet.
    var nextTemporary: SavedConnection.Temporary?

    init(
        eventLoop: any EventLoop,
        dataCenter: DataCenterIdentifier,
        endpoint: String,
        configuration: ClientConfiguration,
        machine: ReconnectMachine.Configuration,
        orders: AsyncStream<Order>.Continuation,
        publish: @escaping @Sendable (ConnectionState) -> Void
    ) {
        self.eventLoop = eventLoop
        self.dataCenter = dataCenter
        self.endpoint = endpoint
        self.configuration = configuration
        self.publish = publish
        self.orders = orders
        self.machine = ReconnectMachine(configuration: machine, random: configuration.random)
        self.debouncer = ConnectionStateDebouncer(machine.hasProxy ? .connectingToProxy : .connecting)
        if let saved = configuration.savedConnection, saved.dataCenter == dataCenter { self.saved = saved }
    }

    /// A service that was never run may have been asked something.
    deinit {
        for query in self.held.removeAll() { query.fail(with: ConnectionClosedLocally()) }
    }

    /// Monotonic nanoseconds.
    var now: Int64 { self.configuration.clock.now().monotonicNanoseconds }

    // MARK: Life

    func begin() {
        guard self.failure == nil else { return }
        self.carryOut(self.machine.begin(at: self.now))
        self.watchClocks()
    }

    private func watchClocks() {
        self.readClocks()
        guard self.failure == nil else { return }
        let interval = TimeAmount(SleepWatch.interval)
        self.clockTimer = self.eventLoop.assumeIsolated().scheduleTask(in: interval) { self.watchClocks() }
    }

    func pathChanged(isAvailable: Bool) {
        guard self.failure == nil else { return }
        let roundTrip = self.driver?.session.roundTripNanoseconds
        self.carryOut(self.machine.pathChanged(isAvailable: isAvailable, roundTrip: roundTrip, at: self.now))
    }

    /// Looks whether the machine has slept. Then the connection may be gone, and the temporary key have ended.
    func readClocks() {
        guard self.failure == nil else { return }
        let time = self.configuration.clock.now()
        let roundTrip = self.driver?.session.roundTripNanoseconds
        guard let decision = self.machine.clocksRead(time, roundTrip: roundTrip) else { return }
        self.carryOut(decision)
        self.renew()
    }

    /// Closes in good order: what waits to be sent goes first.
    ///
    /// - Returns: succeeds when nothing is left.
    func stop() -> EventLoopFuture<Void> {
        if self.failure == nil {
            let reason = ConnectionClosedLocally()
            self.end(because: MTProtoClientError.make(from: reason, phase: .use, endpoint: self.endpoint))
        }
        return self.closeFuture ?? self.eventLoop.makeSucceededVoidFuture()
    }

    private func end(because error: MTProtoClientError) {
        guard self.failure == nil else { return }
        self.failure = error
        self.carryOut(self.machine.stop(at: self.now))
        if let shown = self.debouncer.end() { self.publish(shown) }
        self.timer?.task.cancel()
        self.stateTimer?.task.cancel()
        self.renewalTimer?.cancel()
        self.clockTimer?.cancel()
        for query in self.held.removeAll() { query.fail(with: error) }
        self.eventsSource?.finish()
        self.eventsSource = nil
        self.closeFuture = self.driver?.link?.closeFuture
        self.driver?.onIdle = nil
        self.driver?.finish(because: error)
        self.orders.finish()
    }

    // MARK: Decisions

    private func carryOut(_ decision: ReconnectMachine.Decision) {
        for action in decision.actions {
            switch action {
            case .connect(let attempt, let renewsTemporaryKey):
                self.connect(attempt, renewsTemporaryKey: renewsTemporaryKey)
            case .abandon:
                let holder = self.holder
                self.holder = nil
                holder?.close(because: AttemptAbandoned())
                self.detach(because: AttemptAbandoned())
            case .probe(let number):
                self.probe(number)
            case .closeLink:
                self.detach(because: ConnectionDead())
            case .giveUp:
                return
            }
        }
        self.schedule(decision.wakeAt)
        self.show(decision.state)
    }

    private func connect(_ attempt: UInt64, renewsTemporaryKey: Bool) {
        var saved = self.state
        let needsKey = renewsTemporaryKey || self.unbound != nil || self.isKeyExpired
        if needsKey { saved?.temporary = nil }
        let holder = ConnectionHolder()
        self.holder = holder
        let driver = self.driver.map { NIOLoopBound($0, eventLoop: self.eventLoop) }
        let keeper = NIOLoopBound(self, eventLoop: self.eventLoop)
        let keeping = SessionKeeping(
            driver: driver,
            admit: { try keeper.value.admit(attempt) },
            adopt: { keeper.value.adopt($0) }
        )
        self.orders.yield(
            .connect(
                Attempt(
                    number: attempt,
                    holder: holder,
                    session: needsKey ? nil : driver,
                    keeping: keeping,
                    saved: saved
                )
            )
        )
    }

    private func probe(_ number: UInt64) {
        guard let driver = self.driver else { return }
        let promise = self.eventLoop.makePromise(of: Duration.self)
        promise.futureResult.assumeIsolated().whenSuccess { _ in
            guard self.failure == nil else { return }
            self.carryOut(self.machine.probeAnswered(number, at: self.now))
        }
        driver.ping(promise)
    }

    private func detach(because error: any Error) {
        self.driver?.detach(because: error)
    }

    // MARK: Attempts

    /// Throws when an attempt is not wanted any more.
    private func admit(_ attempt: UInt64) throws {
        guard self.failure == nil, self.machine.isCurrent(attempt) else { throw AttemptAbandoned() }
    }

    /// A session begins: until it is established it takes no queries.
    private func adopt(_ driver: SessionDriver) {
        driver.isHolding = true
        guard self.driver == nil else { return }
        self.driver = driver
        driver.onLinkLost = { [weak self] error in self?.linkLost(error) }
        // What the server has certainly had it may have done.
        driver.repeatsWhenForgotten = false
        if self.configuration.keyLifetime != .permanent {
            driver.onUnbound = { [weak self] error in self?.dropTemporaryKey(because: error) }
        }
        for query in self.held.removeAll() { driver.held.append(query) }
        if let source = self.eventsSource {
            self.eventsSource = nil
            driver.produceEvents(to: source)
        }
    }

    func advanced(_ attempt: UInt64, to stage: ReconnectMachine.Stage) {
        guard self.failure == nil else { return }
        self.carryOut(self.machine.advanced(attempt, to: stage, at: self.now))
    }

    /// An attempt has a permanent key, which the server knows from now on: it stays, also when nobody waits for the attempt.
    func obtained(permanent: SavedSession) {
        guard self.failure == nil, self.saved == nil else { return }
        self.saved = SavedConnection(dataCenter: self.dataCenter, permanent: permanent)
    }

    /// An attempt has keys: whatever becomes of it, they stay. The temporary one counts only when it is bound.
    func obtained(_ keys: SessionKeys, by attempt: UInt64) {
        guard self.failure == nil, self.machine.isCurrent(attempt) else { return }
        self.saved = SavedConnection(
            dataCenter: self.dataCenter,
            permanent: keys.permanent,
            temporary: keys.isTemporaryBound ? keys.temporary : nil
        )
        self.unbound = keys.isTemporaryBound ? nil : keys.temporary
        self.nextTemporary = nil
    }

    func established(_ attempt: UInt64) {
        guard self.failure == nil, self.machine.isCurrent(attempt) else { return }
        if let unbound = self.unbound { self.bound(unbound) }
        if self.renewal == nil, let temporary = self.saved?.temporary { self.watch(temporary) }
        self.carryOut(self.machine.established(attempt, at: self.now))
        self.driver?.release()
        if self.renewal != nil { self.renew() }
    }

    /// The session runs under a temporary key that is bound now.
    func bound(_ temporary: SavedConnection.Temporary) {
        self.unbound = nil
        self.nextTemporary = nil
        self.saved?.temporary = temporary
        self.watch(temporary)
    }

    /// An attempt fails, and is about to close what it has.
    func leave(_ attempt: UInt64, because error: any Error) {
        guard self.failure == nil, self.machine.isCurrent(attempt) else { return }
        self.detach(because: error)
    }

    func failed(_ attempt: UInt64, _ error: MTProtoClientError) {
        guard self.failure == nil, self.machine.isCurrent(attempt) else { return }
        self.holder = nil
        self.detach(because: error)
        let cause = self.cause(of: error)
        self.note(error)
        self.carryOut(self.machine.failed(attempt, cause, at: self.now))
        if self.machine.isOver { self.end(because: error) }
    }

    private func note(_ error: MTProtoClientError) {
        var metadata: Logger.Metadata = ["code": "\(error.code)", "phase": "\(error.phase.rawValue)"]
        if let hop = error.hop { metadata["hop"] = "\(hop + 1)" }
        self.configuration.logger.info("not connected", metadata: metadata)
    }

    private func cause(of error: MTProtoClientError) -> ReconnectCause {
        ReconnectCause(
            error,
            hasTemporaryKey: self.configuration.keyLifetime != .permanent,
            hasWorked: self.machine.hasWorked
        )
    }

    /// The link is gone: the session's, or that of an attempt that waits for the session's first answer. The attempt hears
    /// of it by its ping, or its time limit.
    private func linkLost(_ error: any Error) {
        guard self.failure == nil else { return }
        let phase = self.machine.isEstablished ? ConnectionPhase.use : .encryptedSession
        let failure = MTProtoClientError.make(from: error, phase: phase, endpoint: self.endpoint)
        let cause = self.cause(of: failure)
        self.note(failure)
        if let attempt = self.machine.currentAttempt {
            let holder = self.holder
            self.holder = nil
            holder?.close(because: error)
            self.carryOut(self.machine.failed(attempt, cause, at: self.now))
        } else {
            self.carryOut(self.machine.linkLost(cause, at: self.now))
        }
        if self.machine.isOver { self.end(because: failure) }
    }

    /// The key is no good any more: connect anew with another.
    func dropTemporaryKey(because error: any Error) {
        guard self.failure == nil else { return }
        self.saved?.temporary = nil
        self.nextTemporary = nil
        self.detach(because: error)
        self.carryOut(self.machine.linkLost(.temporaryKeyUnusable, at: self.now))
    }

    // MARK: Renewal

    func renewalOrder(_ connection: DialedConnection) {
        self.orders.yield(.renew(connection, number: self.renewalNumber))
    }

    var canRenew: Bool { self.machine.isEstablished && self.driver?.link != nil && self.failure == nil }

    func makeSession(under temporary: SavedConnection.Temporary) -> ClientSession {
        ClientSession(
            authorizationKey: temporary.session.authorizationKey,
            sessionIdentifier: self.configuration.random.integer(UInt64.self),
            salts: temporary.session.salts,
            timeOffsetNanoseconds: temporary.session.timeOffsetNanoseconds,
            configuration: self.configuration.session,
            random: self.configuration.random
        )
    }

    /// The session runs under a key that is not bound yet.
    func began(under temporary: SavedConnection.Temporary) {
        self.saved?.temporary = nil
        self.unbound = temporary
    }

    // MARK: Time

    private func schedule(_ due: Int64?) {
        guard due != self.timer?.due else { return }
        self.timer?.task.cancel()
        self.timer = nil
        guard let due, self.failure == nil else { return }
        let task = self.eventLoop.assumeIsolated().scheduleTask(in: self.delay(until: due)) {
            self.timer = nil
            guard self.failure == nil else { return }
            self.carryOut(self.machine.timerFired(at: self.now))
        }
        self.timer = (due, task)
    }

    private func show(_ state: ConnectionState) {
        if let shown = self.debouncer.change(to: state, at: self.now) { self.publish(shown) }
        let due = self.debouncer.due
        guard due != self.stateTimer?.due else { return }
        self.stateTimer?.task.cancel()
        self.stateTimer = nil
        guard let due, self.failure == nil else { return }
        let task = self.eventLoop.assumeIsolated().scheduleTask(in: self.delay(until: due)) {
            self.stateTimer = nil
            if let shown = self.debouncer.timerFired(at: self.now) { self.publish(shown) }
        }
        self.stateTimer = (due, task)
    }

    private func delay(until due: Int64) -> TimeAmount {
        .nanoseconds(max(0, due.addingClamped(0 &- self.now)))
    }
}
