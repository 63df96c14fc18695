// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Bytes that all connections of a server share.
final class ByteBudget: Sendable {
    private let maximum: Int
    private let used = Atomic<Int>(0)

    init(maximum: Int) {
        self.maximum = maximum
    }

    /// How many are taken.
    var count: Int { self.used.load(ordering: .relaxed) }

    /// Takes some; `false` when there are not so many left.
    func take(_ count: Int) -> Bool {
        let used = self.used.add(count, ordering: .relaxed).newValue
        guard used <= self.maximum else {
            self.give(count)
            return false
        }
        return true
    }

    func give(_ count: Int) {
        self.used.subtract(count, ordering: .relaxed)
    }
}
