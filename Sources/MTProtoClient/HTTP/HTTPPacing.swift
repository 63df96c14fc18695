// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// When a connection that broke is dialed again, and when no more.
///
/// At once for the first time: an idle connection that the server closes just as a request is on its way is no failure.
/// Then after 100 ms, twice that, and so on up to two seconds, until nothing has succeeded for the whole limit.
struct HTTPRetrySchedule: Sendable {
    private static let firstDelay = TimeAmount.milliseconds(100)
    private static let maximumDelay = TimeAmount.seconds(2)

    private let limit: TimeAmount
    private var failingSince: NIODeadline?
    private var nextDelay = TimeAmount.zero

    init(limit: TimeAmount) {
        self.limit = limit
    }

    /// A response came.
    mutating func succeeded() {
        self.failingSince = nil
        self.nextDelay = .zero
    }

    /// A dial or a request failed.
    ///
    /// - Parameters:
    ///   - now: the time now.
    ///   - start: when the request was sent, if the connection stood until now: one that stood longer than the limit is no
    ///     sign that others will not.
    /// - Returns: how long to wait; `nil` to give up.
    mutating func failed(at now: NIODeadline, after start: NIODeadline? = nil) -> TimeAmount? {
        if let start, now - start >= self.limit { self.succeeded() }
        let since = self.failingSince ?? now
        self.failingSince = since
        guard now - since < self.limit else { return nil }
        let delay = self.nextDelay
        self.nextDelay = delay == .zero ? Self.firstDelay : min(delay * 2, Self.maximumDelay)
        return delay
    }
}

/// Keeps polls that are answered for nothing from becoming a busy loop.
struct HTTPPollPace: Sendable {
    private static let shortWait = TimeAmount.milliseconds(100)
    private static let tolerance = 8
    private static let maximumPause = TimeAmount.seconds(1)

    private var count = 0

    /// A poll was answered.
    ///
    /// - Returns: how long to wait before the next one.
    mutating func answered(after wait: TimeAmount, withSomething: Bool) -> TimeAmount {
        guard !withSomething, wait < Self.shortWait else {
            self.count = 0
            return .zero
        }
        self.count = min(self.count + 1, Self.tolerance + 10)
        guard self.count > Self.tolerance else { return .zero }
        return min(Self.shortWait * (self.count - Self.tolerance), Self.maximumPause)
    }
}
