// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession
internal import NIOCore

/// What a session has for a waiting request.
struct TurnOutput: Sendable {
    let isReady: Bool
    /// When something may become ready by itself, in monotonic nanoseconds.
    let deadline: Int64?
    /// How many messages are not acknowledged: when it rises, one has become ready.
    let messageCount: Int

    init(isReady: Bool, deadline: Int64?, messageCount: Int = 0) {
        self.isReady = isReady
        self.deadline = deadline
        self.messageCount = messageCount
    }

    init(_ session: ServerSession, at now: SessionTime) {
        self.init(
            isReady: session.hasOutput,
            // Another process, with another clock, may have saved the session.
            deadline: session.nextDeadline(at: now),
            messageCount: session.queuedMessageCount
        )
    }

    /// Does what is due in a session, if somebody waits for it, and looks.
    init(doingWhatIsDueIn session: inout ServerSession, isPoll: Bool, at now: SessionTime) {
        if isPoll, let deadline = session.nextDeadline(at: now), deadline <= now.monotonicNanoseconds {
            session.deadlineReached(at: now)
        }
        self.init(session, at: now)
    }
}

/// The server's turn on an HTTP connection: a request was accepted and waits for its answer. Pure: events in, a deadline out.
///
/// What the request asks for is carried out first; ``settle(at:_:)`` says that this is done.
///
/// Specification: *HTTP transport*.
struct HTTPTurn: Sendable {
    /// The session that the connection is attached to: the one of its latest request.
    let session: ServerSessionIdentifier
    /// Tells the turns of a connection apart.
    let number: UInt64
    let key: AuthorizationKey
    let salts: ServerSaltSchedule
    private let requestedAt: Int64
    /// What there is to say about the request's own payload.
    let notices: [ByteBuffer]
    /// What is to be put into the session.
    private(set) var updates: [SessionUpdate] = []
    /// The request's queries that are not answered.
    private var queries: Set<UInt64> = []
    /// Those that are.
    private(set) var answeredQueries: Set<UInt64> = []
    /// Whether something of what the request asked for has an outcome.
    private(set) var hasAnswers = false
    private var wait: HTTPWait?
    private var schedule: HTTPWaitSchedule?
    /// The schedule as it is while nothing is ready.
    private var emptySchedule: HTTPWaitSchedule?
    /// What the session had when it was looked at last.
    private var output: TurnOutput
    /// Whether others may have taken since what the session had then.
    private var mayHaveChanged = false
    /// Whether nothing is waited for any more.
    private var isOver = false

    init(
        session: ServerSessionIdentifier,
        number: UInt64 = 0,
        key: AuthorizationKey,
        salts: ServerSaltSchedule,
        notices: [ByteBuffer] = [],
        output: TurnOutput,
        at now: SessionTime
    ) {
        self.session = session
        self.number = number
        self.key = key
        self.salts = salts
        self.notices = notices
        self.output = output
        self.requestedAt = now.monotonicNanoseconds
    }

    /// Whether the request waits for whatever comes, not for an answer of its own.
    var isPoll: Bool { self.queries.isEmpty }

    /// Whether everything that the request asked for has been begun.
    var isSettled: Bool { self.schedule != nil }

    /// When to answer, in monotonic nanoseconds; `nil` before the turn is settled.
    var deadline: Int64? {
        guard let schedule = self.schedule else { return nil }
        return self.isOver ? self.requestedAt : schedule.deadline
    }

    /// When to look again: at the deadline, or when something in the session may become ready by itself.
    var nextEvent: Int64? {
        guard let deadline = self.deadline else { return nil }
        // What is due by itself are acknowledgements and repetitions: they are no reason to send less than the answer.
        guard self.isPoll, let due = self.output.deadline else { return deadline }
        return min(due, deadline)
    }

    func isDue(at now: SessionTime) -> Bool {
        self.deadline.map { $0 <= now.monotonicNanoseconds } ?? false
    }

    /// Whether what the request is to be answered with may be gone: then the session has to be looked at before.
    func mustLook(at now: SessionTime) -> Bool {
        guard self.mayHaveChanged, !self.isOver, !self.hasAnswers, self.notices.isEmpty,
            let latest = self.emptySchedule?.deadline
        else { return false }
        return now.monotonicNanoseconds < latest
    }

    /// Nothing is to be done before ``nextEvent``.
    mutating func pause() {
        self.mayHaveChanged = true
    }

    // MARK: What the request asks for

    /// `http_wait`: the last one counts.
    mutating func setWait(_ wait: HTTPWait) {
        self.wait = wait
    }

    mutating func queryStarted(_ messageIdentifier: UInt64) {
        self.queries.insert(messageIdentifier)
    }

    /// The client does not want the answer any more.
    mutating func queryDropped(_ messageIdentifier: UInt64) {
        self.queries.remove(messageIdentifier)
    }

    /// Everything that the request asked for has been begun: waiting begins.
    mutating func settle(at now: SessionTime, _ configuration: HTTPWaitSchedule.Configuration) {
        guard self.schedule == nil else { return }
        var schedule = HTTPWaitSchedule(
            requestedAt: self.requestedAt,
            wait: self.wait,
            configuration: configuration
        )
        self.emptySchedule = schedule
        let isOwn = self.hasAnswers || !self.notices.isEmpty
        // What else there is may be for one that waits for whatever comes.
        if !self.isPoll, !isOwn { self.output = TurnOutput(isReady: false, deadline: self.output.deadline) }
        if self.output.isReady || isOwn {
            if self.isPoll {
                schedule.messagesWaiting(at: now.monotonicNanoseconds)
            } else {
                // The answers to the request's own queries may be quick.
                schedule.messageArrived(at: now.monotonicNanoseconds)
            }
        }
        self.schedule = schedule
    }

    // MARK: What happens meanwhile

    var hasUpdates: Bool { !self.updates.isEmpty }

    mutating func takeUpdates() -> [SessionUpdate] {
        defer { self.updates = [] }
        return self.updates
    }

    /// Something that was asked for has an outcome.
    ///
    /// - Returns: whether it was asked for by this request; otherwise nothing happens.
    mutating func add(_ update: SessionUpdate, at now: SessionTime) -> Bool {
        if let query = update.query {
            guard self.queries.remove(query) != nil else { return false }
            self.answeredQueries.insert(query)
        }
        self.updates.append(update)
        self.hasAnswers = true
        self.schedule?.messageArrived(at: now.monotonicNanoseconds)
        if self.queries.isEmpty { self.schedule?.requestAnswered(at: now.monotonicNanoseconds) }
        return true
    }

    /// The session was looked at again.
    mutating func note(_ output: TurnOutput, at now: SessionTime) {
        let before = self.output
        self.output = output
        self.mayHaveChanged = false
        if !output.isReady {
            // What was ready another request has taken.
            if before.isReady, !self.hasAnswers, self.notices.isEmpty { self.schedule = self.emptySchedule }
        } else if !before.isReady || output.messageCount > before.messageCount {
            self.schedule?.messageArrived(at: now.monotonicNanoseconds)
        }
    }

    /// Waits no longer: with what there is the request is answered.
    mutating func finish() {
        self.isOver = true
    }
}
