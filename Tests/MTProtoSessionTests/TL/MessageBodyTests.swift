// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

@Suite struct MessageBodyTests {
    /// Every case but `other`, which has tests of its own.
    static let cases: [(ByteBuffer, MessageBody)] = {
        let ids: [UInt64] = [1, 2]
        let contained = TLSample.contained
        func pair<T: TLObject>(_ value: T, _ body: (T) -> MessageBody) -> (ByteBuffer, MessageBody) {
            (value.serialized(), body(value))
        }
        return [
            (MessageContainer(messages: [contained]).serialized(), .container([contained])),
            (MessageContainer(messages: []).serialized(), .container([])),
            (MessageCopy(message: contained).serialized(), .copy(contained)),
            pair(MessagesAcknowledgement(identifiers: ids), MessageBody.acknowledgement),
            pair(
                BadMessageNotification(badIdentifier: 1, badSequenceNumber: 2, code: 16),
                MessageBody.badMessage
            ),
            pair(BadServerSalt(badIdentifier: 1, badSequenceNumber: 2, code: 48, newSalt: 3), MessageBody.badSalt),
            pair(MessagesStateRequest(identifiers: ids), MessageBody.stateRequest),
            pair(MessagesStateInfo(requestIdentifier: 1, info: [4]), MessageBody.stateInfo),
            pair(MessagesAllInfo(identifiers: ids, info: [4, 4]), MessageBody.allInfo),
            pair(
                MessageDetailedInfo(identifier: 1, answerIdentifier: 2, byteCount: 3, status: 0),
                MessageBody.detailedInfo
            ),
            pair(MessageNewDetailedInfo(answerIdentifier: 2, byteCount: 3, status: 0), MessageBody.newDetailedInfo),
            pair(MessageResendRequest(identifiers: ids), MessageBody.resendRequest),
            pair(MessageResendAnswerRequest(identifiers: ids), MessageBody.resendAnswerRequest),
            pair(
                NewSessionCreated(firstMessageIdentifier: 1, uniqueIdentifier: 2, salt: 3),
                MessageBody.newSession
            ),
            pair(Ping(pingIdentifier: 1), MessageBody.ping),
            pair(PingDelayDisconnect(pingIdentifier: 1, disconnectDelay: 2), MessageBody.pingDelayDisconnect),
            pair(Pong(messageIdentifier: 1, pingIdentifier: 2), MessageBody.pong),
            pair(GetFutureSalts(count: 1), MessageBody.getFutureSalts),
            pair(FutureSalts(requestIdentifier: 1, now: 2, salts: []), MessageBody.futureSalts),
            pair(DestroySession(sessionIdentifier: 1), MessageBody.destroySession),
            pair(DestroySessionOK(sessionIdentifier: 1), MessageBody.destroySessionOK),
            pair(DestroySessionNone(sessionIdentifier: 1), MessageBody.destroySessionNone),
            pair(RPCResult(requestIdentifier: 1, result: TLSample.pingBody), MessageBody.rpcResult),
            pair(RPCDropAnswer(requestIdentifier: 1), MessageBody.rpcDropAnswer),
            pair(DestroyAuthKey()) { _ in .destroyAuthKey },
            pair(DestroyAuthKeyOK()) { .destroyAuthKeyResult(.ok($0)) },
            pair(DestroyAuthKeyNone()) { .destroyAuthKeyResult(.none($0)) },
            pair(DestroyAuthKeyFail()) { .destroyAuthKeyResult(.fail($0)) },
            pair(HTTPWait(maximumDelay: 1, waitAfter: 2, maximumWait: 3), MessageBody.httpWait),
        ]
    }()

    @Test(arguments: MessageBodyTests.cases) func everyServiceMessageIsRecognized(
        bytes: ByteBuffer,
        body: MessageBody
    ) throws {
        let plain = try MessageBody.parse(bytes)
        #expect(plain.body == body)
        #expect(!plain.wasCompressed)
        let packed = try MessageBody.parse(GzipPacked(compressing: bytes).serialized())
        #expect(packed.body == body)
        #expect(packed.wasCompressed)
    }

    @Test func anythingElseIsTakenAsItStands() throws {
        for wire in ["6b18f9c4", "efbeadde00", "7eaf17e3"] {
            let bytes = ByteBuffer(wireHex: wire)
            let expected = MessageBody.other(constructor: bytes.tlConstructor ?? 0, bytes)
            #expect(try MessageBody.parse(bytes).body == expected)
            let packed = try MessageBody.parse(GzipPacked(compressing: bytes).serialized())
            #expect(packed.body == expected)
            #expect(packed.wasCompressed)
        }
    }

