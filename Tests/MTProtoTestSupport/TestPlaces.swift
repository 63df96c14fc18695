// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Lets only so many tests talk over sockets at a time.
///
/// The runner begins all tests at once, whatever the machine: with hundreds of clients and servers on two cores, limits of time
/// that are generous for each of them pass before its turn comes.
package final class TestPlaces: Sendable {
    /// The places of all tests of the process.
    package static let shared = TestPlaces(count: 8)

    private struct State {
        var freeCount: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
        var firstWaiting = 0
    }

    private let state: Mutex<State>

    package init(count: Int) {
        self.state = Mutex(State(freeCount: count))
    }

    /// Runs `body` when a place is free; in the order of the calls.
    package func withPlace(_ body: () async throws -> Void) async throws {
        await withCheckedContinuation { continuation in
            let hasPlace = self.state.withLock { state in
                if state.freeCount > 0 {
                    state.freeCount -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if hasPlace { continuation.resume() }
        }
        defer { self.leave() }
        try await body()
    }

    private func leave() {
        let next: CheckedContinuation<Void, Never>? = self.state.withLock { state in
            guard state.firstWaiting < state.waiting.count else {
                state.freeCount += 1
                return nil
            }
            defer { state.firstWaiting += 1 }
            return state.waiting[state.firstWaiting]
        }
        next?.resume()
    }
}
