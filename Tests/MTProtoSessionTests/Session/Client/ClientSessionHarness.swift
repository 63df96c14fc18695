// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// A client session with a virtual clock, and a server that says what the test tells it to.
final class ClientSessionHarness {
    static let sessionIdentifier: UInt64 = 0x0706_0504_0302_0100
    static let salt: UInt64 = 0xA5A5_0000_0000_0001
    /// The echo query of the local data centre, followed by a number.
    static let echo: UInt32 = 0xEC40_EC40

    /// One payload of the client, opened.
    struct Sent {
        var message: EncryptedMessage
        /// The messages of the container, or the one message.
        var messages: [ContainedMessage]
        var isContainer: Bool
        var token: UInt32?

        /// The API queries among the messages.
        var queries: [ContainedMessage] {
            self.messages.filter { message in
                let body = try? MessageBody.parse(message.body, isContained: true)
                if case .other? = body?.body { return true }
                return false
            }
        }

        /// The `http_wait` among the messages.
        var waits: [HTTPWait] {
            self.bodies.compactMap { if case .httpWait(let wait) = $0 { wait } else { nil } }
        }

        /// The identifiers that are acknowledged.
        var acknowledged: [UInt64] {
            self.bodies.flatMap {
                if case .acknowledgement(let message) = $0 { message.identifiers } else { [] as [UInt64] }
            }
        }

        /// The parsed bodies.
        var bodies: [MessageBody] {
            self.messages.compactMap { try? MessageBody.parse($0.body, isContained: true).body }
        }
    }

    let clock = ManualSessionClock()
    let key: AuthorizationKey
    var session: ClientSession
    /// The server's clock minus the client's wall clock at the beginning; it runs by the monotonic clock.
    var serverOffset: Int64
    private let startWall: Int64
    private let startMonotonic: Int64
    private var generator = MessageIdentifierGenerator(role: .server)
    private var sequence = SequenceNumberCounter()
    /// All events so far.
    var events: [ClientSessionEvent] = []

