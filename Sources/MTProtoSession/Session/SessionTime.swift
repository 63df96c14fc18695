// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Android)
internal import Android
#endif

/// One reading of the two clocks that a session needs.
///
/// Message identifiers follow the wall clock, which may jump; timeouts follow the monotonic clock, which may not.
public struct SessionTime: Sendable, Hashable {
    /// Nanoseconds since 1970-01-01T00:00:00Z by the local clock.
    public var wallNanoseconds: Int64
    /// Nanoseconds since an arbitrary moment, never going backwards.
    public var monotonicNanoseconds: Int64

    /// Makes a reading.
    ///
    /// - Parameters:
    ///   - wallNanoseconds: Nanoseconds since 1970 by the local clock.
    ///   - monotonicNanoseconds: Nanoseconds since an arbitrary moment.
    public init(wallNanoseconds: Int64, monotonicNanoseconds: Int64) {
        self.wallNanoseconds = wallNanoseconds
        self.monotonicNanoseconds = monotonicNanoseconds
    }

    /// Whole seconds since 1970, rounded down.
    public var wallSeconds: Int64 {
        self.wallNanoseconds >= 0
            ? self.wallNanoseconds / 1_000_000_000
            : -((-1 - self.wallNanoseconds) / 1_000_000_000) - 1
    }
}

/// A source of ``SessionTime``: the system's clocks, or a test's.
public struct SessionClock: Sendable {
    private let read: @Sendable () -> SessionTime

    /// Makes a clock of a function that reads it.
    public init(now: @escaping @Sendable () -> SessionTime) {
        self.read = now
    }

    /// The time now.
    public func now() -> SessionTime {
        self.read()
    }

    /// The clocks of the system. The monotonic one counts like `NIODeadline`, so that its values can become deadlines of
    /// an event loop.
    public static let system = SessionClock {
        var wall = timespec()
        clock_gettime(CLOCK_REALTIME, &wall)
        let (scaled, overflow) = Int64(wall.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
        return SessionTime(
            wallNanoseconds: overflow ? Int64.max : scaled &+ Int64(wall.tv_nsec),
            monotonicNanoseconds: Int64(clamping: NIODeadline.now().uptimeNanoseconds)
        )
    }
}

/// A clock that stands still until it is told to move, for deterministic tests.
public final class ManualSessionClock: Sendable {
    private let time: Mutex<SessionTime>

    /// Makes a clock that shows `time`; by default 2024-01-20 12:47:58 UTC and 1000 seconds of uptime.
    public init(
        time: SessionTime = SessionTime(
            wallNanoseconds: 1_705_754_878_000_000_000,
            monotonicNanoseconds: 1_000_000_000_000
        )
    ) {
        self.time = Mutex(time)
    }

    /// The time shown.
    public var now: SessionTime {
        self.time.withLock { $0 }
    }

    /// This clock as a ``SessionClock``.
    public var clock: SessionClock {
        SessionClock { self.now }
    }

    /// Moves both clocks forward.
    public func advance(by duration: Duration) {
        let nanoseconds = duration.clampedNanoseconds
        self.time.withLock { time in
            time.wallNanoseconds = time.wallNanoseconds.addingClamped(nanoseconds)
            time.monotonicNanoseconds = time.monotonicNanoseconds.addingClamped(nanoseconds)
        }
    }

    /// Moves the wall clock alone, forward or back, as a correction of the system's time does.
    public func skewWall(by duration: Duration) {
        let nanoseconds = duration.clampedNanoseconds
        self.time.withLock { $0.wallNanoseconds = $0.wallNanoseconds.addingClamped(nanoseconds) }
    }
}

extension Duration {
    /// This duration in nanoseconds, at the ends of `Int64` when it is longer than 292 years.
    package var clampedNanoseconds: Int64 {
        // Beyond what its components can say it has none.
        if self >= .nanoseconds(Int64.max) { return Int64.max }
        if self <= .nanoseconds(Int64.min) { return Int64.min }
        let (seconds, attoseconds) = self.components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? Int64.min : Int64.max }
        return scaled.addingClamped(attoseconds / 1_000_000_000)
    }
}

extension Int64 {
    /// The sum, or the end of the range that it lies beyond.
    package func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = self.addingReportingOverflow(other)
        return overflow ? (other < 0 ? Int64.min : Int64.max) : sum
    }
}
