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
    /// `ServerSession.uniqueIdentifier` of the session that counts this connection as one of its own; nil if none does.
    var openedAs: UInt64?
    /// What is to be put into the session with the next flush.
    var updates: [SessionUpdate] = []
    /// When the session wants to be looked after, in monotonic nanoseconds.
    var deadline: Int64?
    /// Whether the store has not answered yet.
    var isFlushing = false
    var flushWaiters: [EventLoopPromise<Void>] = []

    var isOpen: Bool { self.openedAs != nil }
}

/// What a session made of a payload.
struct SessionReceipt: Sendable {
    let actions: [ServerSessionAction]
    /// Notices about the payload, encrypted.
    let notices: [ByteBuffer]
    let unpackingBudget: Int
    /// The session's unique identifier if the connection is one of its own now.
    let openedAs: UInt64?
}

extension [ServerSessionAction] {
    /// Whether the payload that asked for these actions was processed.
    var isAccepted: Bool {
        guard case .some(.acceptQuickAck(let isAccepted)) = self.first else { return false }
        return isAccepted
    }

    /// What there is to say about the payload.
    var notices: [ByteBuffer] {
        self.flatMap { action -> [ByteBuffer] in
            guard case .notify(let notices) = action else { return [] }
            return notices
        }
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
        if let fault = self.shared.configuration.faults.transportError {
            return self.refuse(fault)
        }
        let identifier = ServerSessionIdentifier(
            authorizationKey: key.key.identifier,
            session: message.sessionIdentifier
        )
        if self.carrier.isTurnBased {
            return self.receiveRequest(message, in: identifier, key: key, at: now, context: context)
        }
        if self.sessions[identifier] == nil {
            guard self.sessions.count < self.shared.configuration.limits.sessionsPerConnection else {
                return self.refuse(.flood)
            }
            self.sessions[identifier] = AttachedSession(key: key.key, salts: key.salts)
        }
        let token = quickAckRequested ? message.quickAckToken : nil
        switch self.deliver(message, to: identifier, key: key, at: now, context: context) {
        case .immediate(let receipt):
            self.received(receipt, in: identifier, quickAckToken: token, context: context)
        case .later(let future):
            let openedBefore = self.sessions[identifier]?.openedAs
            let eventLoop = context.eventLoop
            self.suspendProcessing(
                until: future,
                abandoned: { self.abandon($0, in: identifier, key: key, openedBefore: openedBefore, on: eventLoop) },
                then: { self.received($0, in: identifier, quickAckToken: token, context: context) }
            )
        }
    }

    /// A session has accepted a payload: its sender holds the key. One that could only be decrypted may be a recording.
    func keyShown(_ keyIdentifier: UInt64) {
        guard !self.timers.isAuthorized else { return }
        self.timers.authorized()
        self.strangerBytes.release()
        self.webSocketBacklog?.authorized()
        self.write(.setAuthorized(keyIdentifier: keyIdentifier))
    }

    /// The session has accepted a payload, and the connection is closing: nobody will run its queries, and the session must
    /// not count the connection for ever.
    private func abandon(
        _ receipt: SessionReceipt?,
        in identifier: ServerSessionIdentifier,
        key: AuthorizationKeyRecord,
        openedBefore: UInt64?,
        on eventLoop: any EventLoop
    ) {
        guard let receipt else { return }
        var attached = self.sessions[identifier] ?? AttachedSession(key: key.key, salts: key.salts)
        let isGone = self.sessions[identifier] == nil
        attached.openedAs = isGone && receipt.openedAs == openedBefore ? nil : receipt.openedAs
        for case .query(let query) in receipt.actions {
            let error = RPCErrorMessage(code: 500, message: "QUERY_CANCELLED")
            attached.updates.append(.error(error, of: query.messageIdentifier))
        }
        self.sessions[identifier] = attached
        if isGone {
            self.leaveSessions(on: eventLoop)
        } else {
            self.dirtySessions.insert(identifier)
            self.flushSessions()
        }
    }

    /// Gives a message to its session.
    private func deliver(
        _ message: EncryptedMessage,
        to identifier: ServerSessionIdentifier,
        key: AuthorizationKeyRecord,
        at now: SessionTime,
        context: ChannelHandlerContext
    ) -> SessionStoreResult<SessionReceipt?> {
        let openedBefore = self.sessions[identifier]?.openedAs
        let random = self.shared.configuration.random
        return self.shared.configuration.sessions.change(
            identifier,
            on: context.eventLoop,
            makingIfMissing: self.shared.makeSession
        ) { session in
            // Should the store have forgotten the session, this connection is not one of the new session's yet.
            var isOpen = openedBefore == session.uniqueIdentifier
            let actions = session.receive(message, salts: key.salts, at: now)
            // A payload that was rejected as a whole does not make its connection one of the session's.
            if actions.isAccepted, !isOpen {
                session.connectionOpened(at: now)
                isOpen = true
            }
            var notices: [ByteBuffer] = []
            for case .notify(let bodies) in actions {
                notices += session.seal(
                    notices: bodies,
                    authorizationKey: key.key,
                    salts: key.salts,
                    at: now,
                    random: random
                )
            }
            return SessionReceipt(
                actions: actions,
                notices: notices,
                unpackingBudget: session.remainingInflatedByteCount,
                openedAs: isOpen ? session.uniqueIdentifier : nil
            )
        }
    }

