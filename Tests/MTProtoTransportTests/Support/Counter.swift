// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Counts calls.
final class Counter: Sendable {
    private let value = Atomic<Int>(0)

    /// The number of calls before this one.
    func next() -> Int {
        self.value.wrappingAdd(1, ordering: .relaxed).oldValue
    }
}
