// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
public import NIOCore

extension ClientSession {
    /// How many times the limit of one object all objects of a payload may unpack to.
    private static let unpackedObjectsPerPayload = 4

    /// Takes a payload that arrived.
    ///
    /// - Parameters:
    ///   - payload: Exactly one payload; decrypted in place if nothing else holds it.
    ///   - now: The time now.
    /// - Returns: What came of it, in order. Nothing for a duplicate, or for a message of another session.
    /// - Throws: ``SessionError``: the payload breaks the protocol and was dropped as a whole. Close this connection.
    public mutating func receive(
        _ payload: consuming ByteBuffer,
        at now: SessionTime
    ) throws(SessionError) -> [ClientSessionEvent] {
        let message: EncryptedMessage
        do {
            message = try EncryptedMessage.open(payload, with: self.authorizationKey, from: .serverToClient)
        } catch {
            throw SessionError(.undecryptable)
        }
        guard message.sessionIdentifier == self.sessionIdentifier else { return self.takePendingEvents() }
        guard Self.isServers(message.identifier) else { throw SessionError(.invalidMessageIdentifier) }
        let verdict = self.received.verdict(on: message.identifier)
        guard verdict == .fresh else {
            if verdict == .tooOld { return try self.receiveForgotten(message, at: now) }
            // The acknowledgement may have been lost.
            self.link.received(at: now.monotonicNanoseconds)
            self.acknowledge(message.identifier, sequenceNumber: message.sequenceNumber, at: now)
            return self.takePendingEvents()
        }
        self.unpackBudget = self.configuration.maximumUnpackedByteCount * Self.unpackedObjectsPerPayload
        let body = try self.parseOuter(message)
        var events: [ClientSessionEvent] = []
        try self.checkTime(of: message.identifier, body, at: now, events: &events)
        if !self.pendingEvents.isEmpty { events = self.takePendingEvents() + events }

        self.newPayloadCount &+= 1
        self.link.received(at: now.monotonicNanoseconds)
        _ = self.received.insert(message.identifier)
        self.acknowledge(message.identifier, sequenceNumber: message.sequenceNumber, at: now)
        guard let body else { return events }
        let source = Source(identifier: message.identifier, sessionIdentifier: message.sessionIdentifier)
        if case .container(let messages) = body {
            // That the server forgot a session explains what it says of older messages, wherever it says it.
            let isNewSession = { (inner: ContainedMessage) in inner.body.tlConstructor == NewSessionCreated.constructor
            }
            for inner in messages where isNewSession(inner) {
                self.receiveInner(inner, from: source, at: now, events: &events)
            }
            for inner in messages where !isNewSession(inner) {
                self.receiveInner(inner, from: source, at: now, events: &events)
            }
        } else {
            self.process(body, from: source, at: now, events: &events)
        }
        if self.queries.inFlightCount == 0 { self.link.answeredAll() }
        return events
    }

    /// Takes a message older than all that are remembered: nobody knows whether it was seen.
    ///
    /// An answer to a query that waits was not; all else is dropped.
    private mutating func receiveForgotten(
        _ message: EncryptedMessage,
        at now: SessionTime
    ) throws(SessionError) -> [ClientSessionEvent] {
        self.unpackBudget = self.configuration.maximumUnpackedByteCount * Self.unpackedObjectsPerPayload
        let body = try self.parseOuter(message)
        var events = self.takePendingEvents()
        let server = self.time.serverNanoseconds(at: now)
        guard
            !self.time.isSynchronized
                || MessageTimeWindow.check(message.identifier, serverNanoseconds: server) == .acceptable
        else { return events }
        self.link.received(at: now.monotonicNanoseconds)
        self.acknowledge(message.identifier, sequenceNumber: message.sequenceNumber, at: now)
        let source = Source(identifier: message.identifier, sessionIdentifier: message.sessionIdentifier)
        let eventCount = events.count
        switch body {
        case .rpcResult(let result):
            self.receiveResult(result, from: source, at: now, events: &events)
        case .container(let messages):
            for inner in messages { self.receiveInner(inner, from: source, at: now, events: &events) }
        default:
            break
        }
        // What somebody waited for was not seen before.
        if events.count > eventCount { self.newPayloadCount &+= 1 }
        if self.queries.inFlightCount == 0 { self.link.answeredAll() }
        return events
    }

