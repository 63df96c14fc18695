// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// A session that a connection uses.
struct AttachedSession {
    let key: AuthorizationKey
    let salts: ServerSaltSchedule
    /// Whether the session counts this connection as one of its own.
    var isOpen = false
}

extension [ServerSessionAction] {
    /// Whether the payload that asked for these actions was processed.
    fileprivate var isAccepted: Bool {
        guard case .some(.acceptQuickAck(let isAccepted)) = self.first else { return false }
        return isAccepted
    }
}

extension ServerConnectionHandler {
    /// An encrypted payload under a known key.
    func receiveEncrypted(
        _ payload: ByteBuffer,
        key: AuthorizationKeyRecord,
        quickAckRequested: Bool,
        context: ChannelHandlerContext
    ) {
        let now = self.shared.configuration.clock.now()
        guard !key.hasExpired(at: now.wallNanoseconds / 1_000_000_000) else {
            return self.refuse(.notFound)
        }
        let message: EncryptedMessage
        do {
            message = try EncryptedMessage.open(payload, with: key.key, from: .clientToServer)
        } catch {
            // One reaction to every failure, so that nothing is learnt from it.
            return self.refuse(.notFound)
        }
        if !self.timers.isAuthorized {
            self.timers.authorized()
            self.write(.setAuthorized(keyIdentifier: key.key.identifier))
        }
        if let fault = self.shared.configuration.faults.transportError {
            return self.refuse(fault)
        }
        let identifier = ServerSessionIdentifier(
            authorizationKey: key.key.identifier,
            session: message.sessionIdentifier
        )
        let (actions, unpackingBudget) = self.shared.configuration.sessions.withSession(
            identifier,
            makingIfMissing: {
                // Should the store have forgotten it, this connection is not one of the new session's yet.
                self.forgetOpening(of: identifier)
                return self.makeSession(identifier)
            }
        ) { session in
            let actions = session.receive(message, salts: key.salts, at: now)
            return (actions, session.remainingInflatedByteCount)
        }
        // A payload that was rejected as a whole does not make its connection one of the session's.
        guard self.attach(identifier, key: key, isAccepted: actions.isAccepted, at: now) else {
            return self.refuse(.flood)
        }
        self.dirtySessions.insert(identifier)
        self.unpackingBudget = unpackingBudget
        self.perform(
            actions,
            in: identifier,
            quickAckToken: quickAckRequested ? message.quickAckToken : nil,
            context: context
        )
    }

    private func forgetOpening(of identifier: ServerSessionIdentifier) {
        guard self.sessions[identifier]?.isOpen == true else { return }
        self.sessions[identifier]?.isOpen = false
        self.shared.connections.detach(self.connectionNumber, from: identifier)
    }

    private func makeSession(_ identifier: ServerSessionIdentifier) -> ServerSession {
        ServerSession(
            authorizationKeyIdentifier: identifier.authorizationKey,
            sessionIdentifier: identifier.session,
            configuration: self.shared.configuration.session,
            random: self.shared.configuration.random
        )
    }

    private func attach(
        _ identifier: ServerSessionIdentifier,
        key: AuthorizationKeyRecord,
        isAccepted: Bool,
        at now: SessionTime
    ) -> Bool {
        if let attached = self.sessions[identifier] {
            if isAccepted, !attached.isOpen { self.open(identifier, at: now) }
            return true
        }
        guard self.sessions.count < self.shared.configuration.limits.sessionsPerConnection,
            self.context != nil
        else { return false }
        self.sessions[identifier] = AttachedSession(key: key.key, salts: key.salts)
        if isAccepted { self.open(identifier, at: now) }
        return true
    }

    private func open(_ identifier: ServerSessionIdentifier, at now: SessionTime) {
        guard let context = self.context else { return }
        self.sessions[identifier]?.isOpen = true
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        self.shared.connections.attach(
            .init(
                connection: self.connectionNumber,
                wake: {
                    eventLoop.execute {
                        bound.value.dirtySessions.insert(identifier)
                        bound.value.flushSessions()
                    }
                },
                forgetKey: {
                    eventLoop.execute { bound.value.keys[identifier.authorizationKey] = nil }
                }
            ),
            to: identifier
        )
        self.shared.configuration.sessions.withExistingSession(identifier) { $0.connectionOpened(at: now) }
    }

