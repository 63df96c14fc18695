// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

extension ClientSession {
    /// Processes a service message of the server.
    mutating func receiveService(
        _ body: MessageBody,
        from source: Source,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        switch body {
        case .acknowledgement(let acknowledgement):
            for identifier in acknowledgement.identifiers { self.noteReceived(identifier, events: &events) }
        case .pong(let pong):
            self.receivePong(pong, at: now, events: &events)
        case .badSalt(let notice):
            self.receiveBadSalt(notice, at: now, events: &events)
        case .badMessage(let notice):
            self.receiveRefusal(of: notice.badIdentifier, code: notice.code, from: source, at: now, events: &events)
        case .futureSalts(let salts):
            self.receiveFutureSalts(salts, at: now, events: &events)
        case .newSession(let session):
            self.receiveNewSession(session, at: now, events: &events)
        case .stateRequest(let request):
            self.reportStates(of: request.identifiers, requestIdentifier: source.identifier)
        case .stateInfo(let info):
            self.receiveStates(info, at: now, events: &events)
        case .allInfo(let info):
            self.receiveAllStates(info, events: &events)
        case .detailedInfo(let info):
            self.receiveDetails(
                of: info.answerIdentifier,
                answering: info.identifier,
                byteCount: info.byteCount,
                at: now,
                events: &events
            )
        case .newDetailedInfo(let info):
            self.receiveDetails(
                of: info.answerIdentifier,
                answering: nil,
                byteCount: info.byteCount,
                at: now,
                events: &events
            )
        case .resendRequest(let request):
            self.resend(request.identifiers, requestIdentifier: source.identifier)
        case .resendAnswerRequest(let request):
            self.reportStates(of: request.identifiers, requestIdentifier: source.identifier)
        case .ping(let ping):
            self.serviceLine.append(
                .pong(messageIdentifier: source.identifier, pingIdentifier: ping.pingIdentifier)
            )
        case .pingDelayDisconnect(let ping):
            self.serviceLine.append(
                .pong(messageIdentifier: source.identifier, pingIdentifier: ping.pingIdentifier)
            )
        case .destroySessionOK(let answer):
            self.receiveDestroyedSession(answer.sessionIdentifier, existed: true, events: &events)
        case .destroySessionNone(let answer):
            self.receiveDestroyedSession(answer.sessionIdentifier, existed: false, events: &events)
        case .destroyAuthKeyResult(let result):
            self.receiveDestroyedKey(result, events: &events)
        case .container, .copy, .rpcResult, .other:
            break
        case .getFutureSalts, .destroySession, .rpcDropAnswer, .destroyAuthKey, .httpWait:
            // What only a client asks.
            break
        }
    }

    // MARK: Acknowledgements and pings

    private mutating func noteReceived(_ identifier: UInt64, events: inout [ClientSessionEvent]) {
        guard let number = self.queries.number(forIdentifier: identifier) else { return }
        let isNews = self.queries.update(number) { record in
            guard record.identifier == identifier, !record.isAcknowledged else { return false }
            record.isAcknowledged = true
            record.delivery = .delivered
            return true
        }
        if isNews == true { events.append(.acknowledged(Query(number: number))) }
    }

    private mutating func receivePong(_ pong: Pong, at now: SessionTime, events: inout [ClientSessionEvent]) {
        self.sent.remove(pong.messageIdentifier)
        guard let roundTrip = self.link.receivedPong(pong.pingIdentifier, at: now.monotonicNanoseconds) else { return }
        events.append(.pong(pingIdentifier: pong.pingIdentifier, roundTripNanoseconds: roundTrip))
    }

    // MARK: Salts

    private mutating func receiveBadSalt(
        _ notice: BadServerSalt,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        guard self.isKnown(notice.badIdentifier) else { return }
        self.adopt(salt: notice.newSalt, at: now, events: &events)
        self.refuse(notice.badIdentifier, code: .wrongSalt, at: now, events: &events)
    }

    /// Takes a salt that the server says is right now.
    private mutating func adopt(salt: UInt64, at now: SessionTime, events: inout [ClientSessionEvent]) {
        let seconds = self.time.serverNanoseconds(at: now) / 1_000_000_000
        guard self.salts.adopt(salt, at: seconds) else { return }
        events.append(.saltsChanged)
        self.planSaltRequest(at: now)
    }

    private mutating func receiveFutureSalts(
        _ future: FutureSalts,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        guard case .service(let pending)? = self.sent[future.requestIdentifier]?.content,
            case .getFutureSalts = pending.message
        else { return }
        self.sent.remove(future.requestIdentifier)
        let seconds = self.time.serverNanoseconds(at: now) / 1_000_000_000
        let before = self.salts.salts
        self.salts.replace(with: future.salts, at: seconds)
        if self.salts.coveredUntil - SaltStore.coverSeconds > seconds { self.saltRequest.satisfied() }
        self.planSaltRequest(at: now)
        if self.salts.salts != before { events.append(.saltsChanged) }
    }

    // MARK: Sessions and keys

    /// The server knows nothing of what came before: queries sent before its first message go again.
    private mutating func receiveNewSession(
        _ session: NewSessionCreated,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        events.append(.newServerSession(session))
        self.adopt(salt: session.salt, at: now, events: &events)
        for number in self.queries.numbersInFlight().reversed() {
            guard let record = self.queries[number], record.outerIdentifier < session.firstMessageIdentifier else {
                continue
            }
            if self.travelsInRequests {
                self.resumeOvertaken(number, record, at: now)
            } else if record.isCancelled {
                self.finishCancelled(number, .unknown(RPCAnswerUnknown()), events: &events)
            } else if record.isAcknowledged, !record.repeatsWhenForgotten {
                self.fail(number, SessionError(.deliveryUnknown, deliveryState: .delivered), events: &events)
            } else {
                self.queries.sendAgain(number, isRefused: false)
            }
        }
    }

    /// Sees to a query older than the first message of a new session, over HTTP: its request may only have been overtaken by
    /// the one that made the session, or this notice by another. It may be with the server, so it keeps its identifier.
    private mutating func resumeOvertaken(_ number: UInt64, _ record: QueryRecord, at now: SessionTime) {
        if record.isCancelled {
            self.serviceLine.append(.dropAnswer(number: number))
        } else if self.isRepeatable(record, at: now), !record.isAcknowledged || record.repeatsWhenForgotten {
            self.queries.repeatSending(number)
        } else {
            self.serviceLine.askState(of: record.identifier)
        }
    }

    mutating func receiveDestroyedSession(_ identifier: UInt64, existed: Bool, events: inout [ClientSessionEvent]) {
        let known = self.sent.first { message in
            if case .destroySession(identifier) = message { return true }
            return false
        }
        guard let known else { return }
        self.sent.remove(known)
        events.append(.sessionDestroyed(identifier: identifier, existed: existed))
    }

    mutating func receiveDestroyedKey(_ result: DestroyAuthKeyResult, events: inout [ClientSessionEvent]) {
        let known = self.sent.first { message in
            if case .destroyAuthorizationKey = message { return true }
            return false
        }
        guard let known else { return }
        self.sent.remove(known)
        events.append(.keyDestroyed(result))
    }
}
