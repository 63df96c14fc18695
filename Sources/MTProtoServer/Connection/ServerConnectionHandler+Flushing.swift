// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// What a session gave a connection to send.
struct SessionOutput: Sendable {
    var payloads: [ByteBuffer] = []
    /// Whether nothing is left.
    var isDrained = true
    /// When the session wants to be looked after, in monotonic nanoseconds.
    var deadline: Int64?
    /// How many of the messages were sent before.
    var repeatedCount: UInt64 = 0
}

extension ServerConnectionHandler {
    /// What is taken from a session at a time: enough to keep the connection busy, little enough to hold in memory.
    private static let outputByteCount = 1 << 17

    /// Puts something into a session with the next flush.
    func update(_ session: ServerSessionIdentifier, _ update: SessionUpdate) {
        if self.carrier.isTurnBased { return self.updateRequested(session, update) }
        guard self.sessions[session] != nil else {
            // It was asked for by an HTTP request, before the connection became a WebSocket.
            self.lateUpdates.append((session, update))
            return self.putLateUpdates()
        }
        self.sessions[session]?.updates.append(update)
        self.dirtySessions.insert(session)
    }

    /// Puts what is ready into the sessions, and sends what they have, as long as the client takes it.
    func flushSessions() {
        if self.carrier.isTurnBased {
            self.progressTurn()
            self.context?.flush()
            return self.closeIfFinished()
        }
        guard let context = self.context else { return }
        guard !self.dirtySessions.isEmpty else { return context.flush() }
        let now = self.shared.configuration.clock.now()
        let dirty = self.dirtySessions
        self.dirtySessions = []
        for identifier in dirty { self.flush(identifier, at: now, context: context) }
        context.flush()
        self.updateSessionDeadline(at: now)
        self.closeIfFinished()
    }

    private func flush(_ identifier: ServerSessionIdentifier, at now: SessionTime, context: ChannelHandlerContext) {
        while let attached = self.sessions[identifier] {
            guard !attached.isFlushing else {
                self.dirtySessions.insert(identifier)
                return
            }
            // Only a connection that has shown itself to be the client's gets what waits.
            let mayTake = attached.isOpen && !self.isClosing
            let takes = mayTake && context.channel.isWritable
            let isDue = attached.deadline.map { $0 <= now.monotonicNanoseconds } ?? false
            guard takes || isDue || !attached.updates.isEmpty else {
                if mayTake { self.dirtySessions.insert(identifier) }
                return
            }
            switch self.exchange(with: identifier, attached, takes: takes, at: now, context: context) {
            case .immediate(let output):
                guard self.finishFlush(of: identifier, output) else { return }
            case .later(let future):
                self.sessions[identifier]?.isFlushing = true
                future.assumeIsolated().whenComplete {
                    if case .failure = $0 { self.putAgain(attached.updates, into: identifier, at: now) }
                    self.flushCompleted(identifier, $0)
                }
                return
            }
        }
    }

    /// Puts the updates into the session and takes what it has to send, in one change.
    private func exchange(
        with identifier: ServerSessionIdentifier,
        _ attached: AttachedSession,
        takes: Bool,
        at now: SessionTime,
        context: ChannelHandlerContext
    ) -> SessionStoreResult<SessionOutput?> {
        self.sessions[identifier]?.updates = []
        self.sessions[identifier]?.deadline = nil
        let random = self.shared.configuration.random
        let carrier = self.carrierNumber
        let limit = Self.outputByteCount
        return self.shared.configuration.sessions.change(
            identifier,
            on: context.eventLoop,
            makingIfMissing: nil
        ) { session in
            let repeatedBefore = session.repeatedMessageCount
            for update in attached.updates { update.apply(to: &session, at: now) }
            // Should the session have been forgotten and begun anew, this connection is none of its own.
            let isOwn = takes && session.uniqueIdentifier == attached.openedAs
            if !isOwn { session.deadlineReached(at: now) }
            var output = SessionOutput()
            var byteCount = 0
            while isOwn, byteCount < limit {
                let payload = session.nextPayload(
                    authorizationKey: attached.key,
                    salts: attached.salts,
                    at: now,
                    random: random,
                    connection: carrier
                )
                guard let payload else { break }
                byteCount += payload.readableBytes
                output.payloads.append(payload)
            }
            output.isDrained = !session.hasOutput
            output.repeatedCount = session.repeatedMessageCount &- repeatedBefore
            output.deadline = session.nextDeadline(at: now)
            return output
        }
    }

