// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport

/// Sessions can be saved and restored, in the middle of everything, by other processes too.
///
/// Monotonic clocks of two processes have nothing to do with each other. A restored session therefore takes over the clock
/// of the process that uses it with the first event, and counts the time since the last one by the wall clock. The wall
/// clocks of processes are taken to differ by less than a minute.
///
/// The limits are those of the process that restores the session, if it tells them: `userInfo[.serverSessionConfiguration]`
/// of the decoder; otherwise those of the one that made it.
///
/// What is written contains the messages that wait in the clear, and neither keys nor salts: protect it as what it holds.
extension ServerSession: Codable {
    /// A property that comes later is optional, so that what was written before can be read; ``version`` rises when that is
    /// not enough.
    private struct Saved: Codable {
        var version: Int
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
        var lastResponse: Int64?
    }

    private static let version = 1

    /// Writes the whole state.
    public func encode(to encoder: any Encoder) throws {
        let saved = Saved(
            version: Self.version,
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
            lastEventMonotonic: self.lastEvent?.monotonicNanoseconds,
            lastResponse: self.lastResponse
        )
        try saved.encode(to: encoder)
    }

    /// Reads a state.
    ///
    /// - Throws: `DecodingError` if it is none.
    public init(from decoder: any Decoder) throws {
        let saved = try Saved(from: decoder)
        let configuration = decoder.userInfo[.serverSessionConfiguration] as? Configuration ?? saved.configuration
        let queue = OutgoingQueue(saved.queue, configuration: configuration, lastIdentifier: saved.lastIdentifier)
        guard 1...Self.version ~= saved.version, saved.lastIdentifier <= MessageIdentifierGenerator.highestRestored,
            saved.pendingAcknowledgements.count <= PendingAcknowledgements.maximumWaitingCount, let queue
        else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "no session that this version can use")
            )
        }
        self.authorizationKeyIdentifier = saved.authorizationKeyIdentifier
        self.sessionIdentifier = saved.sessionIdentifier
        self.uniqueIdentifier = saved.uniqueIdentifier
        self.configuration = configuration
        self.identifiers = MessageIdentifierGenerator(role: .server, last: saved.lastIdentifier)
        self.sequenceNumbers = SequenceNumberCounter(contentRelatedCount: saved.contentRelatedCount)
        self.received = saved.received
        self.received.setCapacity(configuration.duplicateWindowCapacity)
        self.pendingAcknowledgements = saved.pendingAcknowledgements
        self.pendingAcknowledgements.setMaximumDelay(configuration.acknowledgementDelay)
        self.queue = queue
        self.notices = saved.notices
        self.runningQueries = Set(saved.runningQueries)
        self.firstMessageIdentifier = saved.firstMessageIdentifier
        self.floor = saved.floor
        self.connectionCount = min(max(saved.connectionCount, 0), Int(Int32.max))
        self.lastReception = saved.lastReception
        if let wall = saved.lastEventWall, let monotonic = saved.lastEventMonotonic {
            self.lastEvent = SessionTime(wallNanoseconds: wall, monotonicNanoseconds: monotonic)
        }
        self.lastResponse = saved.lastResponse
        self.isRestored = true
        for lost in self.queue.keepBounds() { self.received.unmark(lost, .isAnswered) }
    }

    /// Notes the time of an event; the first one after the session was restored moves all times to its clock.
    mutating func adopt(_ now: SessionTime) {
        if self.isRestored {
            self.isRestored = false
            let shift = self.shift(to: now)
            self.queue.shiftTimes(by: shift)
            self.pendingAcknowledgements.shiftTimes(by: shift)
            self.lastReception = self.lastReception?.addingClamped(shift)
            self.lastResponse = self.lastResponse?.addingClamped(shift)
        }
        var latest = now
        if let last = self.lastEvent, last.wallNanoseconds > now.wallNanoseconds {
            // Processes whose wall clocks differ take turns: counted from the one that is ahead, no time counts twice. If that
            // one was wrong altogether, or was set back, time does not stand still for ever.
            latest.wallNanoseconds = min(
                last.wallNanoseconds,
                now.wallNanoseconds.addingClamped(Self.maximumClockDifference)
            )
        }
        self.lastEvent = latest
    }

    /// How far the wall clocks of processes may differ, in nanoseconds.
    private static let maximumClockDifference: Int64 = 60_000_000_000

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

extension CodingUserInfoKey {
    /// Where a decoder finds the `ServerSession.Configuration` that sessions are to have from now on: a store passes its
    /// server's.
    public static let serverSessionConfiguration: CodingUserInfoKey = {
        guard let key = CodingUserInfoKey(rawValue: "MTProtoSession.ServerSession.Configuration") else {
            fatalError("every string is a key")
        }
        return key
    }()
}
