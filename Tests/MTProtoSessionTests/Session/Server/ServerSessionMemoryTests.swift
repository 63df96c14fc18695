// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// What a session without connections holds, for how long, and what it forgets when memory is short.
@Suite("Server session: time and memory without connections")
struct ServerSessionMemoryTests {
    private let update = UpdatesTooLong().serialized()

    @Test("Deadlines that passed while nobody came are kept when somebody does")
    func lateDeadlines() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(self.update, at: harness.clock.now)
        harness.clock.advance(by: .seconds(599))
        harness.session.push(self.update, at: harness.clock.now)
        harness.clock.advance(by: .seconds(2))
        // Nobody called deadlineReached(at:).
        harness.send(Ping(pingIdentifier: 1), isContentRelated: false)
        #expect(harness.session.forgottenMessages.expired == 1)
        #expect(try harness.response(1).count == 2)
        harness.clock.advance(by: .seconds(151))
        #expect(try harness.response(2).count == 1, "unacknowledged, it is repeated")
        harness.clock.advance(by: .seconds(600))
        harness.session.push(self.update, at: harness.clock.now)
        #expect(harness.session.queuedMessageCount == 1)
        #expect(harness.session.forgottenMessages == ForgottenMessageCounts(expired: 2))
    }

    @Test("After two hours of silence connections and queries count no more: their process is gone")
    func silence() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.connectionOpened(at: harness.clock.now)
        harness.sendQuery()
        harness.clock.advance(by: .seconds(7199))
        #expect(!harness.session.isDiscardable(at: harness.clock.now))
        harness.clock.advance(by: .seconds(1))
        #expect(harness.session.isDiscardable(at: harness.clock.now))
    }

    @Test("What needs no acknowledgement counts as held, is bounded without a connection, and goes first")
    func memoryOfNotices() throws {
        var harness = try ServerSessionHarness.established()
        #expect(harness.session.heldByteCount == 0)
        let requests = (0..<500).map { _ in harness.contained(GetFutureSalts(count: 64), isContentRelated: false) }
        harness.send(MessageContainer(messages: requests), isContentRelated: false)
        harness.session.push(self.update, at: harness.clock.now)
        #expect(harness.session.heldByteCount > 60_000)
        #expect(harness.session.heldByteCount <= NoticeQueue.maximumUnconnectedByteCount + self.update.readableBytes)
        #expect(harness.session.queuedByteCount == self.update.readableBytes)
        harness.session.forgetQueuedMessages(byteCount: 40_000)
        #expect(harness.session.heldByteCount < 30_000)
        #expect(harness.session.queuedMessageCount == 1)
        #expect(harness.session.forgottenMessages == ForgottenMessageCounts(notices: 438))
        harness.session.forgetQueuedMessages(byteCount: .max)
        #expect(harness.session.heldByteCount == 0)
        #expect(harness.session.forgottenMessages == ForgottenMessageCounts(memory: 1, notices: 438))
    }

    @Test("Acknowledgements that wait count as held, and are forgotten before messages")
    func memoryOfAcknowledgements() throws {
        var harness = try ServerSessionHarness.established()
        let queries = (0..<1000).map { _ in harness.contained(HelpGetNearestDataCenter(), isContentRelated: true) }
        harness.send(MessageContainer(messages: queries), isContentRelated: false)
        harness.session.push(self.update, at: harness.clock.now)
        #expect(harness.session.heldByteCount > 14_000)
        harness.session.forgetQueuedMessages(byteCount: 10_000)
        #expect(harness.session.heldByteCount == self.update.readableBytes)
        #expect(harness.session.nextDeadline != nil)
    }

    @Test("A session with a short memory stays as long as its payloads can be repeated")
    func shortMemory() throws {
        let harness = try ServerSessionHarness.established {
            $0.maximumQueuedAge = .seconds(60)
            $0.maximumSilence = .seconds(90)
        }
        harness.clock.advance(by: .seconds(329))
        #expect(!harness.session.isDiscardable(at: harness.clock.now))
        harness.clock.advance(by: .seconds(1))
        #expect(harness.session.isDiscardable(at: harness.clock.now))
    }

    @Test("When memory is short the oldest messages are forgotten, and counted")
    func memory() throws {
        var harness = try ServerSessionHarness.established()
        for _ in 0..<10 {
            let query = harness.sendQuery()
            harness.respond(to: query.identifier, byteCount: 988)
        }
        #expect(try harness.response(1).results.count == 10)
        for _ in 0..<10 {
            let query = harness.sendQuery()
            harness.respond(to: query.identifier, byteCount: 988)
        }
        #expect(harness.session.queuedByteCount == 20_000)
        harness.session.forgetQueuedMessages(byteCount: 12_500)
        #expect(harness.session.queuedByteCount == 7000)
        #expect(harness.session.forgottenMessages == ForgottenMessageCounts(memory: 13))
        #expect(try harness.response(2).results.count == 7)
        harness.session.forgetQueuedMessages(byteCount: -1)
        #expect(harness.session.queuedMessageCount == 7)
        harness.session.forgetQueuedMessages(byteCount: .max)
        #expect(harness.session.queuedByteCount == 0)
        #expect(harness.session.forgottenMessages == ForgottenMessageCounts(memory: 20))
    }

    @Test("Notices that give way to later ones are counted, also by a session that was restored")
    func droppedNotices() throws {
        var harness = try ServerSessionHarness.established()
        for number in 0..<5000 {
            harness.session.answerDestroySession(UInt64(number), existed: true, requestedBy: 4)
        }
        #expect(harness.session.forgottenMessages == ForgottenMessageCounts(notices: 904))
        let saved = try JSONEncoder().encode(harness.session)
        let restored = try JSONDecoder().decode(ServerSession.self, from: saved)
        #expect(restored.forgottenMessages == ForgottenMessageCounts(notices: 904))
    }
}
