// SPDX-License-Identifier: Apache-2.0

internal import DequeModule

/// Collects the identifiers of received messages that are to be acknowledged, until enough wait or the oldest waited long.
///
/// Specification: *Service Messages about Messages*, "Acknowledgment of Receipt".
public struct PendingAcknowledgements: Sendable, Codable {
    /// How many identifiers one `msgs_ack` may hold.
    public static let maximumCountPerMessage = 8192

    /// How many may wait.
    package static let maximumWaitingCount = 65_536

    private struct Entry: Sendable, Codable {
        var identifier: UInt64
        var deadline: Int64
    }

    /// How many may wait before they are due at once.
    public let maximumCount: Int
    private var maximumDelayNanoseconds: Int64
    private var entries = Deque<Entry>()

    /// Makes an empty collection.
    ///
    /// - Parameters:
    ///   - maximumCount: More than so many waiting are due at once. Default 16.
    ///   - maximumDelay: How long one may wait. Default 30 seconds.
    public init(maximumCount: Int = 16, maximumDelay: Duration = .seconds(30)) {
        self.maximumCount = max(maximumCount, 0)
        self.maximumDelayNanoseconds = max(maximumDelay.clampedNanoseconds, 0)
    }

    /// Changes how long those may wait that are added from now on.
    package mutating func setMaximumDelay(_ delay: Duration) {
        self.maximumDelayNanoseconds = max(delay.clampedNanoseconds, 0)
    }

    /// Whether none waits.
    public var isEmpty: Bool {
        self.entries.isEmpty
    }

    /// How many wait.
    public var count: Int {
        self.entries.count
    }

    /// The identifier that waits longest.
    public var first: UInt64? {
        self.entries.first?.identifier
    }

    /// Adds an identifier that was received now. Should nobody drain, the oldest are forgotten beyond 65 536: the peer
    /// repeats what is not acknowledged.
    public mutating func add(_ identifier: UInt64, at now: SessionTime) {
        if self.entries.count >= Self.maximumWaitingCount { self.entries.removeFirst() }
        let deadline = now.monotonicNanoseconds.addingClamped(self.maximumDelayNanoseconds)
        self.entries.append(Entry(identifier: identifier, deadline: deadline))
    }

    /// The monotonic time in nanoseconds when the oldest has waited long enough; nil when none waits.
    public var deadline: Int64? {
        self.entries.first?.deadline
    }

    /// Whether a `msgs_ack` should leave now even if nothing else does.
    public func isDue(at now: SessionTime) -> Bool {
        guard let first = self.entries.first else { return false }
        return self.entries.count > self.maximumCount || first.deadline <= now.monotonicNanoseconds
    }

    /// Takes out the identifiers that wait longest, for one `msgs_ack`.
    ///
    /// - Parameter limit: How many at most.
    public mutating func drain(limit: Int = Self.maximumCountPerMessage) -> [UInt64] {
        let count = min(max(limit, 0), self.entries.count)
        let identifiers = self.entries.prefix(count).map(\.identifier)
        self.entries.removeFirst(count)
        return identifiers
    }

    /// Takes out the identifier that waits longest.
    public mutating func popFirst() -> UInt64? {
        self.entries.popFirst()?.identifier
    }

    /// Moves all times, to another clock.
    package mutating func shiftTimes(by nanoseconds: Int64) {
        for index in self.entries.indices {
            self.entries[index].deadline = self.entries[index].deadline.addingClamped(nanoseconds)
        }
    }

    /// Forgets all, with the session they belong to.
    public mutating func removeAll() {
        self.entries.removeAll()
    }
}
