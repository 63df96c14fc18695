// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

@Suite("Server session: containers")
struct ServerSessionContainerTests {
    @Test("Contents are processed in order, and answered in one container")
    func order() throws {
        var harness = try ServerSessionHarness.established()
        let first = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        let ping = harness.contained(Ping(pingIdentifier: 9), isContentRelated: false)
        let second = harness.contained(HelpGetConfig(), isContentRelated: true)
        let sent = harness.send(MessageContainer(messages: [first, ping, second]), isContentRelated: false)
        #expect(sent.actions.acceptsQuickAck == true)
        #expect(sent.actions.queries.map(\.messageIdentifier) == [first.identifier, second.identifier])
        #expect(sent.actions.queries.map(\.body) == [first.body, second.body])
        harness.respond(to: second.identifier)
        harness.respond(to: first.identifier)
        let outputs = try harness.output()
        #expect(outputs.count == 3)
        #expect(outputs.allSatisfy { $0.payload == outputs[0].payload && $0.isContained })
        #expect(outputs.pongs.map(\.messageIdentifier) == [ping.identifier])
        #expect(outputs.results.map(\.requestIdentifier) == [second.identifier, first.identifier])
        #expect(outputs.map { $0.sequenceNumber & 1 } == [0, 1, 1])
    }

    @Test("The session begins with the lowest identifier inside")
    func newSession() throws {
        var harness = ServerSessionHarness()
        let inner = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        harness.send(MessageContainer(messages: [inner]), isContentRelated: false)
        #expect(try harness.output().newSessions.map(\.firstMessageIdentifier) == [inner.identifier])
    }

    @Test("An empty container is accepted; 1024 messages are, 1025 are not")
    func counts() throws {
        var harness = try ServerSessionHarness.established()
        #expect(harness.send(MessageContainer(messages: []), isContentRelated: false).actions.acceptsQuickAck == true)
        let many = (0..<1024).map { _ in harness.contained(HelpGetNearestDataCenter(), isContentRelated: true) }
        #expect(harness.send(MessageContainer(messages: many), isContentRelated: false).actions.queries.count == 1024)
        let more = (0..<1025).map { _ in harness.contained(HelpGetNearestDataCenter(), isContentRelated: true) }
        let sent = harness.send(MessageContainer(messages: more), isContentRelated: false)
        #expect(sent.actions.acceptsQuickAck == false && sent.actions.queries.isEmpty)
        let notices = try harness.output().badMessages
        #expect(notices.map(\.code) == [64])
        #expect(notices.map(\.badIdentifier) == [sent.identifier])
    }

    enum Fault: CaseIterable {
        case nested, parity, identifierAbove, identifierEqual, truncated, oddLength, negativeCount
    }

    @Test("A fault in one message rejects all with code 64", arguments: Fault.allCases)
    func invalid(fault: Fault) throws {
        var harness = try ServerSessionHarness.established()
        let good = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        var bad = harness.contained(Ping(pingIdentifier: 1), isContentRelated: false)
        let identifier = harness.nextIdentifier()
        switch fault {
        case .nested: bad.body = MessageContainer(messages: []).serialized()
        case .parity: bad.identifier += 1
        case .identifierAbove: bad.identifier = identifier + 4
        case .identifierEqual: bad.identifier = identifier
        case .truncated, .oddLength, .negativeCount: break
        }
        var body = MessageContainer(messages: [good, bad]).serialized()
        switch fault {
        case .truncated: body.moveWriterIndex(to: body.writerIndex - 4)
        case .oddLength: body.setInteger(Int32(3), at: body.readerIndex + 8 + 12, endianness: .little)
        case .negativeCount: body.setInteger(Int32(-1), at: body.readerIndex + 4, endianness: .little)
        default: break
        }
        let sent = harness.send(body: body, isContentRelated: false, identifier: identifier)
        #expect(sent.actions.acceptsQuickAck == false)
        #expect(sent.actions.queries.isEmpty)
        let outputs = try harness.output()
        #expect(outputs.badMessages.map(\.code) == [64])
        #expect(outputs.badMessages.map(\.badIdentifier) == [identifier])
        #expect(outputs.count == 1)
        #expect(!harness.session.received.contains(good.identifier))
    }

