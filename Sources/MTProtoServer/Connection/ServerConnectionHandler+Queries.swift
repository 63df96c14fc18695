// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

extension ServerConnectionHandler {
    /// Starts a query: takes its wrappers off and hands it to whoever answers it.
    func start(_ query: ServerQuery, in session: ServerSessionIdentifier, context: ChannelHandlerContext) {
        let envelope: QueryEnvelope
        do {
            envelope = try self.unwrap(query.body)
        } catch {
            self.logger.debug("query cannot be read", metadata: ["error": "\(error)"])
            return self.answer(query.messageIdentifier, .error(400, "INPUT_REQUEST_INVALID"), in: session)
        }
        if let layer = envelope.layer { self.noteLayer(layer, of: session, context: context) }
        let predecessors = Set(envelope.after.filter { self.queries.isRunning($0) })
        if predecessors.isEmpty {
            self.run(envelope, of: query.messageIdentifier, in: session, context: context)
        } else {
            self.postpone(envelope, of: query.messageIdentifier, after: predecessors, in: session, context: context)
        }
    }

    /// Compressed queries of one payload share one limit, so that a container of many cannot unpack to many times as much.
    private func unwrap(_ body: ByteBuffer) throws(TLError) -> QueryEnvelope {
        try QueryEnvelope.unwrap(body, budget: &self.unpackingBudget)
    }

    private func noteLayer(_ layer: Int32, of session: ServerSessionIdentifier, context: ChannelHandlerContext) {
        let identifier = session.authorizationKey
        guard let key = self.keys[identifier], key.layer != layer else { return }
        self.keys.change(identifier) { $0.layer = layer }
        let store = self.shared.configuration.authorizationKeys
        context.eventLoop.makeFutureWithTask { try await store.setLayer(layer, for: identifier) }
            .assumeIsolated().whenFailure { error in
                self.logger.error("store failed", metadata: ["error": "\(error)"])
            }
    }

    private func postpone(
        _ envelope: QueryEnvelope,
        of messageIdentifier: UInt64,
        after predecessors: Set<UInt64>,
        in session: ServerSessionIdentifier,
        context: ChannelHandlerContext
    ) {
        var envelope = envelope
        // It is kept for a while; the payload that it is a part of need not be.
        envelope.query = envelope.query.withoutSlack
        let postponed = envelope
        let deadline = context.eventLoop.assumeIsolated().scheduleTask(
            in: self.shared.configuration.timeouts.predecessor
        ) {
            if let expired = self.queries.takeDeferred(messageIdentifier) { expired.fail() }
        }
        self.queries.postpone(
            .init(
                messageIdentifier: messageIdentifier,
                session: session,
                predecessors: predecessors,
                start: { self.run(postponed, of: messageIdentifier, in: session, context: context) },
                fail: {
                    self.answer(messageIdentifier, .error(400, "MSG_WAIT_TIMEOUT"), in: session)
                    self.queryFinished(messageIdentifier)
                },
                deadline: deadline
            )
        )
    }

    private func run(
        _ envelope: QueryEnvelope,
        of messageIdentifier: UInt64,
        in session: ServerSessionIdentifier,
        context: ChannelHandlerContext
    ) {
        guard let key = self.keys[session.authorizationKey] else {
            return self.answer(messageIdentifier, .error(401, "AUTH_KEY_UNREGISTERED"), in: session)
        }
        let constructor = envelope.query.getInteger(
            at: envelope.query.readerIndex,
            endianness: .little,
            as: UInt32.self
        )
        if constructor == BindTemporaryAuthKey.constructor {
            return self.bindTemporaryKey(envelope.query, of: messageIdentifier, in: session)
        }
        let isUnboundTemporaryKey = key.isTemporary && key.permanentKeyIdentifier == nil
        if isUnboundTemporaryKey, !Self.isAllowedUnbound(constructor) {
            return self.answer(messageIdentifier, .error(401, "AUTH_KEY_PERM_EMPTY"), in: session)
        }
        let query = QueryContext(
            authorizationKeyIdentifier: session.authorizationKey,
            permanentKeyIdentifier: key.isTemporary ? key.permanentKeyIdentifier : session.authorizationKey,
            sessionIdentifier: session.session,
            messageIdentifier: messageIdentifier,
            dataCenter: key.dataCenter,
            layer: key.layer,
            initConnection: envelope.initConnection,
            isWithoutUpdates: envelope.withoutUpdates,
            carrier: self.carrier,
            transport: self.handshake,
            localAddress: context.channel.localAddress,
            remoteAddress: context.channel.remoteAddress
        )
        self.finish(
            self.shared.responder.respond(to: envelope.query, context: query),
            of: messageIdentifier,
            in: session
        )
    }

    private static func isAllowedUnbound(_ constructor: UInt32?) -> Bool {
        constructor == HelpGetConfig.constructor || constructor == HelpGetNearestDataCenter.constructor
    }

