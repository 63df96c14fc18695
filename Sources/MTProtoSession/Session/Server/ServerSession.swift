// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
internal import MTProtoTransport
public import NIOCore

/// A session on the server's side: every rule about the messages of one client, without sockets, timers or threads.
///
/// Feed it decrypted messages with ``receive(_:salts:at:)`` and do what the actions say; hand in answers and updates; after
/// each event take payloads with ``nextPayload(authorizationKey:salts:at:random:connection:)`` until there is none, and come back at
/// ``nextDeadline``. It is a value: a store may load, change and save it.
///
/// The session belongs to an authorization key and a session identifier that the client chose; it may have several
/// connections. The server's local wall clock is the server's time.
///
/// Specification: *Mobile Protocol: Detailed Description*, *Service Messages*, *Service Messages about Messages*.
public struct ServerSession: Sendable {
    /// The authorization key's identifier.
    public let authorizationKeyIdentifier: UInt64
    /// The client's random number for the session.
    public let sessionIdentifier: UInt64
    /// The limits and intervals.
    public let configuration: Configuration
    /// The server's random number for this creation of the session, told in `new_session_created`.
    public let uniqueIdentifier: UInt64

    var identifiers = MessageIdentifierGenerator(role: .server)
    var sequenceNumbers = SequenceNumberCounter()
    var received: ReceivedMessageWindow
    var pendingAcknowledgements: PendingAcknowledgements
    var queue: OutgoingQueue
    /// Messages that need no acknowledgement, each sent once.
    var notices = NoticeQueue()
    /// The queries that the responder has.
    var runningQueries: Set<UInt64> = []
    /// The lowest message identifier that was accepted, as told to the client.
    var firstMessageIdentifier: UInt64?
    /// Payloads with identifiers up to this one belonged to a session before, and are not accepted.
    var floor: UInt64 = 0
    private var saltWindow: (schedule: ServerSaltSchedule, window: ServerSaltSchedule.Window)?
    var connectionCount = 0
    /// The time of the last event.
    var lastEvent: SessionTime?
    /// When what is due was done last.
    private var caughtUpAt: Int64?
    /// Whether the times follow the clock of the process that saved the session, as ``lastEvent`` shows it.
    var isRestored = false
    /// When the last response to an HTTP request was made, in monotonic nanoseconds.
    var lastResponse: Int64?
    /// What a message received before, on its own, has made the session say again.
    var bareRepetition: BareRepetition?
    /// When the last message came or the last connection went, in monotonic nanoseconds.
    var lastReception: Int64?
    /// How many bytes the compressed parts of the last payload may still unpack to: of
    /// ``Configuration/maximumInflatedByteCount``, what the session left to whoever unwraps the queries.
    public internal(set) var remainingInflatedByteCount = 0

    /// Makes a session for the first message with its identifier.
    ///
    /// - Parameters:
    ///   - authorizationKeyIdentifier: The key's identifier.
    ///   - sessionIdentifier: The client's number for the session.
    ///   - configuration: The limits and intervals.
    ///   - random: Makes the session's unique identifier.
    public init(
        authorizationKeyIdentifier: UInt64,
        sessionIdentifier: UInt64,
        configuration: Configuration = Configuration(),
        random: RandomSource = .system
    ) {
        self.authorizationKeyIdentifier = authorizationKeyIdentifier
        self.sessionIdentifier = sessionIdentifier
        self.configuration = configuration
        self.uniqueIdentifier = random.integer()
        self.received = ReceivedMessageWindow(capacity: configuration.duplicateWindowCapacity)
        self.pendingAcknowledgements = PendingAcknowledgements(
            maximumCount: PendingAcknowledgements.maximumCountPerMessage,
            maximumDelay: configuration.acknowledgementDelay
        )
        self.queue = OutgoingQueue(configuration: configuration)
    }

    // MARK: State

    /// Whether a message was accepted. A session without one is not worth keeping.
    public var hasAcceptedMessages: Bool {
        self.firstMessageIdentifier != nil
    }

    /// Whether ``nextPayload(authorizationKey:salts:at:random:connection:)`` would make a payload.
    public var hasOutput: Bool {
        !self.notices.isEmpty || self.queue.hasOutput
    }

