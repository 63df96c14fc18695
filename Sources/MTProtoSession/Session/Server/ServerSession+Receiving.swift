// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

extension ServerSession {
    /// Processes a message of the client that was decrypted with the session's key.
    ///
    /// - Parameters:
    ///   - message: The message, for this session.
    ///   - salts: The salts of the authorization key.
    ///   - now: The time.
    /// - Returns: What to do, in this order; ``ServerSessionAction/acceptQuickAck(_:)`` is always the first.
    public mutating func receive(
        _ message: EncryptedMessage,
        salts: ServerSaltSchedule,
        at now: SessionTime
    ) -> [ServerSessionAction] {
        self.touch(at: now)
        self.bareRepetition = nil
        var reception = Reception(now: now, inflationBudget: self.configuration.maximumInflatedByteCount)
        let contained = ContainedMessage(
            identifier: message.identifier,
            sequenceNumber: message.sequenceNumber,
            body: message.body
        )
        if self.checkOuter(contained, salt: message.salt, salts: salts, &reception) {
            if message.body.tlConstructor == MessageContainer.constructor {
                self.receiveContainer(contained, salts: salts, &reception)
            } else {
                self.receiveSingle(contained, isContained: false, salts: salts, &reception)
            }
        }
        self.lastReception = now.monotonicNanoseconds
        self.remainingInflatedByteCount = reception.inflationBudget
        if !reception.rejections.isEmpty { reception.actions.append(.notify(reception.rejections)) }
        if reception.isAccepted {
            reception.actions[0] = .acceptQuickAck(true)
            self.announceSession(reception.lowestIdentifier, salts: salts, at: now)
        }
        return reception.actions
    }

    /// Parity, time and salt: only of the payload's own message. One in a container may be old, that is how clients repeat;
    /// the container's identifier is above it and fresh.
    private mutating func checkOuter(
        _ message: ContainedMessage,
        salt: UInt64,
        salts schedule: ServerSaltSchedule,
        _ reception: inout Reception
    ) -> Bool {
        let now = reception.now
        guard message.identifier & 3 == 0 else {
            reception.reject(message, .identifierParity)
            return false
        }
        switch MessageTimeWindow.check(message.identifier, serverNanoseconds: now.wallNanoseconds) {
        case .tooLow:
            reception.reject(message, .identifierTooLow)
            return false
        case .tooHigh:
            reception.reject(message, .identifierTooHigh)
            return false
        case .acceptable:
            break
        }
        guard message.identifier > self.floor else {
            reception.reject(message, .identifierTooLow)
            return false
        }
        let salts = self.salts(of: schedule, at: now)
        guard salts.accepts(salt) else {
            let notice = BadServerSalt(
                badIdentifier: message.identifier,
                badSequenceNumber: message.sequenceNumber,
                code: BadMessageCode.wrongSalt.rawValue,
                newSalt: salts.current
            )
            reception.rejections.append(notice.serialized())
            return false
        }
        return true
    }

    /// The first message of a session, and any with a lower identifier than all before, is told to the client.
    private mutating func announceSession(_ identifier: UInt64, salts: ServerSaltSchedule, at now: SessionTime) {
        if let first = self.firstMessageIdentifier, first <= identifier { return }
        self.firstMessageIdentifier = identifier
        let notice = NewSessionCreated(
            firstMessageIdentifier: identifier,
            uniqueIdentifier: self.uniqueIdentifier,
            salt: self.salts(of: salts, at: now).current
        )
        self.enqueue(notice.serialized(), resultOf: nil, at: now)
    }

    // MARK: Containers

    /// Checks a container as a whole: its form, its identifier, those inside. What is wrong with single messages (codes 20
    /// and 32 to 35) rejects these alone.
    private mutating func receiveContainer(
        _ container: ContainedMessage,
        salts: ServerSaltSchedule,
        _ reception: inout Reception
    ) {
        switch self.received.verdict(on: container.identifier) {
        case .fresh: break
        case .duplicate: return reception.reject(container, .containerIdentifierRepeated)
        case .tooOld: return reception.reject(container, .tooOld)
        }
        guard
            let body = try? MessageBody.parse(container.body).body,
            case .container(let messages) = body,
            messages.allSatisfy({ $0.identifier < container.identifier && Self.mayBeWrapped($0) })
        else { return reception.reject(container, .invalidContainer) }
        if let code = self.checkSequenceNumber(of: container, .mustBeEven) {
            return reception.reject(container, code)
        }
        for message in messages {
            self.receiveSingle(message, isContained: true, salts: salts, &reception)
        }
        _ = self.received.insert(
            container.identifier,
            sequenceNumber: container.sequenceNumber,
            status: .received.union(.needsNoAcknowledgement)
        )
        if messages.isEmpty { reception.accept(container.identifier) }
    }

    /// Whether a message may stand in a container or a copy.
    static func mayBeWrapped(_ message: ContainedMessage) -> Bool {
        message.identifier & 3 == 0 && message.body.tlConstructor != MessageContainer.constructor
    }

