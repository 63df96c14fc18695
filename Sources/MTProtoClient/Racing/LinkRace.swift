// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore
internal import Synchronization

/// Tries the candidates of one connect, and hands over the link of the one that answers first: what ``ConnectionRace``
/// decides is carried out here.
///
/// An answer is `resPQ`, with which the key exchange then goes on, or with a saved key a pong. The only candidate that there is
/// needs no ping: its session tells.
struct LinkRace: Sendable {
    /// The link to use, and what was done on it so far.
    struct Winner: Sendable {
        var establisher: ConnectionEstablisher
        var connection: DialedConnection
        /// Its place in the log.
        let attempt: Int
        let candidate: ConnectionCandidate
        /// Whether the server has answered yet.
        let isAnswered: Bool
    }

    /// What one of the race's tasks has to tell.
    private enum Event: Sendable {
        case time(Int)
        /// A timer was cancelled.
        case nothing
        case connected(Int, Winner)
        case failed(Int, MTProtoClientError)
    }

    /// A candidate that is under way.
    private struct Running {
        let holder: ConnectionHolder
        let attempt: Int
    }

    private struct Timer {
        let number: Int
        let due: Int64
        let task: Scheduled<Void>
    }

    /// Where the race stands.
    private struct Course {
        var race: ConnectionRace
        var running: [Int: Running] = [:]
        var failures: [MTProtoClientError] = []
        /// Candidates that failed in a way that says something of them only if another one gets through.
        var doubtful: [ConnectionCandidate] = []
        var timer: Timer?
        var timerCount = 0
        var winner: Winner?
    }

    let list: CandidateList
    let dataCenter: DataCenterIdentifier
    let configuration: ClientConfiguration
    let log: AttemptLog
    /// Called when a candidate has passed its proxies, or has none.
    var onServer: @Sendable () -> Void = {}
    private let probes = ProbeSessions()

    private var strategy: ConnectionStrategy {
        self.configuration.strategy ?? .transport(self.configuration.transport)
    }

    /// Runs the race.
    ///
    /// - Parameter holder: has the link in the end. Closing it ends the race.
    /// - Throws: what the candidate that came farthest failed with.
    func run(_ holder: ConnectionHolder) async throws(MTProtoClientError) -> Winner {
        let candidates = self.list.rungs.flatMap { $0 }
        guard candidates.count > 1 else { return try await self.runAlone(candidates[0], holder) }
        let result = await withTaskGroup(of: Event.self) { group in
            await self.run(candidates, holder, in: &group)
        }
        var winner = try result.get()
        winner.establisher.reportSteps(to: self.configuration.onStep)
        return winner
    }

    private func runAlone(
        _ candidate: ConnectionCandidate,
        _ holder: ConnectionHolder
    ) async throws(MTProtoClientError) -> Winner {
        let attempt = self.log.begin(candidate)
        do throws(MTProtoClientError) {
            let winner = try await self.attempt(candidate, holder, attempt, isAlone: true)
            self.log.won(attempt)
            if winner.isAnswered { self.learnSuccess(of: winner) }
            return winner
        } catch {
            self.failed(attempt, candidate, error)
            throw error
        }
    }

    // MARK: The race

    private func run(
        _ candidates: [ConnectionCandidate],
        _ holder: ConnectionHolder,
        in group: inout TaskGroup<Event>
    ) async -> Result<Winner, MTProtoClientError> {
        var course = Course(
            race: ConnectionRace(rungs: self.list.rungs.map(\.count), configuration: self.strategy.raceConfiguration)
        )
        var decision: ConnectionRace.Decision? = course.race.begin(at: self.now)
        while true {
            if let decision {
                for index in decision.started {
                    course.running[index] = self.start(index, candidates[index], holder, in: &group)
                }
                for index in decision.closed {
                    guard let loser = course.running.removeValue(forKey: index) else { continue }
                    self.overtaken(loser, candidates[index], wasSlow: self.isBehind(index, decision.outcome))
                }
                self.schedule(decision.wakeAt, &course, in: &group)
                if decision.outcome == .lost || (course.running.isEmpty && holder.reason != nil) {
                    return .failure(Self.summary(of: course.failures, reason: holder.reason))
                }
                if case .won = decision.outcome, let winner = course.winner {
                    for candidate in course.doubtful { self.learnFailure(of: candidate) }
                    return await self.finish(winner, holder)
                }
            }
            guard let event = await group.next() else {
                return .failure(Self.summary(of: course.failures, reason: holder.reason))
            }
            decision = self.take(event, candidates, holder, &course)
        }
    }

