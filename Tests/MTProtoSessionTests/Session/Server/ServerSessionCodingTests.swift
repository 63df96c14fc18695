// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// Sessions saved and restored, as a store that processes share does with each change.
@Suite("Server session: saved and restored")
struct ServerSessionCodingTests {
    private static func encode(_ session: ServerSession) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return try encoder.encode(session)
    }

    private static func restored(_ session: ServerSession) throws -> ServerSession {
        let saved = try Self.encode(session)
        let restored = try JSONDecoder().decode(ServerSession.self, from: saved)
        #expect(try Self.encode(restored) == saved)
        return restored
    }

    @Test("A session saved and restored after each step does the same as one that never was", arguments: 1...6)
    func sameInTheMiddleOfEverything(seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        var original = ServerSessionHarness { configuration in
            configuration.maximumQueuedMessageCount = 40
            configuration.duplicateWindowCapacity = 30
        }
        var copy = ServerSessionHarness { configuration in
            configuration.maximumQueuedMessageCount = 40
            configuration.duplicateWindowCapacity = 30
        }
        var open: [UInt64] = []
        var sent: [UInt64] = []
        for step in 0..<100 {
            let choice = random.integer(in: 0...9)
            let number = random.integer(in: 0...1_000_000)
            func both(_ change: (inout ServerSessionHarness) throws -> Void) throws {
                try change(&original)
                try change(&copy)
            }
            switch choice {
            case 0, 1:
                open.append(original.sendQuery().identifier)
                #expect(copy.sendQuery().identifier == open.last)
            case 2:
                guard let query = open.popLast() else { continue }
                try both { $0.respond(to: query, byteCount: number % 2000 / 4 * 4) }
            case 3: try both { $0.session.push(UpdatesTooLong().serialized(), at: $0.clock.now) }
            case 4:
                let some = Array(sent.prefix(number % 5))
                sent.removeFirst(some.count)
                try both { $0.send(MessagesAcknowledgement(identifiers: some), isContentRelated: false) }
            case 5: try both { $0.advance(by: .milliseconds(number % 200_000)) }
            case 6: try both { $0.session.connectionOpened(at: $0.clock.now) }
            case 7:
                try both { $0.session.connectionClosed(at: $0.clock.now, connection: UInt64(number % 3)) }
            case 8: try both { $0.session.responseLost(UInt64(number % 3), at: $0.clock.now) }
            default:
                let first = try original.queueOutput(connection: UInt64(number % 3))
                let second = try copy.queueOutput(connection: UInt64(number % 3))
                #expect(first.map(\.identifier) == second.map(\.identifier), "seed \(seed), step \(step)")
                #expect(first.map(\.sequenceNumber) == second.map(\.sequenceNumber))
                #expect(first.map(\.payload) == second.map(\.payload))
                sent += first.filter { $0.sequenceNumber & 1 == 1 }.map(\.identifier)
            }
            copy.session = try Self.restored(copy.session)
            #expect(original.session.nextDeadline == copy.session.nextDeadline, "seed \(seed), step \(step)")
            #expect(original.session.queuedByteCount == copy.session.queuedByteCount)
            #expect(original.session.queuedMessageCount == copy.session.queuedMessageCount)
            #expect(original.session.forgottenMessages == copy.session.forgottenMessages)
            #expect(original.session.hasOutput == copy.session.hasOutput)
            #expect(original.session.runningQueryCount == copy.session.runningQueryCount)
            let now = original.clock.now
            #expect(original.session.isDiscardable(at: now) == copy.session.isDiscardable(at: now))
        }
    }

    @Test(
        "In a process with another monotonic clock time goes on by the wall clock",
        arguments: [-900_000, 0, 900_000]
    )
    func otherClock(seconds: Int64) throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(UpdatesTooLong().serialized(), at: harness.clock.now)
        _ = try harness.queueOutput()
        let before = harness.clock.now
        var restored = try Self.restored(harness.session)
        func elsewhere(after elapsed: Int64) -> SessionTime {
            SessionTime(
                wallNanoseconds: before.wallNanoseconds + elapsed * 1_000_000_000,
                monotonicNanoseconds: before.monotonicNanoseconds + (elapsed + seconds) * 1_000_000_000
            )
        }
        #expect(!restored.isDiscardable(at: elsewhere(after: 599)))
        #expect(restored.isDiscardable(at: elsewhere(after: 600)))
        restored.deadlineReached(at: elsewhere(after: 149))
        #expect(!restored.hasOutput)
        let due = try #require(restored.nextDeadline)
        #expect(due == elsewhere(after: 150).monotonicNanoseconds)
        restored.deadlineReached(at: elsewhere(after: 150))
        #expect(restored.hasOutput)
        // Once more elsewhere.
        restored = try Self.restored(restored)
        restored.deadlineReached(at: before)
        #expect(restored.queuedMessageCount == 1, "a wall clock that is behind does not make anything old")
        restored = try Self.restored(restored)
        restored.deadlineReached(at: elsewhere(after: 900))
        #expect(restored.queuedMessageCount == 0)
        #expect(restored.forgottenMessages.expired == 1)
    }

    @Test("Processes whose wall clocks differ take turns: time passes as fast as it does")
    func clocksThatDiffer() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(UpdatesTooLong().serialized(), at: harness.clock.now)
        _ = try harness.queueOutput()
        let start = harness.clock.now
        let decoder = JSONDecoder()
        let encoder = JSONEncoder()
        func time(_ milliseconds: Int64, isBehind: Bool) -> SessionTime {
            SessionTime(
                wallNanoseconds: start.wallNanoseconds + milliseconds * 1_000_000 - (isBehind ? 2_000_000_000 : 0),
                monotonicNanoseconds: start.monotonicNanoseconds + milliseconds * 1_000_000
                    + (isBehind ? 5_000_000_000_000 : 0)
            )
        }
        for turn in 1...1000 as ClosedRange<Int64> {
            let saved = try encoder.encode(harness.session)
            harness.session = try decoder.decode(ServerSession.self, from: saved)
            let now = time(turn * 100, isBehind: turn % 2 == 1)
            harness.session.deadlineReached(at: now)
            #expect(!harness.session.hasOutput, "\(turn): a hundred seconds in all")
        }
        let due = try #require(harness.session.nextDeadline(at: time(100_000, isBehind: false)))
        #expect(due == start.monotonicNanoseconds + 150_000_000_000)
        #expect(harness.session.queuedMessageCount == 1)
    }

    @Test("A restored session tells its deadline in the clock of who asks")
    func deadlineElsewhere() throws {
        var harness = try ServerSessionHarness.established()
        harness.session.push(UpdatesTooLong().serialized(), at: harness.clock.now)
        _ = try harness.queueOutput()
        let restored = try Self.restored(harness.session)
        let now = SessionTime(
            wallNanoseconds: harness.clock.now.wallNanoseconds + 10_000_000_000,
            monotonicNanoseconds: 77
        )
        #expect(restored.nextDeadline(at: now) == 140_000_000_077)
    }

    @Test("The limits are those of the process that restores the session, if it tells them")
    func limits() throws {
        var harness = try ServerSessionHarness.established()
        for _ in 0..<6 { harness.session.push(UpdatesTooLong().serialized(), at: harness.clock.now) }
        for _ in 0..<20 { harness.send(Ping(pingIdentifier: 1), isContentRelated: false) }
        var configuration = ServerSession.Configuration()
        configuration.maximumQueuedMessageCount = 4
        configuration.duplicateWindowCapacity = 5
        let decoder = JSONDecoder()
        decoder.userInfo[.serverSessionConfiguration] = configuration
        let restored = try decoder.decode(ServerSession.self, from: Self.encode(harness.session))
        #expect(restored.configuration == configuration)
        #expect(restored.queuedMessageCount == 4)
        #expect(restored.forgottenMessages == ForgottenMessageCounts(overflow: 2))
        #expect(restored.received.count == 5)
        #expect(restored.highestReceivedIdentifier == harness.session.highestReceivedIdentifier)
    }

    @Test("Limits that were not written have their defaults; a form that came later is refused")
    func otherVersions() throws {
        let session = ServerSession(authorizationKeyIdentifier: 1, sessionIdentifier: 2)
        let text = String(decoding: try Self.encode(session), as: UTF8.self)
        let older = text.replacing("\"maximumContainerCount\":1020,", with: "")
        #expect(older != text)
        let restored = try JSONDecoder().decode(ServerSession.self, from: Data(older.utf8))
        #expect(restored.configuration == session.configuration)
        let newer = text.replacing("\"version\":1", with: "\"version\":2")
        #expect(newer != text)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(ServerSession.self, from: Data(newer.utf8))
        }
    }

    @Test("A new session, and one with every limit changed, come back as they were")
    func configuration() throws {
        var configuration = ServerSession.Configuration()
        configuration.padding = .random(maximumBlocks: 7)
        configuration.sequenceNumberCheck = .order
        configuration.compressionThreshold = 512
        configuration.maximumQueuedAge = .milliseconds(1500)
        let session = ServerSession(
            authorizationKeyIdentifier: .max,
            sessionIdentifier: .max - 1,
            configuration: configuration
        )
        let restored = try Self.restored(session)
        #expect(restored.configuration == configuration)
        #expect(restored.authorizationKeyIdentifier == UInt64.max)
        #expect(restored.sessionIdentifier == UInt64.max - 1)
        #expect(restored.uniqueIdentifier == session.uniqueIdentifier)
        #expect(!restored.hasAcceptedMessages)
    }

    @Test("The floor of a session that follows on another survives")
    func floor() throws {
        var harness = ServerSessionHarness()
        harness.session.raiseFloor(to: harness.nextIdentifier())
        harness.session = try Self.restored(harness.session)
        let old = harness.nextIdentifier() - 8
        harness.send(Ping(pingIdentifier: 1), isContentRelated: false, identifier: old & ~3)
        #expect(try harness.output().badMessages.map(\.code) == [16])
    }

    @Test(
        "What was written otherwise is refused, not trusted",
        arguments: [
            ("identifiers", "[9,8]"), ("identifiers", "[1]"), ("capacity", "1"), ("sequenceNumbers", "[]"),
            ("identifier", "18446744073709551615"), ("identifier", "3"), ("identifier", "0"), ("lastIdentifier", "8"),
            ("resends", "[5]"), ("isWaitingForResend", "true"), ("version", "0"), ("sequenceNumber", "2"),
            ("lastIdentifier", "18446744073709551615"),
        ]
    )
    func damaged(key: String, value: String) throws {
        var harness = try ServerSessionHarness.established()
        for _ in 0..<3 { harness.session.push(UpdatesTooLong().serialized(), at: harness.clock.now) }
        _ = try harness.queueOutput()
        let text = String(decoding: try Self.encode(harness.session), as: UTF8.self)
        let pattern = try Regex("\"\(key)\":(\\[[^\\]]*\\]|[0-9]+|false)")
        let damaged = text.replacing(pattern, with: "\"\(key)\":\(value)", maxReplacements: 1)
        #expect(damaged != text)
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(ServerSession.self, from: Data(damaged.utf8))
        }
    }

    @Test("Numbers that somebody changed do no harm", arguments: 1...40)
    func changedNumbers(seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        var harness = try ServerSessionHarness.established()
        for _ in 0..<4 { harness.sendQuery() }
        for _ in 0..<3 { harness.session.push(UpdatesTooLong().serialized(), at: harness.clock.now) }
        _ = try harness.queueOutput(connection: 1)
        harness.session.responseLost(1, at: harness.clock.now)
        harness.session.push(UpdatesTooLong().serialized(), at: harness.clock.now)
        let text = String(decoding: try Self.encode(harness.session), as: UTF8.self)
        let numbers = text.matches(of: try Regex("-?[0-9]+"))
        let values = ["0", "1", "-1", "3", "9223372036854775807", "-9223372036854775808", "18446744073709551615"]
        for _ in 0..<20 {
            let range = numbers[random.integer(in: 0...(numbers.count - 1))].range
            let value = values[random.integer(in: 0...(values.count - 1))]
            let changed = text.replacingCharacters(in: range, with: value)
            let decoded = try? JSONDecoder().decode(ServerSession.self, from: Data(changed.utf8))
            guard let decoded else { continue }
            harness.session = decoded
            harness.session.connectionOpened(at: harness.clock.now)
            harness.session.push(UpdatesTooLong().serialized(), at: harness.clock.now)
            harness.sendQuery()
            for _ in 0..<3 {
                _ = harness.session.nextPayload(
                    authorizationKey: ServerSessionHarness.key,
                    salts: harness.schedule,
                    at: harness.clock.now,
                    random: harness.random
                )
                harness.clock.advance(by: .seconds(151))
                harness.session.deadlineReached(at: harness.clock.now)
            }
            harness.session.connectionClosed(at: harness.clock.now)
            #expect(harness.session.queuedByteCount >= 0 && harness.session.queuedMessageCount >= 0)
        }
    }

    @Test("As many connections as a number can say are counted no further")
    func connections() throws {
        let session = ServerSession(authorizationKeyIdentifier: 1, sessionIdentifier: 2)
        let text = String(decoding: try Self.encode(session), as: UTF8.self)
        let changed = text.replacing("\"connectionCount\":0", with: "\"connectionCount\":9223372036854775807")
        #expect(changed != text)
        var restored = try JSONDecoder().decode(ServerSession.self, from: Data(changed.utf8))
        restored.connectionOpened(at: ManualSessionClock().now)
        #expect(restored.isInUse)
    }
}
