// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

@testable import MTProtoSession

/// A server session with the client's counters beside it, on a manual clock.
struct ServerSessionHarness {
    /// One message that left the session.
    struct Output {
        let identifier: UInt64
        let sequenceNumber: Int32
        let body: MessageBody
        /// Which payload it left in, and whether that was a container.
        let payload: Int
        let isContained: Bool
    }

    /// What a client sent.
    struct Sent {
        let identifier: UInt64
        let sequenceNumber: Int32
        let actions: [ServerSessionAction]
    }

    static let key: AuthorizationKey = {
        do {
            return try AuthorizationKey((0..<256).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) })
        } catch {
            fatalError("256 bytes are a key")
        }
    }()
    static let initialSalt: UInt64 = 0x1122_3344_5566_7788
    static let sessionIdentifier: UInt64 = 0x0706_0504_0302_0100

    let clock = ManualSessionClock()
    let schedule: ServerSaltSchedule
    let random = RandomSource.seeded(1)
    var session: ServerSession
    var identifiers = MessageIdentifierGenerator(role: .client)
    var sequenceNumbers = SequenceNumberCounter()
    var payloadCount = 0
    /// What left on the connection that the messages came on, not through the queue.
    var notices: [(payload: ByteBuffer, seconds: Int64)] = []

    init(configure: (inout ServerSession.Configuration) -> Void = { _ in }) {
        var configuration = ServerSession.Configuration()
        configure(&configuration)
        self.schedule = ServerSaltSchedule(
            initialSalt: Self.initialSalt,
            createdAt: Int32(clamping: self.clock.now.wallSeconds),
            seed: Bytes32.random(.seeded(2))
        )
        self.session = ServerSession(
            authorizationKeyIdentifier: Self.key.identifier,
            sessionIdentifier: Self.sessionIdentifier,
            configuration: configuration,
            random: .seeded(3)
        )
    }

    /// A session whose first message was a ping, its new_session_created acknowledged.
    static func established(
        configure: (inout ServerSession.Configuration) -> Void = { _ in }
    ) throws -> ServerSessionHarness {
        var harness = ServerSessionHarness(configure: configure)
        harness.send(Ping(pingIdentifier: 1), isContentRelated: false)
        let identifiers = try harness.output().filter { $0.sequenceNumber & 1 == 1 }.map(\.identifier)
        harness.send(MessagesAcknowledgement(identifiers: identifiers), isContentRelated: false)
        #expect(harness.session.queuedMessageCount == 0)
        return harness
    }

    /// The next identifier that a client would take.
    mutating func nextIdentifier() -> UInt64 {
        self.identifiers.next(serverNanoseconds: self.clock.now.wallNanoseconds)
    }

    /// A message for a container.
    mutating func contained(_ object: some TLObject, isContentRelated: Bool) -> ContainedMessage {
        ContainedMessage(
            identifier: self.nextIdentifier(),
            sequenceNumber: self.sequenceNumbers.next(isContentRelated: isContentRelated),
            body: object.serialized()
        )
    }

    @discardableResult
    mutating func send(
        _ object: some TLObject,
        isContentRelated: Bool,
        identifier: UInt64? = nil,
        sequenceNumber: Int32? = nil,
        salt: UInt64? = nil
    ) -> Sent {
        self.send(
            body: object.serialized(),
            isContentRelated: isContentRelated,
            identifier: identifier,
            sequenceNumber: sequenceNumber,
            salt: salt
        )
    }

    @discardableResult
    mutating func send(
        body: ByteBuffer,
        isContentRelated: Bool,
        identifier: UInt64? = nil,
        sequenceNumber: Int32? = nil,
        salt: UInt64? = nil
    ) -> Sent {
        let now = self.clock.now
        let message = EncryptedMessage(
            salt: salt ?? self.schedule.current(at: now.wallSeconds),
            sessionIdentifier: Self.sessionIdentifier,
            identifier: identifier ?? self.nextIdentifier(),
            sequenceNumber: sequenceNumber ?? self.sequenceNumbers.next(isContentRelated: isContentRelated),
            body: body,
            quickAckToken: 0
        )
        let actions = self.session.receive(message, salts: self.schedule, at: now)
        for case .notify(let bodies) in actions {
            self.notices += self.session.seal(
                notices: bodies,
                authorizationKey: Self.key,
                salts: self.schedule,
                at: now,
                random: self.random
            ).map { ($0, now.wallSeconds) }
        }
        return Sent(identifier: message.identifier, sequenceNumber: message.sequenceNumber, actions: actions)
    }

    /// A query of any kind; answered by no rule of the session.
    @discardableResult
    mutating func sendQuery() -> Sent {
        self.send(HelpGetNearestDataCenter(), isContentRelated: true)
    }

    @discardableResult
    mutating func respond(to query: UInt64, byteCount: Int = 8, fill: UInt8 = 0x55) -> Bool {
        self.session.respond(
            to: query,
            result: ByteBuffer(repeating: fill, count: byteCount),
            at: self.clock.now
        )
    }

    /// Everything that the session wants to send, decrypted and taken out of its containers.
    mutating func output() throws -> [Output] {
        let notices = self.notices
        self.notices = []
        return try notices.flatMap { try self.open($0.payload, at: $0.seconds) } + self.queueOutput()
    }

    /// What comes out of the session's queue, for any of its connections.
    mutating func queueOutput(connection: UInt64? = nil) throws -> [Output] {
        var outputs: [Output] = []
        while let payload = self.session.nextPayload(
            authorizationKey: Self.key,
            salts: self.schedule,
            at: self.clock.now,
            random: self.random,
            connection: connection
        ) {
            outputs += try self.open(payload, at: self.clock.now.wallSeconds)
        }
        return outputs
    }

    mutating func open(_ payload: ByteBuffer, at seconds: Int64) throws -> [Output] {
        var outputs: [Output] = []
        do {
            let message = try EncryptedMessage.open(payload, with: Self.key, from: .serverToClient)
            #expect(message.sessionIdentifier == Self.sessionIdentifier)
            #expect(message.salt == self.schedule.current(at: seconds))
            let body = try MessageBody.parse(message.body).body
            if case .container(let messages) = body {
                #expect(message.sequenceNumber & 1 == 0)
                #expect(message.identifier & 3 == 3)
                for inner in messages {
                    #expect(inner.identifier < message.identifier)
                    outputs.append(
                        Output(
                            identifier: inner.identifier,
                            sequenceNumber: inner.sequenceNumber,
                            body: try MessageBody.parse(inner.body).body,
                            payload: self.payloadCount,
                            isContained: true
                        )
                    )
                }
            } else {
                outputs.append(
                    Output(
                        identifier: message.identifier,
                        sequenceNumber: message.sequenceNumber,
                        body: body,
                        payload: self.payloadCount,
                        isContained: false
                    )
                )
            }
            self.payloadCount += 1
        }
        return outputs
    }

    /// Lets time pass with all deadlines on the way.
    mutating func advance(by duration: Duration) {
        let end = self.clock.now.monotonicNanoseconds + duration.clampedNanoseconds
        while let deadline = self.session.nextDeadline, deadline <= end {
            let step = max(deadline - self.clock.now.monotonicNanoseconds, 0)
            self.clock.advance(by: .nanoseconds(step))
            self.session.deadlineReached(at: self.clock.now)
            if let next = self.session.nextDeadline, next <= deadline {
                Issue.record("the deadline does not move on")
                return
            }
        }
        self.clock.advance(by: .nanoseconds(max(end - self.clock.now.monotonicNanoseconds, 0)))
    }
}

