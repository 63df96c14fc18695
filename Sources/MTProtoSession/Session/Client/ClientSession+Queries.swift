// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
public import NIOCore

extension ClientSession {
    /// Puts a query in line.
    ///
    /// - Parameters:
    ///   - body: The boxed query, a multiple of 4 bytes; the session keeps it until the answer is there. Service messages
    ///     like `ping` are no queries, and are refused: the session has methods of its own for them.
    ///   - requestQuickAck: Whether the server is to confirm the payload at once, where the transport can.
    ///   - repeatsWhenForgotten: Whether the query goes again when the server confirmed it and has forgotten the session since.
    ///     It may have executed it before. If not, the query then ends as ``SessionError/Code/deliveryUnknown``.
    ///   - now: The time now.
    /// - Returns: The handle of the query.
    /// - Throws: ``SessionError/Code/queueFull`` or ``SessionError/Code/invalidQuery``; the query is then not taken.
    public mutating func invoke(
        _ body: ByteBuffer,
        requestQuickAck: Bool = false,
        repeatsWhenForgotten: Bool = true,
        at now: SessionTime
    ) throws(SessionError) -> Query {
        let byteCount = body.readableBytes
        guard self.isAcceptable(body) else {
            throw SessionError(.invalidQuery, deliveryState: .notDelivered)
        }
        try self.checkRoom(byteCount: byteCount)
        let compressed = BodyCompression.compress(body, threshold: self.configuration.compressionThreshold)
        let content = compressed ?? body
        let record = QueryRecord(
            content: .fixed(content),
            byteCount: content.readableBytes,
            requestsQuickAck: requestQuickAck,
            travelsAlone: false,
            repeatsWhenForgotten: repeatsWhenForgotten
        )
        return Query(number: self.queries.insert(record))
    }

    /// Puts a query in line whose body depends on the message identifier it is sent under, like `auth.bindTempAuthKey`.
    ///
    /// - Parameters:
    ///   - requestQuickAck: Whether the server is to confirm the payload at once, where the transport can.
    ///   - now: The time now.
    ///   - makeBody: Makes the boxed query. Called again when the query must be sent under another identifier.
    /// - Returns: The handle of the query.
    /// - Throws: ``SessionError/Code/queueFull``; the query is then not taken.
    public mutating func invoke(
        requestQuickAck: Bool = false,
        at now: SessionTime,
        makeBody: @escaping @Sendable (_ messageIdentifier: UInt64) -> ByteBuffer
    ) throws(SessionError) -> Query {
        try self.invoke(requestQuickAck: requestQuickAck, at: now) { messageIdentifier, _ in
            makeBody(messageIdentifier)
        }
    }

    /// Puts a query in line whose body depends on the message identifier and the session identifier it is sent under.
    ///
    /// - Parameters:
    ///   - requestQuickAck: Whether the server is to confirm the payload at once, where the transport can.
    ///   - now: The time now.
    ///   - makeBody: Makes the boxed query. Called again when the query must be sent under other identifiers.
    /// - Returns: The handle of the query.
    /// - Throws: ``SessionError/Code/queueFull``; the query is then not taken.
    public mutating func invoke(
        requestQuickAck: Bool = false,
        at now: SessionTime,
        makeBody: @escaping @Sendable (_ messageIdentifier: UInt64, _ sessionIdentifier: UInt64) -> ByteBuffer
    ) throws(SessionError) -> Query {
        try self.checkRoom(byteCount: 0)
        let record = QueryRecord(
            content: .dependent(make: makeBody, made: nil),
            byteCount: 0,
            requestsQuickAck: requestQuickAck,
            travelsAlone: true
        )
        return Query(number: self.queries.insert(record))
    }

    private func checkRoom(byteCount: Int) throws(SessionError) {
        guard self.queries.count < self.configuration.maximumQueryCount,
            self.queries.byteCount + byteCount <= self.configuration.maximumQueryByteCount
        else {
            throw SessionError(.queueFull, deliveryState: .notDelivered)
        }
    }