    func perform(_ action: SessionAction, context: ChannelHandlerContext) {
        let session = action.session
        switch action.action {
        case .acceptQuickAck(let isAccepted):
            if isAccepted, let token = action.quickAckToken { self.write(.quickAck(token)) }
        case .notify(let notices):
            self.send(notices, of: session)
        case .query(let query):
            self.start(query, in: session, context: context)
        case .cancelQuery(let messageIdentifier):
            self.queries.cancel(messageIdentifier)
            self.startQueries(waitingFor: messageIdentifier)
        case .disconnectAfter(let seconds):
            self.timers.disconnect(after: .seconds(Int64(max(0, seconds))), from: context.eventLoop.now)
        case .destroySession(let other, let request):
            self.destroySession(other, requestedBy: request, in: session)
        case .httpWait:
            break
        case .destroyAuthorizationKey(let request):
            self.destroyKey(requestedBy: request, in: session, context: context)
        }
    }

    /// Sends notices about a payload of this connection, on this connection.
    private func send(_ notices: [ByteBuffer], of session: ServerSessionIdentifier) {
        guard let attached = self.sessions[session] else { return }
        let now = self.shared.configuration.clock.now()
        let payloads = self.shared.configuration.sessions.withExistingSession(session) {
            $0.seal(
                notices: notices,
                authorizationKey: attached.key,
                salts: attached.salts,
                at: now,
                random: self.shared.configuration.random
            )
        }
        for payload in payloads ?? [] { self.write(.payload(payload, requestQuickAck: false)) }
    }

    private func destroySession(_ other: UInt64, requestedBy request: UInt64, in session: ServerSessionIdentifier) {
        let target = ServerSessionIdentifier(authorizationKey: session.authorizationKey, session: other)
        // The session in use cannot be destroyed from within.
        let existed = target != session && self.shared.configuration.sessions.remove(target)
        self.shared.configuration.sessions.withExistingSession(session) {
            $0.answerDestroySession(other, existed: existed, requestedBy: request)
        }
    }

    private func destroyKey(
        requestedBy request: UInt64,
        in session: ServerSessionIdentifier,
        context: ChannelHandlerContext
    ) {
        let store = self.shared.configuration.authorizationKeys
        self.suspendProcessing(
            until: context.eventLoop.makeFutureWithTask { try await store.remove(session.authorizationKey) }
        ) { removed in
            self.shared.configuration.sessions.withExistingSession(session) {
                $0.answerDestroyAuthorizationKey(
                    removed.isEmpty ? .none(DestroyAuthKeyNone()) : .ok(DestroyAuthKeyOK()),
                    requestedBy: request
                )
            }
            // The answer goes out under the key that is no more; then every use of it ends.
            self.dirtySessions.insert(session)
            self.flushSessions()
            for key in removed {
                self.shared.configuration.sessions.removeAll(ofKey: key)
                self.shared.connections.forgetKey(key)
            }
            self.close()
        }
    }

    // MARK: Deadlines of sessions

    func updateSessionDeadline(at now: SessionTime) {
        guard let context = self.context else { return }
        var earliest: Int64?
        for identifier in self.sessions.keys {
            let deadline = self.shared.configuration.sessions.withExistingSession(identifier) { $0.nextDeadline }
            guard case .some(.some(let deadline)) = deadline else { continue }
            earliest = min(earliest ?? deadline, deadline)
        }
        self.timers.sessionDeadline = earliest.map {
            context.eventLoop.now + .nanoseconds(max(0, $0 &- now.monotonicNanoseconds))
        }
    }

    func sessionDeadlineReached() {
        let now = self.shared.configuration.clock.now()
        for identifier in self.sessions.keys {
            self.shared.configuration.sessions.withExistingSession(identifier) { $0.deadlineReached(at: now) }
            self.dirtySessions.insert(identifier)
        }
        self.flushSessions()
    }
}
