// SPDX-License-Identifier: Apache-2.0

/// Which of several candidates are tried when, and which one is used: a pure state machine.
///
/// Candidates have a fixed order, and rungs. Within a rung they start a stagger apart, and at once when one fails. The next rung
/// opens beside the one before when that one has failed altogether, or has had the patience's time. The first that connects
/// wins; the others are closed.
///
/// Specification: RFC 8305 §5.
struct ConnectionRace: Sendable {
    /// Times in nanoseconds.
    struct Configuration: Sendable {
        /// Between two starts within a rung.
        var stagger: Int64
        /// After how long without success the next rung opens, whatever is left of this one.
        var patience: Int64
        /// How many candidates of one rung may be under way at a time; at least 1.
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
        case waiting, running, failed, closed, won
    }

    private struct Rung {
        let candidates: Range<Int>
        /// The next candidate to start.
        var next: Int
        /// When it may start.
        var nextStart: Int64 = 0
        var openedAt: Int64 = 0
    }

    private let configuration: Configuration
    private var rungs: [Rung] = []
    private var openRungCount = 0
    private var states: [State]
    private var isOver = false

    /// Makes a race.
    ///
    /// - Parameter rungs: how many candidates each rung has.
    init(rungs: [Int], configuration: Configuration) {
        self.configuration = configuration
        var end = 0
        for count in rungs {
            self.rungs.append(Rung(candidates: end..<(end + count), next: end))
            end += count
        }
        self.states = Array(repeating: .waiting, count: end)
    }

    // MARK: Events

    /// Begins.
    mutating func begin(at now: Int64) -> Decision {
        self.decide(at: now)
    }

    mutating func timerFired(at now: Int64) -> Decision {
        self.decide(at: now)
    }

    /// A candidate that is under way has failed.
    ///
    /// - Parameter isRefusal: whether it was answered: then others of the same data centre are in no hurry.
    mutating func failed(_ candidate: Int, isRefusal: Bool = false, at now: Int64) -> Decision {
        guard self.isRunning(candidate) else { return self.decide(at: now) }
        self.states[candidate] = .failed
        // Whoever waits, waits no longer for this one.
        if !isRefusal, let rung = self.rungs.firstIndex(where: { $0.candidates.contains(candidate) }) {
            self.rungs[rung].nextStart = now
        }
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

    /// A candidate that is under way has failed, and so would the others.
    mutating func ended(by candidate: Int) -> Decision {
        if self.isRunning(candidate) { self.states[candidate] = .failed }
        var decision = self.end()
        decision.outcome = .lost
        return decision
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
        self.openRungs(at: now)
        for rung in self.rungs.indices.prefix(self.openRungCount) {
            while self.hasCandidate(rung), now >= self.rungs[rung].nextStart {
                let candidate = self.rungs[rung].next
                self.states[candidate] = .running
                decision.started.append(candidate)
                self.rungs[rung].next += 1
                self.rungs[rung].nextStart = now &+ max(0, self.configuration.stagger)
            }
        }
        if self.states.allSatisfy({ $0 == .failed }) {
            self.isOver = true
            decision.outcome = .lost
            return decision
        }
        decision.wakeAt = self.wakeTime
        return decision
    }

    /// Opens the rungs whose turn it is.
    private mutating func openRungs(at now: Int64) {
        while self.openRungCount < self.rungs.count {
            if let last = self.rungs.prefix(self.openRungCount).last {
                let hasFailed = self.states[last.candidates].allSatisfy { $0 == .failed }
                guard hasFailed || now >= last.openedAt &+ self.configuration.patience else { return }
            }
            self.rungs[self.openRungCount].openedAt = now
            self.rungs[self.openRungCount].nextStart = now
            self.openRungCount += 1
        }
    }

    /// Whether a rung has a candidate to start, and a place for it.
    private func hasCandidate(_ rung: Int) -> Bool {
        let candidates = self.rungs[rung].candidates
        let runningCount = self.states[candidates].count { $0 == .running }
        return self.rungs[rung].next < candidates.upperBound
            && runningCount < max(1, self.configuration.maximumRunningCount)
    }

    private var wakeTime: Int64? {
        let open = self.rungs.indices.prefix(self.openRungCount)
        var times = open.filter { self.hasCandidate($0) }.map { self.rungs[$0].nextStart }
        if self.openRungCount < self.rungs.count, let last = self.rungs.prefix(self.openRungCount).last {
            times.append(last.openedAt &+ self.configuration.patience)
        }
        return times.min()
    }
}