    /// Takes a quick acknowledgement.
    ///
    /// - Parameter token: The token as the transport delivers it.
    /// - Returns: The unanswered queries of the payload that it stands for; none if the token is unknown.
    public mutating func receiveQuickAck(_ token: UInt32) -> [Query] {
        var queries: [Query] = []
        for number in self.quickAcknowledgements.take(token) {
            let isKnown: Void? = self.queries.update(number) { record in
                record.isAcknowledged = true
                record.delivery = .delivered
            }
            if isKnown != nil { queries.append(Query(number: number)) }
        }
        return queries
    }

    // MARK: Checks

    /// Reads the body of a payload's message, and checks the container it may be before anything of it is processed.
    ///
    /// - Returns: nil if the body cannot be read; it is dropped, because refusing it would only make the server repeat it.
    private mutating func parseOuter(_ message: EncryptedMessage) throws(SessionError) -> MessageBody? {
        let body: MessageBody
        do {
            body = try self.parse(message.body, isContained: false)
        } catch {
            if error.code == .nestedContainer || message.body.tlConstructor == MessageContainer.constructor {
                throw SessionError(.malformedContainer)
            }
            self.unreadableMessageCount += 1
            return nil
        }
        guard case .container(let messages) = body else { return body }
        for inner in messages {
            guard Self.isServers(inner.identifier) else { throw SessionError(.invalidMessageIdentifier) }
            guard inner.identifier < message.identifier else { throw SessionError(.malformedContainer) }
        }
        return body
    }

    /// Whether an identifier is one that only a server makes.
    private static func isServers(_ identifier: UInt64) -> Bool {
        identifier & 1 == 1
    }

    /// Reads a body, and unpacks it as far as the limits of the payload allow.
    private mutating func parse(_ body: ByteBuffer, isContained: Bool) throws(TLError) -> MessageBody {
        try MessageBody.parse(self.unpack(body), isContained: isContained).body
    }

    /// The object itself, or the one within if it is a packed one.
    mutating func unpack(_ body: ByteBuffer) throws(TLError) -> ByteBuffer {
        guard body.tlConstructor == GzipPacked.constructor else { return body }
        var limits = TLLimits()
        limits.maximumUnpackedLength = min(self.configuration.maximumUnpackedByteCount, self.unpackBudget)
        let unpacked = try GzipPacked.unwrap(body, limits: limits)
        self.unpackBudget -= unpacked.readableBytes
        return unpacked
    }

    /// Compares a message's identifier with the server's time, once that is known.
    ///
    /// A message that answers one sent on this connection was certainly written just now, whatever its identifier says:
    /// it sets the time instead of being refused.
    private mutating func checkTime(
        of identifier: UInt64,
        _ body: MessageBody?,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) throws(SessionError) {
        let server = self.time.serverNanoseconds(at: now)
        let verdict = MessageTimeWindow.check(identifier, serverNanoseconds: server)
        if self.time.isSynchronized, verdict == .acceptable {
            self.time.advance(to: identifier, from: server, at: now)
        } else if let body, self.isProvablyNew(body) {
            self.synchronize(to: identifier, at: now, events: &events)
        } else if self.time.isSynchronized {
            // Nobody but the server can have written it, so the time known is late: its proof was under way while the machine
            // slept, say. Else what the server sends first would end the next connection, too, and every one after it.
            if verdict == .tooHigh { self.time.distrust() }
            throw SessionError(.outsideTimeWindow)
        }
    }

