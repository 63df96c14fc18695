// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore

private let startOfTime: Int64 = 1_700_000_000_000_000_000

/// A client session, its clock, and the identifiers that it used lately, so that a hostile answer can name them.
private struct ClientHarness: ~Copyable {
    static let session: UInt64 = 0x1122_3344_5566_7788

    var session: ClientSession
    var now = SessionTime(wallNanoseconds: startOfTime, monotonicNanoseconds: 1_000_000_000)
    var queries: [ClientSession.Query] = []
    var sentIdentifiers: [UInt64] = [0]
    var sentTokens: [UInt32] = [0]
    var serverTime = UInt64(startOfTime / 1_000_000_000) << 32 | 1
    var sessionIdentifier = ClientHarness.session

    init() {
        self.session = ClientSession(
            authorizationKey: FuzzKeys.authorizationKey,
            sessionIdentifier: Self.session,
            salts: [],
            timeOffsetNanoseconds: 0,
            configuration: .init(),
            random: .seeded(4)
        )
    }

    mutating func drain() {
        var count = 0
        while let outgoing = self.session.nextPayload(at: self.now) {
            count += 1
            precondition(count < 4096, "the session sends without end")
            if let token = outgoing.quickAckToken { self.remember(token: token) }
            guard
                let message = try? EncryptedMessage.open(
                    outgoing.payload,
                    with: FuzzKeys.authorizationKey,
                    from: .clientToServer
                )
            else { preconditionFailure("the session sent what cannot be opened") }
            precondition(message.identifier & 3 == 0, "a client identifier that is not divisible by 4")
            precondition(message.identifier & 0xFFFF_FFFF != 0, "a client identifier without a fraction")
            self.sessionIdentifier = message.sessionIdentifier
            self.remember(identifier: message.identifier)
            if let parsed = try? MessageBody.parse(message.body), case .container(let messages) = parsed.body {
                precondition(messages.count <= 1020, "a container above the sending limit")
                for inner in messages { self.remember(identifier: inner.identifier) }
            }
        }
    }

    mutating func remember(identifier: UInt64) {
        if self.sentIdentifiers.count >= 32 { self.sentIdentifiers.removeFirst() }
        self.sentIdentifiers.append(identifier)
    }

    mutating func remember(token: UInt32) {
        if self.sentTokens.count >= 8 { self.sentTokens.removeFirst() }
        self.sentTokens.append(token)
    }

    /// A message of the hostile server; bits of `control` break one thing each, or make the body name one of our messages.
    mutating func receive(_ control: UInt8, _ choice: UInt8, _ body: [UInt8]) -> Bool {
        var body = body
        if control & 1 != 0, body.count >= 12 {
            let identifier = self.sentIdentifiers[Int(choice) % self.sentIdentifiers.count]
            for index in 0..<8 { body[4 + index] = UInt8(truncatingIfNeeded: identifier >> UInt64(index * 8)) }
        }
        self.serverTime &+= 4
        var identifier = self.serverTime
        if control & 2 != 0 { identifier &+= 2 }
        if control & 4 != 0 { identifier = identifier &- UInt64(choice) << 33 }
        if control & 8 != 0 { identifier &+= UInt64(choice) }
        let payload = FuzzKeys.message(
            salt: 1,
            session: control & 16 == 0 ? self.sessionIdentifier : 9,
            identifier: identifier,
            sequenceNumber: control & 32 == 0 ? 1 : Int32(bitPattern: UInt32(choice) << 24),
            body: body,
            control & 64 == 0 ? .serverToClient : .clientToServer
        )
        return (try? self.session.receive(payload, at: self.now)) != nil
    }

    /// What only happens over HTTP: long polls, lost payloads, hints of the time.
    mutating func http(choice: UInt8) {
        let wait = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: Int32(choice))
        switch choice & 3 {
        case 0:
            let poll = self.session.nextPollPayload(wait: wait, at: self.now)
            precondition(poll != nil || !self.session.isConnected, "no poll on an open connection")
        case 1:
            _ = self.session.nextPayload(at: self.now, attaching: wait)
        case 2:
            self.session.noteServerTime(
                unixSeconds: self.now.wallSeconds + (Int64(choice) - 128) * 1000,
                at: self.now
            )
        default:
            let identifier = self.sentIdentifiers[Int(choice) % self.sentIdentifiers.count]
            self.session.payloadLost(identifier, at: self.now)
        }
    }

    mutating func advance(milliseconds: UInt32) {
        let nanoseconds = Int64(milliseconds) * 1_000_000
        self.now.wallNanoseconds += nanoseconds
        self.now.monotonicNanoseconds += nanoseconds
        self.serverTime &+= UInt64(milliseconds) << 32 / 1000 & ~3
    }
}

func fuzzClientSession(_ input: inout FuzzInput) {
    var harness = ClientHarness()
    harness.session.connectionOpened(at: harness.now)
    var steps = 0
    while !input.isAtEnd, steps < 200 {
        steps += 1
        let operation = input.byte()
        switch operation % 10 {
        case 0:
            let body = Array(input.chunk().prefix(4096))
            let aligned = ByteBuffer(bytes: body.prefix(body.count & ~3))
            let requestsQuickAck = operation & 0x80 != 0
            if let query = try? harness.session.invoke(aligned, requestQuickAck: requestsQuickAck, at: harness.now) {
                harness.queries.append(query)
            }
        case 1, 2, 3, 4:
            let control = input.byte()
            let choice = input.byte()
            if !harness.receive(control, choice, input.chunk()) {
                harness.session.connectionClosed(at: harness.now)
                harness.session.connectionOpened(at: harness.now)
            }
        case 5:
            harness.advance(milliseconds: input.integer(UInt32.self) % 3_600_000)
            _ = harness.session.deadlineReached(at: harness.now)
        case 6:
            if operation & 0x80 == 0 {
                _ = harness.session.ping(at: harness.now)
            } else {
                harness.http(choice: input.byte())
            }
        case 7:
            let choice = Int(input.byte())
            _ = harness.session.receiveQuickAck(harness.sentTokens[choice % harness.sentTokens.count])
        case 8:
            if let query = harness.queries.last { harness.session.cancel(query, at: harness.now) }
        default:
            harness.session.connectionClosed(at: harness.now)
            harness.session.connectionOpened(at: harness.now)
        }
        harness.drain()
    }
    harness.session.connectionClosed(at: harness.now)
    _ = harness.session.end()
}
