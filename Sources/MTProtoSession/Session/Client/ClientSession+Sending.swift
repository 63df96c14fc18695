// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import NIOCore

extension ClientSession {
    /// How many identifiers ride along in one `msgs_ack`.
    private static let acknowledgementsPerMessage = 1024

    /// The next payload to send on the open connection; nil when nothing is due or no connection is open.
    ///
    /// All that waits is gathered into one container, as far as it fits: acknowledgements, service messages, repeated and new
    /// queries. Call it until it returns nil, after each call of any other method.
    public mutating func nextPayload(at now: SessionTime) -> OutgoingPayload? {
        self.nextPayload(at: now, attaching: nil)
    }

    /// The next payload to send as an HTTP request; nil when nothing is due or no connection is open.
    ///
    /// - Parameters:
    ///   - now: The time now.
    ///   - wait: How long the request may wait for its response. It is added when there is anything to send, unless that must
    ///     travel alone or leaves no room; the server's default then holds.
    public mutating func nextPayload(at now: SessionTime, attaching wait: HTTPWait?) -> OutgoingPayload? {
        guard self.isConnected else { return nil }
        let server = self.time.serverNanoseconds(at: now)
        if wait != nil { self.travelsInRequests = true }
        let attachment = wait.map { PendingServiceMessage(message: .httpWait($0)) }
        self.packer.reservedByteCount = attachment?.message.body(droppedIdentifier: 0).readableBytes
        self.pack(serverNanoseconds: server, at: now)
        self.packer.reservedByteCount = nil
        if let attachment, !self.packer.isEmpty, !self.isPackedAlone {
            self.packService(attachment, serverNanoseconds: server, at: now)
        }
        return self.takePacked(serverNanoseconds: server, at: now)
    }

    /// The payload of a long poll: `http_wait` with the acknowledgements that wait, and nothing else; nil when no connection is
    /// open. Nothing of it needs an answer, and nothing is repeated when it is lost but its acknowledgements.
    ///
    /// - Parameters:
    ///   - wait: How long the request may wait for its response.
    ///   - now: The time now.
    public mutating func nextPollPayload(wait: HTTPWait, at now: SessionTime) -> OutgoingPayload? {
        guard self.isConnected else { return nil }
        self.travelsInRequests = true
        let server = self.time.serverNanoseconds(at: now)
        if !self.acknowledgements.isEmpty { self.packAcknowledgements(serverNanoseconds: server, at: now) }
        self.packService(PendingServiceMessage(message: .httpWait(wait)), serverNanoseconds: server, at: now)
        return self.takePacked(serverNanoseconds: server, at: now)
    }

    /// Whether what is packed must go without a container, or without company.
    private var isPackedAlone: Bool {
        guard self.packer.count == 1, let first = self.packer.messages.first else { return false }
        if let number = self.packed.first { return self.queries[number]?.travelsAlone == true }
        guard case .service(let pending)? = self.sent[first.identifier]?.content else { return false }
        return pending.travelsAlone
    }

    /// Encrypts what is packed.
    private mutating func takePacked(serverNanoseconds server: Int64, at now: SessionTime) -> OutgoingPayload? {
        guard let first = self.packer.messages.first else { return nil }
        defer {
            self.packer.removeAll()
            self.packed.removeAll(keepingCapacity: true)
        }

        var identifier = first.identifier
        var sequenceNumber = first.sequenceNumber
        if self.packer.isContainer {
            // Assigned after those of the contents, and therefore higher.
            identifier = self.generator.next(serverNanoseconds: server)
            sequenceNumber = self.sequence.next(isContentRelated: false)
            let contents = self.packer.messages.map(\.identifier)
            self.remember(.container(contents), as: identifier)
        }
        var requestsQuickAck = false
        for number in self.packed {
            let requests = self.queries.update(number) { record in
                record.outerIdentifier = identifier
                return record.requestsQuickAck
            }
            requestsQuickAck = requestsQuickAck || requests == true
        }
        let (payload, token) = EncryptedMessage.seal(
            salt: self.salts.current(at: server / 1_000_000_000),
            sessionIdentifier: self.sessionIdentifier,
            identifier: identifier,
            sequenceNumber: sequenceNumber,
            with: self.authorizationKey,
            direction: .clientToServer,
            random: self.random,
            bodyLength: self.packer.byteCount
        ) { buffer in
            self.packer.write(to: &buffer)
        }
        self.link.took(byteCount: payload.readableBytes, at: now.monotonicNanoseconds)
        if requestsQuickAck { self.quickAcknowledgements.insert(token, queries: self.packed) }
        return OutgoingPayload(
            payload: payload,
            messageIdentifier: identifier,
            quickAckToken: requestsQuickAck ? token : nil
        )
    }