    @Test("A container identifier that was received before: code 19, contents untouched")
    func repeated() throws {
        var harness = try ServerSessionHarness.established()
        let identifier = harness.send(MessageContainer(messages: []), isContentRelated: false).identifier
        var inner = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        inner.identifier = identifier - 4
        let sent = harness.send(MessageContainer(messages: [inner]), isContentRelated: false, identifier: identifier)
        #expect(sent.actions.acceptsQuickAck == false && sent.actions.queries.isEmpty)
        #expect(try harness.output().badMessages.map(\.code) == [19])
    }

    @Test("Codes for single messages inside: 35 for one, the others are processed")
    func partial() throws {
        var harness = try ServerSessionHarness.established()
        let even = harness.contained(HelpGetNearestDataCenter(), isContentRelated: false)
        let odd = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        let sent = harness.send(MessageContainer(messages: [even, odd]), isContentRelated: false)
        #expect(sent.actions.acceptsQuickAck == true)
        #expect(sent.actions.queries.map(\.messageIdentifier) == [odd.identifier])
        let notices = try harness.output().badMessages
        #expect(notices.map(\.badIdentifier) == [even.identifier])
        #expect(notices.map(\.code) == [35])
    }

    @Test("A container of nothing but rejected messages earns no quick ack")
    func allRejected() throws {
        var harness = try ServerSessionHarness.established()
        let even = harness.contained(HelpGetNearestDataCenter(), isContentRelated: false)
        #expect(
            harness.send(MessageContainer(messages: [even]), isContentRelated: false).actions.acceptsQuickAck == false
        )
    }

    @Test("An old message may be repeated inside a fresh container")
    func oldInside() throws {
        var harness = try ServerSessionHarness.established()
        let old = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        harness.advance(by: .seconds(400))
        let sent = harness.send(MessageContainer(messages: [old]), isContentRelated: false)
        #expect(sent.actions.queries.map(\.messageIdentifier) == [old.identifier])
    }

    @Test("One below a full window gets code 20, the others are processed")
    func tooOldInside() throws {
        var harness = try ServerSessionHarness.established { $0.duplicateWindowCapacity = 4 }
        let old = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        for _ in 0..<4 { harness.send(Ping(pingIdentifier: 1), isContentRelated: false) }
        _ = try harness.output()
        let new = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        let sent = harness.send(MessageContainer(messages: [old, new]), isContentRelated: false)
        #expect(sent.actions.queries.map(\.messageIdentifier) == [new.identifier])
        #expect(try harness.output().badMessages.map(\.code) == [20])
    }

    @Test("A copy counts as its contents, once")
    func copies() throws {
        var harness = try ServerSessionHarness.established()
        let inner = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        let sent = harness.send(MessageCopy(message: inner), isContentRelated: false)
        #expect(sent.actions.queries.map(\.messageIdentifier) == [inner.identifier])
        #expect(harness.send(MessageCopy(message: inner), isContentRelated: false).actions.queries.isEmpty)
    }

    @Test("Copies do not nest, not even compressed")
    func nestedCopies() throws {
        var harness = try ServerSessionHarness.established()
        var message = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        for _ in 0..<100 {
            message = ContainedMessage(
                identifier: harness.nextIdentifier(),
                sequenceNumber: 0,
                body: GzipPacked(compressing: MessageCopy(message: message).serialized()).serialized()
            )
        }
        let sent = harness.send(body: message.body, isContentRelated: false)
        #expect(sent.actions.queries.isEmpty)
        #expect(try harness.output().badMessages.map(\.code) == [64])
    }

    @Test("Compressed containers are refused")
    func compressedContainer() throws {
        var harness = try ServerSessionHarness.established()
        let inner = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        let packed = GzipPacked(compressing: MessageContainer(messages: [inner]).serialized())
        #expect(harness.send(packed, isContentRelated: false).actions.queries.isEmpty)
        #expect(try harness.output().badMessages.map(\.code) == [64])
    }

    @Test("Compressed queries share one budget a payload")
    func inflationBudget() throws {
        var harness = try ServerSessionHarness.established { $0.maximumInflatedByteCount = 10_000 }
        let packed = (0..<5).map { _ in
            harness.contained(
                GzipPacked(compressing: ByteBuffer(repeating: 9, count: 4000)),
                isContentRelated: true
            )
        }
        let sent = harness.send(MessageContainer(messages: packed), isContentRelated: false)
        #expect(sent.actions.queries.count == 2)
        #expect(sent.actions.queries.allSatisfy { $0.body == ByteBuffer(repeating: 9, count: 4000) })
        #expect(try harness.output().results.count == 3)
    }
}
