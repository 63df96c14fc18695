// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession

/// Notices that the machine, or this program, has slept: by two readings of the clocks. A pure machine.
///
/// While the machine sleeps its monotonic clock may stand still, and the wall clock goes on. Where both go on, or the program
/// alone was stopped, a reading that was due comes far too late. A wall clock that is set forward looks the same, which does
/// no harm: the connection is looked at once more than needed.
struct SleepWatch: Sendable {
    /// A reading is due so long after the one before.
    static let interval: Duration = .seconds(5)
    /// So much between the clocks, or so late a reading, is no chance.
    private static let tolerance: Int64 = 5_000_000_000

    private var last: SessionTime?

    /// Takes a reading, due or not.
    ///
    /// - Returns: whether there was a sleep since the one before.
    mutating func read(_ time: SessionTime) -> Bool {
        defer { self.last = time }
        guard let last = self.last else { return false }
        let monotonic = time.monotonicNanoseconds.addingClamped(0 &- last.monotonicNanoseconds)
        let wall = time.wallNanoseconds.addingClamped(0 &- last.wallNanoseconds)
        return wall.addingClamped(0 &- monotonic) > Self.tolerance
            || monotonic > Self.interval.clampedNanoseconds + Self.tolerance
    }
}