extension [ServerSessionHarness.Output] {
    var badMessages: [BadMessageNotification] {
        self.compactMap { if case .badMessage(let notice) = $0.body { notice } else { nil } }
    }

    var badSalts: [BadServerSalt] {
        self.compactMap { if case .badSalt(let notice) = $0.body { notice } else { nil } }
    }

    var results: [RPCResult] {
        self.compactMap { if case .rpcResult(let result) = $0.body { result } else { nil } }
    }

    var pongs: [Pong] {
        self.compactMap { if case .pong(let pong) = $0.body { pong } else { nil } }
    }

    var newSessions: [NewSessionCreated] {
        self.compactMap { if case .newSession(let notice) = $0.body { notice } else { nil } }
    }

    var acknowledged: [UInt64] {
        self.flatMap { if case .acknowledgement(let message) = $0.body { message.identifiers } else { [] as [UInt64] } }
    }

    var stateInfos: [MessagesStateInfo] {
        self.compactMap { if case .stateInfo(let info) = $0.body { info } else { nil } }
    }

    var detailedInfos: [MessageDetailedInfo] {
        self.compactMap { if case .detailedInfo(let info) = $0.body { info } else { nil } }
    }

    var newDetailedInfos: [MessageNewDetailedInfo] {
        self.compactMap { if case .newDetailedInfo(let info) = $0.body { info } else { nil } }
    }
}

extension [ServerSessionAction] {
    var queries: [ServerQuery] {
        self.compactMap { if case .query(let query) = $0 { query } else { nil } }
    }

    /// What the first action says about quick acknowledgements.
    var acceptsQuickAck: Bool? {
        if case .acceptQuickAck(let isAccepted)? = self.first { isAccepted } else { nil }
    }
}
