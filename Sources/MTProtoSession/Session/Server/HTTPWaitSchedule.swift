// SPDX-License-Identifier: Apache-2.0

/// When an HTTP request that waits for messages is to be answered. Pure: nanoseconds in, a deadline out.
///
/// With `http_wait` the request is answered at
///
/// - t₀ + `max_wait` while there is no message,
/// - max(t₁, min(t₀ + `max_wait`, t₁ + `max_delay`, t₂ + `wait_after`)) otherwise,
///
/// where t₀ is the time of the request, t₁ that of the first message ready for it and t₂ that of the latest: `max_wait` goes
/// before `max_delay`, and that before `wait_after`. Without `http_wait` it is answered at once when messages wait already,
/// and otherwise a short while after the first one, in which others may join it.
///
/// All times are monotonic nanoseconds of one clock.
///
/// Specification: *HTTP transport*, "HTTP Wait/Long Poll".
public struct HTTPWaitSchedule: Hashable, Sendable {
    /// How long requests may wait.
    public struct Configuration: Hashable, Sendable {
        /// More than this a request never waits, whatever it asks for. Default 60 s.
        public var maximumWait = Duration.seconds(60)
        /// How long a request without `http_wait` waits for a first message. Default 25 s.
        public var defaultWait = Duration.seconds(25)
        /// How long the first message for such a request waits for others. Default 50 ms.
        public var collection = Duration.milliseconds(50)

        /// The defaults.
        public init() {}
    }

    /// When the request came.
    public let requestedAt: Int64
    private let latest: Int64
    private let maximumDelay: Int64
    private let waitAfter: Int64
    private let isExplicit: Bool
    private var firstMessage: Int64?
    private var lastMessage: Int64 = 0
    private var isComplete = false

    /// Makes the schedule of a request that was received now and may be answered.
    ///
    /// - Parameters:
    ///   - nanoseconds: The time of the request.
    ///   - wait: Its `http_wait`; the last one, should there be several; nil if there is none. Negative times count as 0.
    ///   - configuration: The limits.
    public init(requestedAt nanoseconds: Int64, wait: HTTPWait?, configuration: Configuration = Configuration()) {
        self.requestedAt = nanoseconds
        let bound = max(configuration.maximumWait.clampedNanoseconds, 0)
        func clamped(_ milliseconds: Int32) -> Int64 { min(max(Int64(milliseconds), 0) * 1_000_000, bound) }
        self.isExplicit = wait != nil
        if let wait {
            self.latest = nanoseconds.addingClamped(clamped(wait.maximumWait))
            self.maximumDelay = clamped(wait.maximumDelay)
            self.waitAfter = clamped(wait.waitAfter)
        } else {
            self.latest = nanoseconds.addingClamped(min(max(configuration.defaultWait.clampedNanoseconds, 0), bound))
            self.maximumDelay = min(max(configuration.collection.clampedNanoseconds, 0), bound)
            self.waitAfter = self.maximumDelay
        }
    }

    /// Messages waited already when the request came: without `http_wait` nothing more is waited for.
    ///
    /// - Parameter nanoseconds: The time now.
    public mutating func messagesWaiting(at nanoseconds: Int64) {
        self.messageArrived(at: nanoseconds)
        if !self.isExplicit { self.isComplete = true }
    }

    /// A message became ready for the session.
    ///
    /// - Parameter nanoseconds: The time now.
    public mutating func messageArrived(at nanoseconds: Int64) {
        let moment = max(nanoseconds, self.requestedAt)
        if self.firstMessage == nil { self.firstMessage = moment }
        self.lastMessage = max(self.lastMessage, moment)
    }

    /// All queries that came with the request are answered: without `http_wait` nothing more is waited for.
    ///
    /// - Parameter nanoseconds: The time now.
    public mutating func requestAnswered(at nanoseconds: Int64) {
        self.messagesWaiting(at: nanoseconds)
    }

    /// When to answer, with what there is then, or an empty container.
    public var deadline: Int64 {
        guard let first = self.firstMessage else { return self.latest }
        if self.isComplete { return first }
        let due = min(first.addingClamped(self.maximumDelay), self.lastMessage.addingClamped(self.waitAfter))
        return max(first, min(self.latest, due))
    }

    /// Whether the request is to be answered.
    public func isDue(at nanoseconds: Int64) -> Bool {
        self.deadline <= nanoseconds
    }
}
