// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MTProtoServer

/// Bytes that connections on several event loops share.
struct BudgetTests {
    @Test func thereAreSoManyAndNoMore() {
        let budget = Budget(maximum: 10)
        #expect(budget.take(4) && budget.take(6))
        #expect(!budget.take(1) && budget.count == 10)
        budget.give(4)
        #expect(!budget.take(5) && budget.take(4) && budget.count == 10)
    }

    @Test func whoGetsNoneTakesNoneFromOthers() async {
        let budget = Budget(maximum: 10)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    var hasRoom = true
                    for _ in 0..<100_000 {
                        hasRoom = budget.take(1) && hasRoom
                        budget.give(1)
                    }
                    return hasRoom
                }
                group.addTask { (0..<100_000).allSatisfy { _ in !budget.take(11) && budget.count <= 10 } }
            }
            for await isRight in group { #expect(isRight) }
        }
    }
}
