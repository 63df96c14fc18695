// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// A response that the client may not have received.
struct UnprovenResponse {
    let session: ServerSessionIdentifier
    /// The response's own number, under which the session knows what was in it.
    let carrier: UInt64
    /// Whether the connection ends with it, and it has been written: what shows that it arrived is then that the client ends
    /// the connection afterwards.
    var isLast = false
}

/// HTTP: the server sends only in its turn, one payload to a request.
///
/// The answer to a query goes to the request that brought it while that waits, everything else to the session's newest waiting
/// request. What a response carried is put back when the connection ends before another request on it.
extension ServerConnectionHandler {
    // MARK: Beginning

    /// Lets others find this connection, which belongs to the session of its latest request.
    private func attachRequests(to session: ServerSessionIdentifier, key: AuthorizationKeyRecord) {
        guard self.sessions[session] == nil, let eventLoop = self.eventLoop else { return }
        self.detachRequests()
        self.sessions = [session: AttachedSession(key: key.key, salts: key.salts)]
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        self.shared.connections.attach(
            .init(
                carrier: self.carrierNumber,
                isWaiting: false,
                wake: { eventLoop.execute { bound.value.woken(in: session) } },
                supersede: { turn in eventLoop.execute { bound.value.endPoll(turn, of: session) } }
            ),
            to: session
        )
    }

    private func detachRequests() {
        for session in self.sessions.keys { self.shared.connections.detach(self.carrierNumber, from: session) }
        self.sessions = [:]
    }

    /// A payload was accepted: its connection belongs to its session now, and its request waits.
    func beginTurn(_ turn: HTTPTurn, key: AuthorizationKeyRecord) {
        // A client asks again when it has the answer to what it asked before; another client behind the same intermediary
        // says nothing about that.
        if self.unprovenResponse?.session == turn.session { self.unprovenResponse = nil }
        self.putBackResponse()
        self.attachRequests(to: turn.session, key: key)
        self.turn = turn
    }

    /// Everything that the request asked for has been begun.
    func settleTurn() {
        guard var turn = self.turn, !turn.isSettled else { return }
        let now = self.shared.configuration.clock.now()
        turn.settle(at: now, self.shared.configuration.httpWait)
        self.turn = turn
        guard !turn.isDue(at: now) else { return }
        self.shared.connections.beginWaiting(
            self.carrierNumber,
            for: turn.session,
            turn: turn.number,
            isPoll: turn.isPoll
        )
        // What became ready between the request and the registration woke nobody.
        self.lookForOutput(of: turn.session)
    }

    // MARK: Waiting

    /// Puts the outcome of something that a request asked for into its session.
    func updateRequested(_ session: ServerSessionIdentifier, _ update: SessionUpdate) {
        let now = self.shared.configuration.clock.now()
        guard self.turn?.session == session, self.turn?.add(update, at: now) == true else {
            // Its request is answered already: another one is to carry it.
            return self.lateUpdates.append((session, update))
        }
    }

    /// Somebody has chosen this connection to send what a session has.
    private func woken(in session: ServerSessionIdentifier) {
        guard self.turn?.session == session, !self.isClosing else {
            // Its request was answered or has gone meanwhile: another one may wait.
            return self.shared.wake(session)
        }
        self.lookForOutput(of: session)
    }

    /// The session has changed, or its deadline has come: whether there is something to send now.
    private func lookForOutput(of session: ServerSessionIdentifier) {
        guard self.turn?.session == session, self.turn?.isSettled == true, !self.isClosing else { return }
        let now = self.shared.configuration.clock.now()
        let updates = self.turn?.takeUpdates() ?? []
        let isPoll = self.turn?.isPoll == true
        self.change(session) { session in
            for update in updates { update.apply(to: &session, at: now) }
            return TurnOutput(doingWhatIsDueIn: &session, isPoll: isPoll, at: now)
        } failed: {
            self.putAgain(updates, into: session, at: now)
        } then: { output in
            guard self.turn?.session == session else {
                // The turn has ended while the store was asked.
                if output?.isReady == true { self.shared.wake(session) }
                return
            }
            if let output {
                self.note(output, of: session, at: now)
            } else {
                self.turn?.finish()
            }
            self.progressTurn()
            self.rescheduleTimer()
        }
    }

