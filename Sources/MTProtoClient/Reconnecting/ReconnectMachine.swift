// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession

/// When a client that is kept connected connects, waits, looks whether its link still works, and gives up: a pure state
/// machine. Times are monotonic nanoseconds.
///
/// There is one attempt or one link at a time. After a failure the next attempt waits for a back-off with full jitter; after a
/// change of the network's path it does not, but for a server that said that there is too much of us. A link that ends soon
/// after it was ready counts as a failed attempt, so that a server that accepts and hangs up is not dialed in a busy loop.
struct ReconnectMachine: Sendable {
    /// Durations.
    struct Configuration: Sendable {
        /// The longest first pause; later ones are twice as long each time.
        var initialPause: Duration = .milliseconds(100)
        /// No pause is longer.
        var maximumPause: Duration = .seconds(16)
        /// Only a link that was ready for so long has worked, so that the next failure is a first one.
        var stableAfter: Duration = .seconds(10)
        /// The least time between two starts when paths change.
        var pathChangeInterval: Duration = .milliseconds(100)
        /// How long the server may take to answer a ping after the path has changed, while no round trip is known.
        var probeLimit: Duration = .seconds(2)
        /// The same with a round trip: four of them and half a second, but within these bounds.
        var probeLimits: ClosedRange<Duration> = .seconds(1)...Duration.seconds(8)
        /// Whether an attempt may be abandoned because the path has changed only when none was for so long: paths that flap must
        /// not keep the client from connecting.
        var abandonInterval: Duration = .seconds(5)
        /// How many attempts in a row have to be refused before that counts: whoever refuses need not be the server.
        var maximumRefusalCount = 3
        /// A temporary key that is refused is replaced at once only if none was for so long.
        var keyInterval: Duration = .seconds(60)
        /// Whether proxies are on the way.
        var hasProxy = false
        /// Whether the session runs under temporary keys.
        var hasTemporaryKeys = false
        /// Whether another run of the client was ready before.
        var hasWorkedBefore = false
    }

    /// How far an attempt has got.
    enum Stage: Int, Hashable, Sendable {
        case proxy, server, session
    }

    enum Action: Hashable, Sendable {
        /// Begin an attempt; with a new temporary key if so.
        case connect(attempt: UInt64, renewsTemporaryKey: Bool)
        /// Close whatever an attempt has; what it reports from now on does not count.
        case abandon(attempt: UInt64)
        /// Ping the server over the link.
        case probe(number: UInt64)
        /// Close the link, keep the session.
        case closeLink
        /// It is over.
        case giveUp
    }

    /// What to do now; it has to be done before the next event.
    struct Decision: Hashable, Sendable {
        var actions: [Action] = []
        /// When to call ``ReconnectMachine/timerFired(at:)``; `nil` when there is nothing to wait for.
        var wakeAt: Int64?
        var state: ConnectionState
    }

    private enum Phase: Hashable {
        case unused
        case paused(until: Int64, isFirm: Bool)
        case connecting(attempt: UInt64, stage: Stage)
        case ready(since: Int64, probeDue: Int64?)
        case over
    }

    private let configuration: Configuration
    private let random: RandomSource
    private var backoff: ReconnectBackoff
    private var phase = Phase.unused
    private var isPathAvailable = true
    private var hasRoute = true
    private var lastAttempt: UInt64 = 0
    private var lastStart: Int64?
    private var lastProbe: UInt64 = 0
    private var renewsTemporaryKey = false
    /// How many attempts in a row were refused.
    private var refusalCount = 0
    private var lastKeyRenewal: Int64?
    private var lastAbandon: Int64?
    /// When the first probe that was not answered was due.
    private var firstProbeDue: Int64?
    private var sleepWatch = SleepWatch()
    /// Whether a link was ready at any time.
    private(set) var hasWorked: Bool

    init(configuration: Configuration, random: RandomSource) {
        self.configuration = configuration
        self.random = random
        self.hasWorked = configuration.hasWorkedBefore
        self.backoff = ReconnectBackoff(initial: configuration.initialPause, maximum: configuration.maximumPause)
    }

    // MARK: Events

    /// Begins.
    mutating func begin(at now: Int64) -> Decision {
        if case .unused = self.phase { self.phase = .paused(until: now, isFirm: false) }
        // Nobody has read the clocks meanwhile.
        self.sleepWatch = SleepWatch()
        return self.decide(at: now)
    }

    mutating func timerFired(at now: Int64) -> Decision {
        guard case .ready(_, let due?) = self.phase, now >= due else { return self.decide(at: now) }
        // The path is another one and the link does not live on it: nothing is wrong with the server.
        self.phase = .paused(until: self.earliestStart(at: now), isFirm: false)
        return self.decide([.closeLink], at: now)
    }

