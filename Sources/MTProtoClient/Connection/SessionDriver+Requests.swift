// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession
internal import NIOCore

extension SessionDriver {
    /// `CONNECTION_NOT_INITED`: the server wants the wrapper again.
    private static let notInitializedError = "CONNECTION_NOT_INITED"
    /// The temporary key is bound to no permanent one, or not any more; nothing was executed.
    private static let unboundError = "AUTH_KEY_PERM_EMPTY"

    /// Queues a query.
    ///
    /// - Parameters:
    ///   - number: chosen by the caller, to cancel by.
    ///   - isService: whether it goes without `initConnection` in any case.
    ///   - wasUnbound: whether it was refused once because the key was not bound.
    func invoke(
        _ query: ByteBuffer,
        number: UInt64,
        isService: Bool,
        result: EventLoopPromise<ByteBuffer>,
        quickAck: EventLoopPromise<Void>?,
        wasUnbound: Bool = false
    ) {
        if let failure = self.failure {
            let lost = QueryFailure(cause: failure, phase: .use, delivery: .notDelivered)
            result.fail(lost)
            quickAck?.fail(lost)
            return
        }
        if self.isHolding {
            let waiting = HeldQuery(
                query: query,
                number: number,
                result: result,
                quickAck: quickAck,
                wasUnbound: wasUnbound
            )
            let count = self.session.unansweredQueryCount
            guard self.held.hasRoom(for: waiting, within: self.session.configuration, besides: count) else {
                return waiting.fail(with: SessionError(.queueFull, deliveryState: .notDelivered))
            }
            return self.held.append(waiting)
        }
        let isWrapped = !isService && !self.isInitialized
        do {
            let handle = try self.session.invoke(
                isWrapped ? self.application.wrap(query) : query,
                requestQuickAck: quickAck != nil && self.hasQuickAcknowledgements,
                repeatsWhenForgotten: self.repeatsWhenForgotten,
                at: self.clock.now()
            )
            self.requests[handle] = Request(
                number: number,
                result: result,
                quickAck: quickAck,
                bareQuery: isService ? nil : query,
                isWrapped: isWrapped,
                wasUnbound: wasUnbound,
                start: .now
            )
            self.queriesByNumber[number] = handle
            self.scheduleFlush()
        } catch {
            result.fail(error)
            quickAck?.fail(error)
        }
    }

    /// Queues a query whose body depends on its message identifier.
    func invoke(
        result: EventLoopPromise<ByteBuffer>,
        makeBody: @escaping @Sendable (UInt64) -> ByteBuffer
    ) {
        if let failure = self.failure { return result.fail(failure) }
        do {
            let handle = try self.session.invoke(requestQuickAck: false, at: self.clock.now(), makeBody: makeBody)
            self.requests[handle] = Request(
                number: 0,
                result: result,
                quickAck: nil,
                bareQuery: nil,
                isWrapped: false,
                start: .now
            )
            self.scheduleFlush()
        } catch {
            result.fail(error)
        }
    }

    /// Binds the session's key to the permanent one.
    ///
    /// - Throws: in the future: ``MTProtoClientError`` when the server does not.
    func bind(
        _ temporary: SavedConnection.Temporary,
        to permanent: SavedSession,
        random: RandomSource
    ) -> EventLoopFuture<Void> {
        let inner = BindAuthKeyInner(
            nonce: random.integer(Int64.self),
            temporaryKeyIdentifier: temporary.session.authorizationKey.identifier,
            permanentKeyIdentifier: permanent.authorizationKey.identifier,
            temporarySessionIdentifier: self.session.sessionIdentifier,
            expiresAt: temporary.expiresAt
        )
        let promise = self.eventLoop.makePromise(of: ByteBuffer.self)
        self.invoke(result: promise) { messageIdentifier in
            BindTemporaryAuthKey(
                permanentKeyIdentifier: inner.permanentKeyIdentifier,
                nonce: inner.nonce,
                expiresAt: inner.expiresAt,
                encryptedMessage: TemporaryKeyBinding.makeEncryptedMessage(
                    inner: inner,
                    permanentKey: permanent.authorizationKey,
                    messageIdentifier: messageIdentifier,
                    random: random
                )
            ).serialized()
        }
        return promise.futureResult.flatMapErrorThrowing { error in
            // It belongs to connecting: it is no query of a user.
            throw (error as? QueryFailure)?.cause ?? error
        }.flatMapThrowing { result in
            guard result == ByteBuffer(tlBoolean: true) else {
                throw MTProtoClientError(
                    .keyExchange,
                    phase: .encryptedSession,
                    message: "the server did not bind the temporary key"
                )
            }
        }
    }

