// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import NIOCore
import Testing

@Suite struct ClientSessionSaltTests {
    /// The salts of a server that changes them every 30 minutes and accepts each for an hour.
    private func schedule(from seconds: Int64, count: Int) -> [FutureSalt] {
        (0..<Int64(count)).map { index in
            let since = (seconds / 1800 + index) * 1800
            return FutureSalt(
                validSince: Int32(clamping: since),
                validUntil: Int32(clamping: since + 3600),
                salt: UInt64(since)
            )
        }
    }

    private func salts(_ future: [FutureSalt]) -> [ServerSalt] {
        future.map { ServerSalt(validSince: $0.validSince, validUntil: $0.validUntil, salt: $0.salt) }
    }

    @Test func withoutSaltsTheFirstAnswerBringsOne() throws {
        let harness = try ClientSessionHarness(salts: [])
        try harness.invoke()
        let first = try #require(try harness.flush().first)
        #expect(first.message.salt == 0)
        _ = try harness.refuseSalt(first.message.identifier, new: 42)
        #expect(try harness.flush().first?.message.salt == 42)
        #expect(harness.savedState.salts.map(\.salt) == [42])
    }

    @Test func theSaltOfANewSessionIsTaken() throws {
        let harness = try ClientSessionHarness(salts: [])
        try harness.invoke()
        let first = try #require(try harness.flush().first)
        let notice = NewSessionCreated(
            firstMessageIdentifier: first.message.identifier,
            uniqueIdentifier: 1,
            salt: 42
        )
        #expect(try harness.deliver(notice, isContentRelated: true).names == ["new session", "salts"])
        #expect(harness.savedState.salts.map(\.salt) == [42])
    }

    @Test func theSaltOfTheTimeIsChosen() throws {
        let harness = try ClientSessionHarness()
        let start = harness.now.wallSeconds / 1800 * 1800
        let future = self.schedule(from: harness.now.wallSeconds, count: 12)
        let timed = try ClientSessionHarness(salts: self.salts(future))
        for _ in 0..<400 {
            try timed.invoke()
            let sent = try #require(try timed.flush().first)
            try timed.answer(sent.messages[0])
            let seconds = timed.now.wallSeconds
            // The newest that is valid for a minute already; the first has no one before it.
            let expected = max(start, (seconds - 60) / 1800 * 1800)
            #expect(sent.message.salt == UInt64(expected))
            timed.clock.advance(by: .seconds(43))
        }
    }

    @Test func saltsAreAskedForBeforeTheyEnd() throws {
        let harness = try ClientSessionHarness { $0.futureSaltCount = 64 }
        let sent = try harness.flush()
        #expect(sent.flatMap(\.bodies) == [.getFutureSalts(GetFutureSalts(count: 64))])
        let request = sent[0].message.identifier
        let future = self.schedule(from: harness.now.wallSeconds, count: 8)
        let answer = FutureSalts(
            requestIdentifier: request,
            now: Int32(clamping: harness.now.wallSeconds),
            salts: future
        )
        let foreign = FutureSalts(requestIdentifier: request + 4, now: answer.now, salts: [])
        #expect(try harness.deliver(foreign).isEmpty)
        #expect(try harness.deliver(answer).names == ["salts"])
        #expect(harness.savedState.salts.map(\.salt).suffix(7) == future.map(\.salt).suffix(7))
        // Asked again an hour before the last one ends.
        let due = Int64(future[7].validUntil) - 3600 - harness.now.wallSeconds
        #expect(try harness.advance(by: .seconds(due - 1)).isEmpty)
        #expect(try harness.advance(by: .seconds(2)).flatMap(\.bodies).count == 1)
    }

    @Test func aServerWithoutFutureSaltsIsAskedMoreAndMoreRarely() throws {
        let harness = try ClientSessionHarness { $0.futureSaltCount = 32 }
        var count = try harness.flush().count
        count += try harness.advance(by: .seconds(59)).count
        #expect(count == 1)
        count += try harness.advance(by: .seconds(3600)).count
        #expect((4...9).contains(count))
    }

    @Test func theSaltInUseStaysWhenTheAnswerHasOnlyLaterOnes() throws {
        let harness = try ClientSessionHarness { $0.futureSaltCount = 4 }
        let request = try #require(try harness.flush().first).message.identifier
        let later = Array(self.schedule(from: harness.now.wallSeconds + 1800, count: 4))
        try harness.deliver(FutureSalts(requestIdentifier: request, now: 0, salts: later))
        try harness.invoke()
        #expect(try harness.flush().last?.message.salt == ClientSessionHarness.salt)
    }

    @Test func saltsThatMakeNoSenseDoNoHarm() throws {
        let harness = try ClientSessionHarness { $0.futureSaltCount = 4 }
        let request = try #require(try harness.flush().first).message.identifier
        let strange = [
            FutureSalt(validSince: .max, validUntil: .min, salt: 1),
            FutureSalt(validSince: .min, validUntil: .max, salt: 2),
            FutureSalt(validSince: .max - 1, validUntil: .max, salt: 3),
        ]
        try harness.deliver(FutureSalts(requestIdentifier: request, now: .min, salts: strange))
        try harness.invoke()
        let sent = try #require(try harness.flush().last)
        _ = try harness.refuseSalt(sent.message.identifier, new: 77)
        #expect(try harness.flush().last?.message.salt == 77)
    }

    @Test func rotationOverDaysCostsNoRefusal() throws {
        let harness = try ClientSessionHarness {
            $0.futureSaltCount = 32
            $0.keepAliveInterval = .seconds(600)
        }
        var refused = 0
        var answered = 0
        func serve(_ sent: [ClientSessionHarness.Sent]) throws {
            for payload in sent {
                let seconds = harness.serverNanoseconds / 1_000_000_000
                let salt = Int64(truncatingIfNeeded: payload.message.salt)
                if salt % 1800 != 0 || !(seconds - 3599...seconds).contains(salt) {
                    refused += 1
                    let current = UInt64(seconds / 1800 * 1800)
                    _ = try harness.refuseSalt(payload.message.identifier, new: current)
                    try serve(try harness.flush())
                    continue
                }
                for message in payload.messages {
                    switch try MessageBody.parse(message.body).body {
                    case .getFutureSalts(let request):
                        let salts = self.schedule(from: seconds, count: min(20, Int(request.count)))
                        try harness.deliver(
                            FutureSalts(requestIdentifier: message.identifier, now: 0, salts: salts)
                        )
                    case .pingDelayDisconnect(let ping):
                        try harness.deliver(
                            Pong(messageIdentifier: message.identifier, pingIdentifier: ping.pingIdentifier)
                        )
                    case .other:
                        try harness.answer(message)
                        answered += 1
                    default:
                        break
                    }
                }
            }
        }
        for number in 0..<500 {
            try harness.invoke(number)
            // Seven days in steps that fall anywhere in a salt's time.
            let end = harness.now.monotonicNanoseconds + 1_210_000_000_000
            repeat {
                try serve(try harness.flush())
                guard let deadline = harness.deadline, deadline < end else { break }
                harness.clock.advance(by: .nanoseconds(max(0, deadline - harness.now.monotonicNanoseconds)))
                harness.events += harness.session.deadlineReached(at: harness.now)
            } while true
            harness.clock.advance(by: .nanoseconds(end - harness.now.monotonicNanoseconds))
        }
        #expect(answered == 500)
        #expect(refused == 1, "only the first salt was unknown")
        #expect(!harness.events.names.contains("dead"))
    }
}
