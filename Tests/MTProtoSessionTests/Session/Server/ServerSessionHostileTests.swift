// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// Messages that no client sends must neither trap nor fill the memory.
@Suite("Server session: hostile messages")
struct ServerSessionHostileTests {
    private static let constructors: [UInt32] = [
        MessageContainer.constructor, MessageCopy.constructor, GzipPacked.constructor,
        MessagesAcknowledgement.constructor, BadMessageNotification.constructor, BadServerSalt.constructor,
        MessagesStateRequest.constructor, MessagesStateInfo.constructor, MessagesAllInfo.constructor,
        MessageDetailedInfo.constructor, MessageNewDetailedInfo.constructor, MessageResendRequest.constructor,
        MessageResendAnswerRequest.constructor, NewSessionCreated.constructor, Ping.constructor,
        PingDelayDisconnect.constructor, Pong.constructor, GetFutureSalts.constructor, FutureSalts.constructor,
        DestroySession.constructor, DestroySessionOK.constructor, RPCResult.constructor, RPCDropAnswer.constructor,
        DestroyAuthKey.constructor, HTTPWait.constructor, HelpGetConfig.constructor, 0x1CB5_C415, 0,
    ]

    /// A body that begins like something known.
    private func body(_ random: RandomSource, known: [UInt64]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(
            Self.constructors[random.integer(in: 0...(Self.constructors.count - 1))],
            endianness: .little
        )
        if random.integer(in: 0...2) == 0 { buffer.writeInteger(UInt32(0x1CB5_C415), endianness: .little) }
        for _ in 0..<random.integer(in: 0...6) {
            switch random.integer(in: 0...4) {
            case 0: buffer.writeInteger(Int32(random.integer(in: -2...5)), endianness: .little)
            case 1: buffer.writeInteger(known.randomElement(random) ?? 0, endianness: .little)
            case 2: buffer.writeInteger(UInt64.max, endianness: .little)
            case 3: buffer.writeInteger(Int32.min, endianness: .little)
            default: buffer.writeBytes(random.bytes(random.integer(in: 0...10) * 4))
            }
        }
        return buffer
    }

    @Test("Random messages never trap and keep to the bounds", arguments: 1...8 as ClosedRange<UInt64>)
    func random(seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        var harness = ServerSessionHarness {
            $0.duplicateWindowCapacity = 50
            $0.maximumQueuedMessageCount = 40
            $0.maximumRunningQueryCount = 30
            $0.maximumInflatedByteCount = 10_000
            $0.sequenceNumberCheck = seed % 2 == 0 ? .parity : .order
        }
        var known: [UInt64] = [0, 1, 4, .max]
        for _ in 0..<3000 {
            let identifier: UInt64? =
                switch random.integer(in: 0...5) {
                case 0: known.randomElement(random)
                case 1: random.integer()
                default: nil
                }
            var body = self.body(random, known: known)
            if random.integer(in: 0...3) == 0 {
                let messages = (0..<random.integer(in: 0...5)).map { _ in
                    ContainedMessage(
                        identifier: random.integer(in: 0...1) == 0
                            ? harness.nextIdentifier() : known.randomElement(random) ?? 4,
                        sequenceNumber: random.integer(),
                        body: self.body(random, known: known)
                    )
                }
                body = MessageContainer(messages: messages).serialized()
            } else if random.integer(in: 0...5) == 0 {
                body = GzipPacked(compressing: body).serialized()
            }
            let sent = harness.send(
                body: body,
                isContentRelated: random.integer(in: 0...1) == 0,
                identifier: identifier,
                sequenceNumber: random.integer(in: 0...3) == 0 ? random.integer() : nil,
                salt: random.integer(in: 0...9) == 0 ? random.integer() : nil
            )
            known.append(sent.identifier)
            for query in sent.actions.queries where random.integer(in: 0...2) > 0 {
                harness.respond(to: query.messageIdentifier, byteCount: random.integer(in: 0...20) * 4)
            }
            if random.integer(in: 0...4) == 0 { known += try harness.output().map(\.identifier) }
            if random.integer(in: 0...50) == 0 { harness.session.connectionOpened(at: harness.clock.now) }
            if random.integer(in: 0...50) == 0 { harness.session.connectionClosed(at: harness.clock.now) }
            if random.integer(in: 0...30) == 0 {
                harness.advance(by: .seconds(random.integer(in: 0...100)))
            }
            if known.count > 300 { known.removeFirst(known.count - 300) }

            // One check a round: the macro's cost would be most of the test's.
            let isWithinBounds =
                harness.session.received.count <= 50 && harness.session.queuedMessageCount <= 40
                && harness.session.runningQueryCount <= 30
                && harness.session.pendingAcknowledgements.count <= 65_536
                && sent.actions.acceptsQuickAck != nil
            guard isWithinBounds else {
                Issue.record("seed \(seed): \(harness.session)")
                return
            }
        }
    }