    /// Gives a query up; the server is told that nobody waits for the answer.
    func cancel(_ number: UInt64, because reason: any Error) {
        if let query = self.held.remove(number) { return query.fail(with: reason) }
        guard let query = self.queriesByNumber[number], let request = self.takeRequest(query) else { return }
        let delivery = self.session.deliveryState(of: query)
        _ = self.session.cancel(query, at: self.clock.now())
        request.fail(with: reason, delivery: delivery)
        self.scheduleFlush()
    }

    func ping(_ promise: EventLoopPromise<Duration>) {
        if let failure = self.failure { return promise.fail(failure) }
        // It is about the connection: without one there is nothing to wait for.
        guard self.link != nil else { return promise.fail(self.linkError ?? ConnectionClosedLocally()) }
        self.pings[self.session.ping(at: self.clock.now())] = promise
        self.scheduleFlush()
    }

    /// Asks the server to forget another session of the key.
    func forgetOnServer(session identifier: UInt64) {
        self.session.destroySession(identifier, at: self.clock.now())
        self.scheduleFlush()
    }

    func handle(_ events: [ClientSessionEvent]) {
        for event in events { self.handle(event) }
    }

    private func handle(_ event: ClientSessionEvent) {
        switch event {
        case .result(let query, let result):
            guard let request = self.takeRequest(query) else { return }
            self.noteAnswer(to: request)
            request.quickAck?.succeed()
            request.result.succeed(result)
        case .rpcError(let query, let error):
            self.handle(error, of: query)
        case .acknowledged(let query):
            self.requests[query]?.quickAck?.succeed()
        case .failed(let query, let error):
            guard let request = self.takeRequest(query) else { return }
            request.fail(with: error, delivery: error.deliveryState)
        case .pong(let identifier, let roundTripNanoseconds):
            self.pings.removeValue(forKey: identifier)?.succeed(.nanoseconds(roundTripNanoseconds))
        case .connectionDead:
            self.fail(with: ConnectionDead())
        case .pingFailed(let identifier):
            self.pings.removeValue(forKey: identifier)?.fail(PingFailed())
        case .update, .sessionRestarted, .newServerSession, .saltsChanged, .timeSynchronized, .keyDestroyed:
            self.emit(event)
        case .stateReported, .dropped, .sessionDestroyed:
            break
        }
    }

    private func handle(_ error: RPCErrorMessage, of query: ClientSession.Query) {
        guard let request = self.takeRequest(query) else { return }
        if error.message == Self.notInitializedError, !request.isWrapped, let bareQuery = request.bareQuery {
            // The server has forgotten the application: say it again, once.
            self.isInitialized = false
            self.invoke(
                bareQuery,
                number: request.number,
                isService: false,
                result: request.result,
                quickAck: request.quickAck
            )
            return
        }
        if error.message == Self.unboundError, !request.wasUnbound, let bareQuery = request.bareQuery,
            let onUnbound = self.onUnbound
        {
            // Once more, when there is a key that is bound.
            self.isHolding = true
            self.held.append(
                HeldQuery(
                    query: bareQuery,
                    number: request.number,
                    result: request.result,
                    quickAck: request.quickAck,
                    wasUnbound: true
                )
            )
            return onUnbound(error)
        }
        self.noteAnswer(to: request)
        request.quickAck?.succeed()
        request.fail(with: error)
    }

    /// The first answer to a wrapped query, be it an error, says that the server knows the application now.
    private func noteAnswer(to request: Request) {
        guard request.isWrapped, !self.isInitialized else { return }
        self.isInitialized = true
        self.onStep(ConnectionStep(phase: .initialization, duration: request.start.duration(to: .now)))
    }

    private func emit(_ event: ClientSessionEvent) {
        guard let events = self.events, let event = ConnectionEvent(event) else { return }
        if case .update(let body) = event { self.noteEvent(byteCount: body.readableBytes) }
        if case .stopProducing = events.yield(event) { self.eventDemandChanged(isExhausted: true) }
    }
}

/// The server has not answered pings.
struct ConnectionDead: Error {}

/// The session has given up a ping.
struct PingFailed: Error {}
