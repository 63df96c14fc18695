// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// The checks of a payload's own message: parity, time, salt, repetition, sequence number.
@Suite("Server session: admission")
struct ServerSessionAdmissionTests {
    @Test("A good message is processed, and the session announced before its answer")
    func accepted() throws {
        var harness = ServerSessionHarness()
        #expect(!harness.session.hasAcceptedMessages)
        let sent = harness.sendQuery()
        #expect(sent.actions.acceptsQuickAck == true)
        #expect(sent.actions.queries.map(\.messageIdentifier) == [sent.identifier])
        #expect(harness.session.hasAcceptedMessages)
        harness.respond(to: sent.identifier)
        let outputs = try harness.output()
        #expect(outputs.map(\.payload) == [0, 0])
        #expect(outputs.newSessions.count == 1)
        #expect(outputs.newSessions.first?.firstMessageIdentifier == sent.identifier)
        #expect(outputs.newSessions.first?.uniqueIdentifier == harness.session.uniqueIdentifier)
        #expect(outputs.newSessions.first?.salt == ServerSessionHarness.initialSalt)
        #expect(outputs.first.map { $0.identifier & 3 } == 3)
        #expect(outputs.first?.sequenceNumber == 1)
        #expect(outputs.results.map(\.requestIdentifier) == [sent.identifier])
        #expect(outputs.last.map { $0.identifier & 3 } == 1)
        #expect(outputs.last?.sequenceNumber == 3)
    }

    @Test("A later lower identifier is announced again, a higher one is not")
    func lowerIdentifier() throws {
        var harness = ServerSessionHarness()
        let early = harness.nextIdentifier()
        let first = harness.sendQuery()
        harness.sendQuery()
        #expect(try harness.output().newSessions.map(\.firstMessageIdentifier) == [first.identifier])
        harness.send(HelpGetNearestDataCenter(), isContentRelated: true, identifier: early)
        let notices = try harness.output().newSessions
        #expect(notices.map(\.firstMessageIdentifier) == [early])
        #expect(notices.first?.uniqueIdentifier == harness.session.uniqueIdentifier)
    }

    @Test(
        "Rejected messages get their code, no quick ack, and leave no trace",
        arguments: [
            (16, -301, 0), (17, 31, 0), (18, 0, 1), (18, 0, 2), (18, 0, 3),
        ] as [(Int32, Int64, UInt64)]
    )
    func rejected(code: Int32, offset: Int64, parity: UInt64) throws {
        var harness = try ServerSessionHarness.established()
        let seconds = UInt64(harness.clock.now.wallSeconds + offset)
        let identifier = (seconds << 32 | 0x1000) + parity
        let sent = harness.send(
            HelpGetNearestDataCenter(),
            isContentRelated: true,
            identifier: identifier,
            sequenceNumber: 77
        )
        #expect(sent.actions.acceptsQuickAck == false)
        #expect(sent.actions.count == 2)
        let outputs = try harness.output()
        let expected = BadMessageNotification(badIdentifier: identifier, badSequenceNumber: 77, code: code)
        #expect(outputs.badMessages == [expected])
        #expect(outputs.count == 1)
        #expect(outputs.first.map { $0.identifier & 3 } == 1)
        #expect(outputs.first.map { $0.sequenceNumber & 1 } == 0)
        #expect(!harness.session.received.contains(identifier))
    }

    @Test("The ends of the time window are inside", arguments: [-300, 30] as [Int64])
    func windowEnds(offset: Int64) throws {
        var harness = try ServerSessionHarness.established()
        let identifier = UInt64(harness.clock.now.wallSeconds + offset) << 32
        let sent = harness.send(Ping(pingIdentifier: 5), isContentRelated: false, identifier: identifier)
        #expect(sent.actions.acceptsQuickAck == true)
        #expect(try harness.output().pongs.map(\.pingIdentifier) == [5])
    }

    @Test("A rejected first message makes no session")
    func rejectedFirst() throws {
        var harness = ServerSessionHarness()
        harness.send(Ping(pingIdentifier: 5), isContentRelated: false, identifier: 6)
        harness.send(Ping(pingIdentifier: 5), isContentRelated: false, salt: 0)
        #expect(!harness.session.hasAcceptedMessages)
        #expect(try harness.output().newSessions.isEmpty)
    }

