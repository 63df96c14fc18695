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
    private let state = Mutex(State())

    init(maximumCount: Int) {
        self.maximumCount = max(0, maximumCount)
    }

    /// - Returns: a number to remove the query by; `nil` when there are too many, and it has to be cancelled.
    func insert(_ cancel: @escaping @Sendable () -> Void) -> UInt64? {
        self.state.withLock { state in
            guard !state.isClosed, state.cancellations.count < self.maximumCount else { return nil }
            state.nextNumber += 1
            state.cancellations[state.nextNumber] = cancel
            return state.nextNumber
        }
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
