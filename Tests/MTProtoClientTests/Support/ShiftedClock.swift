// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import Synchronization

/// The system's clocks, which run, and can be moved on.
final class ShiftedClock: Sendable {
    private let wall = Atomic<Int64>(0)
    private let monotonic = Atomic<Int64>(0)

    var clock: SessionClock {
        SessionClock {
            let now = SessionClock.system.now()
            return SessionTime(
                wallNanoseconds: now.wallNanoseconds + self.wall.load(ordering: .relaxed),
                monotonicNanoseconds: now.monotonicNanoseconds + self.monotonic.load(ordering: .relaxed)
            )
        }
    }

    /// Moves both clocks on.
    func advance(by duration: Duration) {
        self.monotonic.add(duration.clampedNanoseconds, ordering: .relaxed)
        self.skewWall(by: duration)
    }

    /// Moves the wall clock alone, as a sleep of the machine does.
    func skewWall(by duration: Duration) {
        self.wall.add(duration.clampedNanoseconds, ordering: .relaxed)
    }
}
