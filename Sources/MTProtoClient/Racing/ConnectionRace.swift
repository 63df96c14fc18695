// SPDX-License-Identifier: Apache-2.0

/// Which of several candidates are tried when, and which one is used: a pure state machine.
///
/// Candidates have a fixed order, and rungs: all of one rung come before those of the next. Within a rung they start a stagger
/// apart, and at once when one fails. The next rung starts when every candidate before it has failed, or has had the patience's
/// time. The first that connects wins; the others are closed.
///
/// Specification: RFC 8305 §5.
struct ConnectionRace: Sendable {
    /// Times in nanoseconds.
    struct Configuration: Sendable {
        /// Between two starts within a rung.
        var stagger: Int64
        /// After how long without success the next rung starts beside the one before.
        var patience: Int64
        /// How many candidates may be under way at a time; at least 1.
        var maximumRunningCount = 8
    }

    /// What to do now; whatever it asks for has to be done before the next event.
    struct Decision: Hashable, Sendable {
        /// Candidates to start, in this order.
        var started: [Int] = []
        /// Candidates to close: they were under way.
        var closed: [Int] = []
        /// When to call ``ConnectionRace/timerFired(at:)``, in monotonic nanoseconds; `nil` when there is nothing to wait for.
        var wakeAt: Int64?
        var outcome: Outcome?
    }

    enum Outcome: Hashable, Sendable {
        /// This candidate is used.
        case won(Int)
        /// None is left.
        case lost
    }

    private enum State: Hashable {
        case running, failed, closed, won
    }

    private let configuration: Configuration
    /// Where each rung ends; the last one is the number of candidates.
    private let rungEnds: [Int]
    private var states: [State] = []
    private var rung = 0
    private var rungStart: Int64 = 0
    /// When the next candidate of the rung may start.
    private var nextStart: Int64 = 0
    private var isOver = false

    /// Makes a race.
    ///
    /// - Parameter rungs: how many candidates each rung has.
    init(rungs: [Int], configuration: Configuration) {
        self.configuration = configuration
        var end = 0
        self.rungEnds = rungs.map { count in
            end += count
            return end
        }
    }

    private var count: Int { self.rungEnds.last ?? 0 }

    private var runningCount: Int { self.states.count { $0 == .running } }

    // MARK: Events

    /// Begins.
    mutating func begin(at now: Int64) -> Decision {
        self.rungStart = now
        self.nextStart = now
        return self.decide(at: now)
    }

    mutating func timerFired(at now: Int64) -> Decision {
        self.decide(at: now)
    }

    /// A candidate that is under way has failed.
    mutating func failed(_ candidate: Int, at now: Int64) -> Decision {
        guard self.isRunning(candidate) else { return self.decide(at: now) }
        self.states[candidate] = .failed
        // Whoever waits, waits no longer for this one.
        self.nextStart = now
        return self.decide(at: now)
    }

    /// A candidate that is under way has answered.
    mutating func connected(_ candidate: Int, at now: Int64) -> Decision {
        guard self.isRunning(candidate) else { return self.decide(at: now) }
        self.states[candidate] = .won
        var decision = self.end()
        decision.outcome = .won(candidate)
        return decision
    }

    /// Nobody waits for the outcome any more.
    mutating func abandon() -> Decision {
        self.end()
    }

    private func isRunning(_ candidate: Int) -> Bool {
        self.states.indices.contains(candidate) && self.states[candidate] == .running
    }

    private mutating func end() -> Decision {
        self.isOver = true
        var decision = Decision()
        for index in self.states.indices where self.states[index] == .running {
            self.states[index] = .closed
            decision.closed.append(index)
        }
        return decision
    }

    // MARK: Decisions

    private mutating func decide(at now: Int64) -> Decision {
        var decision = Decision()
        guard !self.isOver else { return decision }
        while self.states.count < self.count {
            self.climb(at: now)
            guard self.states.count < self.rungEnds[self.rung], now >= self.nextStart,
                self.runningCount < max(1, self.configuration.maximumRunningCount)
            else { break }
            decision.started.append(self.states.count)
            self.states.append(.running)
            self.nextStart = now &+ max(0, self.configuration.stagger)
        }
        if self.states.count == self.count, self.runningCount == 0 {
            self.isOver = true
            decision.outcome = .lost
            return decision
        }
        decision.wakeAt = self.wakeTime
        return decision
    }

    /// Goes on to the next rung when it is its turn.
    private mutating func climb(at now: Int64) {
        while self.rung + 1 < self.rungEnds.count, self.states.count >= self.rungEnds[self.rung] {
            guard self.runningCount == 0 || now >= self.rungStart &+ self.configuration.patience else { return }
            self.rung += 1
            self.rungStart = now
            self.nextStart = now
        }
    }

    private var wakeTime: Int64? {
        guard self.states.count < self.count, self.runningCount < max(1, self.configuration.maximumRunningCount) else {
            return nil
        }
        let isRungStarted = self.states.count >= self.rungEnds[self.rung]
        return isRungStarted ? self.rungStart &+ self.configuration.patience : self.nextStart
    }
}
