// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoClient
import Testing

@Suite struct EndpointStatisticsTests {
    private static let ways = ["a", "b", "c", "d"]

    @Test("Nothing known: the policy's order")
    func unknown() {
        #expect(EndpointStatistics().order(of: Self.ways, at: 0) == [0, 1, 2, 3])
    }

    @Test("What works comes first, the fastest of it foremost; what failed lately last")
    func known() {
        var statistics = EndpointStatistics()
        statistics.succeeded("c", roundTrip: .milliseconds(200), at: 1_000)
        statistics.succeeded("d", roundTrip: .milliseconds(40), at: 1_000)
        statistics.failed("a", at: 1_000)
        #expect(statistics.order(of: Self.ways, at: 1_010) == [3, 2, 1, 0])
        // Differences that mean nothing do not change the order.
        statistics.succeeded("c", roundTrip: .milliseconds(41), at: 1_000)
        for _ in 0..<20 { statistics.succeeded("c", roundTrip: .milliseconds(41), at: 1_000) }
        #expect(statistics.order(of: Self.ways, at: 1_010) == [2, 3, 1, 0])
    }

    @Test("A failure is forgotten after a minute, the next one after two; a success ends them")
    func aging() {
        var statistics = EndpointStatistics()
        statistics.failed("a", at: 1_000)
        #expect(statistics.order(of: ["a", "b"], at: 1_059) == [1, 0])
        #expect(statistics.order(of: ["a", "b"], at: 1_060) == [0, 1])
        statistics.failed("a", at: 1_060)
        #expect(statistics.order(of: ["a", "b"], at: 1_179) == [1, 0])
        #expect(statistics.order(of: ["a", "b"], at: 1_180) == [0, 1])
        for _ in 0..<1_000 { statistics.failed("a", at: 2_000) }
        #expect(statistics.order(of: ["a", "b"], at: 2_000 + 86_399) == [1, 0])
        #expect(statistics.order(of: ["a", "b"], at: 2_000 + 86_400) == [0, 1])
        statistics.succeeded("b", roundTrip: .nanoseconds(1), at: 2_000)
        statistics.failed("b", at: 2_000)
        statistics.succeeded("b", roundTrip: .nanoseconds(1), at: 2_000)
        #expect(statistics.order(of: ["a", "b"], at: 2_001) == [1, 0])
        // A week later nobody knows any more.
        #expect(statistics.order(of: ["x", "b"], at: 2_000 + 604_800) == [0, 1])
    }

    @Test("So many are remembered, the ones used last; also when more were saved")
    func bounds() throws {
        var statistics = EndpointStatistics()
        for index in 0..<300 { statistics.failed("\(index)", at: Int64(index)) }
        #expect(statistics.records.count == EndpointStatistics.maximumCount)
        #expect(statistics.records["43"] == nil)
        #expect(statistics.records["44"] != nil)
        let saved = try JSONEncoder().encode(statistics)
        #expect(try JSONDecoder().decode(EndpointStatistics.self, from: saved) == statistics)
        let record =
            #"{"successCount":9223372036854775807,"failureCount":9223372036854775807,"lastUse":-9223372036854775808}"#
        let entries = (0..<1_000).map { "\"\($0)\":\(record)" }.joined(separator: ",")
        var foreign = try JSONDecoder().decode(EndpointStatistics.self, from: Data("{\"records\":{\(entries)}}".utf8))
        _ = foreign.order(of: ["1", "2"], at: .max)
        foreign.failed("1", at: 1)
        foreign.succeeded("2", roundTrip: .seconds(Int64.max), at: 2)
        foreign.succeeded("2", roundTrip: .seconds(Int64.max), at: 2)
        #expect(foreign.records.count == EndpointStatistics.maximumCount)
    }

    @Test("What a wrong clock dated in the future counts for nothing, and makes room first")
    func future() {
        var statistics = EndpointStatistics()
        for index in 0..<EndpointStatistics.maximumCount { statistics.failed("\(index)", at: 9_000) }
        #expect(statistics.order(of: ["1", "x"], at: 1_000) == [0, 1])
        statistics.failed("y", at: 1_000)
        statistics.failed("z", at: 1_000)
        #expect(statistics.records["y"] != nil)
        #expect(statistics.order(of: ["y", "1"], at: 1_001) == [1, 0])
    }

    @Test("What was damaged or written by somebody else is brought into its ranges")
    func foreign() throws {
        let long = String(repeating: "x", count: 2_000)
        let numbers = #""successCount":-5,"failureCount":9223372036854775807,"roundTrip":[-9223372036854775808,0]"#
        let record = #"{\#(numbers),"lastUse":5}"#
        let json = #"{"records":{"a":\#(record),"\#(long)":\#(record)}}"#
        var statistics = try JSONDecoder().decode(EndpointStatistics.self, from: Data(json.utf8))
        #expect(Array(statistics.records.keys) == ["a"])
        #expect(statistics.order(of: ["a", "b"], at: .max) == [0, 1])
        statistics.failed("a", at: .min)
        statistics.succeeded("a", roundTrip: .seconds(Int64.max), at: .max)
        #expect(statistics.order(of: ["b", "a"], at: .max) == [1, 0])
        let many = (0..<1_000).map { #""w\#($0)":{"successCount":1,"failureCount":0,"lastUse":\#($0)}"# }
        let full = try JSONDecoder().decode(
            EndpointStatistics.self,
            from: Data(#"{"records":{\#(many.joined(separator: ","))}}"#.utf8)
        )
        #expect(full.records.count == EndpointStatistics.maximumCount)
        #expect(full.records["w999"] != nil && full.records["w0"] == nil)
    }

    @Test("A failure long after the last one is a first one again")
    func rareFailures() {
        var statistics = EndpointStatistics()
        for month: Int64 in 1...20 { statistics.failed("a", at: month * 2_592_000) }
        #expect(statistics.order(of: ["a", "b"], at: 20 * 2_592_000 + 59) == [1, 0])
        #expect(statistics.order(of: ["a", "b"], at: 20 * 2_592_000 + 61) == [0, 1])
    }
}