    // MARK: Single messages

    /// Processes a message that is no container, from a container, from a copy or alone.
    mutating func receiveSingle(
        _ message: ContainedMessage,
        isContained: Bool,
        isCopied: Bool = false,
        salts: ServerSaltSchedule,
        _ reception: inout Reception
    ) {
        switch self.received.verdict(on: message.identifier) {
        case .duplicate: return self.receiveDuplicate(message, isContained: isContained, &reception)
        case .tooOld where self.isKnownQuery(message.identifier):
            return self.receiveDuplicate(message, isContained: isContained, &reception)
        case .tooOld: return reception.reject(message, .tooOld)
        case .fresh: break
        }
        guard let body = reception.parse(message.body, isContained: isContained) else {
            return self.receiveMalformed(message, &reception)
        }
        switch body {
        case .container: return reception.reject(message, .invalidContainer)  // compressed, which nobody sends
        case .copy where isCopied: return reception.reject(message, .invalidContainer)  // could nest without end
        default: break
        }
        if let code = self.checkSequenceNumber(of: message, Self.parityRule(for: body)) {
            return reception.reject(message, code)
        }
        self.remember(message, isQuery: body.isQuery)
        reception.accept(message.identifier)
        self.process(body, of: message, salts: salts, &reception)
    }

    /// Whether a query is with the responder, or its answer waits to be sent or acknowledged: however many messages came
    /// since, it must not be forgotten.
    func isKnownQuery(_ identifier: UInt64) -> Bool {
        self.runningQueries.contains(identifier) || self.queue.hasAnswer(to: identifier)
    }

    /// Known again: the query is not executed again, its answer is repeated or announced.
    ///
    /// Only one inside of a fresh message shows that its sender is the client: whoever recorded a payload can repeat it
    /// as it is, and must not take over the session by that.
    private mutating func receiveDuplicate(
        _ message: ContainedMessage,
        isContained: Bool,
        _ reception: inout Reception
    ) {
        if isContained { reception.accept(message.identifier) }
        var repetition: BareRepetition?
        if !self.runningQueries.contains(message.identifier), let answer = self.queue.answer(to: message.identifier) {
            repetition = self.repeatAnswer(answer)
        } else if isContained, self.isAnswerForgotten(of: message.identifier) {
            // Or its sender would wait for ever.
            let error = RPCErrorMessage(code: 500, message: "ANSWER_FORGOTTEN")
            self.enqueueAnswer(error.serialized(), to: message.identifier, at: reception.now)
        } else if message.isContentRelated {
            self.received.mark(message.identifier, .acknowledged)
            if self.notices.acknowledge(message.identifier) { repetition = .acknowledgement(message.identifier) }
        }
        if !isContained { self.bareRepetition = repetition }
    }

    /// Repeats the answer to a query, which was sent and not acknowledged, unless it is large, then it is announced.
    ///
    /// - Returns: What is said because of that.
    private mutating func repeatAnswer(_ answer: OutgoingMessage) -> BareRepetition? {
        if answer.byteCount > self.configuration.largeMessageByteCount {
            self.announce(answer)
            return .announcement
        }
        return self.queue.markForResend(answer.identifier) ? .answer(answer.identifier) : nil
    }

    /// Whether a query was executed, and its answer dropped although nobody acknowledged it.
    private func isAnswerForgotten(of query: UInt64) -> Bool {
        let status = self.received.status(of: query)
        return status.isReceived && status.contains(.isQuery) && !status.contains(.isAnswered)
            && !self.isKnownQuery(query)
    }

    /// What cannot be parsed gets an error as its answer if it can have been a query, so that nobody waits for ever.
    private mutating func receiveMalformed(_ message: ContainedMessage, _ reception: inout Reception) {
        self.remember(message, isQuery: message.isContentRelated)
        reception.accept(message.identifier)
        guard message.isContentRelated else { return }
        let error = RPCErrorMessage(code: 400, message: "INPUT_FETCH_ERROR")
        self.enqueueAnswer(error.serialized(), to: message.identifier, at: reception.now)
    }

    private mutating func remember(_ message: ContainedMessage, isQuery: Bool) {
        var status = MessageStatus.received
        if !message.isContentRelated { status.formUnion(.needsNoAcknowledgement) }
        if isQuery { status.formUnion(.isQuery) }
        _ = self.received.insert(message.identifier, sequenceNumber: message.sequenceNumber, status: status)
    }
}

extension ServerSession.Reception {
    /// Rejects a message.
    mutating func reject(_ message: ContainedMessage, _ code: BadMessageCode) {
        let notice = BadMessageNotification(
            badIdentifier: message.identifier,
            badSequenceNumber: message.sequenceNumber,
            code: code.rawValue
        )
        self.rejections.append(notice.serialized())
    }
}

extension ContainedMessage {
    /// Whether the sender asks for an acknowledgement: the lowest bit of the sequence number, whatever the type.
    var isContentRelated: Bool {
        self.sequenceNumber & 1 == 1
    }
}
