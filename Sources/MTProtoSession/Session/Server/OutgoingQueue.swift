// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import NIOCore

/// The content-related messages of a server's session: waiting to be sent, or sent and waiting to be acknowledged.
///
/// A message gets its identifier when it is sent first, so those sent are sorted by it. Everything is constant or
/// logarithmic time but the rare scans for messages to repeat.
///
/// Specification: *HTTP*, "Send queue"; *Service Messages about Messages*, "Acknowledgment of Receipt".
struct OutgoingQueue: Sendable {
    /// A message that was not sent yet.
    struct Unsent: Sendable {
        var body: ByteBuffer
        /// The query that it answers.
        var resultOf: UInt64?
        var enqueuedAt: Int64

        var byteCount: Int {
            OutgoingMessage.byteCount(ofBody: self.body, isResult: self.resultOf != nil)
        }
    }

    /// A message that waits for its acknowledgement.
    struct Sent: Sendable {
        var message: OutgoingMessage
        var enqueuedAt: Int64
        var sentAt: Int64
        /// The connection that carried it last.
        var carriedBy: UInt64?
        var isWaitingForResend = false
        /// Whether the client asked for this message, so that it is sent however large it is.
        var isRequested = false
        /// Removed from the middle; the place is given back later.
        var isRemoved = false
    }

    /// A message to be repeated.
    enum Resend: Sendable {
        case message(OutgoingMessage)
        /// Too large to be repeated unasked.
        case announcement(OutgoingMessage)
    }

    private let maximumCount: Int
    private let maximumByteCount: Int
    private let maximumAge: Int64
    private let resendInterval: Int64
    private let largeByteCount: Int

    var unsent = Deque<Unsent>()
    var sent = Deque<Sent>()
    private var removedCount = 0
    /// Identifiers of `sent` to be repeated; one may be gone meanwhile.
    var resends = Deque<UInt64>()
    /// How many of `sent` are to be repeated.
    var waitingForResendCount = 0
    /// Answers by their queries; 0 for one that was not sent yet.
    var answers: [UInt64: UInt64] = [:]
    var nextResendScan: Int64?

    /// The bytes of all messages.
    var byteCount = 0
    /// How many messages were dropped unacknowledged.
    var forgotten = ForgottenMessageCounts()
    /// How many messages were sent again; not kept in a store.
    private(set) var repeatedCount: UInt64 = 0

    init(configuration: ServerSession.Configuration) {
        self.maximumCount = max(configuration.maximumQueuedMessageCount, 1)
        self.maximumByteCount = configuration.maximumQueuedByteCount
        self.maximumAge = max(configuration.maximumQueuedAge.clampedNanoseconds, 0)
        self.resendInterval = max(configuration.resendInterval.clampedNanoseconds, 1_000_000)
        self.largeByteCount = configuration.largeMessageByteCount
    }

    /// How many messages are in the queue.
    var count: Int {
        self.unsent.count + self.sent.count - self.removedCount
    }

    /// Whether something waits to be sent or repeated.
    var hasOutput: Bool {
        !self.unsent.isEmpty || self.waitingForResendCount > 0
    }

    /// How many messages were never sent.
    var unsentCount: Int {
        self.unsent.count
    }

    // MARK: In

    /// Adds a message and drops the oldest ones as far as the bounds demand.
    ///
    /// - Returns: The queries whose answers were dropped.
    mutating func append(_ body: ByteBuffer, resultOf query: UInt64?, at now: SessionTime) -> [UInt64] {
        let message = Unsent(body: body.withoutSlack, resultOf: query, enqueuedAt: now.monotonicNanoseconds)
        self.byteCount += message.byteCount
        self.unsent.append(message)
        if let query { self.answers[query] = 0 }
        return self.keepBounds()
    }

    /// Drops the oldest messages as far as the bounds demand; the newest stays.
    ///
    /// - Returns: The queries whose answers were dropped.
    mutating func keepBounds() -> [UInt64] {
        var lost: [UInt64] = []
        while self.count > 1, self.count > self.maximumCount || self.byteCount > self.maximumByteCount {
            if let query = self.removeOldest() { lost.append(query) }
            self.forgotten.overflow &+= 1
        }
        return lost
    }

    // MARK: Out

    /// The size of the next message that was never sent.
    var nextUnsentByteCount: Int? {
        self.unsent.first?.byteCount
    }

    /// Whether the next message that was never sent answers a query.
    var isNextUnsentAnswer: Bool {
        self.unsent.first?.resultOf != nil
    }

    /// Puts answers to these queries before all that was never sent.
    ///
    /// - Returns: How many these are.
    mutating func bringForward(answersTo queries: Set<UInt64>) -> Int {
        func isOwn(_ message: Unsent) -> Bool { message.resultOf.map(queries.contains) ?? false }
        let own = self.unsent.filter(isOwn)
        guard !own.isEmpty, own.count < self.unsent.count else { return own.count }
        self.unsent.removeAll(where: isOwn)
        self.unsent.prepend(contentsOf: own)
        return own.count
    }