    /// Cancels a query.
    ///
    /// One that is under way is dropped at the server, and ends with ``ClientSessionEvent/dropped(_:_:)`` or, if the answer
    /// was faster, with its answer.
    ///
    /// - Returns: Whether the query was withdrawn before the server could know it: no event will come.
    @discardableResult
    public mutating func cancel(_ query: Query, at now: SessionTime) -> Bool {
        guard let record = self.queries[query.number] else { return false }
        guard record.phase != .waiting else {
            self.queries.remove(query.number)
            guard record.hasUncertainPast else { return true }
            self.pendingEvents.append(.dropped(query, .unknown(RPCAnswerUnknown())))
            return false
        }
        guard !record.isCancelled else { return false }
        _ = self.queries.update(query.number) { $0.isCancelled = true }
        if self.link.isOpen { self.serviceLine.append(.dropAnswer(number: query.number)) }
        return false
    }

    /// Asks the server what it knows about queries; ``ClientSessionEvent/stateReported(_:_:)`` tells the answers.
    ///
    /// Queries that are not sent, or answered already, are left out.
    public mutating func requestState(of queries: [Query], at now: SessionTime) {
        for query in queries.prefix(ServiceLine.maximumIdentifierCount) {
            guard let record = self.queries[query.number], record.phase != .waiting else { continue }
            _ = self.queries.update(query.number) { $0.reportsState = true }
            if self.link.isOpen { self.serviceLine.askState(of: record.identifier) }
        }
    }

    /// Asks the server to forget another session of the same key; ``ClientSessionEvent/sessionDestroyed(identifier:existed:)``
    /// tells the answer. The session's own identifier is ignored.
    public mutating func destroySession(_ identifier: UInt64, at now: SessionTime) {
        guard identifier != self.sessionIdentifier else { return }
        self.serviceLine.append(.destroySession(identifier))
    }

    /// Asks the server to forget the authorization key; ``ClientSessionEvent/keyDestroyed(_:)`` tells the answer.
    public mutating func destroyAuthorizationKey(at now: SessionTime) {
        self.serviceLine.append(.destroyAuthorizationKey)
    }

    /// Pings the server; ``ClientSessionEvent/pong(pingIdentifier:roundTripNanoseconds:)`` tells the answer, and
    /// ``ClientSessionEvent/pingFailed(pingIdentifier:)`` that none can come: the server refused the ping again and again, or
    /// more pings are under way than the session remembers. A connection that closes before it forgets the ping.
    ///
    /// - Returns: The random identifier of the ping.
    public mutating func ping(at now: SessionTime) -> Int64 {
        let identifier = self.random.integer(Int64.self)
        if self.serviceLine.append(.ping(identifier)) {
            if self.link.isOpen { self.link.queuedPing(at: now.monotonicNanoseconds) }
        } else {
            self.pendingEvents.append(.pingFailed(pingIdentifier: identifier))
        }
        return identifier
    }

    /// The message identifier a query was last sent under, as `invokeAfterMsg` needs it; nil before it is sent.
    public func messageIdentifier(of query: Query) -> UInt64? {
        guard let record = self.queries[query.number], record.identifier != 0 else { return nil }
        return record.identifier
    }

    /// What is known about the way of an unanswered query; nil if the session does not know the query.
    public func deliveryState(of query: Query) -> DeliveryState? {
        self.queries[query.number]?.delivery
    }

    /// How many queries are unanswered, sent or waiting.
    public var unansweredQueryCount: Int {
        self.queries.count
    }

    /// The bytes of the unanswered queries.
    public var unansweredQueryByteCount: Int {
        self.queries.byteCount
    }

    /// Ends the session: all queries are returned, in the order they were asked, with what is known about their way.
    public mutating func end() -> [(Query, DeliveryState)] {
        self.link.close()
        self.serviceLine = ServiceLine()
        self.quickAcknowledgements.removeAll()
        var ended = self.queries.removeAll().map { (Query(number: $0.number), $0.record.delivery) }
        // What ended since the last event is told here, as there will be no other.
        for event in self.takePendingEvents() {
            switch event {
            case .failed(let query, let error): ended.append((query, error.deliveryState ?? .maybeDelivered))
            case .dropped(let query, _): ended.append((query, .maybeDelivered))
            default: break
            }
        }
        return ended.sorted { $0.0.number < $1.0.number }
    }
}