    /// Takes an event. Once the holder is closed nobody is started any more: whoever is under way hears of it as well, and tells
    /// how far it has come.
    ///
    /// - Returns: what to do now; `nil` when nothing has changed.
    private func take(
        _ event: Event,
        _ candidates: [ConnectionCandidate],
        _ holder: ConnectionHolder,
        _ course: inout Course
    ) -> ConnectionRace.Decision? {
        let isOver = holder.reason != nil
        switch event {
        case .nothing:
            return nil
        case .time(let number):
            guard number == course.timer?.number else { return nil }
            course.timer = nil
            return isOver ? .init() : course.race.timerFired(at: self.now)
        case .connected(let index, let winner):
            guard course.running.removeValue(forKey: index) != nil else { return nil }
            course.winner = winner
            return course.race.connected(index, at: self.now)
        case .failed(let index, let failure):
            guard let runner = course.running.removeValue(forKey: index) else { return nil }
            self.log.failed(runner.attempt, because: failure)
            switch FailureMeaning(failure) {
            case .way: self.learnFailure(of: candidates[index])
            case .network: course.doubtful.append(candidates[index])
            case .other: break
            }
            course.failures.append(failure)
            guard !isOver else { return .init() }
            // Who says that there is too much of us does not want to see more of us.
            if failure.isFlood { return course.race.ended(by: index) }
            return course.race.failed(index, isRefusal: failure.isRefusal, at: self.now)
        }
    }

    /// Whether a loser is of a rung before the winner's: then the whole rung has had its time.
    private func isBehind(_ loser: Int, _ outcome: ConnectionRace.Outcome?) -> Bool {
        guard case .won(let winner) = outcome else { return false }
        return self.rung(of: loser) < self.rung(of: winner)
    }

    private func rung(of candidate: Int) -> Int {
        var end = 0
        return self.list.rungs.firstIndex { rung in
            end += rung.count
            return candidate < end
        } ?? self.list.rungs.count
    }

    private func finish(_ winner: Winner, _ holder: ConnectionHolder) async -> Result<Winner, MTProtoClientError> {
        do {
            try holder.keep(winner.connection.link)
        } catch {
            let failure = await winner.establisher.failure(of: error, holder)
            self.log.failed(winner.attempt, because: failure)
            return .failure(failure)
        }
        self.log.won(winner.attempt)
        self.learnSuccess(of: winner)
        var winner = winner
        // The losers' as well: they may have got through later.
        winner.connection.probeSessions = self.probes.identifiers
        return .success(winner)
    }

    private func start(
        _ index: Int,
        _ candidate: ConnectionCandidate,
        _ holder: ConnectionHolder,
        in group: inout TaskGroup<Event>
    ) -> Running {
        let own = ConnectionHolder()
        let attempt = self.log.begin(candidate)
        do {
            try holder.onClose { own.close(because: $0) }
        } catch {
            own.close(because: error)
        }
        group.addTask {
            do throws(MTProtoClientError) {
                return .connected(index, try await self.attempt(candidate, own, attempt, isAlone: false))
            } catch {
                return .failed(index, error)
            }
        }
        return Running(holder: own, attempt: attempt)
    }

    private func schedule(_ due: Int64?, _ course: inout Course, in group: inout TaskGroup<Event>) {
        guard due != course.timer?.due else { return }
        course.timer?.task.cancel()
        course.timer = nil
        guard let due else { return }
        course.timerCount += 1
        let number = course.timerCount
        let delay = TimeAmount.nanoseconds(max(0, due.addingClamped(0 &- self.now)))
        let task = self.configuration.eventLoopGroup.any().scheduleTask(in: delay) {}
        course.timer = Timer(number: number, due: due, task: task)
        group.addTask {
            do {
                try await task.futureResult.get()
                return .time(number)
            } catch {
                return .nothing
            }
        }
    }

