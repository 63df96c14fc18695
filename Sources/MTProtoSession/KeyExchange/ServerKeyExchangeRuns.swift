// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import MTProtoCrypto

/// The runs of a server: found by their nonces, forgotten after their lifetime, bounded in number.
///
/// When the bound is reached, the oldest run that was only begun gives way (clients probe with `req_pq` and never
/// continue), then the oldest one that is over. Runs with work done for them stay.
struct ServerKeyExchangeRuns: Sendable {
    typealias Key = ServerKeyExchangeRun.Key

    private enum Stage: Int, CaseIterable {
        case begun
        case underWay
        case over
    }

    private let maximumCount: Int
    private let lifetimeNanoseconds: Int64
    private var runs: [Key: ServerKeyExchangeRun] = [:]
    /// The run that a repeated `req_pq` means, while it is only begun.
    private var begunByNonce: [Bytes16: Key] = [:]
    /// By stage, oldest entry into the stage first; keys that left the stage since are skipped.
    private var queues: [Deque<Key>] = Stage.allCases.map { _ in [] }
    private var counts: [Int] = Stage.allCases.map { _ in 0 }

    init(maximumCount: Int, lifetimeNanoseconds: Int64) {
        self.maximumCount = max(1, maximumCount)
        self.lifetimeNanoseconds = lifetimeNanoseconds
    }

    var count: Int { self.runs.count }

    /// The run that was begun with this nonce and has not gone on.
    func begunRun(nonce: Bytes16) -> ServerKeyExchangeRun? {
        self.begunByNonce[nonce].flatMap { self.runs[$0] }
    }

    /// Adds a run that is begun. False if there is no room.
    mutating func insert(_ run: ServerKeyExchangeRun) -> Bool {
        while self.runs.count >= self.maximumCount {
            guard self.removeOldest(.begun) || self.removeOldest(.over) else { return false }
        }
        guard self.runs[run.key] == nil else { return false }
        self.runs[run.key] = run
        self.begunByNonce[run.key.nonce] = run.key
        self.enter(.begun, run.key)
        return true
    }

    /// Changes a run, if it is there and not too old.
    mutating func update<Value>(
        _ key: Key,
        at monotonicNanoseconds: Int64,
        _ body: (inout ServerKeyExchangeRun) -> Value
    ) -> Value? {
        self.removeExpired(at: monotonicNanoseconds)
        guard var run = self.runs[key] else { return nil }
        guard !self.isExpired(run, at: monotonicNanoseconds) else {
            self.remove(run)
            return nil
        }
        let before = Self.stage(of: run)
        let value = body(&run)
        self.runs[key] = run
        let after = Self.stage(of: run)
        if before != after {
            self.leave(before, key)
            self.enter(after, key)
        }
        return value
    }

    /// Removes the oldest runs that are past their lifetime.
    mutating func removeExpired(at monotonicNanoseconds: Int64) {
        for stage in Stage.allCases {
            while let run = self.oldest(stage), self.isExpired(run, at: monotonicNanoseconds) {
                self.remove(run)
            }
        }
    }

    // MARK: Order

    /// The first of a stage's queue; drops keys that left the stage on the way.
    private mutating func oldest(_ stage: Stage) -> ServerKeyExchangeRun? {
        while let key = self.queues[stage.rawValue].first {
            if let run = self.runs[key], Self.stage(of: run) == stage { return run }
            self.queues[stage.rawValue].removeFirst()
        }
        return nil
    }

    private mutating func removeOldest(_ stage: Stage) -> Bool {
        guard let run = self.oldest(stage) else { return false }
        self.remove(run)
        return true
    }

    private mutating func remove(_ run: ServerKeyExchangeRun) {
        self.leave(Self.stage(of: run), run.key)
        self.runs[run.key] = nil
    }

    private mutating func enter(_ stage: Stage, _ key: Key) {
        self.queues[stage.rawValue].append(key)
        self.counts[stage.rawValue] += 1
    }

    private mutating func leave(_ stage: Stage, _ key: Key) {
        self.counts[stage.rawValue] -= 1
        if stage == .begun, self.begunByNonce[key.nonce] == key {
            self.begunByNonce[key.nonce] = nil
        }
        if self.queues[stage.rawValue].first == key {
            self.queues[stage.rawValue].removeFirst()
        } else if self.queues[stage.rawValue].count > 64 + 2 * self.counts[stage.rawValue] {
            let runs = self.runs
            self.queues[stage.rawValue].removeAll { other in
                guard other != key, let run = runs[other] else { return true }
                return Self.stage(of: run) != stage
            }
        }
    }

    private func isExpired(_ run: ServerKeyExchangeRun, at monotonicNanoseconds: Int64) -> Bool {
        monotonicNanoseconds &- run.createdAt >= self.lifetimeNanoseconds
    }

    private static func stage(of run: ServerKeyExchangeRun) -> Stage {
        switch run.state {
        case .awaitingParameters: .begun
        case .working, .awaitingVerdict: .underWay
        case .finished, .failed: .over
        }
    }
}
