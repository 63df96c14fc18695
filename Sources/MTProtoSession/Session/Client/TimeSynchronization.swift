// SPDX-License-Identifier: Apache-2.0

/// What the client knows about the server's clock.
///
/// The server's time runs on from the moment it was learned by the monotonic clock, so that a correction of the local wall
/// clock does not disturb a session. When the two local clocks disagree about how much time passed (the wall clock was set,
/// or the machine slept), the time known is no longer trusted until the server shows it again; a wall clock that ran ahead
/// is followed meanwhile, because a monotonic clock stands still while the machine sleeps.
struct TimeSynchronization: Sendable {
    private static let toleratedJumpNanoseconds: Int64 = 5_000_000_000
    /// Below this a corrected offset is not worth an event.
    private static let notableNanoseconds: Int64 = 1_000_000_000
    /// A hint that lies closer than this to the time known is no news: it is cut to seconds, and was on its way.
    private static let hintToleranceNanoseconds: Int64 = 2_000_000_000
    /// How far hints may lead ahead of what the session would take the time for by itself.
    ///
    /// Identifiers never go back within a session. So far ahead a server accepts them, should the session have been right all
    /// along and the hint be a forgery; further, only a new session would help. A clock that is late by more gets the time with
    /// the server's first refusal, which costs no more than a repetition.
    private static let maximumHintLeadNanoseconds = MessageTimeWindow.maximumAdvanceNanoseconds - 1_000_000_000

    private var serverNanoseconds: Int64 = 0
    private var anchor: SessionTime?
    private var lastReading: SessionTime?
    /// By how much hints have moved the time since the session last knew better.
    private var hintNanoseconds: Int64 = 0
    /// What the server certainly wrote last, and the monotonic time then: by now it is at least so much later there.
    private var proof: (serverNanoseconds: Int64, monotonicNanoseconds: Int64)?
    /// Server time minus local wall time in nanoseconds, as far as known.
    private(set) var offsetNanoseconds: Int64?
    /// Whether the time is known well enough to refuse messages because of it.
    private(set) var isSynchronized: Bool

    init(offsetNanoseconds: Int64?) {
        self.offsetNanoseconds = offsetNanoseconds
        self.isSynchronized = offsetNanoseconds != nil
    }

    /// The server's time in nanoseconds since 1970, as far as known.
    mutating func serverNanoseconds(at now: SessionTime) -> Int64 {
        guard let anchor, let lastReading else {
            self.set(now.wallNanoseconds.addingClamped(self.offsetNanoseconds ?? 0), at: now)
            return self.serverNanoseconds
        }
        let passed = now.monotonicNanoseconds &- lastReading.monotonicNanoseconds
        let passedOnWall = now.wallNanoseconds &- lastReading.wallNanoseconds
        let server = self.serverNanoseconds.addingClamped(now.monotonicNanoseconds &- anchor.monotonicNanoseconds)
        let lead = passedOnWall &- passed
        self.lastReading = now
        guard lead.magnitude > UInt64(Self.toleratedJumpNanoseconds) else { return server }
        self.isSynchronized = false
        guard lead > 0 else { return server }
        self.set(server.addingClamped(lead), at: now)
        return self.serverNanoseconds
    }

    /// Takes the time of a message that the server certainly wrote just now.
    ///
    /// - Returns: The new offset if it is worth telling.
    mutating func synchronize(to identifier: UInt64, at now: SessionTime) -> Int64? {
        let wasSynchronized = self.isSynchronized
        let before = self.serverNanoseconds(at: now)
        let server = MessageIdentifierGenerator.nanoseconds(of: identifier)
        self.set(server, at: now)
        self.proof = (server, now.monotonicNanoseconds)
        self.hintNanoseconds = 0
        self.offsetNanoseconds = server &- now.wallNanoseconds
        self.isSynchronized = true
        let isNotable = !wasSynchronized || (server &- before).magnitude > UInt64(Self.notableNanoseconds)
        return isNotable ? self.offsetNanoseconds : nil
    }

    /// The server has certainly written something far ahead of the time known: it has to show its time anew.
    mutating func distrust() {
        self.isSynchronized = false
    }

    /// Follows a message from slightly ahead of the known time: the server cannot be behind what it wrote.
    mutating func advance(to identifier: UInt64, from serverNanoseconds: Int64, at now: SessionTime) {
        let server = MessageIdentifierGenerator.nanoseconds(of: identifier)
        guard server > serverNanoseconds else { return }
        self.set(server, at: now)
        self.proof = (server, now.monotonicNanoseconds)
        self.offsetNanoseconds = server &- now.wallNanoseconds
    }

    /// Takes a hint of unproven origin, in whole seconds: it moves the time only as long as nothing better is known, and it
    /// differs by more than its coarseness. Ahead only within a bound; back never behind what the server wrote and the time that
    /// has certainly passed since, or as far as it says while the server has written nothing.
    ///
    /// The hint is not kept with the offset, which counts as certain in a later run.
    mutating func note(unixSeconds: Int64, at now: SessionTime) {
        guard !self.isSynchronized, (0...Int64(UInt32.max)).contains(unixSeconds) else { return }
        let server = unixSeconds * 1_000_000_000 + 500_000_000
        let before = self.serverNanoseconds(at: now)
        let (step, overflow) = server.subtractingReportingOverflow(before)
        guard !overflow, step.magnitude > UInt64(Self.hintToleranceNanoseconds) else { return }
        if let proof {
            let passed = now.monotonicNanoseconds &- proof.monotonicNanoseconds
            let earliest = proof.serverNanoseconds.addingClamped(passed)
            guard server >= earliest.addingClamped(-Self.hintToleranceNanoseconds) else { return }
        }
        let lead = self.hintNanoseconds.addingClamped(step)
        guard lead <= Self.maximumHintLeadNanoseconds else { return }
        self.set(server, at: now)
        self.hintNanoseconds = lead
    }

    private mutating func set(_ server: Int64, at now: SessionTime) {
        self.serverNanoseconds = server
        self.anchor = now
        self.lastReading = now
    }
}