    private func note(_ output: TurnOutput, of session: ServerSessionIdentifier, at now: SessionTime) {
        if output.isReady, let turn = self.turn, !turn.isPoll, !turn.hasAnswers,
            !self.shared.connections.isChosen(self.carrierNumber, for: session)
        {
            // Another request waits for whatever comes, this one for its answers.
            self.turn?.note(TurnOutput(isReady: false, deadline: output.deadline), at: now)
            return self.shared.wake(session)
        }
        self.turn?.note(output, at: now)
    }

    /// A newer request of the session waits for whatever comes. That was said to a turn that may be over.
    private func endPoll(_ number: UInt64, of session: ServerSessionIdentifier) {
        guard let turn = self.turn, turn.number == number, turn.session == session, turn.isPoll else { return }
        self.turn?.finish()
        self.progressTurn()
        self.rescheduleTimer()
    }

    /// Answers the request if it is time, and sees to it that it will be.
    func progressTurn() {
        self.putLateUpdates()
        guard var turn = self.turn, turn.isSettled, !self.isBusy, !self.isClosing, let context = self.context else {
            return
        }
        // Nobody will ask again on this connection.
        if turn.isPoll, self.isInputClosed || self.isShuttingDown {
            turn.finish()
            self.turn = turn
        }
        let now = self.shared.configuration.clock.now()
        let isDue = turn.isDue(at: now)
        if turn.hasUpdates && !isDue || isDue && turn.mustLook(at: now) { return self.lookForOutput(of: turn.session) }
        if isDue { return self.respond(to: turn, at: now, context: context) }
        self.turn?.pause()
        self.timers.sessionDeadline = turn.nextEvent.map {
            context.eventLoop.now + .nanoseconds(max(0, $0 &- now.monotonicNanoseconds))
        }
    }

    /// The time that ``HTTPTurn/nextEvent`` named has come.
    func turnDeadlineReached() {
        self.timers.sessionDeadline = nil
        guard let turn = self.turn else { return }
        if turn.isDue(at: self.shared.configuration.clock.now()) {
            self.progressTurn()
        } else {
            self.lookForOutput(of: turn.session)
        }
    }

    func putLateUpdates() {
        let updates = self.lateUpdates
        guard !updates.isEmpty, let eventLoop = self.eventLoop else { return }
        self.lateUpdates = []
        let now = self.shared.configuration.clock.now()
        for (session, update) in updates {
            self.shared.changeInsistently(session, on: eventLoop) { update.apply(to: &$0, at: now) }
        }
    }

    // MARK: Answering

    private func respond(to turn: HTTPTurn, at now: SessionTime, context: ChannelHandlerContext) {
        self.turn = nil
        self.timers.sessionDeadline = nil
        self.shared.connections.endWaiting(self.carrierNumber, for: turn.session)
        let random = self.shared.configuration.random
        let carrier = self.shared.connections.nextResponseCarrier()
        self.isResponding = true
        self.change(turn.session) { session in
            let repeatedBefore = session.repeatedMessageCount
            for update in turn.updates { update.apply(to: &session, at: now) }
            let payload = session.nextResponse(
                notices: turn.notices,
                answering: turn.answeredQueries,
                authorizationKey: turn.key,
                salts: turn.salts,
                at: now,
                random: random,
                carrier: carrier
            )
            let repeatedCount = session.repeatedMessageCount &- repeatedBefore
            return (payload: payload, isDrained: !session.hasOutput, repeatedCount: repeatedCount)
        } failed: {
            // Whether the store has done it is not known.
            self.isResponding = false
            self.shared.changeAgain(turn.session, on: context.eventLoop) { session in
                for update in turn.updates { update.apply(to: &session, at: now) }
                session.responseLost(carrier, at: now)
            }
        } then: { response in
            self.isResponding = false
            if let response {
                self.shared.metrics.messagesRepeated(response.repeatedCount)
                self.unprovenResponse = UnprovenResponse(session: turn.session, carrier: carrier)
                self.send(response: response.payload)
                // What did not fit is for whoever waits.
                if !response.isDrained { self.shared.wake(turn.session) }
            } else {
                self.respondWithoutSession(to: turn, at: now)
            }
            let waiters = self.responseWaiters
            self.responseWaiters = []
            for waiter in waiters { waiter.succeed() }
        }
    }