    private func received(
        _ receipt: SessionReceipt?,
        in identifier: ServerSessionIdentifier,
        quickAckToken: UInt32?,
        context: ChannelHandlerContext
    ) {
        guard let receipt, let attached = self.sessions[identifier] else { return }
        if receipt.actions.isAccepted { self.keyShown(identifier.authorizationKey) }
        self.sessions[identifier]?.openedAs = receipt.openedAs
        if receipt.openedAs != nil, !attached.isOpen {
            self.awaitWaking(for: identifier, context: context)
        } else if receipt.openedAs == nil, attached.isOpen {
            self.shared.connections.detach(self.carrierNumber, from: identifier)
        }
        self.dirtySessions.insert(identifier)
        self.unpackingBudget = receipt.unpackingBudget
        // Those about a payload of this connection go on this connection.
        for notice in receipt.notices { self.write(.payload(notice, requestQuickAck: false)) }
        self.perform(receipt.actions, in: identifier, quickAckToken: quickAckToken, context: context)
    }

    /// Lets others wake this connection when the session has something to send.
    private func awaitWaking(for identifier: ServerSessionIdentifier, context: ChannelHandlerContext) {
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        self.shared.connections.attach(
            .init(
                carrier: self.carrierNumber,
                wake: {
                    eventLoop.execute {
                        bound.value.dirtySessions.insert(identifier)
                        bound.value.flushSessions()
                    }
                }
            ),
            to: identifier
        )
    }

    func perform(_ action: SessionAction, context: ChannelHandlerContext) {
        let session = action.session
        switch action.action {
        case .acceptQuickAck(let isAccepted):
            if isAccepted, let token = action.quickAckToken { self.write(.quickAck(token)) }
        case .notify:
            // Sent when the payload was received.
            break
        case .query(let query):
            self.turn?.queryStarted(query.messageIdentifier)
            self.start(query, in: session, context: context)
        case .cancelQuery(let messageIdentifier):
            self.turn?.queryDropped(messageIdentifier)
            let dropped = QueryIdentifier(messageIdentifier, in: session)
            self.queries.cancel(dropped)
            self.startQueries(waitingFor: dropped)
        case .disconnectAfter(let seconds):
            // The connections of HTTP come and go.
            guard !self.carrier.isTurnBased else { return }
            self.timers.disconnect(after: .seconds(Int64(max(0, seconds))), from: context.eventLoop.now)
        case .destroySession(let other, let request):
            self.destroySession(other, requestedBy: request, in: session, context: context)
        case .httpWait(let wait):
            self.turn?.setWait(wait)
        case .destroyAuthorizationKey(let request):
            self.destroyKey(requestedBy: request, in: session, context: context)
        }
    }

    private func destroySession(
        _ other: UInt64,
        requestedBy request: UInt64,
        in session: ServerSessionIdentifier,
        context: ChannelHandlerContext
    ) {
        let target = ServerSessionIdentifier(authorizationKey: session.authorizationKey, session: other)
        // The session in use cannot be destroyed from within.
        guard target != session else {
            return self.update(session, .destroyedSession(other, existed: false, requestedBy: request))
        }
        let shared = self.shared
        switch shared.configuration.sessions.remove(target, on: context.eventLoop) {
        case .immediate(let existed):
            shared.sessionEnded(target)
            self.update(session, .destroyedSession(other, existed: existed, requestedBy: request))
        case .later(let future):
            future.whenSuccess { _ in shared.sessionEnded(target) }
            self.suspendProcessing(until: future) { existed in
                self.update(session, .destroyedSession(other, existed: existed, requestedBy: request))
            }
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
            let result: DestroyAuthKeyResult = removed.isEmpty ? .none(DestroyAuthKeyNone()) : .ok(DestroyAuthKeyOK())
            self.update(session, .destroyedKey(result, requestedBy: request))
            // The answer goes out under the key that is no more; then every use of it ends.
            self.settleTurn()
            self.turn?.finish()
            self.flushSessions()
            guard let flush = self.pendingFlush(of: session) else {
                return self.endUse(of: removed, context: context)
            }
            self.suspendProcessing(until: flush) { self.endUse(of: removed, context: context) }
        }
    }

    private func endUse(of keys: [UInt64], context: ChannelHandlerContext) {
        let logger = self.logger
        let shared = self.shared
        for key in keys {
            // First of all: nobody shall begin a session under it any more.
            shared.connections.forgetKey(key)
            let waiting = shared.connections.waitingSessions(ofKey: key)
            switch shared.configuration.sessions.removeAll(ofKey: key, on: context.eventLoop) {
            case .immediate:
                for session in waiting { shared.sessionEnded(session) }
            case .later(let future):
                future.whenComplete { result in
                    if case .failure(let error) = result {
                        logger.error("store failed", metadata: ["error": "\(error)"])
                    }
                    for session in waiting { shared.sessionEnded(session) }
                }
            }
        }
        // Each connection forgets the key on its own event loop. The client sees the end when all of them have.
        let everywhere = shared.configuration.eventLoopGroup.makeIterator().map { $0.submit {} }
        self.suspendProcessing(until: .andAllComplete(everywhere, on: context.eventLoop)) { self.close() }
    }
}
