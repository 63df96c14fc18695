// SPDX-License-Identifier: Apache-2.0

extension ClientSession {
    /// How often the server may say that it has answered before a query without that answer is given up.
    private static let maximumAnsweredReportCount = 10

    // MARK: Our messages

    /// Asks the server about the queries that have been under way for long.
    mutating func checkStates(at now: SessionTime) {
        let delay = max(self.configuration.stateCheckDelay.clampedNanoseconds, 1_000_000)
        let limit = now.monotonicNanoseconds.addingClamped(-delay)
        self.stateCheckDue = nil
        for number in self.queries.numbersInFlight() {
            guard let record = self.queries[number], record.phase == .sent, record.sentNanoseconds <= limit else {
                continue
            }
            if record.isCancelled {
                self.serviceLine.append(.dropAnswer(number: number))
            } else {
                self.serviceLine.askState(of: record.identifier)
            }
        }
        self.armStateCheck(at: now)
    }

    /// Sees to it that queries under way are checked in time.
    mutating func armStateCheck(at now: SessionTime) {
        guard self.stateCheckDue == nil, self.queries.inFlightCount > 0 else { return }
        let delay = max(self.configuration.stateCheckDelay.clampedNanoseconds, 1_000_000)
        self.stateCheckDue = now.monotonicNanoseconds.addingClamped(delay)
    }

    /// Processes `msgs_state_info`.
    mutating func receiveStates(_ info: MessagesStateInfo, at now: SessionTime, events: inout [ClientSessionEvent]) {
        guard case .service(let pending)? = self.sent[info.requestIdentifier]?.content else { return }
        switch pending.message {
        case .stateRequest(let identifiers):
            self.sent.remove(info.requestIdentifier)
            for (identifier, byte) in zip(identifiers, info.info) {
                self.apply(
                    MessageStatus(rawValue: byte),
                    to: identifier,
                    askedAs: info.requestIdentifier,
                    at: now,
                    events: &events
                )
            }
        case .resendRequest, .resendAnswerRequest:
            // The server cannot repeat all of them; what matters of it is found by the state check.
            self.sent.remove(info.requestIdentifier)
        default:
            break
        }
    }

    /// Processes `msgs_all_info`, which the server sends of its own accord: it can only confirm what was received.
    mutating func receiveAllStates(_ info: MessagesAllInfo, events: inout [ClientSessionEvent]) {
        for (identifier, byte) in zip(info.identifiers, info.info) where MessageStatus(rawValue: byte).isReceived {
            guard let number = self.queries.number(forIdentifier: identifier) else { continue }
            self.noteDelivered(number, identifier: identifier, events: &events)
        }
    }

    private mutating func apply(
        _ status: MessageStatus,
        to identifier: UInt64,
        askedAs requestIdentifier: UInt64,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        guard let number = self.queries.number(forIdentifier: identifier), let record = self.queries[number],
            record.identifier == identifier, record.phase == .sent
        else { return }
        if record.reportsState {
            _ = self.queries.update(number) { $0.reportsState = false }
            events.append(.stateReported(Query(number: number), status))
        }
        // Asked before the last copy left, the answer says nothing of that one, which may be there by now.
        let isLate = requestIdentifier < record.outerIdentifier
        if status.isReceived {
            self.noteDelivered(number, identifier: identifier, events: &events)
            if status.contains(.isAnswered), !isLate { self.recoverAnswer(number, at: now, events: &events) }
        } else if isLate {
            return
        } else if record.isAcknowledged, !record.repeatsWhenForgotten {
            self.fail(number, SessionError(.deliveryUnknown, deliveryState: .delivered), events: &events)
        } else if record.isAcknowledged {
            // It was received, and forgotten since: its answer may be lost.
            self.recoverAnswer(number, at: now, events: &events)
        } else if record.isCancelled {
            self.finishCancelled(number, .unknown(RPCAnswerUnknown()), events: &events)
        } else if status.rawValue & 7 == MessageStatus.unknown.rawValue {
            self.fail(number, SessionError(.deliveryUnknown, deliveryState: record.delivery), events: &events)
        } else if self.isRepeatable(record, at: now) {
            // Should it arrive after all, the server sees that it is the same.
            self.queries.repeatSending(number)
        } else {
            self.queries.sendAgain(number, isRefused: true)
        }
    }

    private mutating func noteDelivered(_ number: UInt64, identifier: UInt64, events: inout [ClientSessionEvent]) {
        let isNews = self.queries.update(number) { record in
            guard record.identifier == identifier, !record.isAcknowledged else { return false }
            record.isAcknowledged = true
            record.delivery = .delivered
            return true
        }
        if isNews == true { events.append(.acknowledged(Query(number: number))) }
    }

    /// Asks for an answer that the server has given and that did not arrive.
    private mutating func recoverAnswer(_ number: UInt64, at now: SessionTime, events: inout [ClientSessionEvent]) {
        let count = self.queries.update(number) { record in
            record.answeredReportCount += 1
            return Int(record.answeredReportCount)
        }
        guard let count, let record = self.queries[number] else { return }
        if count > Self.maximumAnsweredReportCount {
            self.fail(number, SessionError(.answerLost, deliveryState: .delivered), events: &events)
        } else if self.isRepeatable(record, at: now) {
            // The server answers a duplicate again, and does not execute it again.
            self.queries.repeatSending(number)
        } else {
            self.serviceLine.append(.resendAnswerRequest([record.identifier]))
        }
    }

    // MARK: The server's messages

    /// Answers `msgs_state_req`.
    mutating func reportStates(of identifiers: [UInt64], requestIdentifier: UInt64) {
        let info = identifiers.prefix(ServiceLine.maximumIdentifierCount).map {
            self.received.status(of: $0).rawValue
        }
        self.serviceLine.append(.stateInfo(requestIdentifier: requestIdentifier, info: info))
    }

    /// Answers `msg_resend_req`: repeats what it can, and reports states if that is not all.
    mutating func resend(_ identifiers: [UInt64], requestIdentifier: UInt64) {
        var isComplete = true
        for identifier in identifiers.prefix(ServiceLine.maximumIdentifierCount) {
            if self.repeatQuery(identifier) { continue }
            guard case .container(let contents)? = self.sent[identifier]?.content else {
                isComplete = false
                continue
            }
            for inner in contents { _ = self.repeatQuery(inner) }
        }
        if !isComplete { self.reportStates(of: identifiers, requestIdentifier: requestIdentifier) }
    }

    private mutating func repeatQuery(_ identifier: UInt64) -> Bool {
        guard let number = self.queries.number(forIdentifier: identifier), let record = self.queries[number],
            record.identifier == identifier
        else { return false }
        self.queries.repeatSending(number)
        return true
    }

    /// Processes `msg_detailed_info` and `msg_new_detailed_info`: asks for the message, unless it is here or not wanted; an
    /// acknowledgement makes the server forget it then.
    mutating func receiveDetails(
        of answer: UInt64,
        answering query: UInt64?,
        byteCount: Int32,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        let isTooLarge = Int(byteCount) > self.configuration.maximumAnswerByteCount
        let number = query.flatMap { self.queries.number(forIdentifier: $0) }
        let isWanted = query == nil || number != nil
        guard !self.received.contains(answer), isWanted, !isTooLarge else {
            self.acknowledgements.add(answer, at: now)
            if isTooLarge, let number {
                self.fail(number, SessionError(.answerTooLarge, deliveryState: .delivered), events: &events)
            }
            return
        }
        self.serviceLine.askToResend(answer)
    }
}
