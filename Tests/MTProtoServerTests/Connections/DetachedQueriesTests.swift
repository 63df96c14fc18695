// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import MTProtoServer

/// The places of queries whose connections are gone.
struct DetachedQueriesTests {
    @Test func aKeyLeavesPlacesToOthers() throws {
        let queries = DetachedQueries(maximumCount: 5, maximumCountPerKey: 3)
        let numbers = (0..<3).compactMap { _ in queries.insert(ofKey: 1, {}) }
        #expect(numbers.count == 3)
        #expect(queries.insert(ofKey: 1, {}) == nil)
        #expect(queries.insert(ofKey: 2, {}) != nil)
        #expect(queries.insert(ofKey: 2, {}) != nil)
        #expect(queries.insert(ofKey: 2, {}) == nil, "all places are taken")
        for _ in 0..<2 { queries.remove(try #require(numbers.first)) }
        #expect(queries.insert(ofKey: 1, {}) != nil)
        #expect(queries.insert(ofKey: 1, {}) == nil)
    }

    @Test func theEndCancelsAllAndLetsNoMoreIn() {
        let cancellations = QueryTests.Log()
        let queries = DetachedQueries(maximumCount: 5, maximumCountPerKey: 3)
        for key in 1...3 as ClosedRange<UInt64> {
            _ = queries.insert(ofKey: key) { cancellations.append(1) }
        }
        queries.cancelAll()
        queries.cancelAll()
        #expect(cancellations.values == [1, 1, 1])
        #expect(queries.insert(ofKey: 1, {}) == nil)
    }
}
