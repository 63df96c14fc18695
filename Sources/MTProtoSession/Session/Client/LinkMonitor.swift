// SPDX-License-Identifier: Apache-2.0

/// Watches one connection: when to ping, what the round trip takes, and when to give the connection up.
struct LinkMonitor: Sendable {
    /// How many pings are remembered at a time.
    private static let maximumPingCount = 256
    /// One slow answer does not make the next silence last for minutes: no longer round trip is reckoned with.
    private static let maximumReckonedRoundTrip: Int64 = 10_000_000_000
    /// A round trip is not taken to be longer than this: ten minutes.
    private static let maximumRoundTrip: Int64 = 600_000_000_000

    private(set) var isOpen = false
    private(set) var isDead = false
    /// Whether pings show that the peer is there.
    private(set) var isWatched = true
    /// Counts the connections of the session.
    private(set) var connection: UInt64 = 0
    /// When the next regular ping is due.
    private(set) var keepAliveDue: Int64 = 0
    /// Since when a ping of ours is out and nothing has come back; later if bytes were seen to leave since.
    private(set) var silentSince: Int64?
    /// Since when a ping of ours is in line, and nothing was taken to be sent and nothing has come back.
    private(set) var stuckSince: Int64?
    /// Since when a query is out and nothing has come back.
    private(set) var waitingSince: Int64?
    /// The smoothed round-trip time in nanoseconds.
    private(set) var roundTripNanoseconds: Int64?
    private var pings: [Int64: Int64] = [:]
    /// How many bytes were taken to be sent, and how many of them lay unsent below when last looked at.
    private var takenByteCount = 0
    private var unsentByteCount = 0
    private var leftByteCount = 0

    mutating func open(at nanoseconds: Int64, keepAliveInterval: Int64, isWatched: Bool) {
        let connection = self.connection + 1
        let roundTrip = self.roundTripNanoseconds
        self = LinkMonitor()
        self.isOpen = true
        self.isWatched = isWatched
        self.connection = connection
        self.roundTripNanoseconds = roundTrip
        self.keepAliveDue = nanoseconds.addingClamped(keepAliveInterval)
    }

    mutating func close() {
        self.isOpen = false
        self.silentSince = nil
        self.stuckSince = nil
        self.waitingSince = nil
        self.pings.removeAll()
    }

    mutating func markDead() {
        self.isDead = true
    }

    /// A ping was put in line; the next is due an interval later.
    mutating func scheduleKeepAlive(at nanoseconds: Int64, interval: Int64) {
        self.keepAliveDue = nanoseconds.addingClamped(interval)
    }

    /// A ping was put in line: from now on something has to be taken to be sent, or to come in.
    mutating func queuedPing(at nanoseconds: Int64) {
        self.stuckSince = self.stuckSince ?? nanoseconds
    }

    /// A payload was taken to be sent.
    mutating func took(byteCount: Int, at nanoseconds: Int64) {
        self.takenByteCount &+= byteCount
        if self.stuckSince != nil { self.stuckSince = nanoseconds }
    }

    /// Looks at what the layers below have not given to the network yet.
    ///
    /// That bytes leave while others wait behind them means that the peer's end takes them: a long upload is no death,
    /// though the ping waits behind it or its answer does.
    mutating func noteUnsent(byteCount: Int, at nanoseconds: Int64) {
        let left = self.takenByteCount &- byteCount
        if left > self.leftByteCount, byteCount > 0 || self.unsentByteCount > 0 {
            if self.silentSince != nil { self.silentSince = nanoseconds }
            if self.stuckSince != nil { self.stuckSince = nanoseconds }
        }
        self.leftByteCount = left
        self.unsentByteCount = byteCount
    }

    /// A ping leaves.
    ///
    /// - Returns: The oldest ping, which is forgotten, if there are too many.
    mutating func sentPing(_ identifier: Int64, at nanoseconds: Int64) -> Int64? {
        var forgotten: Int64?
        if self.pings.count >= Self.maximumPingCount, self.pings[identifier] == nil {
            forgotten = self.pings.min { $0.value < $1.value }?.key
            if let forgotten { self.pings.removeValue(forKey: forgotten) }
        }
        self.pings[identifier] = nanoseconds
        self.stuckSince = nil
        self.silentSince = self.silentSince ?? nanoseconds
        return forgotten
    }

    /// The payload with a ping is known to be lost: the silence since has a reason, and the ping is in line again.
    mutating func lostPing(at nanoseconds: Int64) {
        self.silentSince = nil
        self.queuedPing(at: nanoseconds)
    }

    mutating func sentQuery(at nanoseconds: Int64) {
        self.waitingSince = self.waitingSince ?? nanoseconds
    }

    /// Something valid came in: the link lives.
    mutating func received(at nanoseconds: Int64) {
        self.silentSince = nil
        if self.stuckSince != nil { self.stuckSince = nanoseconds }
        if self.waitingSince != nil { self.waitingSince = nanoseconds }
    }

    /// No query is out any more.
    mutating func answeredAll() {
        self.waitingSince = nil
    }

    /// Whether a ping is known, which proves that the answer to it is new.
    func isAwaitingPong(_ identifier: Int64) -> Bool {
        self.pings[identifier] != nil
    }

    /// The round-trip time of a ping in nanoseconds; nil if it is not known.
    mutating func receivedPong(_ identifier: Int64, at nanoseconds: Int64) -> Int64? {
        guard let sent = self.pings.removeValue(forKey: identifier) else { return nil }
        let (difference, overflow) = nanoseconds.subtractingReportingOverflow(sent)
        let roundTrip = overflow ? Self.maximumRoundTrip : min(max(0, difference), Self.maximumRoundTrip)
        let sample = min(roundTrip, Self.maximumReckonedRoundTrip)
        self.roundTripNanoseconds = self.roundTripNanoseconds.map { ($0 / 8) * 7 + sample / 8 } ?? sample
        return roundTrip
    }

    /// How long the link may be silent while a query is out before it is pinged: two seconds at least, or one and a half
    /// round trips and a second.
    var busyPingDelay: Int64 {
        max(2_000_000_000, ((self.roundTripNanoseconds ?? 0) / 2) * 3 + 1_000_000_000)
    }

    /// When to ping because a query is out and nothing comes back; nil while a ping is out or in line already.
    var busyPingDue: Int64? {
        guard self.silentSince == nil, self.stuckSince == nil, let waitingSince else { return nil }
        return waitingSince.addingClamped(self.busyPingDelay)
    }

    /// When to give the connection up: four round trips and a second after a ping that nothing follows, but at least `minimum`;
    /// while no round trip is known, `timeout`.
    func deathDue(timeout: Int64, minimum: Int64) -> Int64? {
        guard let since = self.silentSince.map({ min($0, self.stuckSince ?? $0) }) ?? self.stuckSince else {
            return nil
        }
        let patience = self.roundTripNanoseconds.map { max(minimum, 4 * $0 + 1_000_000_000) }
        return since.addingClamped(patience ?? max(timeout, 3 * self.busyPingDelay))
    }
}