    init(
        salts: [ServerSalt]? = nil,
        timeOffsetNanoseconds: Int64? = 0,
        serverOffset: Duration = .zero,
        isConnected: Bool = true,
        configure: (inout ClientSession.Configuration) -> Void = { _ in }
    ) throws {
        self.key = try AuthorizationKey((0..<256).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) })
        let now = self.clock.now
        self.startWall = now.wallNanoseconds
        self.startMonotonic = now.monotonicNanoseconds
        self.serverOffset = serverOffset.clampedNanoseconds
        let seconds = Int32(clamping: now.wallSeconds)
        var configuration = ClientSession.Configuration()
        configuration.keepAliveInterval = nil
        configuration.futureSaltCount = 0
        configure(&configuration)
        self.session = ClientSession(
            authorizationKey: self.key,
            sessionIdentifier: Self.sessionIdentifier,
            salts: salts ?? [ServerSalt(validSince: seconds - 600, validUntil: seconds + 1200, salt: Self.salt)],
            timeOffsetNanoseconds: timeOffsetNanoseconds,
            configuration: configuration,
            random: .seeded(1)
        )
        if isConnected { self.open() }
    }

    var now: SessionTime { self.clock.now }

    var serverNanoseconds: Int64 {
        self.startWall + self.serverOffset + self.now.monotonicNanoseconds - self.startMonotonic
    }

    // MARK: The client

    func open() {
        self.session.connectionOpened(at: self.now)
    }

    func close() {
        self.session.connectionClosed(at: self.now)
    }

    /// Closes the connection and opens another.
    func reconnect() {
        self.close()
        self.open()
    }

    static func query(_ number: Int, padding: Int = 0) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(Self.echo, endianness: .little)
        buffer.writeInteger(Int64(number), endianness: .little)
        for index in 0..<padding / 4 {
            // Incompressible enough.
            buffer.writeInteger(UInt32(truncatingIfNeeded: (index &+ number &* 7919) &* 2_654_435_761))
        }
        return buffer
    }

    static func number(of body: ByteBuffer) -> Int? {
        guard let body = try? GzipPacked.unwrap(body),
            body.getInteger(at: body.readerIndex, endianness: .little, as: UInt32.self) == Self.echo
        else { return nil }
        return body.getInteger(at: body.readerIndex + 4, endianness: .little, as: Int64.self).map { Int($0) }
    }

    @discardableResult
    func invoke(_ number: Int = 1, padding: Int = 0, quickAck: Bool = false) throws -> ClientSession.Query {
        try self.session.invoke(Self.query(number, padding: padding), requestQuickAck: quickAck, at: self.now)
    }

    func invokeDependent() throws {
        _ = try self.session.invoke(at: self.now) { _ in Self.query(1) }
    }

    func cancel(_ query: ClientSession.Query) -> Bool {
        self.session.cancel(query, at: self.now)
    }

    func quickAck(_ token: UInt32) -> [ClientSession.Query] {
        self.session.receiveQuickAck(token)
    }

    func state(of query: ClientSession.Query) -> DeliveryState? {
        self.session.deliveryState(of: query)
    }

    func identifier(of query: ClientSession.Query) -> UInt64? {
        self.session.messageIdentifier(of: query)
    }

    var unanswered: Int { self.session.unansweredQueryCount }
    var unansweredBytes: Int { self.session.unansweredQueryByteCount }
    var unreadable: UInt64 { self.session.unreadableMessageCount }
    var deadline: Int64? { self.session.nextDeadline }
    var isConnected: Bool { self.session.isConnected }
    var isSynchronized: Bool { self.session.isTimeSynchronized }
    var savedState: SavedSession { self.session.state }
    var currentSession: UInt64 { self.session.sessionIdentifier }

    private func opened(_ payload: OutgoingPayload) throws -> Sent {
        let message = try EncryptedMessage.open(payload.payload, with: self.key, from: .clientToServer)
        #expect(payload.messageIdentifier == message.identifier)
        if let token = payload.quickAckToken { #expect(token == message.quickAckToken) }
        var sent = Sent(message: message, messages: [], isContainer: false, token: payload.quickAckToken)
        if case .container(let messages) = try MessageBody.parse(message.body).body {
            sent.messages = messages
            sent.isContainer = true
        } else {
            sent.messages = [
                ContainedMessage(
                    identifier: message.identifier,
                    sequenceNumber: message.sequenceNumber,
                    body: message.body
                )
            ]
        }
        return sent
    }

    /// The payload of a long poll.
    func poll(_ wait: HTTPWait = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 25_000)) throws -> Sent? {
        try self.session.nextPollPayload(wait: wait, at: self.now).map { try self.opened($0) }
    }

    func lose(_ sent: Sent) {
        self.session.payloadLost(sent.message.identifier, at: self.now)
    }

    /// All payloads that are due.
    @discardableResult
    func flush(attaching wait: HTTPWait? = nil) throws -> [Sent] {
        var all: [Sent] = []
        while let payload = self.session.nextPayload(at: self.now, attaching: wait) {
            all.append(try self.opened(payload))
            try #require(all.count < 10_000, "the session never stops sending")
        }
        return all
    }

    /// Lets time pass, with every deadline on the way served.
    ///
    /// - Returns: What was sent on the way.
    @discardableResult
    func advance(by duration: Duration) throws -> [Sent] {
        let end = self.now.monotonicNanoseconds + duration.clampedNanoseconds
        var sent = try self.flush()
        var steps = 0
        while let deadline = self.deadline, deadline <= end {
            self.clock.advance(by: .nanoseconds(max(0, deadline - self.now.monotonicNanoseconds)))
            self.events += self.session.deadlineReached(at: self.now)
            sent += try self.flush()
            steps += 1
            try #require(steps < 100_000, "the deadlines do not move")
        }
        self.clock.advance(by: .nanoseconds(max(0, end - self.now.monotonicNanoseconds)))
        return sent
    }

    // MARK: The server

    /// Delivers a message of the server.
    @discardableResult
    func deliver(
        _ body: ByteBuffer,
        isContentRelated: Bool = false,
        isResponse: Bool = true,
        identifier: UInt64? = nil,
        sessionIdentifier: UInt64? = nil
    ) throws -> [ClientSessionEvent] {
        let identifier = identifier ?? self.nextIdentifier(isResponse: isResponse)
        let (payload, _) = EncryptedMessage.seal(
            salt: Self.salt,
            sessionIdentifier: sessionIdentifier ?? self.currentSession,
            identifier: identifier,
            sequenceNumber: self.sequence.next(isContentRelated: isContentRelated),
            with: self.key,
            direction: .serverToClient,
            random: .seeded(identifier),
            bodyLength: body.readableBytes
        ) { $0.writeImmutableBuffer(body) }
        return try self.deliver(payload: payload)
    }

    @discardableResult
    func deliver(payload: ByteBuffer) throws -> [ClientSessionEvent] {
        let events = try self.session.receive(payload, at: self.now)
        self.events += events
        return events
    }

    @discardableResult
    func deliver(_ object: some TLBoxed, isContentRelated: Bool = false) throws -> [ClientSessionEvent] {
        try self.deliver(object.serialized(), isContentRelated: isContentRelated)
    }

    func nextIdentifier(isResponse: Bool = true) -> UInt64 {
        self.generator.next(serverNanoseconds: self.serverNanoseconds, isResponse: isResponse)
    }

    func contained(
        _ body: ByteBuffer,
        isContentRelated: Bool = true,
        isResponse: Bool = true,
        identifier: UInt64? = nil
    ) -> ContainedMessage {
        ContainedMessage(
            identifier: identifier ?? self.nextIdentifier(isResponse: isResponse),
            sequenceNumber: self.sequence.next(isContentRelated: isContentRelated),
            body: body
        )
    }

    /// Answers a query with its own bytes.
    @discardableResult
    func answer(_ message: ContainedMessage) throws -> [ClientSessionEvent] {
        let result = try GzipPacked.unwrap(message.body)
        return try self.deliver(
            RPCResult(requestIdentifier: message.identifier, result: result),
            isContentRelated: true
        )
    }

    func refuse(_ identifier: UInt64, _ code: BadMessageCode) throws -> [ClientSessionEvent] {
        try self.deliver(
            BadMessageNotification(badIdentifier: identifier, badSequenceNumber: 0, code: code.rawValue)
        )
    }

    func refuseSalt(_ identifier: UInt64, new: UInt64) throws -> [ClientSessionEvent] {
        try self.deliver(
            BadServerSalt(badIdentifier: identifier, badSequenceNumber: 0, code: 48, newSalt: new)
        )
    }
}