    /// What to say when nobody has won: what the one said that came farthest.
    ///
    /// - Parameter reason: why the race was ended, if it was.
    private static func summary(of failures: [MTProtoClientError], reason: (any Error)?) -> MTProtoClientError {
        if reason is CancellationError {
            // Whatever has failed before that: nobody waits for it.
            return self.farthest(of: failures.filter { $0.code == .cancelled })
                ?? MTProtoClientError(.cancelled, phase: failures.map(\.phase).max() ?? .dial, message: "")
        }
        guard var result = failures.first(where: \.isFlood) ?? self.farthest(of: failures) else {
            return MTProtoClientError(.cancelled, phase: .dial, message: "")
        }
        if failures.count > 1 {
            let text = result.message.isEmpty ? "" : "\(result.message); "
            result.message = "\(text)this and \(failures.count - 1) other attempts failed"
            result.hasRetryableAlternative = failures.contains(where: \.isRetryable)
        }
        return result
    }

    /// The failure of the latest phase; among equals the first one that says more than that a machine has, for example, no IPv6.
    private static func farthest(of failures: [MTProtoClientError]) -> MTProtoClientError? {
        var farthest: MTProtoClientError?
        for failure in failures {
            guard let other = farthest else {
                farthest = failure
                continue
            }
            let saysMore = other.code == .unreachable && failure.code != .unreachable
            if other.phase < failure.phase || (other.phase == failure.phase && saysMore) { farthest = failure }
        }
        return farthest
    }

    // MARK: One attempt

    /// Goes one way up to the first answer.
    private func attempt(
        _ candidate: ConnectionCandidate,
        _ holder: ConnectionHolder,
        _ attempt: Int,
        isAlone: Bool
    ) async throws(MTProtoClientError) -> Winner {
        var configuration = self.configuration
        if !isAlone { configuration.onStep = { _ in } }
        let log = self.log
        var establisher = ConnectionEstablisher(
            chain: candidate.chain,
            dataCenter: self.dataCenter,
            configuration: configuration,
            onPhase: { log.advanced(attempt, to: $0) }
        )
        do {
            let connection = try await establisher.dial(holder, onServer: self.onServer)
            var isAnswered = true
            if establisher.needsKeyExchange {
                try await establisher.beginKeyExchange(on: connection)
            } else if !isAlone {
                try await establisher.probe(connection, as: self.probes.add(self.configuration.random))
            } else {
                isAnswered = false
            }
            return Winner(
                establisher: establisher,
                connection: connection,
                attempt: attempt,
                candidate: candidate,
                isAnswered: isAnswered
            )
        } catch {
            throw await establisher.failure(of: error, holder)
        }
    }

    // MARK: Learning

    private var now: Int64 { self.configuration.clock.now().monotonicNanoseconds }

    /// Seconds since 1970.
    static func seconds(_ configuration: ClientConfiguration) -> Int64 {
        configuration.clock.now().wallNanoseconds / 1_000_000_000
    }

    /// The session of the winner runs.
    func established(_ winner: Winner) {
        if !winner.isAnswered { self.learnSuccess(of: winner) }
    }

    /// The winner has failed after all.
    func failed(_ winner: Winner, _ failure: MTProtoClientError) {
        self.failed(winner.attempt, winner.candidate, failure)
    }

    private func learnSuccess(of winner: Winner) {
        let elapsed = self.log.elapsed(winner.attempt)
        let seconds = Self.seconds(self.configuration)
        self.configuration.learned.update {
            $0.succeeded(winner.candidate.way, roundTrip: elapsed, at: seconds)
        }
    }

    private func failed(_ attempt: Int, _ candidate: ConnectionCandidate, _ failure: MTProtoClientError) {
        self.log.failed(attempt, because: failure)
        if case .way = FailureMeaning(failure) { self.learnFailure(of: candidate) }
    }

    /// Another one has answered. Whoever had the patience's time and has not answered counts as failed: else a network that
    /// swallows one transport would be waited for each time.
    ///
    /// - Parameter wasSlow: whether that is known already.
    private func overtaken(_ loser: Running, _ candidate: ConnectionCandidate, wasSlow: Bool) {
        let patience = Duration.nanoseconds(self.strategy.raceConfiguration.patience)
        let hadItsTime = wasSlow || self.log.elapsed(loser.attempt) >= patience
        self.log.overtaken(loser.attempt)
        loser.holder.close(because: AttemptOvertaken())
        if hadItsTime { self.learnFailure(of: candidate) }
    }

    private func learnFailure(of candidate: ConnectionCandidate) {
        let seconds = Self.seconds(self.configuration)
        self.configuration.learned.update { $0.failed(candidate.way, at: seconds) }
    }
}

/// Another way was answered first.
struct AttemptOvertaken: Error {}