    /// Takes the server's time from a message that was written just now.
    mutating func synchronize(to identifier: UInt64, at now: SessionTime, events: inout [ClientSessionEvent]) {
        guard let offset = self.time.synchronize(to: identifier, at: now) else { return }
        events.append(.timeSynchronized(offsetNanoseconds: offset))
        self.planSaltRequest(at: now)
    }

    /// Whether a message speaks of one that was sent on this connection, and so cannot be older than that.
    private func isProvablyNew(_ body: MessageBody) -> Bool {
        switch body {
        case .pong(let pong): return self.link.isAwaitingPong(pong.pingIdentifier)
        case .badMessage(let notice): return self.isSentHere(notice.badIdentifier)
        case .badSalt(let notice): return self.isSentHere(notice.badIdentifier)
        case .futureSalts(let salts): return self.isSentHere(salts.requestIdentifier)
        case .stateInfo(let info): return self.isSentHere(info.requestIdentifier)
        case .newSession(let session): return self.isSentHere(session.firstMessageIdentifier)
        case .rpcResult(let result):
            // The answer to a repeated query may date from the connection before.
            let record = self.queries.number(forIdentifier: result.requestIdentifier).flatMap { self.queries[$0] }
            return record?.isRepeated != true && self.isSentHere(result.requestIdentifier)
        case .container(let messages):
            return messages.contains { message in
                guard message.body.tlConstructor != GzipPacked.constructor,
                    let inner = try? MessageBody.parse(message.body, isContained: true).body
                else { return false }
                return self.isProvablyNew(inner)
            }
        default:
            return false
        }
    }

    /// Whether a message was sent last on this connection.
    private func isSentHere(_ identifier: UInt64) -> Bool {
        if let number = self.queries.number(forIdentifier: identifier), let record = self.queries[number] {
            return record.identifier == identifier && record.connection == self.link.connection
        }
        return self.sent[identifier]?.connection == self.link.connection
    }

    // MARK: Contents

    /// Where a message came from: the outermost message, and the session it was for, which may end while it is processed.
    struct Source {
        let identifier: UInt64
        let sessionIdentifier: UInt64
    }

    /// Takes a message from a container or a copy.
    ///
    /// It may be older than the window allows: that is how a server repeats what was not acknowledged, and the container
    /// shows that it was sent just now.
    private mutating func receiveInner(
        _ message: ContainedMessage,
        from source: Source,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        var isForgotten = false
        if source.sessionIdentifier == self.sessionIdentifier {
            self.acknowledge(message.identifier, sequenceNumber: message.sequenceNumber, at: now)
            switch self.received.insert(message.identifier) {
            case .fresh: break
            case .duplicate: return
            case .tooOld: isForgotten = true
            }
        }
        do {
            let body = try self.parse(message.body, isContained: true)
            if isForgotten {
                // Whether it was seen is not known, but an answer to a query that waits was not.
                guard case .rpcResult = body else { return }
            }
            self.process(body, from: source, at: now, events: &events)
        } catch {
            self.unreadableMessageCount += 1
        }
    }

    private mutating func acknowledge(_ identifier: UInt64, sequenceNumber: Int32, at now: SessionTime) {
        guard sequenceNumber & 1 == 1 else { return }
        self.acknowledgements.add(identifier, at: now)
    }

    private mutating func process(
        _ body: MessageBody,
        from source: Source,
        at now: SessionTime,
        events: inout [ClientSessionEvent]
    ) {
        switch body {
        case .rpcResult(let result):
            self.receiveResult(result, from: source, at: now, events: &events)
        case .copy(let message):
            guard message.identifier < source.identifier, Self.isServers(message.identifier) else { return }
            self.receiveInner(message, from: source, at: now, events: &events)
        case .container:
            break
        case .other(_, let body):
            events.append(.update(body))
        default:
            self.receiveService(body, from: source, at: now, events: &events)
        }
    }
}
