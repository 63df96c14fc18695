// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import NIOCore
import Testing

@testable import MTProtoServer

/// When a request is answered, without a clock.
struct HTTPTurnTests {
    private let configuration = HTTPWaitSchedule.Configuration()

    private static func time(_ milliseconds: Int64) -> SessionTime {
        SessionTime(wallNanoseconds: milliseconds * 1_000_000, monotonicNanoseconds: milliseconds * 1_000_000)
    }

    private func turn(hasOutput: Bool = false, notices: [ByteBuffer] = [], deadline: Int64? = nil) throws -> HTTPTurn {
        HTTPTurn(
            session: ServerSessionIdentifier(authorizationKey: 1, session: 2),
            key: try AuthorizationKey([UInt8](repeating: 7, count: 256)),
            salts: ServerSaltSchedule(initialSalt: 1, createdAt: 1, seed: Bytes32()),
            notices: notices,
            output: .init(isReady: hasOutput, deadline: deadline.map { $0 * 1_000_000 }),
            at: Self.time(1_000)
        )
    }

    private func milliseconds(_ nanoseconds: Int64?) -> Int64? {
        nanoseconds.map { $0 / 1_000_000 }
    }

    @Test func nothingIsDueBeforeEverythingHasBegun() throws {
        var turn = try self.turn(hasOutput: true)
        turn.finish()
        #expect(turn.deadline == nil && turn.nextEvent == nil && !turn.isDue(at: Self.time(99_000)))
        turn.settle(at: Self.time(1_001), self.configuration)
        #expect(turn.isDue(at: Self.time(1_001)))
    }

    @Test func aPollWaitsForItsLimit() throws {
        var turn = try self.turn()
        turn.setWait(HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 300))
        turn.setWait(HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 25_000))
        turn.settle(at: Self.time(1_000), self.configuration)
        #expect(turn.isPoll)
        #expect(self.milliseconds(turn.deadline) == 26_000)
        turn.note(.init(isReady: true, deadline: nil), at: Self.time(5_000))
        #expect(self.milliseconds(turn.deadline) == 5_000)
    }

    @Test func aRequestWithoutAWaitIsAnsweredAtOnceWhenSomethingIsThere() throws {
        var turn = try self.turn(hasOutput: true)
        turn.settle(at: Self.time(1_000), self.configuration)
        #expect(turn.isDue(at: Self.time(1_000)))
    }

    @Test func theLastOfItsAnswersEndsTheCollection() throws {
        var turn = try self.turn()
        turn.queryStarted(4)
        turn.queryStarted(8)
        turn.settle(at: Self.time(1_000), self.configuration)
        #expect(!turn.isPoll)
        #expect(turn.add(.result(ByteBuffer(), of: 4), at: Self.time(2_000)) == true)
        #expect(self.milliseconds(turn.deadline) == 2_050)
        #expect(turn.add(.result(ByteBuffer(), of: 4), at: Self.time(2_010)) == false)
        #expect(turn.add(.result(ByteBuffer(), of: 12), at: Self.time(2_010)) == false)
        #expect(turn.add(.result(ByteBuffer(), of: 8), at: Self.time(2_020)) == true)
        #expect(turn.isPoll)
        #expect(turn.isDue(at: Self.time(2_020)))
    }

    @Test func answersThatAreThereAtOnceAreSentAtOnce() throws {
        var turn = try self.turn()
        turn.queryStarted(4)
        _ = turn.add(.result(ByteBuffer(), of: 4), at: Self.time(1_000))
        turn.settle(at: Self.time(1_000), self.configuration)
        #expect(turn.isDue(at: Self.time(1_000)))
    }

    @Test func aNoticeIsAnAnswer() throws {
        var turn = try self.turn(notices: [ByteBuffer(integer: 1)])
        turn.settle(at: Self.time(1_000), self.configuration)
        #expect(turn.isDue(at: Self.time(1_000)))
        #expect(turn.notices.count == 1)
    }

    @Test func aDeadlineOfTheSessionIsLookedAtOnTheWay() throws {
        var turn = try self.turn(deadline: 3_000)
        turn.settle(at: Self.time(1_000), self.configuration)
        #expect(self.milliseconds(turn.deadline) == 26_000)
        #expect(self.milliseconds(turn.nextEvent) == 3_000)
        turn.note(.init(isReady: false, deadline: nil), at: Self.time(3_000))
        #expect(self.milliseconds(turn.nextEvent) == 26_000)
    }

    @Test("Only a new message restarts wait_after, and what another request took counts no more")
    func looks() throws {
        var turn = try self.turn()
        turn.setWait(HTTPWait(maximumDelay: 9_000, waitAfter: 100, maximumWait: 25_000))
        turn.settle(at: Self.time(1_000), self.configuration)
        turn.note(.init(isReady: true, deadline: nil, messageCount: 1), at: Self.time(2_000))
        turn.note(.init(isReady: true, deadline: nil, messageCount: 1), at: Self.time(2_060))
        #expect(self.milliseconds(turn.deadline) == 2_100)
        turn.note(.init(isReady: true, deadline: nil, messageCount: 2), at: Self.time(2_080))
        #expect(self.milliseconds(turn.deadline) == 2_180)
        turn.note(.init(isReady: false, deadline: nil, messageCount: 2), at: Self.time(2_100))
        #expect(self.milliseconds(turn.deadline) == 26_000)
    }

    @Test("An acknowledgement that is due does not end the wait for the answer")
    func aDeadlineOfTheSessionDoesNotEndTheWaitForAnAnswer() throws {
        var turn = try self.turn(deadline: 3_000)
        turn.queryStarted(4)
        turn.settle(at: Self.time(1_000), self.configuration)
        #expect(self.milliseconds(turn.nextEvent) == 26_000)
        turn.queryDropped(4)
        #expect(self.milliseconds(turn.nextEvent) == 3_000)
    }

    @Test func whatAnotherRequestHasTakenIsLookedForBeforeTheAnswer() throws {
        var turn = try self.turn()
        turn.setWait(HTTPWait(maximumDelay: 500, waitAfter: 500, maximumWait: 25_000))
        turn.settle(at: Self.time(1_000), self.configuration)
        turn.note(.init(isReady: true, deadline: nil), at: Self.time(2_000))
        #expect(!turn.mustLook(at: Self.time(2_000)))
        turn.pause()
        #expect(turn.isDue(at: Self.time(2_500)) && turn.mustLook(at: Self.time(2_500)))
        var taken = turn
        taken.note(.init(isReady: false, deadline: nil), at: Self.time(2_500))
        #expect(self.milliseconds(taken.deadline) == 26_000)
        taken.pause()
        #expect(!taken.mustLook(at: Self.time(26_000)), "nothing to lose")
        turn.note(.init(isReady: true, deadline: nil), at: Self.time(2_500))
        #expect(turn.isDue(at: Self.time(2_500)) && !turn.mustLook(at: Self.time(2_500)))
        turn.pause()
        turn.finish()
        #expect(!turn.mustLook(at: Self.time(2_600)))
    }

    @Test func whatWaitsWhenAQueryComesIsNotYetItsReason() throws {
        var turn = try self.turn(hasOutput: true)
        turn.queryStarted(4)
        turn.settle(at: Self.time(1_000), self.configuration)
        #expect(self.milliseconds(turn.deadline) == 26_000)
        turn.note(.init(isReady: true, deadline: nil), at: Self.time(1_010))
        #expect(self.milliseconds(turn.deadline) == 1_060)
    }
}
