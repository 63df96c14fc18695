// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import NIOCore

/// When a connection has been silent or slow for too long. Pure: instants in, an expiry out.
struct ConnectionTimers {
    /// Why a connection is ended.
    enum Expiry: String {
        case handshake = "no whole payload in time"
        case idle = "silent"
        case partialFrame = "frame not finished in time"
        case stalledWrite = "client does not read"
        case disconnectDelay = "ping_delay_disconnect ran out"
        case drain = "closing took too long"
        case halfClosed = "client has gone, its queries go on"
        case shutDown = "server ends, queries go on"
    }

    /// Since when bytes have come without a whole payload.
    private var firstByte: NIODeadline?
    private var hasPayload = false
    private var lastByte = NIODeadline.uptimeNanoseconds(0)
    private var partialFrameSince: NIODeadline?
    private var unwritableSince: NIODeadline?
    private var disconnectAt: NIODeadline?
    private var closingSince: NIODeadline?
    private var inputClosedSince: NIODeadline?
    private var shuttingDownSince: NIODeadline?
    /// Whether the connection carries HTTP requests, between which clients need not be silent for long.
    var carriesRequests = false
    /// Whether a request waits for its response: then the silence is the server's.
    private var isRequestInHand = false
    /// Bytes that were queued for writing when progress was last looked for.
    private var queuedByteCount = Int.max
    private(set) var isAuthorized = false
    /// When a session of the connection wants to be woken.
    var sessionDeadline: NIODeadline?
    var scheduled: (deadline: NIODeadline, task: Scheduled<Void>)?

    mutating func opened(at now: NIODeadline) {
        self.lastByte = now
    }

    mutating func bytesArrived(at now: NIODeadline, hasPartialFrame: Bool) {
        self.lastByte = now
        if self.firstByte == nil, !self.hasPayload { self.firstByte = now }
        if !hasPartialFrame {
            self.partialFrameSince = nil
        } else if self.partialFrameSince == nil {
            self.partialFrameSince = now
        }
    }

    mutating func payloadArrived() {
        self.hasPayload = true
        self.firstByte = nil
        self.partialFrameSince = nil
        self.isRequestInHand = self.carriesRequests
    }

    /// The response to a request was written: from now on the client may be silent.
    mutating func answered(at now: NIODeadline) {
        guard self.isRequestInHand else { return }
        self.isRequestInHand = false
        self.lastByte = now
    }

    mutating func authorized() {
        self.isAuthorized = true
    }

    mutating func writabilityChanged(isWritable: Bool, at now: NIODeadline) {
        self.unwritableSince = isWritable ? nil : (self.unwritableSince ?? now)
        if isWritable { self.queuedByteCount = .max }
    }

    /// `ping_delay_disconnect`: each one replaces the one before.
    mutating func disconnect(after delay: TimeAmount, from now: NIODeadline) {
        self.disconnectAt = now + delay
    }

    /// The client's last byte has come: whether it still reads cannot be known.
    mutating func inputClosed(at now: NIODeadline) {
        self.inputClosedSince = self.inputClosedSince ?? now
    }

    mutating func shuttingDown(at now: NIODeadline) {
        self.shuttingDownSince = now
    }

    mutating func closing(at now: NIODeadline) {
        self.closingSince = self.shuttingDownSince ?? now
    }

    /// Whether a client that has not read everything has at least read something since the last look.
    mutating func noteProgress(queuedByteCount: Int, at now: NIODeadline) -> Bool {
        defer { self.queuedByteCount = queuedByteCount }
        guard queuedByteCount < self.queuedByteCount else { return false }
        if self.unwritableSince != nil { self.unwritableSince = now }
        if self.closingSince != nil, self.shuttingDownSince == nil { self.closingSince = now }
        return true
    }

    mutating func cancel() {
        self.scheduled?.task.cancel()
        self.scheduled = nil
    }

    /// The earliest instant at which something expires or a session wants to be woken.
    func nextDeadline(_ timeouts: ServerConfiguration.Timeouts) -> NIODeadline {
        let deadline = self.nextExpiry(timeouts).deadline
        guard let sessionDeadline = self.sessionDeadline, self.closingSince == nil else { return deadline }
        return min(deadline, sessionDeadline)
    }

    /// What has expired at `now`.
    func expiry(at now: NIODeadline, _ timeouts: ServerConfiguration.Timeouts) -> Expiry? {
        let next = self.nextExpiry(timeouts)
        return next.deadline <= now ? next.expiry : nil
    }

    private func nextExpiry(_ timeouts: ServerConfiguration.Timeouts) -> (deadline: NIODeadline, expiry: Expiry) {
        if let closingSince = self.closingSince {
            return (closingSince + timeouts.drain, .drain)
        }
        let idle = self.carriesRequests ? timeouts.httpIdle : timeouts.idle
        let silentSince = self.isRequestInHand ? NIODeadline.distantFuture : self.lastByte + idle
        var next: (deadline: NIODeadline, expiry: Expiry) = (silentSince, .idle)
        func consider(_ start: NIODeadline?, _ limit: TimeAmount, _ expiry: Expiry) {
            guard let start, start + limit < next.deadline else { return }
            next = (start + limit, expiry)
        }
        if !self.isAuthorized { consider(self.firstByte, timeouts.handshake, .handshake) }
        consider(self.partialFrameSince, timeouts.partialFrame, .partialFrame)
        consider(self.unwritableSince, timeouts.stalledWrite, .stalledWrite)
        consider(self.disconnectAt, .zero, .disconnectDelay)
        consider(self.inputClosedSince, timeouts.drain, .halfClosed)
        consider(self.shuttingDownSince, timeouts.drain, .shutDown)
        return next
    }
}

extension ServerConnectionHandler {
    /// One task a connection; when it fires early it only moves on, so that traffic never reschedules.
    func rescheduleTimer() {
        guard let context = self.context, context.channel.isActive else { return }
        let deadline = self.timers.nextDeadline(self.shared.configuration.timeouts)
        if let scheduled = self.timers.scheduled {
            guard deadline < scheduled.deadline else { return }
            scheduled.task.cancel()
        }
        let task = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timerFired() }
        self.timers.scheduled = (deadline, task)
    }

    private func timerFired() {
        self.timers.scheduled = nil
        guard let context = self.context else { return }
        let now = context.eventLoop.now
        let expiry = self.timers.expiry(at: now, self.shared.configuration.timeouts)
        let queued = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        if expiry == .stalledWrite || expiry == .drain, queued > 0,
            self.timers.noteProgress(queuedByteCount: queued, at: now)
        {
            return self.rescheduleTimer()
        }
        if let expiry {
            self.logger.debug("closing", metadata: ["reason": "\(expiry.rawValue)"])
            switch expiry {
            case .drain, .stalledWrite:
                self.hasFailed = true
                context.close(promise: nil)
            case .halfClosed, .shutDown:
                self.turn?.finish()
                self.progressTurn()
                self.close()
            case .handshake, .idle, .partialFrame, .disconnectDelay:
                self.close()
            }
            if expiry == .drain { return }
        } else if let sessionDeadline = self.timers.sessionDeadline, sessionDeadline <= now {
            self.sessionDeadlineReached()
        }
        self.rescheduleTimer()
    }
}
