// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto

extension ClientSession {
    /// Whether a notice can be about this message: an unanswered query, or a service message or container sent lately.
    func isKnown(_ identifier: UInt64) -> Bool {
        self.queries.number(forIdentifier: identifier) != nil || self.sent[identifier] != nil
    }

    /// Processes `bad_msg_notification`.
    mutating func receiveRefusal(
        of identifier: UInt64,
        code: Int32,
        from source: Source,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        guard self.isKnown(identifier) else { return }
        let code = BadMessageCode(rawValue: code)
        switch code {
        case .identifierTooLow:
            self.synchronize(to: source.identifier, at: now, events: &events)
            self.refuse(identifier, code: code, at: now, events: &events)
        case .identifierTooHigh:
            // Identifiers must go back, which only a new session allows.
            self.synchronize(to: source.identifier, at: now, events: &events)
            self.restart(after: identifier, code: code, at: now, events: &events)
        case .sequenceNumberTooLow, .sequenceNumberTooHigh:
            self.restart(after: identifier, code: code, at: now, events: &events)
        default:
            self.refuse(identifier, code: code, at: now, events: &events)
        }
    }

    /// What a refused message held.
    private struct Refused {
        var queries: [UInt64] = []
        var messages: [PendingServiceMessage] = []
    }

    /// Resolves a refused message into queries and service messages; a container into its contents.
    private mutating func takeRefused(_ identifier: UInt64) -> Refused {
        var refused = Refused()
        if let number = self.queries.number(forIdentifier: identifier) {
            if let record = self.queries[number], record.identifier == identifier, record.phase == .sent {
                refused.queries.append(number)
            }
            return refused
        }
        switch self.sent.remove(identifier)?.content {
        case .service(let pending)?:
            refused.messages.append(pending)
        case .container(let contents)?:
            for inner in contents {
                if let number = self.queries.number(forIdentifier: inner), let record = self.queries[number] {
                    // It may have been sent otherwise since.
                    guard record.identifier == inner, record.outerIdentifier == identifier, record.phase == .sent else {
                        continue
                    }
                    refused.queries.append(number)
                } else if case .service(let pending)? = self.sent[inner]?.content {
                    self.sent.remove(inner)
                    refused.messages.append(pending)
                }
            }
        case nil:
            break
        }
        return refused
    }

    /// The server did not process a message: what it held is sent again as the code demands.
    mutating func refuse(
        _ identifier: UInt64,
        code: BadMessageCode,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        let refused = self.takeRefused(identifier)
        for pending in refused.messages { self.requeue(pending, code: code) }
        // The last first, because each goes to the front of the line.
        for number in refused.queries.reversed() { self.refuseQuery(number, code: code, events: &events) }
    }

    private mutating func requeue(_ pending: PendingServiceMessage, code: BadMessageCode) {
        // It belongs to its request, which has been answered by the refusal.
        if case .httpWait = pending.message { return }
        var pending = pending
        pending.rejectionCount += 1
        guard Int(pending.rejectionCount) <= min(self.configuration.maximumRejectionCount, 250) else {
            return self.forget(pending)
        }
        switch code {
        case .evenSequenceNumberExpected: pending.isContentRelated = false
        case .oddSequenceNumberExpected: pending.isContentRelated = true
        case .invalidContainer: pending.travelsAlone = true
        default: break
        }
        if !self.serviceLine.append(pending) { self.forget(pending) }
    }

    private mutating func forget(_ pending: PendingServiceMessage) {
        guard case .ping(let identifier) = pending.message else { return }
        self.pendingEvents.append(.pingFailed(pingIdentifier: identifier))
    }

    private mutating func refuseQuery(_ number: UInt64, code: BadMessageCode, events: inout [ClientSessionEvent]) {
        // "I have such a message already" tells nothing new of a query that is known to have arrived.
        if code == .containerIdentifierRepeated, self.queries[number]?.isAcknowledged == true { return }
        guard self.countRefusal(number, code: code, events: &events), let record = self.queries[number] else { return }
        if record.isRepeated || record.isAcknowledged || !code.deniesReceipt {
            // This copy was refused; an earlier one may have been processed.
            switch code {
            case .wrongSalt:
                self.queries.repeatSending(number)
            case .containerIdentifierRepeated:
                // The identifier of the query itself was not refused: it stays good for a repetition.
                self.serviceLine.askState(of: record.identifier)
            default:
                _ = self.queries.update(number) { record in
                    record.needsNewIdentifier = true
                    record.travelsAlone = record.travelsAlone || code == .invalidContainer
                }
                self.serviceLine.askState(of: record.identifier)
            }
        } else if record.isCancelled {
            self.finishCancelled(number, .unknown(RPCAnswerUnknown()), events: &events)
        } else {
            _ = self.queries.update(number) { record in
                if code == .invalidContainer { record.travelsAlone = true }
                if code == .evenSequenceNumberExpected { record.unpack() }
            }
            self.queries.sendAgain(number, isRefused: true)
        }
    }