    @Test("Notices for a client that does not read are bounded")
    func unreadNotices() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.connectionOpened(at: harness.clock.now)
        for _ in 0..<6000 { harness.send(Ping(pingIdentifier: 1), isContentRelated: false) }
        #expect(try harness.output().count == NoticeQueue.maximumCount)
        for _ in 0..<100 {
            harness.send(
                MessagesStateRequest(identifiers: Array(repeating: 4, count: 8192 - 4)),
                isContentRelated: false
            )
            harness.send(GetFutureSalts(count: 64), isContentRelated: false)
        }
        let byteCount = try harness.output().stateInfos.reduce(0) { $0 + $1.info.count }
        #expect(byteCount <= NoticeQueue.maximumByteCount)
        #expect(byteCount > 0)
    }

    @Test("Hundreds of duplicates make one repetition a payload")
    func duplicates() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery()
        harness.respond(to: query.identifier, byteCount: 1000)
        let answer = try #require(try harness.output().first)
        for _ in 0..<400 {
            harness.send(
                HelpGetNearestDataCenter(),
                isContentRelated: true,
                identifier: query.identifier,
                sequenceNumber: query.sequenceNumber
            )
            harness.send(MessageResendRequest(identifiers: [answer.identifier]), isContentRelated: false)
        }
        #expect(try harness.output().map(\.identifier) == [answer.identifier])
    }

    @Test("Acknowledgements of running queries that are repeated are bounded")
    func acknowledgements() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery()
        for _ in 0..<10_000 {
            harness.send(
                HelpGetNearestDataCenter(),
                isContentRelated: true,
                identifier: query.identifier,
                sequenceNumber: query.sequenceNumber
            )
        }
        #expect(try harness.output().acknowledged.count == PendingAcknowledgements.maximumCountPerMessage)
    }

    @Test(
        "Clocks at the ends of time do not trap",
        arguments: [Int64.min, -1, 0, Int64.max],
        [Int64.min, 0, Int64.max]
    )
    func clocks(wall: Int64, monotonic: Int64) {
        var harness = ServerSessionHarness()
        let now = SessionTime(wallNanoseconds: wall, monotonicNanoseconds: monotonic)
        for identifier: UInt64 in [0, 4, UInt64.max & ~3] {
            let message = EncryptedMessage(
                salt: harness.schedule.current(at: now.wallSeconds),
                sessionIdentifier: 1,
                identifier: identifier,
                sequenceNumber: .max,
                body: HelpGetNearestDataCenter().serialized(),
                quickAckToken: 0
            )
            // Also after ordinary ones, and before.
            harness.sendQuery()
            _ = harness.session.receive(message, salts: harness.schedule, at: now)
            harness.session.respond(to: identifier, result: ByteBuffer(repeating: 0, count: 4), at: now)
        }
        for instant in [now, harness.clock.now, now] {
            harness.session.push(ByteBuffer(repeating: 1, count: 4), at: instant)
            harness.session.connectionOpened(at: instant)
            while harness.session.nextPayload(
                authorizationKey: ServerSessionHarness.key,
                salts: harness.schedule,
                at: instant
            ) != nil {}
            _ = harness.session.nextDeadline
            harness.session.deadlineReached(at: instant)
            harness.session.connectionClosed(at: instant)
            _ = harness.session.isDiscardable(at: now)
            _ = harness.schedule.current(at: instant.wallNanoseconds)
        }
    }
}

extension Array {
    fileprivate func randomElement(_ random: RandomSource) -> Element? {
        self.isEmpty ? nil : self[random.integer(in: 0...(self.count - 1))]
    }
}
