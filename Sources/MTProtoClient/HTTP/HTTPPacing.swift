// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// How long a line waits after a failure before it tries again.
///
/// Not at all for the first time: an idle connection that the server closes just as a request is on its way is no failure.
/// Then 100 ms, twice that, and so on up to two seconds.
struct HTTPBackOff: Sendable {
    private static let firstDelay = TimeAmount.milliseconds(100)
    static let maximumDelay = TimeAmount.seconds(2)
    /// A poll that stood for so long before its connection ended shows that the server, or what stands before it, is there:
    /// some cut connections that are silent for a few seconds.
    private static let pollStands = TimeAmount.seconds(1)

    private var nextDelay = TimeAmount.zero

    /// A response came.
    mutating func succeeded() {
        self.nextDelay = .zero
    }

    /// A dial or a request failed.
    ///
    /// - Returns: how long to wait.
    mutating func failed() -> TimeAmount {
        let delay = self.nextDelay
        self.nextDelay = delay == .zero ? Self.firstDelay : min(delay * 2, Self.maximumDelay)
        return delay
    }

    /// Whether the end of a request's connection says anything against the server.
    ///
    /// - Parameters:
    ///   - time: how long the request stood.
    ///   - isPoll: whether it was a poll.
    ///   - limit: how long a server may fail.
    static func isFailure(after time: TimeAmount, isPoll: Bool, limit: TimeAmount) -> Bool {
        time < (isPoll ? min(self.pollStands, limit) : limit)
    }
}

/// When failures are too many: nothing has succeeded for the whole limit, though tried all the time.
struct HTTPRetryLimit: Sendable {
    /// Whoever waited longer than this before the next attempt did not try all the time.
    private static let maximumPause = HTTPBackOff.maximumDelay * 2

    private let limit: TimeAmount
    private var failingSince: NIODeadline?
    private var lastFailure: NIODeadline?

    init(limit: TimeAmount) {
        self.limit = limit
    }

    /// A response came.
    mutating func succeeded() {
        self.failingSince = nil
    }

    /// An attempt failed.
    ///
    /// - Returns: whether to go on.
    mutating func failed(at now: NIODeadline, since start: NIODeadline) -> Bool {
        if let lastFailure, start - lastFailure > Self.maximumPause { self.failingSince = nil }
        self.lastFailure = now
        let since = self.failingSince ?? now
        self.failingSince = since
        return now - since < self.limit
    }
}

/// What failed and is being tried again.
struct HTTPRetriedFailure: Sendable {
    private var last: (error: any Error, failingSince: NIODeadline)?

    /// A response came.
    mutating func succeeded() {
        self.last = nil
    }

    /// An attempt failed.
    ///
    /// - Parameters:
    ///   - error: how.
    ///   - start: when it began.
    mutating func failed(_ error: any Error, since start: NIODeadline) {
        self.last = (error, self.last?.failingSince ?? start)
    }

    /// Why nothing has come of it, if that is the failure: not while attempts have been under way for longer than the ones before
    /// had been failing, because then it is their silence.
    ///
    /// - Parameters:
    ///   - now: the time now.
    ///   - attempts: when the attempts that are under way began.
    func explanation(at now: NIODeadline, attempts: [NIODeadline]) -> (any Error)? {
        guard let last else { return nil }
        let isSilent = attempts.contains { now - $0 > $0 - last.failingSince }
        return isSilent ? nil : last.error
    }
}

/// Watches over one request and its response: each has a time in which it must begin to come, and then a least speed.
struct HTTPResponseWatch: Sendable {
    /// What a request on its way out, and a body on its way in, must achieve in each interval.
    private static let interval = TimeAmount.seconds(5)
    private static let leastByteCount = 16 << 10
    /// However fast, nothing takes longer than this.
    private static let maximumDuration = TimeAmount.minutes(5)

    private let end: NIODeadline
    private let answerLimit: TimeAmount
    private var unsentByteCount: Int
    private var receivedByteCount = 0
    /// When to look at it again.
    private(set) var deadline: NIODeadline

    /// A request was written.
    ///
    /// - Parameters:
    ///   - start: when.
    ///   - answerLimit: how long the server may take from the request's last byte to the body's first.
    ///   - unsentByteCount: how much of the request has not left yet.
    init(start: NIODeadline, answerLimit: TimeAmount, unsentByteCount: Int) {
        self.end = start + max(Self.maximumDuration, answerLimit)
        self.answerLimit = answerLimit
        self.unsentByteCount = unsentByteCount
        self.deadline = start + answerLimit
    }

    /// The request has been written, as far as it went.
    mutating func written(unsentByteCount: Int) {
        self.unsentByteCount = unsentByteCount
    }

    /// Looks at the deadline.
    ///
    /// - Parameters:
    ///   - now: the time now.
    ///   - unsentByteCount: how much of the request has not left yet.
    ///   - receivedByteCount: how much of the body has come.
    /// - Returns: whether to wait on.
    mutating func goesOn(at now: NIODeadline, unsentByteCount: Int, receivedByteCount: Int) -> Bool {
        let sent = self.unsentByteCount - unsentByteCount
        let received = receivedByteCount - self.receivedByteCount
        let isFirst = self.receivedByteCount == 0
        let wasUnsent = self.unsentByteCount > 0
        self.unsentByteCount = unsentByteCount
        self.receivedByteCount = receivedByteCount
        guard now < self.end else { return false }
        let wait: TimeAmount
        if received > 0, isFirst || received >= Self.leastByteCount {
            wait = Self.interval
        } else if wasUnsent, unsentByteCount == 0 {
            // The server has had it only for a part of the time.
            wait = self.answerLimit
        } else if sent >= Self.leastByteCount {
            wait = Self.interval
        } else {
            return false
        }
        self.deadline = min(now + wait, self.end)
        return true
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
