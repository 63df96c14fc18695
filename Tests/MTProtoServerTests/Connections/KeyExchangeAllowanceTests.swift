// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Testing

@testable import MTProtoServer

/// How much key exchange a connection may ask for.
@Suite struct KeyExchangeAllowanceTests {
    private let start = NIODeadline.uptimeNanoseconds(5)

    @Test func exchangesInAMinute() {
        var allowance = KeyExchangeAllowance()
        for _ in 0..<2 {
            for isCostly in [false, true, false] {
                let isAllowed = allowance.take(isCostly: isCostly, limit: 2, at: self.start)
                #expect(isAllowed)
            }
        }
        let third = allowance.take(isCostly: true, limit: 2, at: self.start + .seconds(60) - .nanoseconds(1))
        let afterAMinute = allowance.take(isCostly: true, limit: 2, at: self.start + .seconds(60))
        #expect(!third && afterAMinute)
    }

    @Test func messagesInAMinute() {
        var allowance = KeyExchangeAllowance()
        for _ in 0..<18 {
            let isAllowed = allowance.take(isCostly: false, limit: 2, at: self.start)
            #expect(isAllowed)
        }
        let last = allowance.take(isCostly: false, limit: 2, at: self.start)
        #expect(!last)
    }

    @Test(arguments: [0, -1, .min]) func noExchangesAtAll(limit: Int) {
        var allowance = KeyExchangeAllowance()
        let isAllowed = allowance.take(isCostly: true, limit: limit, at: self.start)
        #expect(!isAllowed)
    }
}