    /// How many content-related messages wait to be sent or acknowledged.
    public var queuedMessageCount: Int {
        self.queue.count
    }

    /// The bytes of these.
    public var queuedByteCount: Int {
        self.queue.byteCount
    }

    /// The bytes that grow with what a client does: those queued, and what waits beside them without being acknowledged.
    public var heldByteCount: Int {
        // The few that always wait are no reason to count at every message.
        let waiting = max(self.pendingAcknowledgements.count - Self.uncountedAcknowledgements, 0)
        return self.queue.byteCount + self.notices.heldByteCount + waiting * 16
    }

    private static let uncountedAcknowledgements = 64

    /// Whether the session has a connection, or a query is with the responder.
    public var isInUse: Bool {
        self.connectionCount > 0 || !self.runningQueries.isEmpty
    }

    /// How many messages were forgotten, by reason.
    public var forgottenMessages: ForgottenMessageCounts {
        var counts = self.queue.forgotten
        counts.notices = self.notices.droppedCount
        return counts
    }

    /// How many messages were sent again because they were not acknowledged, since this value was made or restored.
    package var repeatedMessageCount: UInt64 {
        self.queue.repeatedCount
    }

    /// How many queries wait for the responder.
    public var runningQueryCount: Int {
        self.runningQueries.count
    }

    /// The highest identifier of a message received.
    public var highestReceivedIdentifier: UInt64? {
        self.received.highest
    }

    /// Refuses payloads with identifiers up to that of the last message of a session that is forgotten: whoever recorded them
    /// could otherwise begin the session anew, and have its queries executed again. The refusal is that of an identifier
    /// that is too low (16), to which a client answers with a new one.
    public mutating func raiseFloor(to identifier: UInt64) {
        self.floor = max(self.floor, identifier)
    }

    /// Whether nobody would miss the session: it has no connection, no query is with the responder, and no message was
    /// accepted ever, or none came for ``Configuration/maximumQueuedAge``, in which everything queued has ended.
    ///
    /// In any case only after so long that no payload of the session can be repeated: its identifier is too old.
    ///
    /// After ``Configuration/maximumSilence`` connections and queries count no more: the process that had them is gone.
    public func isDiscardable(at now: SessionTime) -> Bool {
        guard let last = self.lastReception else { return self.connectionCount == 0 && self.runningQueries.isEmpty }
        let (difference, overflow) = now.monotonicNanoseconds.subtractingReportingOverflow(self.rebased(last, at: now))
        let silence = overflow ? Int64.max : difference
        if silence >= max(self.configuration.maximumSilence.clampedNanoseconds, Self.replayableAge) { return true }
        guard !self.isInUse else { return false }
        return !self.hasAcceptedMessages
            || silence >= max(self.configuration.maximumQueuedAge.clampedNanoseconds, Self.replayableAge)
    }

    /// How long a payload may be repeated whose identifier was in the future when it came, in nanoseconds: 300 and 30 seconds.
    private static let replayableAge: Int64 = 330_000_000_000

    /// Because memory is short, forgets what needs no acknowledgement, then the oldest queued messages, until so many bytes are
    /// free. The messages are counted in ``forgottenMessages``; for the rest, clients ask again.
    public mutating func forgetQueuedMessages(byteCount: Int) {
        var byteCount = max(byteCount, 0)
        byteCount -= self.notices.forget(byteCount: byteCount)
        if byteCount > 0, self.pendingAcknowledgements.count > Self.uncountedAcknowledgements {
            let before = self.heldByteCount
            self.pendingAcknowledgements.removeAll()
            byteCount -= before - self.heldByteCount
        }
        for lost in self.queue.forget(byteCount: byteCount) {
            self.received.unmark(lost, .isAnswered)
        }
    }

    // MARK: Answers and updates

