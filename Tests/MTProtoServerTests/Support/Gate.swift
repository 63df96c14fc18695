// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Holds asynchronous answers back until the test opens it, and counts what reached it.
final class Gate: Sendable {
    private struct State {
        var isOpen = false
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0
        var arrivals = 0
        var cancellations = 0
    }

    private let state = Mutex(State())

    var arrivals: Int { self.state.withLock { $0.arrivals } }
    var cancellations: Int { self.state.withLock { $0.cancellations } }

    /// Returns when the gate is open or the task is cancelled.
    func pass() async {
        let waiter = self.state.withLock { state in
            state.arrivals += 1
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOpen = self.state.withLock { state in
                    if state.isOpen || Task.isCancelled { return true }
                    state.waiters[waiter] = continuation
                    return false
                }
                if isOpen { continuation.resume() }
            }
        } onCancel: {
            let continuation = self.state.withLock { state in
                state.cancellations += 1
                return state.waiters.removeValue(forKey: waiter)
            }
            continuation?.resume()
        }
    }

    func open() {
        let waiters = self.state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }
}
