// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// How much of something, such as bytes, all connections of a server may have at a time.
final class Budget: Sendable {
    private let maximum: Int
    private let used = Atomic<Int>(0)

    init(maximum: Int) {
        self.maximum = maximum
    }

    /// How many are taken.
    var count: Int { self.used.load(ordering: .relaxed) }

    /// Takes some; `false` when there are not so many left. Who gets none takes none from others meanwhile.
    func take(_ count: Int) -> Bool {
        var used = self.count
        while count <= self.maximum - used {
            let outcome = self.used.weakCompareExchange(
                expected: used,
                desired: used + count,
                ordering: .relaxed
            )
            if outcome.exchanged { return true }
            used = outcome.original
        }
        return false
    }

    func give(_ count: Int) {
        self.used.subtract(count, ordering: .relaxed)
    }
}