    /// Answers a query with its result.
    ///
    /// - Parameters:
    ///   - messageIdentifier: The query.
    ///   - result: The boxed result, or `gzip_packed`; a multiple of 4 bytes.
    ///   - now: The time.
    /// - Returns: False if the query is unknown, answered before or cancelled: nothing happens.
    @discardableResult
    public mutating func respond(to messageIdentifier: UInt64, result: ByteBuffer, at now: SessionTime) -> Bool {
        self.adopt(now)
        guard self.runningQueries.remove(messageIdentifier) != nil else { return false }
        let packed = BodyCompression.compress(result, threshold: self.configuration.compressionThreshold)
        self.enqueueAnswer(packed ?? result, to: messageIdentifier, at: now)
        return true
    }

    /// Answers a query with an error.
    ///
    /// - Parameters:
    ///   - messageIdentifier: The query.
    ///   - error: The error; its text matches `[A-Z0-9_]+`.
    ///   - now: The time.
    /// - Returns: False if the query is unknown, answered before or cancelled: nothing happens.
    @discardableResult
    public mutating func respond(
        to messageIdentifier: UInt64,
        error: RPCErrorMessage,
        at now: SessionTime
    ) -> Bool {
        self.respond(to: messageIdentifier, result: error.serialized(), at: now)
    }

    /// Sends an update: a boxed TL object that no query asked for, a multiple of 4 bytes.
    public mutating func push(_ update: ByteBuffer, at now: SessionTime) {
        self.touch(at: now)
        self.enqueue(update, resultOf: nil, at: now)
    }

    /// Answers ``ServerSessionAction/destroySession(_:requestedBy:)``.
    ///
    /// - Parameters:
    ///   - sessionIdentifier: The session that was to be destroyed.
    ///   - existed: Whether it was there.
    ///   - messageIdentifier: The request.
    public mutating func answerDestroySession(
        _ sessionIdentifier: UInt64,
        existed: Bool,
        requestedBy messageIdentifier: UInt64
    ) {
        let result: DestroySessionResult =
            existed
            ? .ok(DestroySessionOK(sessionIdentifier: sessionIdentifier))
            : .none(DestroySessionNone(sessionIdentifier: sessionIdentifier))
        self.addNotice(result.serialized(), isResponse: true)
    }

    /// Answers ``ServerSessionAction/destroyAuthorizationKey(requestedBy:)``.
    ///
    /// - Parameters:
    ///   - result: What became of the key.
    ///   - messageIdentifier: The request.
    public mutating func answerDestroyAuthorizationKey(
        _ result: DestroyAuthKeyResult,
        requestedBy messageIdentifier: UInt64
    ) {
        self.addNotice(result.serialized(), isResponse: true)
    }

    /// Adds a message that needs no acknowledgement.
    mutating func addNotice(_ body: ByteBuffer, isResponse: Bool) {
        self.notices.append(
            body,
            isResponse: isResponse,
            maximumByteCount: self.connectionCount == 0
                ? NoticeQueue.maximumUnconnectedByteCount : NoticeQueue.maximumByteCount
        )
    }

    /// Queues an answer and takes the query from those that must be acknowledged.
    mutating func enqueueAnswer(_ result: ByteBuffer, to query: UInt64, at now: SessionTime) {
        self.enqueue(result, resultOf: query, at: now)
        self.received.mark(query, .acknowledged.union(.isAnswered))
        self.dropAnsweredAcknowledgements()
    }

    /// Queues a message. Queries whose answers had to give way are not answered any more.
    mutating func enqueue(_ body: ByteBuffer, resultOf query: UInt64?, at now: SessionTime) {
        for lost in self.queue.append(body, resultOf: query, at: now) {
            self.received.unmark(lost, .isAnswered)
        }
    }

    // MARK: Connections

    /// A connection of the session was opened: everything unacknowledged is repeated on it at once, in new containers.
    ///
    /// Call it when the first message of a connection was accepted, and not for the short connections of HTTP.
    public mutating func connectionOpened(at now: SessionTime) {
        self.touch(at: now)
        self.connectionCount += 1
        self.queue.resendAll()
    }