    /// Answers at once, or when the asynchronous answer is there.
    func finish(_ response: QueryResponse, of messageIdentifier: UInt64, in session: ServerSessionIdentifier) {
        guard case .asynchronous(let work) = response, let eventLoop = self.eventLoop else {
            return self.answer(messageIdentifier, response, in: session)
        }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        // Unstructured so that a dropped answer or a closed connection can cancel just this query.
        let task = Task {
            let response = await work()
            eventLoop.execute {
                let handler = bound.value
                handler.queryEnded(messageIdentifier)
                guard handler.queries.finish(messageIdentifier) else { return }
                handler.finish(response, of: messageIdentifier, in: session)
                handler.queryFinished(messageIdentifier)
            }
        }
        self.queries.start(messageIdentifier, .init(session: session, cancel: { task.cancel() }))
    }

    /// Starts what waited for a query that is no more, and what waited for that.
    func startQueries(waitingFor messageIdentifier: UInt64) {
        self.queries.settle(messageIdentifier)
        while let query = self.queries.takeReady() {
            query.start()
            self.queries.settle(query.messageIdentifier)
        }
    }

    private func queryFinished(_ messageIdentifier: UInt64) {
        self.startQueries(waitingFor: messageIdentifier)
        self.flushSessions()
        self.rescheduleTimer()
        self.resumeReading()
    }

    /// Ends the queries of this connection, but for those that outlive a connection of HTTP. Their sessions go on: whoever
    /// repeats one there must not wait for ever.
    func endQueries() {
        if self.carrier.isTurnBased, !self.isShuttingDown { self.detachQueries() }
        for query in self.queries.cancelAll(where: { self.detachedQueries[$0] == nil }) {
            self.answer(query.messageIdentifier, .error(500, "QUERY_CANCELLED"), in: query.session)
        }
        // Accepted, and perhaps acknowledged, but not begun: without an answer a repetition would wait for ever.
        for action in self.takeWaitingActions() {
            guard case .query(let query) = action.action else { continue }
            self.answer(query.messageIdentifier, .error(500, "QUERY_CANCELLED"), in: action.session)
        }
    }

    private func answer(_ messageIdentifier: UInt64, _ response: QueryResponse, in session: ServerSessionIdentifier) {
        switch response {
        case .result(let result): self.update(session, .result(result, of: messageIdentifier))
        case .error(let error): self.update(session, .error(error, of: messageIdentifier))
        case .asynchronous: break
        }
    }
}

// MARK: auth.bindTempAuthKey

extension ServerConnectionHandler {
    private func bindTemporaryKey(
        _ body: ByteBuffer,
        of messageIdentifier: UInt64,
        in session: ServerSessionIdentifier
    ) {
        let call: BindTemporaryAuthKey
        do {
            call = try BindTemporaryAuthKey(body)
        } catch {
            return self.answer(messageIdentifier, .error(400, "INPUT_REQUEST_INVALID"), in: session)
        }
        let store = self.shared.configuration.authorizationKeys
        let clock = self.shared.configuration.clock
        let temporaryKey = session.authorizationKey
        let connections = self.shared.connections
        guard let context = self.context else { return }
        let outcome = context.eventLoop.makeFutureWithTask { () -> TemporaryKeyBindingError? in
            let permanent = try await store.record(for: call.permanentKeyIdentifier)
            let temporary = try await store.record(for: temporaryKey)
            let verification = TemporaryKeyBindingVerification(
                carryingKey: .init(
                    identifier: temporaryKey,
                    expiresAt: temporary?.expiresAt,
                    boundTo: temporary?.permanentKeyIdentifier
                ),
                sessionIdentifier: session.session,
                messageIdentifier: messageIdentifier
            )
            do throws(TemporaryKeyBindingError) {
                try verification.checkKeys(call)
                _ = try verification.verify(
                    call,
                    opened: Self.open(call, with: permanent),
                    at: clock.now().wallNanoseconds / 1_000_000_000
                )
            } catch {
                return error
            }
            switch try await store.bind(temporary: temporaryKey, to: call.permanentKeyIdentifier) {
            case .bound(let released):
                if let released { connections.forgetKey(released) }
                return nil
            case .alreadyBoundToAnother: return .alreadyBound
            case .unknownKey: return .encryptedMessageInvalid
            }
        }
        // Later payloads wait: they may be the first API calls under the key that is being bound.
        self.suspendProcessing(until: outcome) { (refusal: TemporaryKeyBindingError?) in
            if let refusal {
                self.answer(messageIdentifier, .error(TemporaryKeyBindingError.code, refusal.rawValue), in: session)
            } else {
                self.keys.change(temporaryKey) {
                    $0.permanentKeyIdentifier = call.permanentKeyIdentifier
                    $0.layer = nil
                }
                self.answer(messageIdentifier, .result(ByteBuffer(tlBoolean: true)), in: session)
            }
        }
    }

    private static func open(
        _ call: BindTemporaryAuthKey,
        with permanent: AuthorizationKeyRecord?
    ) -> TemporaryKeyBindingVerification.Opened? {
        guard let permanent, !permanent.isTemporary,
            let opened = try? TemporaryKeyBinding.open(call.encryptedMessage, permanentKey: permanent.key)
        else { return nil }
        return .init(inner: opened.inner, messageIdentifier: opened.messageIdentifier)
    }
}
