// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Takes down the attempts of one connect as they happen.
final class AttemptLog: Sendable {
    private struct State {
        var attempts: [ConnectionAttempt] = []
        var starts: [ContinuousClock.Instant] = []
    }

    private let state = Mutex(State())

    /// An attempt begins.
    ///
    /// - Returns: its place.
    func begin(_ candidate: ConnectionCandidate) -> Int {
        let now = ContinuousClock.now
        return self.state.withLock { state in
            let offset = state.starts.first.map { $0.duration(to: now) } ?? .zero
            state.attempts.append(
                ConnectionAttempt(
                    endpoint: candidate.chain.target.description,
                    transport: candidate.chain.target.transport.description,
                    route: candidate.route.description,
                    startMilliseconds: Self.milliseconds(offset)
                )
            )
            state.starts.append(now)
            return state.attempts.count - 1
        }
    }

    /// An attempt has got to a phase.
    func advanced(_ index: Int, to phase: ConnectionPhase) {
        self.state.withLock { state in
            let outcome = state.attempts[index].outcome
            if outcome == .running || outcome == .won { state.attempts[index].phase = phase }
        }
    }

    /// An attempt has been answered first. It may fail later.
    func won(_ index: Int) {
        self.change(index) { $0.outcome = .won }
    }

    /// An attempt that is running, or has won, has failed.
    func failed(_ index: Int, because error: MTProtoClientError) {
        self.change(index) { attempt in
            attempt.phase = error.phase
            attempt.hop = error.hop
            attempt.outcome = error.code == .cancelled ? .cancelled : .failed
            attempt.code = "\(error.code)"
            attempt.cause = error.message
        }
    }

    /// Another attempt was answered first.
    func overtaken(_ index: Int) {
        self.change(index) { $0.outcome = .overtaken }
    }

    private func change(_ index: Int, _ change: (inout ConnectionAttempt) -> Void) {
        let now = ContinuousClock.now
        self.state.withLock { state in
            state.attempts[index].milliseconds = Self.milliseconds(state.starts[index].duration(to: now))
            change(&state.attempts[index])
        }
    }

    /// How long ago an attempt began.
    func elapsed(_ index: Int) -> Duration {
        self.state.withLock { $0.starts[index].duration(to: .now) }
    }

    /// What happened so far.
    var report: ConnectReport { ConnectReport(attempts: self.state.withLock { $0.attempts }) }

    private static func milliseconds(_ duration: Duration) -> Double {
        ConnectionStep(phase: .use, duration: duration).milliseconds
    }
}
