// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// Counts what has been begun and outlives its connection: queries with the responder, and what the stores were asked for. A
/// server ends after it.
final class PendingWork: Sendable {
    private struct State {
        var count = 0
        var waiter: CheckedContinuation<Void, Never>?

        mutating func takeWaiter() -> CheckedContinuation<Void, Never>? {
            defer { self.waiter = nil }
            return self.waiter
        }
    }

    private let state = Mutex(State())

    func begin() {
        self.state.withLock { $0.count += 1 }
    }

    func end() {
        let waiter = self.state.withLock { state in
            state.count -= 1
            return state.count == 0 ? state.takeWaiter() : nil
        }
        waiter?.resume()
    }

    /// Returns when nothing is pending, or when the time is over. Only one caller may wait.
    ///
    /// - Returns: how much is still pending.
    func waitUntilDone(within limit: TimeAmount, on eventLoop: any EventLoop) async -> Int {
        var timer: Scheduled<Void>?
        await withCheckedContinuation { continuation in
            let isDone = self.state.withLock { state in
                guard state.count > 0 else { return true }
                state.waiter = continuation
                return false
            }
            guard !isDone else { return continuation.resume() }
            timer = eventLoop.scheduleTask(in: limit) {
                let waiter = self.state.withLock { $0.takeWaiter() }
                waiter?.resume()
            }
        }
        timer?.cancel()
        return self.state.withLock { $0.count }
    }
}