    /// Counts a refusal of a query.
    ///
    /// - Returns: false if it was one too many and the query failed.
    private mutating func countRefusal(
        _ number: UInt64,
        code: BadMessageCode,
        events: inout [ClientSessionEvent]
    ) -> Bool {
        let limit = min(max(self.configuration.maximumRejectionCount, 0), 250)
        let outcome = self.queries.update(number) { record in
            record.rejectionCount += 1
            let isCertain = !record.isRepeated && code.deniesReceipt && !record.hasUncertainPast
            return (Int(record.rejectionCount) <= limit, isCertain ? .notDelivered : record.delivery)
        }
        guard let (isTolerable, delivery) = outcome else { return false }
        if !isTolerable {
            let error = SessionError(.rejected, deliveryState: delivery, notificationCode: code.rawValue)
            self.fail(number, error, events: &events)
        }
        return isTolerable
    }

    // MARK: A new session

    /// An identifier so far ahead of the server's time was too high on arrival: the window is 30 s, and a minute is allowed
    /// for the way there, on which the lead shrinks.
    private static let certainLeadNanoseconds: Int64 = 90_000_000_000

    /// Goes on under a new session identifier.
    ///
    /// The refused queries are sent again, and so are those whose identifiers are so far ahead that the server cannot have
    /// accepted them, whenever they came. What was not named may have arrived later than the refused one and have been
    /// accepted: it cannot be followed into the new session, and fails rather than being executed twice.
    private mutating func restart(
        after identifier: UInt64,
        code: BadMessageCode,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        let refused = self.takeRefused(identifier)
        let outliving = self.sent.take(where: \.outlivesConnection)
        let pings = self.sent.take { message in
            if case .ping = message { return true }
            return false
        }
        let before = self.sessionIdentifier
        repeat { self.sessionIdentifier = self.random.integer(UInt64.self) } while self.sessionIdentifier == before
        self.generator.restart()
        self.sequence = SequenceNumberCounter()
        self.received = ReceivedMessageWindow(capacity: self.configuration.receivedWindowCapacity)
        self.acknowledgements.removeAll()
        self.areAcknowledgementsAnnounced = false
        self.quickAcknowledgements.removeAll()
        self.sent = SentMessages()
        self.serviceLine.sessionRestarted()
        self.queries.abandonRepeating()
        for pending in outliving { self.serviceLine.append(pending) }
        for pending in refused.messages where pending.message.outlivesSession { self.requeue(pending, code: code) }
        // Their answers would come in the session that is no more.
        for pending in pings { self.requeue(pending, code: code) }

        let refusedQueries = Set(refused.queries)
        let server = self.time.serverNanoseconds(at: now)
        for number in self.queries.numbersInFlight().reversed() {
            guard let record = self.queries[number] else { continue }
            let isNamed = refusedQueries.contains(number)
            let lead = MessageIdentifierGenerator.nanoseconds(of: record.identifier).addingClamped(-max(server, 0))
            let isTooHigh = code == .identifierTooHigh && !record.isAcknowledged && lead > Self.certainLeadNanoseconds
            if record.isCancelled {
                self.finishCancelled(number, .unknown(RPCAnswerUnknown()), events: &events)
            } else if isTooHigh || isNamed && !record.isRepeated {
                if isNamed, !self.countRefusal(number, code: code, events: &events) { continue }
                self.queries.sendAgain(number, isRefused: true)
            } else {
                self.fail(number, SessionError(.sessionRestarted, deliveryState: record.delivery), events: &events)
            }
        }
        events.append(.sessionRestarted(newIdentifier: self.sessionIdentifier))
    }
}

extension BadMessageCode {
    /// Whether the notice says that the message was not processed, and will not be.
    ///
    /// 20 says that nobody knows, and 19 that a message with this identifier is there already: perhaps this very one, sent
    /// twice by somebody between.
    fileprivate var deniesReceipt: Bool {
        self != .tooOld && self != .containerIdentifierRepeated
    }
}
