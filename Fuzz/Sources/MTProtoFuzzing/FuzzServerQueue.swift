// SPDX-License-Identifier: Apache-2.0
import Foundation
import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore

/// The queue of a session whose client comes over HTTP: responses that get lost, requests that are repeated, memory that is
/// short, and a store that saves and restores the session in other processes.
func fuzzServerQueue(_ input: inout FuzzInput) {
    var run = ServerQueueRun()
    var steps = 0
    while !input.isAtEnd, steps < 150 {
        steps += 1
        run.step(&input)
        run.check()
    }
}

struct ServerQueueRun {
    private static let key = FuzzKeys.authorizationKey
    private static let start: Int64 = 1_700_000_000_000_000_000

    private let random = RandomSource.seeded(6)
    private let salts = ServerSaltSchedule(
        initialSalt: 78,
        createdAt: Int32(Self.start / 1_000_000_000) - 60,
        seed: Bytes32()
    )
    private(set) var session: ServerSession
    private(set) var now = SessionTime(wallNanoseconds: Self.start, monotonicNanoseconds: 1_000_000_000)
    private var identifiers = MessageIdentifierGenerator(role: .client)
    private var sequence = SequenceNumberCounter()
    private var open: [UInt64] = []
    private var executed: Set<UInt64> = []
    private var answered: Set<UInt64> = []
    private var carried: [UInt64] = []
    private var requests: [EncryptedMessage] = []
    private var isForeign = false

    /// Small enough that an input reaches them.
    static let limits = {
        var configuration = ServerSession.Configuration()
        configuration.maximumQueuedMessageCount = 48
        configuration.maximumQueuedByteCount = 20_000
        configuration.duplicateWindowCapacity = 40
        configuration.largeMessageByteCount = 2000
        configuration.maximumContainerByteCount = 4000
        return configuration
    }()

    init() {
        self.session = ServerSession(
            authorizationKeyIdentifier: Self.key.identifier,
            sessionIdentifier: 5,
            configuration: Self.limits,
            random: .seeded(7)
        )
    }

    /// Goes on with a session that somebody stored, whose messages may be anything.
    init(stored session: ServerSession) {
        self.session = session
        self.isForeign = true
    }

    mutating func step(_ input: inout FuzzInput) {
        let operation = input.byte()
        let choice = Int(input.byte())
        switch operation % 12 {
        case 0: self.request(HelpGetNearestDataCenter().serialized(), isContentRelated: true)
        case 1: self.request(Ping(pingIdentifier: Int64(choice)).serialized(), isContentRelated: choice & 1 == 0)
        case 2:
            let some = Array(self.carried.prefix(choice % 8))
            self.carried.removeFirst(some.count)
            self.request(MessagesAcknowledgement(identifiers: some).serialized(), isContentRelated: false)
        case 3:
            guard let query = self.open.popLast() else { break }
            self.answered.insert(query)
            self.session.respond(
                to: query,
                result: ByteBuffer(repeating: operation, count: choice * choice / 4 * 4 % 6000),
                at: self.now
            )
        case 4: self.session.push(ByteBuffer(repeating: 1, count: choice * 4 + 4), at: self.now)
        case 5: self.advance(Int64(input.integer(UInt32.self) % 700_000))
        case 6: self.respond(carrier: UInt64(choice % 4))
        case 7: self.session.responseLost(UInt64(choice % 4), at: self.now)
        case 8:
            guard !self.requests.isEmpty else { break }
            self.repeated(self.requests[choice % self.requests.count])
        case 9: self.session.forgetQueuedMessages(byteCount: (choice - 8) * 100)
        case 10: self.restore(clockOffset: (Int64(choice) - 128) * 1_000_000_000)
        default:
            if choice & 1 == 0 {
                self.session.connectionOpened(at: self.now)
            } else {
                self.session.connectionClosed(at: self.now, connection: UInt64(choice % 4))
            }
        }
    }

    func check() {
        precondition(self.session.queuedByteCount >= 0 && self.session.queuedMessageCount >= 0, "a negative queue")
        let limits = self.session.configuration
        precondition(
            self.session.queuedMessageCount <= max(limits.maximumQueuedMessageCount, 1),
            "more messages than allowed"
        )
        precondition(
            self.session.queuedByteCount <= limits.maximumQueuedByteCount || self.session.queuedMessageCount <= 1,
            "more bytes than allowed"
        )
        precondition(self.session.queuedMessageCount > 0 || self.session.queuedByteCount == 0, "bytes of nothing")
    }

