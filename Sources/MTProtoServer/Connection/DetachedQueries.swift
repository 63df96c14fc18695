// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// The running queries of all HTTP connections that are gone: bounded, and ended with the server.
final class DetachedQueries: Sendable {
    private struct State {
        var cancellations: [UInt64: @Sendable () -> Void] = [:]
        var nextNumber: UInt64 = 0
        var isClosed = false
    }

    private let maximumCount: Int
    private let refused: @Sendable () -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - maximumCount: how many there may be.
    ///   - refused: called for each query that has no room.
    init(maximumCount: Int, refused: @escaping @Sendable () -> Void) {
        self.maximumCount = max(0, maximumCount)
        self.refused = refused
    }

    /// - Returns: a number to remove the query by; `nil` when there are too many, and it has to be cancelled.
    func insert(_ cancel: @escaping @Sendable () -> Void) -> UInt64? {
        let (number, isFull) = self.state.withLock { state -> (UInt64?, Bool) in
            guard !state.isClosed else { return (nil, false) }
            guard state.cancellations.count < self.maximumCount else { return (nil, true) }
            state.nextNumber += 1
            state.cancellations[state.nextNumber] = cancel
            return (state.nextNumber, false)
        }
        if isFull { self.refused() }
        return number
    }

    func remove(_ number: UInt64) {
        self.state.withLock { _ = $0.cancellations.removeValue(forKey: number) }
    }

    /// Cancels all, and lets no more in.
    func cancelAll() {
        let cancellations = self.state.withLock { state in
            state.isClosed = true
            defer { state.cancellations = [:] }
            return Array(state.cancellations.values)
        }
        for cancel in cancellations { cancel() }
    }
}
