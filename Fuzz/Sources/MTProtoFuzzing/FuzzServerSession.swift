// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore

private let startOfTime: Int64 = 1_700_000_000_000_000_000

func fuzzServerSession(_ input: inout FuzzInput) {
    let key = FuzzKeys.authorizationKey
    let random = RandomSource.seeded(5)
    let salts = ServerSaltSchedule(
        initialSalt: 77,
        createdAt: Int32(startOfTime / 1_000_000_000) - 60,
        seed: Bytes32()
    )
    var session = ServerSession(
        authorizationKeyIdentifier: key.identifier,
        sessionIdentifier: 5,
        configuration: .init(),
        random: random
    )
    var now = SessionTime(wallNanoseconds: startOfTime, monotonicNanoseconds: 1_000_000_000)
    var clientTime = UInt64(startOfTime / 1_000_000_000) << 32 | 4
    var open: [UInt64] = []
    var sent: [UInt64] = [0]

    session.connectionOpened(at: now)
    var steps = 0
    while !input.isAtEnd, steps < 200 {
        steps += 1
        let operation = input.byte()
        switch operation % 8 {
        case 0, 1, 2, 3:
            let control = input.byte()
            let choice = input.byte()
            var body = input.chunk()
            // The place of a request's or a vector's first identifier in most bodies.
            for (bit, offset) in [(UInt8(1), 4), (UInt8(2), 12)] where control & bit != 0 && body.count >= offset + 8 {
                let identifier = sent[Int(choice) % sent.count]
                for index in 0..<8 { body[offset + index] = UInt8(truncatingIfNeeded: identifier >> UInt64(index * 8)) }
            }
            clientTime &+= 4
            var identifier = clientTime
            if control & 4 != 0 { identifier = identifier &- UInt64(choice) << 32 }
            if control & 8 != 0 { identifier &+= UInt64(choice) }
            let payload = FuzzKeys.message(
                salt: control & 16 == 0 ? salts.current(at: now.wallNanoseconds / 1_000_000_000) : UInt64(choice),
                session: 5,
                identifier: identifier,
                sequenceNumber: control & 32 == 0 ? Int32(steps) * 2 - 1 : Int32(bitPattern: UInt32(choice) << 24),
                body: body,
                .clientToServer
            )
            guard let message = try? EncryptedMessage.open(payload, with: key, from: .clientToServer) else {
                preconditionFailure("the harness sent what cannot be opened")
            }
            for action in session.receive(message, salts: salts, at: now) {
                switch action {
                case .query(let query): open.append(query.messageIdentifier)
                case .destroySession(let other, let request):
                    session.answerDestroySession(other, existed: other & 1 == 0, requestedBy: request)
                case .destroyAuthorizationKey(let request):
                    session.answerDestroyAuthorizationKey(.none(DestroyAuthKeyNone()), requestedBy: request)
                default: break
                }
            }
        case 4:
            guard let identifier = open.popLast() else { break }
            if operation & 0x80 == 0 {
                let body = Array(input.chunk().prefix(4096))
                session.respond(
                    to: identifier,
                    result: ByteBuffer(bytes: body.prefix(body.count & ~3)),
                    at: now
                )
            } else {
                session.respond(to: identifier, error: RPCErrorMessage(code: 400, message: "REFUSED"), at: now)
            }
        case 5:
            let milliseconds = Int64(input.integer(UInt32.self) % 3_600_000)
            now.wallNanoseconds += milliseconds * 1_000_000
            now.monotonicNanoseconds += milliseconds * 1_000_000
            clientTime &+= UInt64(milliseconds / 1000) << 32
            session.deadlineReached(at: now)
        case 6:
            session.push(ByteBuffer(bytes: [0x7E, 0xAF, 0x17, 0xE3]), at: now)
        default:
            session.connectionClosed(at: now)
            session.connectionOpened(at: now)
        }
        var count = 0
        while let payload = session.nextPayload(authorizationKey: key, salts: salts, at: now, random: random) {
            count += 1
            precondition(count < 4096, "the session sends without end")
            guard let message = try? EncryptedMessage.open(payload, with: key, from: .serverToClient) else {
                preconditionFailure("the session sent what cannot be opened")
            }
            precondition(message.identifier & 1 == 1, "a server identifier that is even")
            if sent.count >= 32 { sent.removeFirst() }
            sent.append(message.identifier)
        }
    }
}