    private mutating func request(_ body: ByteBuffer, isContentRelated: Bool) {
        let inner = ContainedMessage(
            identifier: self.identifiers.next(serverNanoseconds: self.now.wallNanoseconds),
            sequenceNumber: self.sequence.next(isContentRelated: isContentRelated),
            body: body
        )
        let container = MessageContainer(messages: [inner]).serialized()
        let payload = FuzzKeys.message(
            salt: self.salts.current(at: self.now.wallSeconds),
            session: 5,
            identifier: self.identifiers.next(serverNanoseconds: self.now.wallNanoseconds),
            sequenceNumber: self.sequence.next(isContentRelated: false),
            body: Array(container.readableBytesView),
            .clientToServer
        )
        guard let message = try? EncryptedMessage.open(payload, with: Self.key, from: .clientToServer) else {
            preconditionFailure("the harness sent what cannot be opened")
        }
        if self.requests.count >= 8 { self.requests.removeFirst() }
        self.requests.append(message)
        self.receive(message)
    }

    @discardableResult
    private mutating func receive(_ message: EncryptedMessage) -> (isAccepted: Bool, notices: [ByteBuffer]) {
        var isAccepted = false
        var notices: [ByteBuffer] = []
        for action in self.session.receive(message, salts: self.salts, at: self.now) {
            switch action {
            case .acceptQuickAck(let accepted): isAccepted = accepted
            case .notify(let bodies): notices = bodies
            case .query(let query):
                precondition(self.executed.insert(query.messageIdentifier).inserted, "executed twice")
                self.open.append(query.messageIdentifier)
            default: break
            }
        }
        return (isAccepted, notices)
    }

    private mutating func repeated(_ message: EncryptedMessage) {
        let (isAccepted, notices) = self.receive(message)
        precondition(!isAccepted, "a repeated request was accepted")
        let before = (self.session.queuedMessageCount, self.session.hasOutput)
        let payload = self.session.refusal(
            of: message,
            notices: notices,
            authorizationKey: Self.key,
            salts: self.salts,
            at: self.now,
            random: self.random
        )
        _ = self.opened(payload)
        precondition(before == (self.session.queuedMessageCount, self.session.hasOutput), "a repetition diverts")
    }

    private mutating func respond(carrier: UInt64) {
        let payload = self.session.nextResponse(
            answering: carrier & 1 == 0 ? self.answered : [],
            authorizationKey: Self.key,
            salts: self.salts,
            at: self.now,
            random: self.random,
            carrier: carrier
        )
        for message in self.opened(payload) where message.sequenceNumber & 1 == 1 {
            if self.carried.count >= 64 { self.carried.removeFirst() }
            self.carried.append(message.identifier)
        }
    }

    private func opened(_ payload: ByteBuffer) -> [ContainedMessage] {
        guard let message = try? EncryptedMessage.open(payload, with: Self.key, from: .serverToClient) else {
            preconditionFailure("a response that cannot be opened")
        }
        guard let body = try? MessageBody.parse(message.body).body else {
            precondition(self.isForeign, "a response that cannot be read")
            return []
        }
        guard case .container(let messages) = body else {
            return [
                ContainedMessage(
                    identifier: message.identifier,
                    sequenceNumber: message.sequenceNumber,
                    body: message.body
                )
            ]
        }
        precondition(Set(messages.map(\.identifier)).count == messages.count, "a message twice in one container")
        precondition(messages.allSatisfy { $0.identifier < message.identifier }, "contents above their container")
        return messages
    }

    private mutating func advance(_ milliseconds: Int64) {
        self.now.wallNanoseconds += milliseconds * 1_000_000
        self.now.monotonicNanoseconds += milliseconds * 1_000_000
        guard milliseconds & 1 == 0 else { return }
        self.session.deadlineReached(at: self.now)
        let next = self.session.nextDeadline(at: self.now)
        precondition(next.map { $0 > self.now.monotonicNanoseconds } ?? true, "a deadline that stays")
    }

    /// Saved here, restored in a process whose monotonic clock differs.
    private mutating func restore(clockOffset: Int64) {
        guard let saved = try? JSONEncoder().encode(self.session),
            let restored = try? JSONDecoder().decode(ServerSession.self, from: saved)
        else { preconditionFailure("a session that cannot be saved and restored") }
        precondition(restored.queuedByteCount == self.session.queuedByteCount, "restored with other bytes")
        precondition(restored.queuedMessageCount == self.session.queuedMessageCount, "restored with other messages")
        precondition(restored.hasOutput == self.session.hasOutput, "restored with other output")
        precondition(restored.nextDeadline == self.session.nextDeadline, "restored with another deadline")
        precondition(restored.forgottenMessages == self.session.forgottenMessages, "restored with other counts")
        self.session = restored
        self.now.monotonicNanoseconds += clockOffset
    }
}
