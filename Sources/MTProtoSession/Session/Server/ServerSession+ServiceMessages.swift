// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

extension ServerSession {
    /// How many identifiers a request for states or repetition may list; a longer one is not answered.
    static let maximumIdentifierCount = 8192

    /// Does what a message asks for; it was accepted and remembered.
    mutating func process(
        _ body: MessageBody,
        of message: ContainedMessage,
        salts: ServerSaltSchedule,
        _ reception: inout Reception
    ) {
        switch body {
        case .other(_, let query):
            return self.processQuery(query, of: message, &reception)
        case .rpcDropAnswer(let request):
            return self.processDropAnswer(request, of: message, &reception)
        case .copy(let copy):
            self.processCopy(copy, in: message, salts: salts, &reception)
        case .acknowledgement(let acknowledgement):
            self.processAcknowledgement(acknowledgement)
        case .ping(let ping):
            self.pong(ping.pingIdentifier, to: message)
        case .pingDelayDisconnect(let ping):
            self.pong(ping.pingIdentifier, to: message)
            reception.actions.append(.disconnectAfter(seconds: max(ping.disconnectDelay, 0)))
        case .getFutureSalts(let request):
            let seconds = reception.now.wallSeconds
            let answer = FutureSalts(
                requestIdentifier: message.identifier,
                now: Int32(truncatingIfNeeded: seconds),
                salts: salts.future(count: Int(request.count), at: seconds)
            )
            self.addNotice(answer.serialized(), isResponse: true)
        case .stateRequest(let request):
            self.answerStates(of: request.identifiers, to: message)
        case .resendRequest(let request):
            self.processResendRequest(request.identifiers, of: message)
        case .resendAnswerRequest(let request):
            self.processResendAnswerRequest(request.identifiers, of: message)
        case .destroySession(let request):
            if request.sessionIdentifier == self.sessionIdentifier {
                // Undefined for the own session, which cannot go while it answers.
                self.answerDestroySession(request.sessionIdentifier, existed: false, requestedBy: message.identifier)
            } else {
                reception.actions.append(.destroySession(request.sessionIdentifier, requestedBy: message.identifier))
            }
        case .destroyAuthKey:
            reception.actions.append(.destroyAuthorizationKey(requestedBy: message.identifier))
        case .httpWait(let wait):
            reception.actions.append(.httpWait(wait))
        default:
            // Answers and notices that only a server sends, or that this server never asked for.
            break
        }
        if message.isContentRelated { self.pendingAcknowledgements.add(message.identifier, at: reception.now) }
    }

    // MARK: Queries

    private mutating func processQuery(
        _ query: ByteBuffer,
        of message: ContainedMessage,
        _ reception: inout Reception
    ) {
        guard self.mayTakeQuery else {
            let error = RPCErrorMessage(code: 420, message: "FLOOD_WAIT_1")
            return self.enqueueAnswer(error.serialized(), to: message.identifier, at: reception.now)
        }
        self.runningQueries.insert(message.identifier)
        self.pendingAcknowledgements.add(message.identifier, at: reception.now)
        reception.actions.append(.query(ServerQuery(messageIdentifier: message.identifier, body: query)))
    }

    /// Whether there is room for the answer to another query: it must not drive out one that was never sent. Room for
    /// the refusals of a whole container is left.
    private var mayTakeQuery: Bool {
        let bound = self.configuration.maximumQueuedMessageCount
        return self.runningQueries.count < self.configuration.maximumRunningQueryCount
            && self.runningQueries.count + self.queue.unsentCount < bound - min(1024, bound / 2)
    }

    /// Cancels a query or forgets its answer. The result is wrapped in `rpc_result` and acknowledges the query too.
    private mutating func processDropAnswer(
        _ request: RPCDropAnswer,
        of message: ContainedMessage,
        _ reception: inout Reception
    ) {
        let query = request.requestIdentifier
        let result: RPCDropAnswerResult
        if self.runningQueries.remove(query) != nil {
            result = .droppedRunning(RPCAnswerDroppedRunning())
            reception.actions.append(.cancelQuery(messageIdentifier: query))
            self.enqueueAnswer(result.serialized(), to: query, at: reception.now)
        } else if let answer = self.queue.dropAnswer(to: query) {
            let isUnsent = answer.identifier == 0
            result = .dropped(
                RPCAnswerDropped(
                    messageIdentifier: isUnsent
                        ? self.identifiers.next(
                            serverNanoseconds: reception.now.wallNanoseconds,
                            isResponse: true
                        ) : answer.identifier,
                    sequenceNumber: isUnsent
                        ? self.sequenceNumbers.next(isContentRelated: true) : answer.sequenceNumber,
                    byteCount: Int32(clamping: answer.byteCount)
                )
            )
        } else {
            result = .unknown(RPCAnswerUnknown())
        }
        self.enqueueAnswer(result.serialized(), to: message.identifier, at: reception.now)
    }

    // MARK: Messages about messages

    private mutating func processCopy(
        _ copy: ContainedMessage,
        in carrier: ContainedMessage,
        salts: ServerSaltSchedule,
        _ reception: inout Reception
    ) {
        guard Self.mayBeWrapped(copy), copy.identifier < carrier.identifier else { return }
        self.receiveSingle(copy, isContained: true, isCopied: true, salts: salts, &reception)
    }

    private mutating func processAcknowledgement(_ acknowledgement: MessagesAcknowledgement) {
        for identifier in acknowledgement.identifiers {
            guard let query = self.queue.acknowledge(identifier) else { continue }
            self.received.mark(query, .isKnownToBeReceived)
        }
    }

    private mutating func answerStates(of identifiers: [UInt64], to message: ContainedMessage) {
        guard identifiers.count <= Self.maximumIdentifierCount else { return }
        self.received.mark(message.identifier, .acknowledged)
        let info = MessagesStateInfo(
            requestIdentifier: message.identifier,
            info: identifiers.map { self.status(of: $0).rawValue }
        )
        self.addNotice(info.serialized(), isResponse: true)
    }

    /// What became of a message; a query is known as long as it runs or its answer is kept.
    private func status(of identifier: UInt64) -> MessageStatus {
        let status = self.received.status(of: identifier)
        guard !status.isReceived, self.isKnownQuery(identifier) else { return status }
        let known = MessageStatus.received.union(.isQuery)
        return self.queue.hasAnswer(to: identifier) ? known.union(.acknowledged).union(.isAnswered) : known
    }

    /// Repeats messages; if one of them is unknown, the states of all are told as well.
    private mutating func processResendRequest(_ identifiers: [UInt64], of message: ContainedMessage) {
        guard identifiers.count <= Self.maximumIdentifierCount else { return }
        var areAllKnown = true
        for identifier in identifiers where !self.queue.resend(identifier, isRequested: true) {
            areAllKnown = false
        }
        if !areAllKnown { self.answerStates(of: identifiers, to: message) }
    }

    /// Repeats the answers to queries.
    private mutating func processResendAnswerRequest(_ queries: [UInt64], of message: ContainedMessage) {
        guard queries.count <= Self.maximumIdentifierCount else { return }
        var areAllKnown = true
        for query in queries {
            guard let answer = self.queue.answer(to: query),
                self.queue.resend(answer.identifier, isRequested: true)
            else {
                areAllKnown = false
                continue
            }
        }
        if !areAllKnown { self.answerStates(of: queries, to: message) }
    }

    private mutating func pong(_ pingIdentifier: Int64, to message: ContainedMessage) {
        let pong = Pong(messageIdentifier: message.identifier, pingIdentifier: pingIdentifier)
        self.addNotice(pong.serialized(), isResponse: true)
    }
}
