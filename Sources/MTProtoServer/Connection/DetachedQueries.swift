// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The running queries of all HTTP connections that are gone: bounded, and ended with the server.
final class DetachedQueries: Sendable {
    private struct State {
        var queries: [UInt64: (key: UInt64, cancel: @Sendable () -> Void)] = [:]
        /// How many each permanent authorization key has.
        var counts: [UInt64: Int] = [:]
        var nextNumber: UInt64 = 0
        var isClosed = false
    }

    private let maximumCount: Int
    private let maximumCountPerKey: Int
    private let refused: @Sendable () -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - maximumCount: how many there may be.
    ///   - maximumCountPerKey: how many one permanent authorization key may have, so that it leaves places to others. Whoever
    ///     makes many permanent keys has as many shares.
    ///   - refused: called for each query that has no room.
    init(maximumCount: Int, maximumCountPerKey: Int, refused: @escaping @Sendable () -> Void = {}) {
        self.maximumCount = maximumCount
        self.maximumCountPerKey = maximumCountPerKey
        self.refused = refused
    }

    /// - Returns: a number to remove the query by; `nil` when there are too many, and it has to be cancelled.
    func insert(ofKey key: UInt64, _ cancel: @escaping @Sendable () -> Void) -> UInt64? {
        let (number, isFull) = self.state.withLock { state -> (UInt64?, Bool) in
            guard !state.isClosed else { return (nil, false) }
            let count = state.counts[key] ?? 0
            guard state.queries.count < self.maximumCount, count < self.maximumCountPerKey else { return (nil, true) }
            state.nextNumber += 1
            state.queries[state.nextNumber] = (key, cancel)
            state.counts[key] = count + 1
            return (state.nextNumber, false)
        }
        if isFull { self.refused() }
        return number
    }

    func remove(_ number: UInt64) {
        self.state.withLock { state in
            guard let key = state.queries.removeValue(forKey: number)?.key else { return }
            let count = state.counts[key] ?? 0
            state.counts[key] = count > 1 ? count - 1 : nil
        }
    }

    /// Cancels all, and lets no more in.
    func cancelAll() {
        let cancellations = self.state.withLock { state in
            state.isClosed = true
            defer {
                state.queries = [:]
                state.counts = [:]
            }
            return state.queries.values.map(\.cancel)
        }
        for cancel in cancellations { cancel() }
    }
}
