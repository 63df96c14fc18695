// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

extension ServerConnectionHandler {
    /// Starts a query: takes its wrappers off and hands it to whoever answers it.
    func start(_ query: ServerQuery, in session: ServerSessionIdentifier, context: ChannelHandlerContext) {
        let identifier = QueryIdentifier(query.messageIdentifier, in: session)
        let envelope: QueryEnvelope
        do {
            envelope = try self.unwrap(query.body)
        } catch {
            self.logger.debug("query cannot be read", metadata: ["error": "\(error)"])
            return self.answer(identifier, .error(400, "INPUT_REQUEST_INVALID"))
        }
        if let layer = envelope.layer { self.noteLayer(layer, of: session, context: context) }
        let predecessors = Set(
            envelope.after.lazy.map { QueryIdentifier($0, in: session) }.filter { self.queries.isRunning($0) }
        )
        if predecessors.isEmpty {
            self.run(envelope, of: identifier, context: context)
        } else {
            self.postpone(envelope, of: identifier, after: predecessors, context: context)
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
        let work = self.shared.work
        work.begin()
        context.eventLoop.makeFutureWithTask { try await store.setLayer(layer, for: identifier) }
            .assumeIsolated().whenComplete { result in
                if case .failure(let error) = result {
                    self.logger.error("store failed", metadata: ["error": "\(error)"])
                }
                work.end()
            }
    }

    private func postpone(
        _ envelope: QueryEnvelope,
        of query: QueryIdentifier,
        after predecessors: Set<QueryIdentifier>,
        context: ChannelHandlerContext
    ) {
        var envelope = envelope
        // It is kept for a while; the payload that it is a part of need not be.
        envelope.query = envelope.query.withoutSlack
        let postponed = envelope
        let deadline = context.eventLoop.assumeIsolated().scheduleTask(
            in: self.shared.configuration.timeouts.predecessor
        ) {
            if let expired = self.queries.takeDeferred(query) { expired.fail() }
        }
        self.queries.postpone(
            .init(
                identifier: query,
                predecessors: predecessors,
                start: { self.run(postponed, of: query, context: context) },
                fail: {
                    self.answer(query, .error(400, "MSG_WAIT_TIMEOUT"))
                    self.queryFinished(query)
                },
                deadline: deadline
            )
        )
    }

    private func run(
        _ envelope: QueryEnvelope,
        of identifier: QueryIdentifier,
        context: ChannelHandlerContext
    ) {
        let session = identifier.session
        guard let key = self.keys[session.authorizationKey] else {
            return self.answer(identifier, .error(401, "AUTH_KEY_UNREGISTERED"))
        }
        let constructor = envelope.query.getInteger(
            at: envelope.query.readerIndex,
            endianness: .little,
            as: UInt32.self
        )
        if constructor == BindTemporaryAuthKey.constructor {
            return self.bindTemporaryKey(envelope.query, of: identifier)
        }
        let isUnboundTemporaryKey = key.isTemporary && key.permanentKeyIdentifier == nil
        if isUnboundTemporaryKey, !Self.isAllowedUnbound(constructor) {
            return self.answer(identifier, .error(401, "AUTH_KEY_PERM_EMPTY"))
        }
        let query = QueryContext(
            authorizationKeyIdentifier: session.authorizationKey,
            permanentKeyIdentifier: key.isTemporary ? key.permanentKeyIdentifier : session.authorizationKey,
            sessionIdentifier: session.session,
            messageIdentifier: identifier.message,
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
            of: identifier,
            clientKey: query.permanentKeyIdentifier ?? session.authorizationKey
        )
    }

    private static func isAllowedUnbound(_ constructor: UInt32?) -> Bool {
        constructor == HelpGetConfig.constructor || constructor == HelpGetNearestDataCenter.constructor
    }

    /// Answers at once, or when the asynchronous answer is there.
    private func finish(_ response: QueryResponse, of query: QueryIdentifier, clientKey: UInt64) {
        guard case .asynchronous(let work) = response, let eventLoop = self.eventLoop else {
            return self.answer(query, response)
        }
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let pending = self.shared.work
        pending.begin()
        // Unstructured so that a dropped answer or a closed connection can cancel just this query.
        let task = Task {
            var response = await work()
            // Here, so that the query keeps its place among those whose connections are gone, and can be cancelled.
            while case .asynchronous(let further) = response {
                response = Task.isCancelled ? .error(500, "QUERY_CANCELLED") : await further()
            }
            let outcome = response
            eventLoop.execute {
                defer { pending.end() }
                let handler = bound.value
                handler.queryEnded(query)
                guard handler.queries.finish(query) else { return }
                handler.answer(query, outcome)
                handler.queryFinished(query)
            }
        }
        self.queries.start(query, clientKey: clientKey, cancel: { task.cancel() })
    }

    /// Starts what waited for a query that is no more, and what waited for that.
    func startQueries(waitingFor query: QueryIdentifier) {
        self.queries.settle(query)
        while let query = self.queries.takeReady() {
            query.start()
            self.queries.settle(query.identifier)
        }
    }

    private func queryFinished(_ query: QueryIdentifier) {
        self.startQueries(waitingFor: query)
        self.flushSessions()
        self.rescheduleTimer()
        self.resumeReading()
    }

    /// Ends the queries of this connection, but for those that outlive a connection of HTTP. Their sessions go on: whoever
    /// repeats one there must not wait for ever.
    func endQueries() {
        if self.carrier.isTurnBased, !self.isShuttingDown { self.detachQueries() }
        for query in self.queries.cancelAll(where: { self.detachedQueries[$0] == nil }) {
            self.answer(query, .error(500, "QUERY_CANCELLED"))
        }
        // Accepted, and perhaps acknowledged, but not begun: without an answer a repetition would wait for ever.
        for action in self.takeWaitingActions() {
            guard case .query(let query) = action.action else { continue }
            let identifier = QueryIdentifier(query.messageIdentifier, in: action.session)
            self.answer(identifier, .error(500, "QUERY_CANCELLED"))
        }
    }

    private func answer(_ query: QueryIdentifier, _ response: QueryResponse) {
        switch response {
        case .result(let result): self.update(query.session, .result(result, of: query.message))
        case .error(let error): self.update(query.session, .error(error, of: query.message))
        case .asynchronous: break
        }
    }
}

// MARK: auth.bindTempAuthKey

extension ServerConnectionHandler {
    private func bindTemporaryKey(
        _ body: ByteBuffer,
        of query: QueryIdentifier
    ) {
        let call: BindTemporaryAuthKey
        do {
            call = try BindTemporaryAuthKey(body)
        } catch {
            return self.answer(query, .error(400, "INPUT_REQUEST_INVALID"))
        }
        let store = self.shared.configuration.authorizationKeys
        let clock = self.shared.configuration.clock
        let temporaryKey = query.session.authorizationKey
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
                sessionIdentifier: query.session.session,
                messageIdentifier: query.message
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
                self.answer(query, .error(TemporaryKeyBindingError.code, refusal.rawValue))
            } else {
                self.keys.change(temporaryKey) {
                    $0.permanentKeyIdentifier = call.permanentKeyIdentifier
                    $0.layer = nil
                }
                self.answer(query, .result(ByteBuffer(tlBoolean: true)))
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