    private mutating func packAcknowledgements(serverNanoseconds: Int64, at now: SessionTime) {
        self.areAcknowledgementsAnnounced = false
        let identifiers = self.acknowledgements.drain(limit: Self.acknowledgementsPerMessage)
        let pending = PendingServiceMessage(message: .acknowledgement(identifiers))
        self.packService(pending, serverNanoseconds: serverNanoseconds, at: now)
    }

    private mutating func pack(serverNanoseconds: Int64, at now: SessionTime) {
        if !self.acknowledgements.isEmpty,
            self.acknowledgesAtOnce || self.acknowledgements.isDue(at: now) || self.hasCompany()
        {
            self.packAcknowledgements(serverNanoseconds: serverNanoseconds, at: now)
        }
        while let pending = self.serviceLine.first() {
            guard self.packer.isEmpty || !pending.travelsAlone,
                self.packService(pending, serverNanoseconds: serverNanoseconds, at: now)
            else { return }
            self.serviceLine.popFirst()
            if pending.travelsAlone, !self.packer.isEmpty { return }
        }
        guard self.packRepeated(at: now) else { return }
        self.packNew(serverNanoseconds: serverNanoseconds, at: now)
    }

    /// Whether something is about to leave that acknowledgements can ride along with.
    private mutating func hasCompany() -> Bool {
        if let pending = self.serviceLine.first() { return !pending.travelsAlone }
        if let number = self.queries.firstRepeating(), let record = self.queries[number] { return !record.travelsAlone }
        guard let number = self.firstSendable(), let record = self.queries[number] else { return false }
        return !record.travelsAlone
    }

    /// The next query in line, if as many may be in flight.
    private mutating func firstSendable() -> UInt64? {
        guard let number = self.queries.firstWaiting(), let record = self.queries[number] else { return nil }
        guard self.queries.inFlightCount > 0 else { return number }
        let byteCount = self.queries.inFlightByteCount + record.byteCount
        return self.queries.inFlightCount < self.configuration.maximumInFlightCount
            && byteCount <= self.configuration.maximumInFlightByteCount ? number : nil
    }

    /// Adds a service message to the payload.
    ///
    /// - Returns: Whether it fitted, or need not be sent any more.
    @discardableResult
    private mutating func packService(
        _ pending: PendingServiceMessage,
        serverNanoseconds: Int64,
        at now: SessionTime
    ) -> Bool {
        var dropped: UInt64 = 0
        if case .dropAnswer(let number) = pending.message {
            guard let record = self.queries[number], record.phase != .waiting else { return true }
            dropped = record.identifier
        }
        let body = pending.message.body(droppedIdentifier: dropped)
        guard self.packer.hasRoom(forByteCount: body.readableBytes) else { return false }
        let identifier = self.generator.next(serverNanoseconds: serverNanoseconds)
        let sequenceNumber = self.sequence.next(isContentRelated: pending.isContentRelated)
        self.packer.append(OutgoingMessage(identifier: identifier, sequenceNumber: sequenceNumber, body: body))
        self.remember(.service(pending), as: identifier)
        switch pending.message {
        case .ping(let ping), .keepAlive(let ping, _):
            if let forgotten = self.link.sentPing(ping, at: now.monotonicNanoseconds) {
                self.pendingEvents.append(.pingFailed(pingIdentifier: forgotten))
            }
        default:
            break
        }
        return true
    }

