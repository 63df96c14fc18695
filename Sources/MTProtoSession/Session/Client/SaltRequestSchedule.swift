// SPDX-License-Identifier: Apache-2.0

/// When to ask for salts: before the known ones end, but not again and again at a server that gives none.
struct SaltRequestSchedule: Sendable {
    private static let maximumDoublings = 4

    /// When to ask, in monotonic nanoseconds; nil before the first plan.
    private(set) var due: Int64?
    private var notBefore = Int64.min
    private var doublings = 0

    /// What was asked on another connection is not answered on this one.
    mutating func connectionOpened(at nanoseconds: Int64) {
        self.notBefore = nanoseconds
    }

    /// Plans to ask when so many seconds have passed.
    mutating func plan(waitSeconds: Int64, at nanoseconds: Int64) {
        let (wait, overflow) = max(waitSeconds, 0).multipliedReportingOverflow(by: 1_000_000_000)
        self.due = max(self.notBefore, overflow ? Int64.max : nanoseconds.addingClamped(wait))
    }

    mutating func asked(at nanoseconds: Int64, interval: Int64) {
        let (pause, overflow) = interval.multipliedReportingOverflow(by: 1 << Int64(self.doublings))
        self.notBefore = overflow ? Int64.max : nanoseconds.addingClamped(pause)
        self.due = self.notBefore
        self.doublings = min(self.doublings + 1, Self.maximumDoublings)
    }

    /// The answer brought enough.
    mutating func satisfied() {
        self.notBefore = Int64.min
        self.doublings = 0
    }
}