    /// Moves the next message that was never sent to those that wait for acknowledgement.
    ///
    /// - Parameters:
    ///   - identifier: Its identifier, higher than all before.
    ///   - sequenceNumber: Its sequence number.
    mutating func sendNext(
        identifier: UInt64,
        sequenceNumber: Int32,
        on connection: UInt64?,
        at now: SessionTime
    ) -> OutgoingMessage? {
        guard let next = self.unsent.popFirst() else { return nil }
        let message = OutgoingMessage(
            identifier: identifier,
            sequenceNumber: sequenceNumber,
            body: next.body,
            resultOf: next.resultOf
        )
        self.sent.append(
            Sent(
                message: message,
                enqueuedAt: next.enqueuedAt,
                sentAt: now.monotonicNanoseconds,
                carriedBy: connection
            )
        )
        if let query = next.resultOf { self.answers[query] = identifier }
        self.scheduleResendScan(at: now)
        return message
    }

    /// The next message to be repeated, as long as it has at most so many bytes or nothing precedes it in the payload.
    mutating func nextResend(on connection: UInt64?, at now: SessionTime, fits: (Int) -> Bool) -> Resend? {
        while let identifier = self.resends.first {
            guard let index = self.index(of: identifier), self.sent[index].isWaitingForResend else {
                self.resends.removeFirst()
                continue
            }
            let message = self.sent[index].message
            let isAnnounced = message.byteCount > self.largeByteCount && !self.sent[index].isRequested
            guard isAnnounced || fits(message.byteCount) else { return nil }
            self.resends.removeFirst()
            self.sent[index].isWaitingForResend = false
            self.waitingForResendCount -= 1
            self.sent[index].isRequested = false
            self.sent[index].sentAt = now.monotonicNanoseconds
            self.sent[index].carriedBy = connection
            self.scheduleResendScan(at: now)
            if !isAnnounced { self.repeatedCount &+= 1 }
            return isAnnounced ? .announcement(message) : .message(message)
        }
        return nil
    }

    // MARK: Acknowledgement and repetition

    /// Removes a message that the client received; returns the query that it answered.
    mutating func acknowledge(_ identifier: UInt64) -> UInt64? {
        guard let index = self.index(of: identifier) else { return nil }
        let query = self.sent[index].message.resultOf
        self.removeSent(at: index)
        return query
    }

    /// Whether there is an answer to a query that was not acknowledged, sent or not.
    func hasAnswer(to query: UInt64) -> Bool {
        self.answers[query] != nil
    }

    /// The answer to a query, if it was sent and not acknowledged.
    func answer(to query: UInt64) -> OutgoingMessage? {
        guard let identifier = self.answers[query], let index = self.index(of: identifier) else { return nil }
        return self.sent[index].message
    }

    /// Removes the answer to a query that was not acknowledged.
    ///
    /// - Returns: The answer; its identifier is 0 if it was not sent yet.
    mutating func dropAnswer(to query: UInt64) -> OutgoingMessage? {
        guard let identifier = self.answers[query] else { return nil }
        if let index = self.index(of: identifier) {
            let message = self.sent[index].message
            self.removeSent(at: index)
            return message
        }
        guard let index = self.unsent.firstIndex(where: { $0.resultOf == query }) else { return nil }
        let message = self.unsent.remove(at: index)
        self.answers[query] = nil
        self.byteCount -= message.byteCount
        return OutgoingMessage(identifier: 0, sequenceNumber: 0, body: message.body, resultOf: query)
    }

    /// Marks a sent message for repetition.
    ///
    /// - Parameters:
    ///   - identifier: Its identifier.
    ///   - isRequested: Whether to send it even if it is large.
    /// - Returns: Whether it is known.
    mutating func resend(_ identifier: UInt64, isRequested: Bool) -> Bool {
        guard let index = self.index(of: identifier) else { return false }
        self.markForResend(at: index)
        if isRequested { self.sent[index].isRequested = true }
        return true
    }

    /// Marks all sent messages for repetition: the connection that carried them is gone.
    mutating func resendAll() {
        for index in self.sent.indices where !self.sent[index].isRemoved {
            self.markForResend(at: index)
        }
    }

    /// Marks for repetition what one connection carried last.
    mutating func resendAll(carriedBy connection: UInt64) {
        for index in self.sent.indices where !self.sent[index].isRemoved && self.sent[index].carriedBy == connection {
            self.markForResend(at: index)
        }
    }

    private mutating func markForResend(at index: Int) {
        guard !self.sent[index].isWaitingForResend else { return }
        self.sent[index].isWaitingForResend = true
        self.waitingForResendCount += 1
        self.resends.append(self.sent[index].message.identifier)
    }

    /// Marks a sent message for repetition, unless it is marked already.
    ///
    /// - Returns: Whether it was not.
    mutating func markForResend(_ identifier: UInt64) -> Bool {
        guard let index = self.index(of: identifier), !self.sent[index].isWaitingForResend else { return false }
        self.markForResend(at: index)
        return true
    }