    /// Adds the queries to be repeated under the identifiers that they have.
    ///
    /// - Returns: Whether there is room for more.
    private mutating func packRepeated(at now: SessionTime) -> Bool {
        while let number = self.queries.firstRepeating(), let record = self.queries[number] {
            guard self.packer.isEmpty || !record.travelsAlone else { return false }
            guard self.packer.hasRoom(forByteCount: record.byteCount) else { return false }
            let body = self.queries.body(
                of: number,
                messageIdentifier: record.identifier,
                sessionIdentifier: self.sessionIdentifier
            )
            guard let body else { return true }
            let message = OutgoingMessage(
                identifier: record.identifier,
                sequenceNumber: record.sequenceNumber,
                body: body
            )
            self.packer.append(message, inContainer: true)
            self.queries.popRepeating()
            self.noteSent(number, identifier: record.identifier, sequenceNumber: record.sequenceNumber, at: now)
            if record.travelsAlone { return false }
        }
        return true
    }

    /// Adds queries under new identifiers.
    private mutating func packNew(serverNanoseconds: Int64, at now: SessionTime) {
        while let number = self.firstSendable(), let record = self.queries[number] {
            guard self.packer.isEmpty || !record.travelsAlone else { return }
            guard self.packer.hasRoom(forByteCount: record.byteCount) else { return }
            let identifier = self.generator.next(serverNanoseconds: serverNanoseconds)
            let body = self.queries.body(
                of: number,
                messageIdentifier: identifier,
                sessionIdentifier: self.sessionIdentifier
            )
            self.queries.popWaiting()
            guard let body, self.isAcceptable(body) else {
                self.queries.remove(number)
                let error = SessionError(.invalidQuery, deliveryState: record.delivery)
                self.pendingEvents.append(.failed(Query(number: number), error))
                continue
            }
            let sequenceNumber = self.sequence.next(isContentRelated: true)
            let message = OutgoingMessage(identifier: identifier, sequenceNumber: sequenceNumber, body: body)
            self.packer.append(message)
            self.noteSent(number, identifier: identifier, sequenceNumber: sequenceNumber, at: now)
            if record.travelsAlone { return }
        }
    }

    /// Whether a body can be sent as a query.
    func isAcceptable(_ body: ByteBuffer) -> Bool {
        let byteCount = body.readableBytes
        guard byteCount > 0, byteCount % 4 == 0, byteCount <= self.configuration.maximumSingleQueryByteCount else {
            return false
        }
        return body.tlConstructor.map { !ServiceMessage.constructors.contains($0) } ?? false
    }

    private mutating func noteSent(_ number: UInt64, identifier: UInt64, sequenceNumber: Int32, at now: SessionTime) {
        let connection = self.link.connection
        self.queries.markSent(number) { record in
            record.isRepeated = record.identifier == identifier
            if !record.isRepeated { record.identifiedNanoseconds = now.monotonicNanoseconds }
            record.identifier = identifier
            record.sequenceNumber = sequenceNumber
            record.connection = connection
            record.sentNanoseconds = now.monotonicNanoseconds
            if record.delivery == .notDelivered { record.delivery = .maybeDelivered }
        }
        self.packed.append(number)
        self.link.sentQuery(at: now.monotonicNanoseconds)
        if self.stateCheckDue == nil {
            let delay = self.configuration.stateCheckDelay.clampedNanoseconds
            self.stateCheckDue = now.monotonicNanoseconds.addingClamped(max(delay, 1_000_000))
        }
    }

    private mutating func remember(_ content: SentMessages.Content, as identifier: UInt64) {
        self.sent.insert(identifier, SentMessages.Record(content: content, connection: self.link.connection))
    }
}