extension [ClientSessionEvent] {
    /// The events in short words, for comparison.
    var names: [String] {
        self.map { event in
            switch event {
            case .result(let query, let body):
                return "result \(query) \(ClientSessionHarness.number(of: body).map(String.init) ?? "?")"
            case .rpcError(let query, let error): return "error \(query) \(error.code) \(error.message)"
            case .acknowledged(let query): return "acknowledged \(query)"
            case .stateReported(let query, let status): return "state \(query) \(status.rawValue)"
            case .failed(let query, let error): return "failed \(query) \(error)"
            case .dropped(let query, let outcome):
                switch outcome {
                case .unknown: return "dropped \(query) unknown"
                case .droppedRunning: return "dropped \(query) running"
                case .dropped: return "dropped \(query) dropped"
                }
            case .update(let body): return "update \(body.readableBytes)"
            case .pong: return "pong"
            case .pingFailed: return "ping failed"
            case .newServerSession: return "new session"
            case .saltsChanged: return "salts"
            case .timeSynchronized(let offset): return "time \((Double(offset) / 1e6).rounded() / 1e3 + 0)"
            case .sessionRestarted: return "restarted"
            case .sessionDestroyed(let identifier, let existed): return "destroyed \(identifier) \(existed)"
            case .keyDestroyed(.ok): return "key destroyed"
            case .keyDestroyed(.none): return "key unknown"
            case .keyDestroyed(.fail): return "key kept"
            case .connectionDead: return "dead"
            }
        }
    }
}