    /// Takes back the last mark for repetition.
    mutating func takeBackMark(of identifier: UInt64) {
        guard self.resends.last == identifier, let index = self.index(of: identifier),
            self.sent[index].isWaitingForResend
        else { return }
        self.resends.removeLast()
        self.sent[index].isWaitingForResend = false
        self.waitingForResendCount -= 1
    }

    // MARK: Time

    /// The monotonic time in nanoseconds when ``deadlineReached(at:)`` has something to do.
    var nextDeadline: Int64? {
        let expiry = self.oldest.map { $0.addingClamped(self.maximumAge) }
        guard let scan = self.nextResendScan else { return expiry }
        return expiry.map { min($0, scan) } ?? scan
    }

    /// Drops what is too old and marks for repetition what lacks its acknowledgement for too long.
    ///
    /// - Returns: The queries whose answers were dropped.
    mutating func deadlineReached(at now: SessionTime) -> [UInt64] {
        var lost: [UInt64] = []
        let newest = now.monotonicNanoseconds.addingClamped(-self.maximumAge)
        while let oldest = self.oldest, oldest <= newest {
            if let query = self.removeOldest() { lost.append(query) }
            self.forgotten.expired &+= 1
        }
        guard let scan = self.nextResendScan, scan <= now.monotonicNanoseconds else { return lost }
        var earliest: Int64?
        for index in self.sent.indices where !self.sent[index].isRemoved && !self.sent[index].isWaitingForResend {
            let due = self.sent[index].sentAt.addingClamped(self.resendInterval)
            if due <= now.monotonicNanoseconds {
                self.markForResend(at: index)
            } else {
                earliest = min(earliest ?? due, due)
            }
        }
        // Not for each message a scan of its own.
        let soonest = now.monotonicNanoseconds.addingClamped(self.resendInterval / 8)
        self.nextResendScan = earliest.map { max($0, soonest) }
        return lost
    }

    private mutating func scheduleResendScan(at now: SessionTime) {
        guard self.nextResendScan == nil else { return }
        self.nextResendScan = now.monotonicNanoseconds.addingClamped(self.resendInterval)
    }

    // MARK: Removal

    /// Drops the oldest messages until so many bytes are free.
    ///
    /// - Returns: The queries whose answers were dropped.
    mutating func forget(byteCount: Int) -> [UInt64] {
        let target = self.byteCount.subtractingReportingOverflow(max(byteCount, 0)).partialValue
        var lost: [UInt64] = []
        while self.count > 0, self.byteCount > target {
            if let query = self.removeOldest() { lost.append(query) }
            self.forgotten.memory &+= 1
        }
        return lost
    }

    /// When the older one of the two fronts was queued. The front of those sent is never a removed one; each is in the order of
    /// age but for answers that were brought forward, behind which others stay a little longer.
    private var oldest: Int64? {
        guard let sent = self.sent.first?.enqueuedAt else { return self.unsent.first?.enqueuedAt }
        return min(sent, self.unsent.first?.enqueuedAt ?? sent)
    }

    /// - Returns: The query that the message answered.
    private mutating func removeOldest() -> UInt64? {
        if let first = self.sent.first, first.enqueuedAt <= self.unsent.first?.enqueuedAt ?? Int64.max {
            self.removeSent(at: 0)
            return first.message.resultOf
        }
        guard let message = self.unsent.popFirst() else { return nil }
        self.byteCount -= message.byteCount
        if let query = message.resultOf { self.answers[query] = nil }
        return message.resultOf
    }

    private mutating func removeSent(at index: Int) {
        self.byteCount -= self.sent[index].message.byteCount
        if let query = self.sent[index].message.resultOf { self.answers[query] = nil }
        self.sent[index].isRemoved = true
        if self.sent[index].isWaitingForResend {
            self.sent[index].isWaitingForResend = false
            self.waitingForResendCount -= 1
        }
        self.sent[index].message.body = ByteBuffer()
        self.removedCount += 1
        while let first = self.sent.first, first.isRemoved {
            self.sent.removeFirst()
            self.removedCount -= 1
        }
        if self.removedCount > self.sent.count / 2 + 64 {
            self.sent.removeAll { $0.isRemoved }
            self.removedCount = 0
        }
        if self.sent.isEmpty {
            self.nextResendScan = nil
            self.resends.removeAll()
        } else if self.resends.count > 2 * self.sent.count + 64 {
            self.resends = Deque(self.sent.lazy.filter(\.isWaitingForResend).map(\.message.identifier))
        }
    }

    /// The index in `sent` by binary search.
    private func index(of identifier: UInt64) -> Int? {
        var low = 0
        var high = self.sent.count
        while low < high {
            let middle = (low + high) / 2
            if self.sent[middle].message.identifier < identifier { low = middle + 1 } else { high = middle }
        }
        guard low < self.sent.count, self.sent[low].message.identifier == identifier, !self.sent[low].isRemoved else {
            return nil
        }
        return low
    }
}