    /// The attempt has got further.
    mutating func advanced(_ attempt: UInt64, to stage: Stage, at now: Int64) -> Decision {
        // Of several ways that are tried, the one that has come farthest counts.
        if case .connecting(attempt, let current) = self.phase, current.rawValue < stage.rawValue {
            self.phase = .connecting(attempt: attempt, stage: stage)
            if stage == .session { self.hasRoute = true }
        }
        return self.decide(at: now)
    }

    /// The server has answered in the session: the attempt's link is the link now.
    mutating func established(_ attempt: UInt64, at now: Int64) -> Decision {
        guard self.isCurrent(attempt) else { return self.decide(at: now) }
        self.phase = .ready(since: now, probeDue: nil)
        self.firstProbeDue = nil
        self.refusalCount = 0
        self.renewsTemporaryKey = false
        self.hasWorked = true
        self.hasRoute = true
        return self.decide(at: now)
    }

    /// The attempt has failed, and nothing of it is left.
    mutating func failed(_ attempt: UInt64, _ cause: ReconnectCause, at now: Int64) -> Decision {
        guard self.isCurrent(attempt) else { return self.decide(at: now) }
        return self.schedule(cause, wasReady: false, at: now)
    }

    /// The link has ended by itself.
    mutating func linkLost(_ cause: ReconnectCause, at now: Int64) -> Decision {
        guard case .ready(let since, _) = self.phase else { return self.decide(at: now) }
        if now &- since >= self.configuration.stableAfter.clampedNanoseconds {
            self.backoff.reset()
        }
        return self.schedule(cause, wasReady: true, at: now)
    }

    /// The server has answered a probe.
    mutating func probeAnswered(_ number: UInt64, at now: Int64) -> Decision {
        if case .ready(let since, _) = self.phase, number == self.lastProbe {
            self.phase = .ready(since: since, probeDue: nil)
            self.firstProbeDue = nil
        }
        return self.decide(at: now)
    }

    /// Reads the clocks: at least every ``SleepWatch/interval``.
    ///
    /// - Parameter roundTrip: as for ``pathChanged(isAvailable:roundTrip:at:)``.
    /// - Returns: what to do if there was a sleep, which is as good as another path; `nil` if there was none.
    mutating func clocksRead(_ time: SessionTime, roundTrip: Int64? = nil) -> Decision? {
        guard self.sleepWatch.read(time) else { return nil }
        return self.pathChanged(
            isAvailable: self.isPathAvailable,
            roundTrip: roundTrip,
            at: time.monotonicNanoseconds
        )
    }

    /// The network is another one, or away.
    ///
    /// - Parameter roundTrip: what is known of it, in nanoseconds.
    mutating func pathChanged(isAvailable: Bool, roundTrip: Int64? = nil, at now: Int64) -> Decision {
        self.isPathAvailable = isAvailable
        var actions: [Action] = []
        switch self.phase {
        case .unused, .over:
            break
        case .paused(_, let isFirm):
            guard isAvailable, !isFirm else { break }
            self.backoff.reset()
            self.hasRoute = true
            self.phase = .paused(until: self.earliestStart(at: now), isFirm: false)
        case .connecting(let attempt, _):
            if isAvailable {
                let interval = self.configuration.abandonInterval.clampedNanoseconds
                if let lastAbandon = self.lastAbandon, now &- lastAbandon < interval { break }
                self.lastAbandon = now
            }
            actions.append(.abandon(attempt: attempt))
            self.backoff.reset()
            self.phase = .paused(until: self.earliestStart(at: now), isFirm: false)
        case .ready(let since, _):
            guard isAvailable else {
                // It may be back before the link has noticed.
                self.phase = .ready(since: since, probeDue: nil)
                self.firstProbeDue = nil
                break
            }
            self.lastProbe += 1
            actions.append(.probe(number: self.lastProbe))
            let limit = self.probeLimit(roundTrip: roundTrip)
            let due = now.addingClamped(limit)
            // Each probe has its time, but however often the path changes, the first one's silence ends it.
            let firstDue = self.firstProbeDue ?? due
            self.firstProbeDue = firstDue
            self.phase = .ready(since: since, probeDue: min(due, firstDue.addingClamped(limit)))
        }
        return self.decide(actions, at: now)
    }

    /// Nobody needs the connection any more.
    mutating func stop(at now: Int64) -> Decision {
        var actions: [Action] = []
        if case .connecting(let attempt, _) = self.phase { actions.append(.abandon(attempt: attempt)) }
        self.phase = .over
        return self.decide(actions, at: now)
    }