    /// A connection of the session was closed. What it carried and nobody acknowledged is repeated, on another one, on the next,
    /// or in the response to a request of HTTP. After the last connection what needs no acknowledgement is forgotten, since
    /// clients ask again, unless requests of HTTP were answered in the last minute: one may wait.
    ///
    /// - Parameters:
    ///   - now: The time.
    ///   - connection: The number that
    ///     ``nextPayload(authorizationKey:salts:at:random:connection:)`` was given for it.
    public mutating func connectionClosed(at now: SessionTime, connection: UInt64? = nil) {
        self.adopt(now)
        self.connectionCount = max(self.connectionCount - 1, 0)
        self.lastReception = now.monotonicNanoseconds
        if self.connectionCount == 0, !self.hasRecentRequests(at: now) { self.notices.removeAll() }
        if let connection {
            self.queue.resendAll(carriedBy: connection)
        } else if self.connectionCount == 0 {
            self.queue.resendAll()
        }
    }

    private func hasRecentRequests(at now: SessionTime) -> Bool {
        guard let last = self.lastResponse else { return false }
        let (difference, overflow) = now.monotonicNanoseconds.subtractingReportingOverflow(last)
        return !overflow && difference < 60_000_000_000
    }

    // MARK: Time

    /// The monotonic time in nanoseconds when to call ``deadlineReached(at:)`` next; nil if only an event can change something.
    public var nextDeadline: Int64? {
        guard let acknowledgement = self.pendingAcknowledgements.deadline else { return self.queue.nextDeadline }
        return self.queue.nextDeadline.map { min($0, acknowledgement) } ?? acknowledgement
    }

    /// The same in the time of the clock that shows `now`: a restored session, until its next event, has that of the process that
    /// saved it.
    public func nextDeadline(at now: SessionTime) -> Int64? {
        self.nextDeadline.map { self.rebased($0, at: now) }
    }

    /// Acknowledges queries whose answers are late, marks for repetition what was not acknowledged, forgets what is too old.
    /// Then take payloads.
    ///
    /// Each event that tells the time does the same for what is due by then, so that a session without connections, which
    /// has nobody to come back, keeps its times as well.
    public mutating func deadlineReached(at now: SessionTime) {
        self.adopt(now)
        self.dropAnsweredAcknowledgements()
        while self.pendingAcknowledgements.isDue(at: now), let identifier = self.pendingAcknowledgements.popFirst() {
            guard !self.received.status(of: identifier).contains(.acknowledged) else { continue }
            self.acknowledge(identifier)
        }
        for lost in self.queue.deadlineReached(at: now) {
            self.received.unmark(lost, .isAnswered)
        }
    }

    /// Learns the time, and does what is due.
    mutating func touch(at now: SessionTime) {
        self.adopt(now)
        // Once a moment, or at the end of a clock the session would repeat without end.
        guard let deadline = self.nextDeadline, deadline <= now.monotonicNanoseconds,
            self.caughtUpAt != now.monotonicNanoseconds
        else { return }
        self.caughtUpAt = now.monotonicNanoseconds
        self.deadlineReached(at: now)
    }

    /// Answers acknowledge their queries, mostly in the order of arrival.
    private mutating func dropAnsweredAcknowledgements() {
        while let first = self.pendingAcknowledgements.first,
            self.received.status(of: first).contains(.acknowledged)
        {
            _ = self.pendingAcknowledgements.popFirst()
        }
    }

    mutating func acknowledge(_ identifier: UInt64) {
        self.received.mark(identifier, .acknowledged)
        self.notices.acknowledge(identifier)
    }

    // MARK: Salts

    /// The salts of the moment; computed only when the schedule or the half hour changes.
    mutating func salts(of schedule: ServerSaltSchedule, at now: SessionTime) -> ServerSaltSchedule.Window {
        let seconds = now.wallSeconds
        if let cached = self.saltWindow, cached.window.seconds.contains(seconds), cached.schedule == schedule {
            return cached.window
        }
        let window = schedule.window(at: seconds)
        self.saltWindow = (schedule, window)
        return window
    }
}

extension ServerSession: CustomStringConvertible {
    /// The session's identifier and the size of its queue, no salts.
    public var description: String {
        "ServerSession(\(String(self.sessionIdentifier, radix: 16)), \(self.queuedMessageCount) messages queued)"
    }
}