    @Test("A wrong salt: bad_server_salt with the right one, nothing processed")
    func wrongSalt() throws {
        var harness = ServerSessionHarness()
        let sent = harness.send(HelpGetNearestDataCenter(), isContentRelated: true, salt: 0)
        #expect(sent.actions.acceptsQuickAck == false)
        #expect(sent.actions.queries.isEmpty)
        let outputs = try harness.output()
        #expect(
            outputs.badSalts == [
                BadServerSalt(
                    badIdentifier: sent.identifier,
                    badSequenceNumber: sent.sequenceNumber,
                    code: 48,
                    newSalt: ServerSessionHarness.initialSalt
                )
            ]
        )
        #expect(outputs.count == 1)
        // The same message under the right salt is new.
        let again = harness.send(HelpGetNearestDataCenter(), isContentRelated: true, identifier: sent.identifier)
        #expect(again.actions.queries.count == 1)
    }

    @Test("Salts across rotations: the previous one lives half an hour longer")
    func saltRotation() throws {
        var harness = try ServerSessionHarness.established()
        let first = ServerSessionHarness.initialSalt
        harness.advance(by: .seconds(1799))
        #expect(
            harness.send(Ping(pingIdentifier: 1), isContentRelated: false, salt: first).actions.acceptsQuickAck == true
        )
        harness.advance(by: .seconds(1))
        let second = harness.schedule.current(at: harness.clock.now.wallSeconds)
        #expect(second != first)
        #expect(
            harness.send(Ping(pingIdentifier: 1), isContentRelated: false, salt: first).actions.acceptsQuickAck == true
        )
        #expect(
            harness.send(Ping(pingIdentifier: 1), isContentRelated: false, salt: second).actions.acceptsQuickAck == true
        )
        harness.advance(by: .seconds(1799))
        #expect(
            harness.send(Ping(pingIdentifier: 1), isContentRelated: false, salt: first).actions.acceptsQuickAck == true
        )
        _ = try harness.output()
        harness.advance(by: .seconds(1))
        #expect(
            harness.send(Ping(pingIdentifier: 1), isContentRelated: false, salt: first).actions.acceptsQuickAck == false
        )
        let third = harness.schedule.current(at: harness.clock.now.wallSeconds)
        #expect(try harness.output().badSalts.map(\.newSalt) == [third])
        #expect(
            harness.send(Ping(pingIdentifier: 1), isContentRelated: false, salt: second).actions.acceptsQuickAck == true
        )
    }

    @Test("A future salt is not valid before its time")
    func futureSalt() throws {
        var harness = try ServerSessionHarness.established()
        let future = harness.schedule.future(count: 2, at: harness.clock.now.wallSeconds)[1].salt
        #expect(
            harness.send(Ping(pingIdentifier: 1), isContentRelated: false, salt: future).actions.acceptsQuickAck
                == false
        )
    }

    @Test("An identifier below a full window: code 20")
    func tooOld() throws {
        var harness = try ServerSessionHarness.established { $0.duplicateWindowCapacity = 4 }
        let old = harness.nextIdentifier()
        for _ in 0..<4 { harness.send(Ping(pingIdentifier: 1), isContentRelated: false) }
        _ = try harness.output()
        let sent = harness.send(HelpGetNearestDataCenter(), isContentRelated: true, identifier: old)
        #expect(sent.actions.acceptsQuickAck == false)
        #expect(try harness.output().badMessages.map(\.code) == [20])
    }

    // MARK: Sequence numbers

    @Test("Acknowledgements, containers and copies must be even: code 34")
    func mustBeEven() throws {
        var harness = try ServerSessionHarness.established()
        harness.send(MessagesAcknowledgement(identifiers: [1]), isContentRelated: true)
        harness.send(MessageContainer(messages: []), isContentRelated: true)
        let inner = harness.contained(HelpGetNearestDataCenter(), isContentRelated: true)
        let copy = harness.send(MessageCopy(message: inner), isContentRelated: true)
        #expect(copy.actions.acceptsQuickAck == false)
        #expect(try harness.output().badMessages.map(\.code) == [34, 34, 34])
    }

    @Test("A query must be odd: code 35, compressed or not")
    func mustBeOdd() throws {
        var harness = try ServerSessionHarness.established()
        let sent = harness.send(HelpGetNearestDataCenter(), isContentRelated: false)
        #expect(sent.actions.queries.isEmpty && sent.actions.acceptsQuickAck == false)
        harness.send(GzipPacked(compressing: HelpGetNearestDataCenter().serialized()), isContentRelated: false)
        #expect(try harness.output().badMessages.map(\.code) == [35, 35])
    }

    @Test("Checks can be switched off")
    func unchecked() throws {
        var harness = try ServerSessionHarness.established { $0.sequenceNumberCheck = .none }
        #expect(harness.send(HelpGetNearestDataCenter(), isContentRelated: false).actions.queries.count == 1)
        harness.send(MessagesAcknowledgement(identifiers: [1]), isContentRelated: true)
        #expect(try harness.output().badMessages.isEmpty)
    }

    @Test("Order, where it is asked for: 32 for too low, 33 for too high")
    func order() throws {
        var harness = try ServerSessionHarness.established { $0.sequenceNumberCheck = .order }
        let between = harness.nextIdentifier()
        #expect(
            harness.send(HelpGetNearestDataCenter(), isContentRelated: true, sequenceNumber: 5).actions.queries.count
                == 1
        )
        harness.send(HelpGetNearestDataCenter(), isContentRelated: true, sequenceNumber: 5)
        harness.send(HelpGetNearestDataCenter(), isContentRelated: true, sequenceNumber: 3)
        harness.send(Ping(pingIdentifier: 1), isContentRelated: false, sequenceNumber: 4)
        harness.send(HelpGetNearestDataCenter(), isContentRelated: true, identifier: between, sequenceNumber: 5)
        harness.send(HelpGetNearestDataCenter(), isContentRelated: true, identifier: between, sequenceNumber: 7)
        #expect(try harness.output().badMessages.map(\.code) == [32, 32, 32, 33, 33])
        let good = harness.send(
            HelpGetNearestDataCenter(),
            isContentRelated: true,
            identifier: between,
            sequenceNumber: 3
        )
        #expect(good.actions.queries.count == 1)
        #expect(
            harness.send(Ping(pingIdentifier: 1), isContentRelated: false, sequenceNumber: 6).actions.acceptsQuickAck
                == true
        )
    }

    @Test("By default the order is not checked, and the first number may be 3")
    func tolerance() throws {
        var harness = ServerSessionHarness()
        #expect(
            harness.send(HelpGetNearestDataCenter(), isContentRelated: true, sequenceNumber: 3).actions.queries.count
                == 1
        )
        #expect(
            harness.send(HelpGetNearestDataCenter(), isContentRelated: true, sequenceNumber: 1).actions.queries.count
                == 1
        )
        #expect(harness.send(Ping(pingIdentifier: 1), isContentRelated: true).actions.acceptsQuickAck == true)
        #expect(harness.send(Ping(pingIdentifier: 2), isContentRelated: false).actions.acceptsQuickAck == true)
        let outputs = try harness.output()
        #expect(outputs.badMessages.isEmpty)
        #expect(outputs.pongs.map(\.pingIdentifier) == [1, 2])
    }

    @Test("A malformed service message is ignored if even, answered with an error if odd")
    func malformed() throws {
        var harness = try ServerSessionHarness.established()
        var truncated = ByteBuffer()
        truncated.writeInteger(Ping.constructor, endianness: .little)
        #expect(harness.send(body: truncated, isContentRelated: false).actions.acceptsQuickAck == true)
        #expect(try harness.output().isEmpty)
        let sent = harness.send(body: truncated, isContentRelated: true)
        let result = try #require(try harness.output().results.first)
        #expect(result.requestIdentifier == sent.identifier)
        #expect(try RPCErrorMessage(result.result) == RPCErrorMessage(code: 400, message: "INPUT_FETCH_ERROR"))
        #expect(harness.send(body: ByteBuffer(), isContentRelated: false).actions.queries.isEmpty)
    }
}