    @Test(arguments: ["", "6b18f9"]) func bodiesWithoutAConstructorAreRefused(wire: String) {
        #expect(throws: TLError.truncated) { try MessageBody.parse(ByteBuffer(wireHex: wire)) }
    }

    @Test func bodiesAreSlicesOfTheMessage() throws {
        let bytes = MessageContainer(messages: [TLSample.contained, TLSample.contained]).serialized()
        guard case .container(let messages) = try MessageBody.parse(bytes).body else {
            Issue.record("no container")
            return
        }
        let storage = bytes.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        for (index, message) in messages.enumerated() {
            let start = message.body.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
            #expect(start == storage + 8 + UInt(index) * 28 + 16)
        }
    }

    @Test func containersHoldAtMost1024Messages() throws {
        func container(_ count: Int) -> ByteBuffer {
            MessageContainer(messages: Array(repeating: TLSample.contained, count: count)).serialized()
        }
        guard case .container(let messages) = try MessageBody.parse(container(1024)).body else {
            Issue.record("no container")
            return
        }
        #expect(messages.count == 1024)
        #expect(throws: TLError.limitExceeded(1024)) { try MessageBody.parse(container(1025)) }
        #expect(throws: TLError.limitExceeded(1024)) { try MessageContainer(container(1025)) }
        var limits = TLLimits()
        limits.maximumContainerCount = 1
        #expect(throws: TLError.limitExceeded(1)) { try MessageBody.parse(container(2), limits: limits) }
    }

    @Test(arguments: [
        "ffffffff", "fcffffff", "00000080", "01000000", "02000000", "0b000000", "0d000000", "10000000", "ffffff7f",
        "fcffff7f",
    ])
    func lengthsInContainersAreChecked(length: String) {
        let head = "dcf8f173 01000000 78563412fec0ab65 00000000"
        #expect(throws: TLError.self) {
            try MessageBody.parse(ByteBuffer(wireHex: head + length + "ec77be7a8877665544332211"))
        }
        let copy = "b24660e0 11e5b85b 78563412fec0ab65 00000000"
        #expect(throws: TLError.self) {
            try MessageBody.parse(ByteBuffer(wireHex: copy + length + "ec77be7a8877665544332211"))
        }
    }

    @Test func containersAndCopiesDoNotNest() throws {
        let container = MessageContainer(messages: [TLSample.contained]).serialized()
        let copy = MessageCopy(message: TLSample.contained).serialized()
        func contained(_ body: ByteBuffer) -> ContainedMessage {
            ContainedMessage(identifier: 1, sequenceNumber: 0, body: body)
        }
        for body in [
            MessageContainer(messages: [contained(container)]).serialized(),
            MessageCopy(message: contained(container)).serialized(),
            MessageCopy(message: contained(copy)).serialized(),
        ] {
            #expect(throws: TLError.nestedContainer) { try MessageBody.parse(body) }
        }
        // Compression hides it from the outer parse, not from the inner one.
        let hidden = MessageContainer(messages: [contained(GzipPacked(compressing: container).serialized())])
        guard case .container(let messages) = try MessageBody.parse(hidden.serialized()).body else {
            Issue.record("no container")
            return
        }
        #expect(throws: TLError.nestedContainer) { try MessageBody.parse(messages[0].body, isContained: true) }
        #expect(throws: TLError.nestedContainer) { try MessageBody.parse(container, isContained: true) }
        _ = try MessageBody.parse(MessageContainer(messages: [contained(copy)]).serialized())
    }

    @Test func packedDataMustBeWhole() {
        #expect(throws: TLError.self) { try MessageBody.parse(ByteBuffer(wireHex: "a1cf7230")) }
        #expect(throws: TLError.invalidCompression) { try MessageBody.parse(ByteBuffer(wireHex: "a1cf7230 00000000")) }
        let short = GzipPacked(compressing: ByteBuffer(wireHex: "6b18")).serialized()
        #expect(throws: TLError.truncated) { try MessageBody.parse(short) }
    }

    @Test func randomBytesNeverTrap() {
        let seed: UInt64 = 0xb0d1
        let random = RandomSource.seeded(seed)
        let constructors = MessageBodyTests.cases.compactMap { $0.0.tlConstructor } + [GzipPacked.constructor]
        for _ in 0..<5000 {
            var buffer = ByteBuffer()
            buffer.writeTLUInt32(constructors[random.integer(in: 0...constructors.count - 1)])
            buffer.writeBytes(random.bytes(random.integer(in: 0...96)))
            _ = try? MessageBody.parse(buffer)
        }
    }
}
