// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto

extension ClientSession {
    /// Tells the session that a connection is ready to take payloads.
    ///
    /// The first payload then holds a ping, which also shows the session to the server, and what is to be sent again.
    ///
    /// A session has one connection at a time: one that is still open counts as closed.
    ///
    /// - Parameters:
    ///   - now: the time.
    ///   - isWatched: whether the session's own pings show that the server is there. Over HTTP its polls do: then the
    ///     session sends no pings of its own accord, and does not give the connection up for want of a pong.
    public mutating func connectionOpened(at now: SessionTime, isWatched: Bool = true) {
        if self.link.isOpen { self.connectionClosed(at: now) }
        let interval = isWatched ? self.configuration.keepAliveInterval?.clampedNanoseconds : nil
        self.link.open(
            at: now.monotonicNanoseconds,
            keepAliveInterval: interval ?? Int64.max,
            isWatched: isWatched
        )
        self.quickAcknowledgements.removeAll()
        self.areAcknowledgementsAnnounced = false
        // Until there is a request: the connection before may have been another kind.
        self.travelsInRequests = false
        if interval != nil { self.enqueueKeepAlive(at: now) }
        self.resumeQueries(at: now)
        self.saltRequest.connectionOpened(at: now.monotonicNanoseconds)
        self.planSaltRequest(at: now)
    }

    /// The connection is about to be closed: what ``nextPayload(at:)`` returns next has all acknowledgements that wait, so that
    /// the server need not keep its answers.
    public mutating func connectionWillClose() {
        self.acknowledgesAtOnce = true
    }

    /// Tells the session that the connection is gone. Unanswered queries stay, to be sent again on the next one.
    public mutating func connectionClosed(at now: SessionTime) {
        self.acknowledgesAtOnce = false
        self.link.close()
        self.quickAcknowledgements.removeAll()
        self.queries.abandonRepeating()
        self.serviceLine.connectionClosed()
        for pending in self.sent.take(where: \.outlivesConnection) { self.serviceLine.append(pending) }
        self.stateCheckDue = nil
    }

    /// Sees to the queries that an earlier connection left unanswered.
    private mutating func resumeQueries(at now: SessionTime) {
        guard self.queries.inFlightCount > 0 else { return }
        for number in self.queries.numbersInFlight() { self.resume(number, at: now) }
        self.armStateCheck(at: now)
        // Also for answers that come without anything being sent again the connection has to live.
        self.link.sentQuery(at: now.monotonicNanoseconds)
    }

    /// Sees to a query whose answer went astray with its connection, or with the response of its request.
    private mutating func resume(_ number: UInt64, at now: SessionTime) {
        guard let record = self.queries[number] else { return }
        if record.isCancelled {
            self.serviceLine.append(.dropAnswer(number: number))
        } else if record.isAcknowledged {
            // The server repeats its answer by itself; the state check finds out if it does not.
            return
        } else if self.isRepeatable(record, at: now) {
            self.queries.repeatSending(number)
        } else {
            self.serviceLine.askState(of: record.identifier)
        }
    }

    /// Tells the session that a payload got no response and will get none: it, or the response, was lost with its HTTP
    /// connection.
    ///
    /// The queries that were sent in it last, and have no answer, are sent again under their identifiers, so that the server
    /// executes none twice; other queries under way are left alone. Its service messages are sent again, and so are its
    /// acknowledgements.
    ///
    /// - Parameters:
    ///   - messageIdentifier: ``OutgoingPayload/messageIdentifier`` of the payload. One that is not known is ignored.
    ///   - now: The time now.
    public mutating func payloadLost(_ messageIdentifier: UInt64, at now: SessionTime) {
        guard self.link.isOpen else { return }
        for number in self.queries.numbersInFlight() {
            guard let record = self.queries[number], record.phase == .sent, record.outerIdentifier == messageIdentifier
            else { continue }
            self.resume(number, at: now)
        }
        self.armStateCheck(at: now)
        switch self.sent.remove(messageIdentifier)?.content {
        case .service(let pending)?:
            self.sendAgain(pending, at: now)
        case .container(let contents)?:
            for identifier in contents {
                guard case .service(let pending)? = self.sent[identifier]?.content else { continue }
                self.sent.remove(identifier)
                self.sendAgain(pending, at: now)
            }
        case nil:
            break
        }
    }

    private mutating func sendAgain(_ pending: PendingServiceMessage, at now: SessionTime) {
        switch pending.message {
        case .httpWait:
            // It belongs to its request.
            return
        case .acknowledgement(let identifiers):
            for identifier in identifiers { self.acknowledgements.add(identifier, at: now) }
        case .ping(let identifier):
            if self.serviceLine.append(pending) {
                self.link.lostPing(at: now.monotonicNanoseconds)
            } else {
                self.pendingEvents.append(.pingFailed(pingIdentifier: identifier))
            }
        case .keepAlive:
            if self.serviceLine.append(pending) { self.link.lostPing(at: now.monotonicNanoseconds) }
        default:
            self.serviceLine.append(pending)
        }
    }