    /// The session was removed while a request waited in it.
    private func respondWithoutSession(to turn: HTTPTurn, at now: SessionTime) {
        guard self.keys[turn.session.authorizationKey] != nil else { return self.refuse(.notFound) }
        // The key is as good as before, which a status could not say: there is nothing in this session, and the client's next
        // message begins it anew.
        var session = self.shared.makeSession(turn.session)
        self.send(
            response: session.nextResponse(
                authorizationKey: turn.key,
                salts: turn.salts,
                at: now,
                random: self.shared.configuration.random,
                carrier: 0
            )
        )
    }

    func send(response: ByteBuffer) {
        guard let context = self.context, !self.isClosing else { return self.putBackResponse() }
        let sent = context.eventLoop.makePromise(of: Void.self)
        sent.futureResult.assumeIsolated().whenSuccess {
            // No request will follow to prove it.
            if self.transportHandler.hasSentLast, !self.isInputClosed { self.unprovenResponse?.isLast = true }
        }
        self.requestAnswered()
        self.shared.metrics.sentPayload(over: self.carrier)
        context.writeAndFlush(self.wrapOutboundOut(.payload(response, requestQuickAck: false)), promise: sent)
        self.closeIfFinished()
        self.resumeReading()
    }

    // MARK: The end

    /// The connection ends, and its request is not answered by the session.
    func abandonTurn() {
        guard var turn = self.turn else { return }
        self.turn = nil
        self.timers.sessionDeadline = nil
        self.lateUpdates += turn.takeUpdates().map { (turn.session, $0) }
        self.shared.connections.endWaiting(self.carrierNumber, for: turn.session)
        // It may have been the one that was told of what waits.
        self.shared.wake(turn.session)
    }

    /// The connection has ended, or carries no requests any more.
    func leaveRequests() {
        self.abandonTurn()
        self.putLateUpdates()
        self.putBackResponse()
        if self.carrier.isTurnBased { self.detachRequests() }
        let waiters = self.responseWaiters
        self.responseWaiters = []
        for waiter in waiters { waiter.fail(ChannelError.ioOnClosedChannel) }
    }

    /// The last response may be lost: its messages go to another request.
    private func putBackResponse() {
        guard let response = self.unprovenResponse, let eventLoop = self.eventLoop else { return }
        self.unprovenResponse = nil
        let now = self.shared.configuration.clock.now()
        self.shared.changeInsistently(response.session, on: eventLoop) {
            $0.responseLost(response.carrier, at: now)
        }
    }

    /// The connection ends and its queries go on: their answers go to other requests of the session.
    func detachQueries() {
        for (query, running) in self.queries.running where self.detachedQueries[query] == nil {
            self.detachedQueries[query] = self.shared.detachedQueries.insert(
                ofKey: running.clientKey,
                running.cancel
            )
        }
    }

    func queryEnded(_ query: QueryIdentifier) {
        guard let number = self.detachedQueries.removeValue(forKey: query) else { return }
        self.shared.detachedQueries.remove(number)
    }

    /// Runs a change on a session if it exists, and then goes on, at once or when the store has answered.
    private func change<Value: Sendable>(
        _ session: ServerSessionIdentifier,
        _ change: @escaping @Sendable (inout ServerSession) -> Value,
        failed: @escaping () -> Void,
        then: @escaping (Value?) -> Void
    ) {
        guard let eventLoop = self.eventLoop else { return }
        let result = self.shared.configuration.sessions.change(
            session,
            on: eventLoop,
            makingIfMissing: nil,
            change
        )
        switch result {
        case .immediate(let value):
            then(value)
        case .later(let future):
            future.assumeIsolated().whenComplete { result in
                switch result {
                case .success(let value): then(value)
                case .failure(let error):
                    failed()
                    self.storeFailed(error)
                }
            }
        }
    }
}
