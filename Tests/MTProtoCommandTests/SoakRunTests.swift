// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization
import Testing

@testable import mtproto

/// The account of numbered queries, without a connection.
@Suite struct SoakRunTests {
    private struct Refusal: Error {}

    @Test("Every query is asked once, and no more wait at once than may", arguments: [1, 7, 100])
    func limits(inFlight: Int) async {
        let state = Mutex((running: 0, most: 0, seen: Set<ByteBuffer>()))
        let report = await SoakRun(count: 50, inFlight: inFlight, rate: 0).perform { query in
            state.withLock { state in
                state.running += 1
                state.most = max(state.most, state.running)
                state.seen.insert(query)
            }
            await Task.yield()
            state.withLock { $0.running -= 1 }
            return query
        }
        #expect(report.answered == 50 && report.failures.isEmpty)
        state.withLock { state in
            #expect(state.seen.count == 50)
            #expect(state.most <= inFlight)
        }
    }

    @Test("Wrong answers and failures are counted by cause")
    func failures() async {
        let report = await SoakRun(count: 30, inFlight: 4, rate: 0).perform { query in
            switch query.getInteger(at: query.readerIndex + 4, endianness: .little, as: UInt64.self) ?? 0 {
            case 0..<10: return query
            case 10..<15: return ByteBuffer()
            default: throw Refusal()
            }
        }
        #expect(report.answered == 10)
        #expect(report.failures == ["another query's answer": 5, "Refusal": 15])
    }

    @Test("Times without an answer")
    func gaps() {
        var report = SoakReport(count: 4)
        report.note([
            (.milliseconds(2_000), nil), (.milliseconds(60), nil), (.milliseconds(1_000), "lost"),
            (.milliseconds(2_099), nil),
        ])
        #expect(report.answered == 3)
        #expect(report.gaps.map { ($0.from * 100).rounded() } == [6])
        #expect(report.gaps.map { ($0.seconds * 10).rounded() } == [19])
    }
}