    /// Whether a query may be sent again under its identifier: young enough, and not refused under it.
    mutating func isRepeatable(_ record: QueryRecord, at now: SessionTime) -> Bool {
        let sent = MessageIdentifierGenerator.nanoseconds(of: record.identifier)
        // The time known may have been set back; the monotonic clock stands still while the machine sleeps.
        let age = max(
            self.time.serverNanoseconds(at: now).addingClamped(-sent),
            now.monotonicNanoseconds &- record.identifiedNanoseconds
        )
        return !record.needsNewIdentifier && age < self.configuration.maximumRepeatedAge.clampedNanoseconds
    }

    // MARK: Deadlines

    /// When ``deadlineReached(at:unsentByteCount:)`` is to be called next, in monotonic nanoseconds; nil: not before another event.
    public var nextDeadline: Int64? {
        if !self.pendingEvents.isEmpty { return 0 }
        guard self.isConnected else { return nil }
        var deadline = self.link.keepAliveDue
        if !self.areAcknowledgementsAnnounced, let due = self.acknowledgements.deadline {
            deadline = min(deadline, due)
        }
        if let due = self.deathDue { deadline = min(deadline, due) }
        if let due = self.busyPingDue { deadline = min(deadline, due) }
        if let due = self.saltRequest.due { deadline = min(deadline, due) }
        if let due = self.stateCheckDue { deadline = min(deadline, due) }
        return deadline == Int64.max ? nil : deadline
    }

    /// Does what is due by the clock: acknowledgements, pings, requests for salts and states; notices a dead connection.
    ///
    /// What became due waits for ``nextPayload(at:)``. While the connection takes nothing, the driver may leave it there:
    /// the next deadline is then the one at which the connection counts as dead.
    ///
    /// - Parameters:
    ///   - now: The time now.
    ///   - unsentByteCount: How many bytes of the payloads taken the layers below still hold. With it a connection that
    ///     is busy with a long upload is told from a dead one; 0 if it is not known.
    public mutating func deadlineReached(at now: SessionTime, unsentByteCount: Int = 0) -> [ClientSessionEvent] {
        var events = self.takePendingEvents()
        guard self.isConnected else { return events }
        let monotonic = now.monotonicNanoseconds
        self.link.noteUnsent(byteCount: unsentByteCount, at: monotonic)
        if self.acknowledgements.isDue(at: now) { self.areAcknowledgementsAnnounced = true }
        if let due = self.deathDue, due <= monotonic {
            self.link.markDead()
            events.append(.connectionDead)
            return events
        }
        let isBusyPingDue = self.busyPingDue.map { $0 <= monotonic } ?? false
        if self.link.keepAliveDue <= monotonic || isBusyPingDue { self.enqueueKeepAlive(at: now) }
        if let due = self.saltRequest.due, due <= monotonic { self.planSaltRequest(at: now) }
        if let due = self.stateCheckDue, due <= monotonic { self.checkStates(at: now) }
        return events
    }

    mutating func takePendingEvents() -> [ClientSessionEvent] {
        guard !self.pendingEvents.isEmpty else { return [] }
        defer { self.pendingEvents.removeAll() }
        return self.pendingEvents
    }

    private var deathDue: Int64? {
        guard self.link.isWatched else { return nil }
        return self.link.deathDue(
            timeout: self.configuration.pongTimeout.clampedNanoseconds,
            minimum: min(self.configuration.minimumPongTimeout, self.configuration.pongTimeout).clampedNanoseconds
        )
    }

    private var busyPingDue: Int64? {
        self.configuration.keepAliveInterval == nil || !self.link.isWatched ? nil : self.link.busyPingDue
    }

    private mutating func enqueueKeepAlive(at now: SessionTime) {
        guard self.link.isWatched, let interval = self.configuration.keepAliveInterval?.clampedNanoseconds else {
            return
        }
        self.link.scheduleKeepAlive(at: now.monotonicNanoseconds, interval: max(interval, 1_000_000))
        let isWaiting = self.serviceLine.contains { message in
            if case .keepAlive = message { return true }
            return false
        }
        guard !isWaiting else { return }
        let delay = Int32(clamping: self.configuration.disconnectDelay.clampedNanoseconds / 1_000_000_000)
        let identifier = self.random.integer(Int64.self)
        guard self.serviceLine.append(.keepAlive(identifier, disconnectDelay: delay)) else { return }
        self.link.queuedPing(at: now.monotonicNanoseconds)
    }

    // MARK: Salts

    /// Asks for salts if the known ones do not last, or plans when to.
    mutating func planSaltRequest(at now: SessionTime) {
        guard self.configuration.futureSaltCount > 0 else { return }
        let seconds = self.time.serverNanoseconds(at: now) / 1_000_000_000
        let wait = self.salts.coveredUntil - SaltStore.coverSeconds - seconds
        self.saltRequest.plan(waitSeconds: wait, at: now.monotonicNanoseconds)
        guard self.isConnected, let due = self.saltRequest.due, due <= now.monotonicNanoseconds else { return }
        self.serviceLine.append(.getFutureSalts(count: Int32(clamping: min(self.configuration.futureSaltCount, 64))))
        let interval = self.configuration.saltRequestInterval.clampedNanoseconds
        self.saltRequest.asked(at: now.monotonicNanoseconds, interval: max(interval, 1_000_000))
    }
}
