// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import NIOCore
import Testing

@testable import MTProtoServer

/// How many sessions one connection begins, without a clock.
struct SessionAllowanceTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    private static func session(_ number: UInt64) -> ServerSessionIdentifier {
        ServerSessionIdentifier(authorizationKey: 1, session: number)
    }

    @Test func eachSessionCountsOnce() {
        var allowance = SessionAllowance()
        func mayBegin(_ number: UInt64) -> Bool {
            allowance.mayBegin(Self.session(number), limit: 2, at: Self.start)
        }
        for number in 1...2 as ClosedRange<UInt64> {
            for _ in 0..<3 {
                #expect(mayBegin(number))
                allowance.began(Self.session(number))
            }
        }
        #expect(!mayBegin(3))
        #expect(mayBegin(1))
    }

    @Test func aMinuteLaterOthersMayBegin() {
        var allowance = SessionAllowance()
        func mayBegin(_ number: UInt64, after seconds: Int64) -> Bool {
            allowance.mayBegin(Self.session(number), limit: 1, at: Self.start + .seconds(seconds))
        }
        #expect(mayBegin(1, after: 0))
        allowance.began(Self.session(1))
        #expect(!mayBegin(2, after: 59))
        #expect(mayBegin(2, after: 60))
        allowance.began(Self.session(2))
        #expect(!mayBegin(1, after: 60))
    }

    @Test func whatHasNotBegunDoesNotCount() {
        var allowance = SessionAllowance()
        let verdicts = (1...9 as ClosedRange<UInt64>).map {
            allowance.mayBegin(Self.session($0), limit: 1, at: Self.start)
        }
        #expect(verdicts.allSatisfy { $0 })
    }
}
