// SPDX-License-Identifier: Apache-2.0

/// What one connection takes of the bytes that clients which have shown no key may make the server keep. Pure, but for the
/// budget that all connections share.
///
/// An `auth_key_id`, which travels in the clear, lets a payload be long; only a payload that its session accepts shows a key,
/// because whoever sees the one has the whole payload to repeat, too.
struct StrangerBytes {
    private let budget: Budget
    /// What the connection may keep beside the budget.
    private let freeByteCount: Int
    private var takenByteCount = 0
    /// Whether bytes are counted: until the client has shown a key, or the connection ends.
    private(set) var isCounting = true

    init(freeByteCount: Int, budget: Budget) {
        self.freeByteCount = freeByteCount
        self.budget = budget
    }

    /// The connection keeps so many bytes; `false` when that is more than is left for all.
    mutating func keep(_ byteCount: Int) -> Bool {
        let growth = byteCount - self.freeByteCount - self.takenByteCount
        guard self.isCounting, growth > 0 else { return true }
        guard self.budget.take(growth) else { return false }
        self.takenByteCount += growth
        return true
    }

    /// The connection keeps no more than so many bytes.
    mutating func shrink(to byteCount: Int) {
        let excess = max(0, byteCount - self.freeByteCount)
        guard excess < self.takenByteCount else { return }
        self.budget.give(self.takenByteCount - excess)
        self.takenByteCount = excess
    }

    /// Gives everything back, for good.
    mutating func release() {
        self.isCounting = false
        self.shrink(to: 0)
    }
}
