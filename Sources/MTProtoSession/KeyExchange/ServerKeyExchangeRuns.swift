// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import MTProtoCrypto

/// The runs of a server: found by their nonces, forgotten after their lifetime, bounded in number.
///
/// When the bound is reached, the oldest run that was only begun gives way (clients probe with `req_pq` and never
/// continue), then the oldest one that is over, then the oldest that is under way, if it is older than any client takes.
/// A source that has more than its share under way loses its own oldest run.
struct ServerKeyExchangeRuns: Sendable {
    typealias Key = ServerKeyExchangeRun.Key

    /// Keys in the order in which they were added. Those that do not belong to it any more are skipped, and dropped
    /// when they are too many.
    private struct Queue: Sendable {
        private(set) var keys: Deque<Key> = []
        private(set) var liveCount = 0

        var isEmpty: Bool { self.liveCount <= 0 }

        mutating func append(_ key: Key) {
            self.keys.append(key)
            self.liveCount += 1
        }

        mutating func first(where isLive: (Key) -> Bool) -> Key? {
            while let key = self.keys.first {
                if isLive(key) { return key }
                self.keys.removeFirst()
            }
            return nil
        }

        /// One key does not belong to the queue any more.
        mutating func didLeave(isLive: (Key) -> Bool) {
            self.liveCount -= 1
            if self.keys.count > 64 + 2 * self.liveCount {
                self.keys.removeAll { !isLive($0) }
            }
        }
    }

    private enum Stage {
        case begun
        case underWay
        case over
    }

    /// How long a run that is under way stays, however many others there are: a minute.
    private static let protectedNanoseconds: Int64 = 60_000_000_000

    private let maximumCount: Int
    private let maximumCountPerSource: Int
    private let lifetimeNanoseconds: Int64
    private var runs: [Key: ServerKeyExchangeRun] = [:]
    /// The run that a repeated `req_pq` means, while it is only begun.
    private var begunByNonce: [Bytes16: Key] = [:]
    /// All runs, which expire in this order.
    private var all = Queue()
    /// The runs that give way first, second, and third.
    private var begun = Queue()
    private var over = Queue()
    private var underWay = Queue()
    private var underWayBySource: [String: Queue] = [:]

    init(maximumCount: Int, maximumCountPerSource: Int = .max, lifetimeNanoseconds: Int64) {
        self.maximumCountPerSource = max(1, maximumCountPerSource)
        self.maximumCount = max(1, maximumCount)
        self.lifetimeNanoseconds = lifetimeNanoseconds
    }

    var count: Int { self.runs.count }

    /// How many keys the queues hold, those that left their stage included.
    var queuedCount: Int {
        let queues = [self.all, self.begun, self.over, self.underWay] + self.underWayBySource.values
        return queues.reduce(0) { $0 + $1.keys.count }
    }

    /// The run that was begun with this nonce and has not gone on.
    func begunRun(nonce: Bytes16) -> ServerKeyExchangeRun? {
        self.begunByNonce[nonce].flatMap { self.runs[$0] }
    }

    /// Adds a run that is begun. False if there is no room.
    mutating func insert(_ run: ServerKeyExchangeRun) -> Bool {
        while self.runs.count >= self.maximumCount {
            guard let key = self.first(.begun) ?? self.first(.over) ?? self.firstStalled(at: run.createdAt) else {
                return false
            }
            self.remove(key)
        }
        guard self.runs[run.key] == nil else { return false }
        self.runs[run.key] = run
        self.begunByNonce[run.key.nonce] = run.key
        self.all.append(run.key)
        self.begun.append(run.key)
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
        let before = Self.stage(of: run)
        let value = body(&run)
        let after = Self.stage(of: run)
        self.runs[key] = run
        if before != after {
            self.leave(before, key, source: run.source)
            switch after {
            case .over: self.over.append(key)
            case .underWay: self.enterUnderWay(key, source: run.source)
            case .begun: break
            }
        }
        return value
    }

    /// Removes the runs that are past their lifetime.
    mutating func removeExpired(at monotonicNanoseconds: Int64) {
        while let key = self.oldest(), let run = self.runs[key],
            monotonicNanoseconds &- run.createdAt >= self.lifetimeNanoseconds
        {
            self.remove(key)
        }
    }

    // MARK: Order

    private mutating func oldest() -> Key? {
        let runs = self.runs
        return self.all.first { runs[$0] != nil }
    }

    private mutating func first(_ stage: Stage) -> Key? {
        let runs = self.runs
        let isLive = { (key: Key) in runs[key].map { Self.stage(of: $0) == stage } ?? false }
        switch stage {
        case .begun: return self.begun.first(where: isLive)
        case .over: return self.over.first(where: isLive)
        case .underWay: return self.underWay.first(where: isLive)
        }
    }

    private mutating func remove(_ key: Key) {
        guard let run = self.runs.removeValue(forKey: key) else { return }
        let runs = self.runs
        self.all.didLeave { runs[$0] != nil }
        self.leave(Self.stage(of: run), key, source: run.source)
    }

    /// Called when the run has left the stage already.
    private mutating func leave(_ stage: Stage, _ key: Key, source: String?) {
        let runs = self.runs
        let isLive = { (key: Key) in runs[key].map { Self.stage(of: $0) == stage } ?? false }
        switch stage {
        case .begun:
            self.begun.didLeave(isLive: isLive)
            if self.begunByNonce[key.nonce] == key {
                self.begunByNonce[key.nonce] = nil
            }
        case .over: self.over.didLeave(isLive: isLive)
        case .underWay:
            self.underWay.didLeave(isLive: isLive)
            guard let source else { return }
            self.underWayBySource[source]?.didLeave(isLive: isLive)
            if self.underWayBySource[source]?.isEmpty == true { self.underWayBySource[source] = nil }
        }
    }

    /// The oldest run that is under way, if no client would go on with it any more.
    private mutating func firstStalled(at monotonicNanoseconds: Int64) -> Key? {
        guard let key = self.first(.underWay), let run = self.runs[key],
            monotonicNanoseconds &- run.createdAt >= Self.protectedNanoseconds
        else { return nil }
        return key
    }

    /// A source that has its share loses its own oldest run, and no one else's.
    private mutating func enterUnderWay(_ key: Key, source: String?) {
        self.underWay.append(key)
        guard let source else { return }
        self.underWayBySource[source, default: Queue()].append(key)
        if let oldest = self.oldestBeyondShare(of: source) { self.remove(oldest) }
    }

    private mutating func oldestBeyondShare(of source: String) -> Key? {
        guard let count = self.underWayBySource[source]?.liveCount, count > self.maximumCountPerSource else {
            return nil
        }
        let runs = self.runs
        return self.underWayBySource[source]?.first { key in
            runs[key].map { Self.stage(of: $0) == .underWay } ?? false
        }
    }

    private static func stage(of run: ServerKeyExchangeRun) -> Stage {
        switch run.state {
        case .awaitingParameters: .begun
        case .working, .awaitingVerdict: .underWay
        case .finished, .failed: .over
        }
    }
}