    /// Sends what a session gave.
    ///
    /// - Returns: Whether there is more to take.
    private func finishFlush(of identifier: ServerSessionIdentifier, _ output: SessionOutput?) -> Bool {
        if let output { self.shared.metrics.messagesRepeated(output.repeatedCount) }
        guard let context = self.context, let output, self.sessions[identifier] != nil else { return false }
        self.sessions[identifier]?.deadline = output.deadline
        guard !self.isClosing else { return false }
        for payload in output.payloads { self.write(.payload(payload, requestQuickAck: false)) }
        guard !output.isDrained, self.sessions[identifier]?.isOpen == true else { return false }
        guard !output.payloads.isEmpty, context.channel.isWritable else {
            if !context.channel.isWritable { self.dirtySessions.insert(identifier) }
            return false
        }
        return true
    }

    private func flushCompleted(
        _ identifier: ServerSessionIdentifier,
        _ result: Result<SessionOutput?, any Error>
    ) {
        guard self.context != nil, self.sessions[identifier] != nil else { return }
        self.sessions[identifier]?.isFlushing = false
        switch result {
        case .success(let output):
            if self.finishFlush(of: identifier, output) { self.dirtySessions.insert(identifier) }
        case .failure(let error):
            self.storeFailed(error)
        }
        self.flushSessions()
        // What was put in line since may be on its way only now.
        if self.sessions[identifier]?.isFlushing == false {
            let waiting = self.sessions[identifier]?.flushWaiters ?? []
            self.sessions[identifier]?.flushWaiters = []
            for waiter in waiting { waiter.succeed() }
        }
        self.updateSessionDeadline(at: self.shared.configuration.clock.now())
        self.closeIfFinished()
        self.rescheduleTimer()
        self.resumeReading()
    }

    /// Nil if all that was put into a session has been taken by it; otherwise the moment when it has.
    func pendingFlush(of identifier: ServerSessionIdentifier) -> EventLoopFuture<Void>? {
        guard let context = self.context, self.isResponding || self.sessions[identifier]?.isFlushing == true else {
            return nil
        }
        let promise = context.eventLoop.makePromise(of: Void.self)
        guard !self.isResponding else {
            self.responseWaiters.append(promise)
            return promise.futureResult
        }
        self.sessions[identifier]?.flushWaiters.append(promise)
        return promise.futureResult
    }

    /// Whether a session is being asked for what it has.
    var isFlushing: Bool {
        self.sessions.values.contains { $0.isFlushing }
    }

    // MARK: Deadlines of sessions

    func updateSessionDeadline(at now: SessionTime) {
        guard let context = self.context else { return }
        var earliest: Int64?
        for attached in self.sessions.values {
            guard let deadline = attached.deadline else { continue }
            earliest = min(earliest ?? deadline, deadline)
        }
        self.timers.sessionDeadline = earliest.map {
            context.eventLoop.now + .nanoseconds(max(0, $0 &- now.monotonicNanoseconds))
        }
    }

    func sessionDeadlineReached() {
        self.timers.sessionDeadline = nil
        if self.carrier.isTurnBased { return self.turnDeadlineReached() }
        self.dirtySessions.formUnion(self.sessions.keys)
        self.flushSessions()
    }

    // MARK: The end

    /// Puts into the sessions what is ready, and takes this connection from them.
    func leaveSessions(on eventLoop: any EventLoop) {
        let now = self.shared.configuration.clock.now()
        let carrier = self.carrierNumber
        for (identifier, attached) in self.sessions {
            for waiter in attached.flushWaiters { waiter.fail(ChannelError.ioOnClosedChannel) }
            self.shared.connections.detach(self.carrierNumber, from: identifier)
            guard attached.isOpen || !attached.updates.isEmpty else { continue }
            // What this connection carried may have been lost: another one repeats it.
            self.shared.changeInsistently(identifier, on: eventLoop) { session in
                for update in attached.updates { update.apply(to: &session, at: now) }
                if let opened = attached.openedAs, opened == session.uniqueIdentifier {
                    session.connectionClosed(at: now, connection: carrier)
                }
            }
        }
        self.sessions.removeAll()
    }

    func storeFailed(_ error: any Error) {
        self.logger.error("store failed", metadata: ["error": "\(error)"])
        if self.carrier.isTurnBased, self.transportHandler.maySendPayload {
            self.refuse(TransportErrorCode(rawValue: 500))
        } else {
            self.close()
        }
    }

    /// The store failed to take outcomes: it is asked again later, whatever becomes of the connection. Should it have taken
    /// them, nothing happens.
    func putAgain(_ updates: [SessionUpdate], into session: ServerSessionIdentifier, at now: SessionTime) {
        guard !updates.isEmpty, let eventLoop = self.eventLoop else { return }
        self.shared.changeAgain(session, on: eventLoop) { session in
            for update in updates { update.apply(to: &session, at: now) }
        }
    }
}
