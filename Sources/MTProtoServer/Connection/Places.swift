// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// How many of something there may be at a time, in the whole server.
final class Places: Sendable {
    private let maximumCount: Int
    private let count = Atomic<Int>(0)

    init(maximumCount: Int) {
        self.maximumCount = maximumCount
    }

    /// Takes a place; `false` when there is none.
    func take() -> Bool {
        guard self.count.add(1, ordering: .relaxed).newValue <= self.maximumCount else {
            self.giveBack()
            return false
        }
        return true
    }

    func giveBack() {
        self.count.subtract(1, ordering: .relaxed)
    }
}
