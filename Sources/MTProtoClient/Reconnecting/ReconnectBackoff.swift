// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
internal import MTProtoSession

/// How long to wait before the next attempt to connect: exponential, with full jitter, so that many clients of a server that
/// was gone do not come back at the same moment.
public struct ReconnectBackoff: Sendable {
    private let initialNanoseconds: Int64
    private let maximumNanoseconds: Int64
    private var attempt = 0
    /// Doubling once more changes nothing.
    private static let maximumAttempt = 40

    /// Makes a schedule.
    ///
    /// - Parameters:
    ///   - initial: the longest first pause; later ones are twice as long each time. Default 0.1 s.
    ///   - maximum: no pause is longer. Default 16 s.
    public init(initial: Duration = .milliseconds(100), maximum: Duration = .seconds(16)) {
        self.initialNanoseconds = max(1, initial.clampedNanoseconds)
        self.maximumNanoseconds = max(self.initialNanoseconds, maximum.clampedNanoseconds)
    }

    /// How long to wait now: anything from zero up to the present limit. The next limit is twice as high.
    public mutating func next(random: RandomSource) -> Duration {
        let doubled = self.initialNanoseconds.multipliedReportingOverflow(by: 1 << Int64(self.attempt))
        let limit = doubled.overflow ? self.maximumNanoseconds : min(doubled.partialValue, self.maximumNanoseconds)
        self.attempt = min(self.attempt + 1, Self.maximumAttempt)
        return .nanoseconds(Int64(random.integer(UInt64.self) % (UInt64(limit) + 1)))
    }

    /// The server says that there is too much of us: the next pause has the highest limit, and is at least half of it.
    public mutating func nextAfterFlood(random: RandomSource) -> Duration {
        self.attempt = Self.maximumAttempt
        let half = self.maximumNanoseconds / 2
        return .nanoseconds(half + Int64(random.integer(UInt64.self) % (UInt64(self.maximumNanoseconds - half) + 1)))
    }

    /// A connection has worked.
    public mutating func reset() {
        self.attempt = 0
    }
}
