// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

@Suite("Server session: send queue")
struct ServerSessionQueueTests {
    private func update(_ byteCount: Int = 8) -> ByteBuffer {
        ByteBuffer(repeating: 0x77, count: byteCount)
    }

    @Test("Nothing to send, no payload, no deadline")
    func idle() throws {
        var harness = try ServerSessionHarness.established()
        #expect(!harness.session.hasOutput)
        #expect(try harness.output().isEmpty)
        #expect(harness.session.nextDeadline == nil)
    }

    @Test("A single message travels bare; several travel in containers within the limits")
    func packing() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(self.update(), at: harness.clock.now)
        #expect(try harness.output().map(\.isContained) == [false])
        for _ in 0..<2500 { harness.session.push(self.update(4), at: harness.clock.now) }
        let outputs = try harness.output()
        #expect(outputs.count == 2500)
        let counts = Dictionary(grouping: outputs, by: \.payload).values.map(\.count).sorted()
        #expect(counts == [460, 1020, 1020])
        for pair in zip(outputs, outputs.dropFirst()) {
            #expect(pair.0.identifier < pair.1.identifier)
            #expect(pair.0.sequenceNumber + 2 == pair.1.sequenceNumber)
        }
    }

    @Test("Large messages travel alone")
    func largeAlone() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(self.update(), at: harness.clock.now)
        harness.session.push(self.update(50_000), at: harness.clock.now)
        harness.session.push(self.update(), at: harness.clock.now)
        let outputs = try harness.output()
        #expect(Set(outputs.map(\.payload)).count == 3)
        #expect(outputs.allSatisfy { !$0.isContained })
    }

    @Test("A caller's result that is no multiple of 4 is padded")
    func unaligned() throws {
        var harness = try ServerSessionHarness.established()
        let queries = (0..<2).map { _ in harness.sendQuery().identifier }
        for query in queries { harness.respond(to: query, byteCount: 5) }
        let outputs = try harness.output()
        #expect(outputs.results.map(\.requestIdentifier) == queries)
        #expect(outputs.results.allSatisfy { $0.result.readableBytes == 8 })
    }

    @Test("Beyond the count, the oldest are dropped and counted")
    func countOverflow() throws {
        var harness = try ServerSessionHarness.established { $0.maximumQueuedMessageCount = 10 }
        for number: UInt8 in 0..<25 {
            harness.session.push(ByteBuffer(repeating: number, count: 4), at: harness.clock.now)
        }
        #expect(harness.session.queuedMessageCount == 10)
        #expect(harness.session.forgottenMessages.overflow == 15)
        let constructors = try harness.output().compactMap { output -> UInt32? in
            if case .other(let constructor, _) = output.body { constructor } else { nil }
        }
        #expect(constructors.map { UInt8(truncatingIfNeeded: $0) } == Array(15..<25))
        // Those that were sent and not acknowledged go first.
        harness.session.push(self.update(4), at: harness.clock.now)
        #expect(harness.session.queuedMessageCount == 10)
        #expect(try harness.output().count == 1)
    }

    @Test("Beyond the bytes, the oldest are dropped, the newest stays")
    func byteOverflow() throws {
        var harness = try ServerSessionHarness.established { $0.maximumQueuedByteCount = 1000 }
        for _ in 0..<5 { harness.session.push(self.update(300), at: harness.clock.now) }
        #expect(harness.session.queuedMessageCount == 3)
        #expect(harness.session.queuedByteCount == 900)
        harness.session.push(self.update(5000), at: harness.clock.now)
        #expect(harness.session.queuedMessageCount == 1)
        #expect(harness.session.queuedByteCount == 5000)
        #expect(harness.session.forgottenMessages.overflow == 5)
    }

    @Test("A message is forgotten after ten minutes, sent or not")
    func expiry() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(self.update(), at: harness.clock.now)
        let sent = try #require(try harness.output().first)
        harness.session.push(self.update(), at: harness.clock.now)
        harness.advance(by: .seconds(599))
        #expect(harness.session.queuedMessageCount == 2)
        harness.advance(by: .seconds(1))
        #expect(harness.session.queuedMessageCount == 0)
        #expect(harness.session.queuedByteCount == 0)
        #expect(harness.session.forgottenMessages.expired == 2)
        #expect(harness.session.nextDeadline == nil)
        harness.send(MessagesAcknowledgement(identifiers: [sent.identifier]), isContentRelated: false)
        #expect(try harness.output().isEmpty)
    }

    @Test("What is not acknowledged is repeated after the interval, in a container, until it is")
    func resendByTime() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(self.update(), at: harness.clock.now)
        let original = try #require(try harness.output().first)
        harness.advance(by: .seconds(149))
        #expect(try harness.output().isEmpty)
        harness.advance(by: .seconds(1))
        let repeated = try harness.output()
        #expect(repeated.map(\.identifier) == [original.identifier])
        #expect(repeated.map(\.sequenceNumber) == [original.sequenceNumber])
        #expect(repeated.map(\.isContained) == [true])
        harness.advance(by: .seconds(150))
        #expect(try harness.output().map(\.identifier) == [original.identifier])
        harness.send(MessagesAcknowledgement(identifiers: [original.identifier]), isContentRelated: false)
        harness.advance(by: .seconds(300))
        #expect(try harness.output().isEmpty)
        #expect(harness.session.nextDeadline == nil)
    }

    @Test("A new connection gets everything unacknowledged at once, in one container, before anything new")
    func resendOnConnection() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.connectionOpened(at: harness.clock.now)
        for _ in 0..<3 { harness.session.push(self.update(), at: harness.clock.now) }
        let originals = try harness.output()
        harness.send(MessagesAcknowledgement(identifiers: [originals[1].identifier]), isContentRelated: false)
        harness.session.connectionClosed(at: harness.clock.now)
        harness.session.push(self.update(), at: harness.clock.now)
        harness.session.connectionOpened(at: harness.clock.now)
        let outputs = try harness.output()
        #expect(outputs.dropLast().map(\.identifier) == [originals[0].identifier, originals[2].identifier])
        #expect(outputs.count == 3)
        #expect(Set(outputs.map(\.payload)).count == 1)
        #expect(outputs.allSatisfy { $0.isContained })
        #expect(try harness.output().isEmpty)
    }

    @Test("Large ones are announced instead, with and without a query")
    func announceOnConnection() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(self.update(40_000), at: harness.clock.now)
        let query = harness.sendQuery().identifier
        harness.respond(to: query, byteCount: 40_000)
        let originals = try harness.output()
        harness.session.connectionOpened(at: harness.clock.now)
        let outputs = try harness.output()
        #expect(outputs.count == 2)
        #expect(outputs.newDetailedInfos.map(\.answerIdentifier) == [originals[0].identifier])
        #expect(outputs.newDetailedInfos.map(\.byteCount) == [40_000])
        #expect(outputs.detailedInfos.map(\.answerIdentifier) == [originals[1].identifier])
        #expect(outputs.detailedInfos.map(\.identifier) == [query])
        harness.send(MessageResendRequest(identifiers: originals.map(\.identifier)), isContentRelated: false)
        let requested = try harness.output()
        #expect(requested.map(\.identifier) == originals.map(\.identifier))
        #expect(Set(requested.map(\.payload)).count == 2)
    }

    @Test("The last connection's end forgets what needs no acknowledgement")
    func closing() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.connectionOpened(at: harness.clock.now)
        harness.session.connectionOpened(at: harness.clock.now)
        harness.send(Ping(pingIdentifier: 1), isContentRelated: false)
        harness.session.push(self.update(), at: harness.clock.now)
        harness.session.connectionClosed(at: harness.clock.now)
        #expect(harness.session.hasOutput)
        harness.session.connectionClosed(at: harness.clock.now)
        harness.session.connectionClosed(at: harness.clock.now)
        let outputs = try harness.output()
        #expect(outputs.count == 1)
        #expect(outputs.pongs.isEmpty)
    }

    @Test("Acknowledgements in any order keep the queue right", arguments: [11, 12, 13] as [UInt64])
    func randomOrder(seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        var harness = try ServerSessionHarness.established { $0.maximumQueuedMessageCount = 500 }
        var waiting: [UInt64] = []
        for _ in 0..<400 {
            for _ in 0..<random.integer(in: 0...5) { harness.session.push(self.update(12), at: harness.clock.now) }
            waiting += try harness.output().map(\.identifier)
            var gone: [UInt64] = []
            for _ in 0..<random.integer(in: 0...5) where !waiting.isEmpty {
                gone.append(waiting.remove(at: random.integer(in: 0...(waiting.count - 1))))
            }
            harness.send(MessagesAcknowledgement(identifiers: gone), isContentRelated: false)
            #expect(harness.session.queuedMessageCount == waiting.count, "seed \(seed)")
            #expect(harness.session.queuedByteCount == waiting.count * 12, "seed \(seed)")
            if random.integer(in: 0...20) == 0 {
                harness.session.connectionOpened(at: harness.clock.now)
                #expect(try harness.output().map(\.identifier) == waiting, "seed \(seed)")
            }
        }
    }

    @Test("A description without secrets")
    func description() {
        let harness = ServerSessionHarness()
        #expect("\(harness.session)" == "ServerSession(706050403020100, 0 messages queued)")
    }
}
