// SPDX-License-Identifier: Apache-2.0

/// Which states a user sees: those that last. A pure machine; times are monotonic nanoseconds.
///
/// What lies above the state shown is shown once it has been above for the rise's delay; what lies below, for the fall's.
/// A link that is lost and back within the fall's delay is never seen to be gone, and a state that only passes is left out.
struct ConnectionStateDebouncer: Sendable {
    private let riseDelay: Int64
    private let fallDelay: Int64
    /// What the user sees.
    private(set) var shown: ConnectionState
    private var actual: ConnectionState
    /// Since when the actual state has been on its side of the one shown.
    private var since: Int64 = 0

    /// Makes a debouncer that shows a state from the beginning on.
    ///
    /// - Parameters:
    ///   - initial: the state.
    ///   - riseDelay: default 50 ms.
    ///   - fallDelay: default 300 ms.
    init(_ initial: ConnectionState, riseDelay: Int64 = 50_000_000, fallDelay: Int64 = 300_000_000) {
        self.shown = initial
        self.actual = initial
        self.riseDelay = max(0, riseDelay)
        self.fallDelay = max(0, fallDelay)
    }

    /// When to call ``timerFired(at:)``; `nil` while what is shown is so.
    var due: Int64? {
        guard self.actual != self.shown else { return nil }
        let (due, overflow) = self.since.addingReportingOverflow(
            self.actual > self.shown ? self.riseDelay : self.fallDelay
        )
        return overflow ? .max : due
    }

    /// The state is another one.
    ///
    /// - Returns: what to show now, if it is not what is shown already.
    mutating func change(to state: ConnectionState, at now: Int64) -> ConnectionState? {
        let wasAbove = self.actual > self.shown
        let wasBelow = self.actual < self.shown
        self.actual = state
        // Going from one state below to another below is still the same fall.
        if state > self.shown && !wasAbove || state < self.shown && !wasBelow { self.since = now }
        return self.timerFired(at: now)
    }

    /// Time has passed.
    ///
    /// - Returns: what to show now, if it is not what is shown already.
    mutating func timerFired(at now: Int64) -> ConnectionState? {
        guard let due = self.due, now >= due else { return nil }
        self.shown = self.actual
        return self.shown
    }

    /// It ends: what is so is shown.
    ///
    /// - Returns: what to show now, if it is not what is shown already.
    mutating func end() -> ConnectionState? {
        guard self.actual != self.shown else { return nil }
        self.shown = self.actual
        return self.shown
    }
}