    /// Whether what an attempt does still counts.
    func isCurrent(_ attempt: UInt64) -> Bool {
        if case .connecting(attempt, _) = self.phase { return true }
        return false
    }

    /// Whether nothing is tried any more.
    var isOver: Bool { self.phase == .over }

    /// The attempt that is under way.
    var currentAttempt: UInt64? {
        if case .connecting(let attempt, _) = self.phase { return attempt }
        return nil
    }

    /// Whether there is a link whose server has answered.
    var isEstablished: Bool {
        if case .ready = self.phase { return true }
        return false
    }

    // MARK: Decisions

    /// The path before tells only roughly what to expect of this one.
    private func probeLimit(roundTrip: Int64?) -> Int64 {
        guard let roundTrip else { return self.configuration.probeLimit.clampedNanoseconds }
        let limits = self.configuration.probeLimits
        let known = min(max(0, roundTrip), 1 << 60)
        return min(
            max(known * 4 + 500_000_000, limits.lowerBound.clampedNanoseconds),
            limits.upperBound.clampedNanoseconds
        )
    }

    private func earliestStart(at now: Int64) -> Int64 {
        guard let lastStart = self.lastStart else { return now }
        return max(now, lastStart.addingClamped(self.configuration.pathChangeInterval.clampedNanoseconds))
    }

    /// Decides what follows a failure.
    ///
    /// - Parameter wasReady: whether the server had proven to be there, under the key: then a refusal, which anybody can forge,
    ///   ends the link alone.
    private mutating func schedule(_ cause: ReconnectCause, wasReady: Bool, at now: Int64) -> Decision {
        let pause: Duration
        var isFirm = false
        self.hasRoute = cause != .noRoute
        switch cause {
        case .lasting:
            return self.giveUp(at: now)
        case .flood:
            pause = self.backoff.nextAfterFlood(random: self.random)
            isFirm = true
        case .temporaryKeyUnusable:
            pause = self.renewKey(at: now)
        case .keyRefused, .refused:
            if !wasReady { self.refusalCount += 1 }
            if cause == .keyRefused, self.configuration.hasTemporaryKeys {
                // The second time in a row it is worth an exchange.
                pause = self.refusalCount >= 2 ? self.renewKey(at: now) : self.backoff.next(random: self.random)
            } else {
                guard self.refusalCount < self.configuration.maximumRefusalCount else { return self.giveUp(at: now) }
                pause = self.backoff.next(random: self.random)
            }
        case .passing, .noRoute:
            pause = self.backoff.next(random: self.random)
        }
        self.phase = .paused(until: now.addingClamped(pause.clampedNanoseconds), isFirm: isFirm)
        return self.decide(at: now)
    }

    private mutating func giveUp(at now: Int64) -> Decision {
        self.phase = .over
        return self.decide([.giveUp], at: now)
    }

    /// The next attempt makes another temporary key.
    ///
    /// - Returns: the pause before it.
    private mutating func renewKey(at now: Int64) -> Duration {
        self.renewsTemporaryKey = true
        self.refusalCount = 0
        defer { self.lastKeyRenewal = now }
        let interval = self.configuration.keyInterval.clampedNanoseconds
        if let last = self.lastKeyRenewal, now &- last < interval { return self.backoff.next(random: self.random) }
        return .zero
    }

    private mutating func decide(_ actions: [Action] = [], at now: Int64) -> Decision {
        var decision = Decision(actions: actions, state: .connecting)
        if case .paused(let until, _) = self.phase, self.isPathAvailable, now >= until {
            self.lastAttempt += 1
            self.lastStart = now
            self.phase = .connecting(attempt: self.lastAttempt, stage: self.configuration.hasProxy ? .proxy : .server)
            decision.actions.append(
                .connect(attempt: self.lastAttempt, renewsTemporaryKey: self.renewsTemporaryKey)
            )
        }
        switch self.phase {
        case .paused(let until, _) where self.isPathAvailable: decision.wakeAt = until
        case .ready(_, let probeDue): decision.wakeAt = probeDue
        default: break
        }
        decision.state = self.state
        return decision
    }

    private var state: ConnectionState {
        guard self.isPathAvailable else { return .waitingForNetwork }
        switch self.phase {
        case .ready: return .ready
        case .connecting(_, .session): return .updating
        case .connecting(_, .server): return self.hasRoute ? .connecting : .waitingForNetwork
        case .unused, .over, .paused, .connecting(_, .proxy):
            guard self.hasRoute else { return .waitingForNetwork }
            return self.configuration.hasProxy ? .connectingToProxy : .connecting
        }
    }
}
