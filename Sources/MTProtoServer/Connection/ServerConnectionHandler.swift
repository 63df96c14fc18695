// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore
internal import NIOSSL

/// Drives one connection: payloads in, session rules, answers out.
///
/// All protocol decisions are in the session machines; this class moves bytes, keeps time and holds back reading
/// whenever something is full.
final class ServerConnectionHandler: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = TransportEvent
    typealias OutboundIn = TransportCommand
    typealias OutboundOut = TransportCommand

    /// An action of a session machine, with what it needs to be carried out.
    struct SessionAction {
        let action: ServerSessionAction
        let session: ServerSessionIdentifier
        let quickAckToken: UInt32?
    }

    let shared: ServerContext
    /// The handler next to this one; another when the client turns out to speak HTTP, and again for a WebSocket.
    var transportHandler: any PayloadTransport
    var carrier: Carrier
    /// The carrier over which the connection was counted, with its first payload.
    private var countedCarrier: Carrier?
    var logger: Logger
    var context: ChannelHandlerContext?
    /// The loop of the connection, also after its end.
    private(set) var eventLoop: (any EventLoop)?
    var connectionNumber: UInt64 = 0
    /// What the sessions know this connection by: a number that no other connection of any process has.
    var carrierNumber: UInt64 { self.shared.connections.carrier(of: self.connectionNumber) }
    var handshake: TransportHandshake?
    var keys = ConnectionKeys()
    var sessions: [ServerSessionIdentifier: AttachedSession] = [:]
    /// Sessions that may have something to send.
    var dirtySessions: Set<ServerSessionIdentifier> = []
    var queries = RunningQueries()
    var webSocketBacklog: WebSocketBacklog?
    /// What of the payload that is being received counts as a stranger's.
    var strangerBytes: StrangerBytes
    /// The request that waits for its answer, on HTTP.
    var turn: HTTPTurn?
    var turnCount: UInt64 = 0
    /// Whether the answer to a request is being taken from its session.
    var isResponding = false
    var responseWaiters: [EventLoopPromise<Void>] = []
    /// The last response, on HTTP, until another request proves that it arrived.
    var unprovenResponse: UnprovenResponse?
    /// Outcomes that came too late for the response to the request that asked for them.
    var lateUpdates: [(ServerSessionIdentifier, SessionUpdate)] = []
    /// The numbers of this connection's queries in ``DetachedQueries``.
    var detachedQueries: [QueryIdentifier: UInt64] = [:]
    /// How many bytes the compressed queries of the payload in hand may still unpack to.
    var unpackingBudget = 0

    /// What an earlier payload still asks for, while one of its actions waits for an asynchronous step (a key lookup, a key
    /// exchange step); later payloads wait undecoded in the transport handler.
    private(set) var waitingActions: Deque<SessionAction> = []
    private(set) var isBusy = false
    private var hasPendingRead = false
    var isInputClosed = false
    var isClosing = false
    /// Whether the connection ended otherwise than the two sides wanted.
    var hasFailed = false
    /// Whether everything that was written before closing has left.
    var isWritten = false
    /// Whether the server ends: nothing more is read, what was read is answered.
    var isShuttingDown = false

    var timers = ConnectionTimers()
    var keyExchangeAllowance = KeyExchangeAllowance()
    var sessionAllowance = SessionAllowance()
    var plaintextIdentifiers = MessageIdentifierGenerator(role: .server)

    init(shared: ServerContext, transportHandler: any PayloadTransport, carrier: Carrier) {
        self.shared = shared
        self.transportHandler = transportHandler
        self.carrier = carrier
        self.logger = shared.configuration.logger
        self.strangerBytes = shared.makeStrangerBytes()
    }

    // MARK: Life

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        self.eventLoop = context.eventLoop
        let closer = NIOLoopBound(self, eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        self.connectionNumber = self.shared.connections.register(
            close: { eventLoop.execute { closer.value.shutDown() } },
            forgetKey: { key in eventLoop.execute { closer.value.keys.forget(key) } }
        )
        self.logger[metadataKey: "connection"] = "\(self.connectionNumber)"
        self.timers.opened(at: context.eventLoop.now)
        self.rescheduleTimer()
    }

    func channelActive(context: ChannelHandlerContext) {
        self.rescheduleTimer()
        context.fireChannelActive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.tearDown()
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        // The client has ended the connection as it asked to, after its last response.
        if self.unprovenResponse?.isLast == true, !self.hasFailed { self.unprovenResponse = nil }
        self.tearDown()
        context.fireChannelInactive()
    }

    private func tearDown() {
        self.isClosing = true
        self.strangerBytes.release()
        self.timers.cancel()
        self.endQueries()
        self.leaveRequests()
        if let context = self.context { self.leaveSessions(on: context.eventLoop) }
        self.shared.connections.unregister(self.connectionNumber)
    }

    // MARK: Reading

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.process(self.unwrapInboundIn(data), context: context)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.countStrangerBytes()
        self.timers.bytesArrived(
            at: context.eventLoop.now,
            hasPartialFrame: self.transportHandler.hasPartialFrame || (self.webSocketBacklog?.byteCount ?? 0) > 0
        )
        self.flushSessions()
        self.rescheduleTimer()
        context.fireChannelReadComplete()
    }

    /// Reading goes on only while nothing is full.
    func read(context: ChannelHandlerContext) {
        if self.mayRead {
            context.read()
        } else {
            self.hasPendingRead = true
        }
    }

    private var mayRead: Bool {
        // While closing, input is read to its end and thrown away.
        if self.isClosing { return true }
        return !self.isBusy && !self.isShuttingDown && self.waitingActions.isEmpty
            && (self.context?.channel.isWritable ?? false)
            && self.queries.count < self.shared.configuration.limits.concurrentQueries
    }

    func resumeReading() {
        guard self.hasPendingRead, self.mayRead, let context = self.context else { return }
        self.hasPendingRead = false
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.timers.writabilityChanged(isWritable: context.channel.isWritable, at: context.eventLoop.now)
        if context.channel.isWritable {
            self.flushSessions()
            self.resumeReading()
        }
        self.rescheduleTimer()
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent {
            self.isInputClosed = true
            if self.isClosing {
                self.closeWhenWritten()
            } else {
                self.timers.inputClosed(at: context.eventLoop.now)
                self.flushSessions()
                self.closeIfFinished()
                self.rescheduleTimer()
            }
        }
        if let request = event as? WebSocketUpgradeRequest { self.upgrade(request, context: context) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // The end of the input follows, and is treated as on a plain port: whoever takes it for a truncation is the client.
        if case .some(.uncleanShutdown) = error as? NIOSSLError { return }
        self.hasFailed = true
        self.logger.debug("connection failed", metadata: ["error": "\(error)"])
        if let error = error as? TransportConnectionError,
            error.framingError?.code == .messageLengthExceedsFrame
        {
            self.refuse(.notFound)
        } else {
            self.close()
        }
    }

    // MARK: Processing in order

    private func process(_ event: TransportEvent, context: ChannelHandlerContext) {
        guard !self.isClosing else { return }
        switch event {
        case .handshake(let handshake):
            self.handshake = handshake
            self.logger.trace(
                "transport handshake",
                metadata: [
                    "framing": "\(handshake.framing.rawValue)", "obfuscated": "\(handshake.isObfuscated)",
                ]
            )
        case .payload(let payload, let quickAckRequested):
            self.timers.payloadArrived()
            self.shared.metrics.receivedPayload(over: self.carrier, isFirst: self.countedCarrier != self.carrier)
            self.countedCarrier = self.carrier
            self.receive(payload, quickAckRequested: quickAckRequested, context: context)
        case .authorizationNeeded(let keyIdentifier):
            self.admitLongPayload(under: keyIdentifier, context: context)
        case .foreign(let detection):
            self.changeOver(to: detection, context: context)
        case .quickAck, .transportError:
            self.close()
        }
    }

    private func receive(_ payload: ByteBuffer, quickAckRequested: Bool, context: ChannelHandlerContext) {
        guard let identifier = EncryptedMessage.authorizationKeyIdentifier(of: payload) else {
            return self.refuse(.notFound)
        }
        if identifier == 0 {
            self.receivePlaintext(payload, context: context)
        } else if let record = self.keys.usable(identifier, at: self.shared.configuration.clock.now()) {
            self.receiveEncrypted(payload, key: record, quickAckRequested: quickAckRequested, context: context)
        } else {
            self.lookUpKey(identifier, context: context) { record in
                guard let record else {
                    return self.refuse(.notFound)
                }
                self.receiveEncrypted(payload, key: record, quickAckRequested: quickAckRequested, context: context)
            }
        }
    }

    /// A client that comes back may begin with a payload longer than strangers may send. That it knows a key's identifier shows
    /// nothing: what it sends counts as a stranger's until a payload can be decrypted.
    private func admitLongPayload(under keyIdentifier: UInt64, context: ChannelHandlerContext) {
        if self.keys.usable(keyIdentifier, at: self.shared.configuration.clock.now()) != nil {
            return self.write(.setAuthorized(keyIdentifier: keyIdentifier))
        }
        self.lookUpKey(keyIdentifier, context: context) { record in
            guard record != nil else {
                return self.refuse(.notFound)
            }
            self.write(.setAuthorized(keyIdentifier: keyIdentifier))
        }
    }

    private func lookUpKey(
        _ identifier: UInt64,
        context: ChannelHandlerContext,
        then: @escaping (AuthorizationKeyRecord?) -> Void
    ) {
        let store = self.shared.configuration.authorizationKeys
        let generation = self.keys.generation
        let now = self.shared.configuration.clock.now()
        self.suspendProcessing(
            until: context.eventLoop.makeFutureWithTask { try await store.record(for: identifier) }
        ) { record in
            // A key was changed while the store was asked: perhaps this one.
            guard self.keys.generation == generation else {
                return self.lookUpKey(identifier, context: context, then: then)
            }
            if let record { self.keys.insert(record, at: now) }
            then(record)
        }
    }

    /// Holds later payloads back until an asynchronous step is done, so that payloads are handled in order.
    ///
    /// - Parameters:
    ///   - future: The step.
    ///   - abandoned: Called instead of `then` when the connection has been closing since.
    ///   - then: What follows on the step.
    func suspendProcessing<Value: Sendable>(
        until future: EventLoopFuture<Value>,
        abandoned: @escaping (Value) -> Void = { _ in },
        then: @escaping (Value) -> Void
    ) {
        self.isBusy = true
        self.transportHandler.pause()
        let work = self.shared.work
        work.begin()
        future.assumeIsolated().whenComplete { result in
            defer { work.end() }
            self.isBusy = false
            guard !self.isClosing else {
                if case .success(let value) = result { abandoned(value) }
                return
            }
            switch result {
            case .success(let value):
                then(value)
            case .failure(let error):
                self.storeFailed(error)
            }
            self.goOn()
        }
    }

    /// Carries out actions in order; those behind one that has to wait, wait with it.
    func perform(
        _ actions: [ServerSessionAction],
        in session: ServerSessionIdentifier,
        quickAckToken: UInt32?,
        context: ChannelHandlerContext
    ) {
        for action in actions {
            let action = SessionAction(action: action, session: session, quickAckToken: quickAckToken)
            if self.isBusy {
                self.waitingActions.append(action)
            } else {
                self.perform(action, context: context)
            }
        }
    }

    func takeWaitingActions() -> [SessionAction] {
        // An array made of an empty deque is written to, and all empty arrays share their memory.
        guard !self.waitingActions.isEmpty else { return [] }
        defer { self.waitingActions.removeAll() }
        return Array(self.waitingActions)
    }

    private func goOn() {
        guard let context = self.context else { return }
        while !self.isBusy, let action = self.waitingActions.popFirst() {
            self.perform(action, context: context)
        }
        if !self.isBusy {
            self.settleTurn()
            self.transportHandler.resume()
            self.countStrangerBytes()
        }
        self.flushSessions()
        self.rescheduleTimer()
        self.resumeReading()
        self.closeIfFinished()
    }

    // MARK: Writing

    /// An HTTP request has its response: the client's time to be silent begins.
    func requestAnswered() {
        guard self.carrier.isTurnBased, let context = self.context else { return }
        self.timers.answered(at: context.eventLoop.now)
    }

    func write(_ command: TransportCommand) {
        if case .payload = command { self.shared.metrics.sentPayload(over: self.carrier) }
        switch command {
        case .payload, .transportError: self.requestAnswered()
        case .setAuthorized, .quickAck: break
        }
        self.context?.write(self.wrapOutboundOut(command), promise: nil)
    }
}
