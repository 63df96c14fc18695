// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport

/// Sessions can be saved and restored, in the middle of everything, by other processes too.
///
/// Monotonic clocks of two processes have nothing to do with each other. A restored session therefore takes over the clock
/// of the process that uses it with the first event, and counts the time since the last one by the wall clock.
extension ServerSession: Codable {
    private struct Saved: Codable {
        var authorizationKeyIdentifier: UInt64
        var sessionIdentifier: UInt64
        var uniqueIdentifier: UInt64
        var configuration: Configuration
        var lastIdentifier: UInt64
        var contentRelatedCount: UInt32
        var received: ReceivedMessageWindow
        var pendingAcknowledgements: PendingAcknowledgements
        var queue: OutgoingQueue.Saved
        var notices: NoticeQueue
        var runningQueries: [UInt64]
        var firstMessageIdentifier: UInt64?
        var floor: UInt64
        var connectionCount: Int
        var lastReception: Int64?
        var lastEventWall: Int64?
        var lastEventMonotonic: Int64?
    }

    /// Writes the whole state.
    public func encode(to encoder: any Encoder) throws {
        let saved = Saved(
            authorizationKeyIdentifier: self.authorizationKeyIdentifier,
            sessionIdentifier: self.sessionIdentifier,
            uniqueIdentifier: self.uniqueIdentifier,
            configuration: self.configuration,
            lastIdentifier: self.identifiers.last,
            contentRelatedCount: self.sequenceNumbers.contentRelatedCount,
            received: self.received,
            pendingAcknowledgements: self.pendingAcknowledgements,
            queue: self.queue.saved,
            notices: self.notices,
            runningQueries: self.runningQueries.sorted(),
            firstMessageIdentifier: self.firstMessageIdentifier,
            floor: self.floor,
            connectionCount: self.connectionCount,
            lastReception: self.lastReception,
            lastEventWall: self.lastEvent?.wallNanoseconds,
            lastEventMonotonic: self.lastEvent?.monotonicNanoseconds
        )
        try saved.encode(to: encoder)
    }

    /// Reads a state.
    ///
    /// - Throws: `DecodingError` if it is none.
    public init(from decoder: any Decoder) throws {
        let saved = try Saved(from: decoder)
        guard let queue = OutgoingQueue(saved.queue, configuration: saved.configuration) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "sent messages out of order")
            )
        }
        self.authorizationKeyIdentifier = saved.authorizationKeyIdentifier
        self.sessionIdentifier = saved.sessionIdentifier
        self.uniqueIdentifier = saved.uniqueIdentifier
        self.configuration = saved.configuration
        self.identifiers = MessageIdentifierGenerator(role: .server, last: saved.lastIdentifier)
        self.sequenceNumbers = SequenceNumberCounter(contentRelatedCount: saved.contentRelatedCount)
        self.received = saved.received
        self.pendingAcknowledgements = saved.pendingAcknowledgements
        self.queue = queue
        self.notices = saved.notices
        self.runningQueries = Set(saved.runningQueries)
        self.firstMessageIdentifier = saved.firstMessageIdentifier
        self.floor = saved.floor
        self.connectionCount = max(saved.connectionCount, 0)
        self.lastReception = saved.lastReception
        if let wall = saved.lastEventWall, let monotonic = saved.lastEventMonotonic {
            self.lastEvent = SessionTime(wallNanoseconds: wall, monotonicNanoseconds: monotonic)
        }
        self.isRestored = true
    }

    /// Notes the time of an event; the first one after the session was restored moves all times to its clock.
    mutating func adopt(_ now: SessionTime) {
        if self.isRestored {
            self.isRestored = false
            let shift = self.shift(to: now)
            self.queue.shiftTimes(by: shift)
            self.pendingAcknowledgements.shiftTimes(by: shift)
            self.lastReception = self.lastReception?.addingClamped(shift)
        }
        self.lastEvent = now
    }

    /// A time of the session by the clock that shows `now`.
    func rebased(_ time: Int64, at now: SessionTime) -> Int64 {
        self.isRestored ? time.addingClamped(self.shift(to: now)) : time
    }

    /// From the saved times to those of the clock that shows `now`.
    private func shift(to now: SessionTime) -> Int64 {
        guard let last = self.lastEvent else { return 0 }
        let (difference, overflow) = now.wallNanoseconds.subtractingReportingOverflow(last.wallNanoseconds)
        // A wall clock that went back, or lies behind the other one's, shows that little time has passed.
        let passed = overflow ? 0 : max(difference, 0)
        let (before, beforeOverflow) = now.monotonicNanoseconds.subtractingReportingOverflow(passed)
        let (shift, shiftOverflow) = before.subtractingReportingOverflow(last.monotonicNanoseconds)
        return beforeOverflow || shiftOverflow ? 0 : shift
    }
}
