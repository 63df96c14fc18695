// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
internal import MTProtoSession

/// How long to wait before the next attempt to connect: exponential, with full jitter, so that many clients of a server that
/// was gone do not come back at the same moment.
public struct ReconnectBackoff: Sendable {
    /// The longest first pause, in nanoseconds.
    public let initial: Int64
    /// The longest pause of all, in nanoseconds.
    public let maximum: Int64
    private var attempt = 0

    /// Makes a schedule.
    ///
    /// - Parameters:
    ///   - initial: the longest first pause; later ones are twice as long each time. Default 0.1 s.
    ///   - maximum: no pause is longer. Default 16 s.
    public init(initial: Duration = .milliseconds(100), maximum: Duration = .seconds(16)) {
        self.initial = max(1, initial.clampedNanoseconds)
        self.maximum = max(self.initial, maximum.clampedNanoseconds)
    }

    /// How long to wait now, in nanoseconds: anything from 0 up to the present limit. The next limit is twice as high.
    public mutating func next(random: RandomSource) -> Int64 {
        let doubled = self.initial.multipliedReportingOverflow(by: 1 << Int64(min(self.attempt, 40)))
        let limit = doubled.overflow ? self.maximum : min(doubled.partialValue, self.maximum)
        self.attempt = min(self.attempt + 1, 40)
        return Int64(random.integer(UInt64.self) % (UInt64(limit) + 1))
    }

    /// The server says that there is too much of us: the next pause has the highest limit, and is at least half of it.
    public mutating func nextAfterFlood(random: RandomSource) -> Int64 {
        self.attempt = 40
        let half = self.maximum / 2
        return half + Int64(random.integer(UInt64.self) % (UInt64(self.maximum - half) + 1))
    }

    /// A connection has worked.
    public mutating func reset() {
        self.attempt = 0
    }
}
