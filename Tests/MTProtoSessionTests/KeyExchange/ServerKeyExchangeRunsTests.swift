// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import Testing

@testable import MTProtoSession

/// The runs of a table, without cryptography.
@Suite struct ServerKeyExchangeRunsTests {
    /// The table's own bookkeeping against a plain model: random operations, seeds in the message.
    @Test(arguments: 1...8 as ClosedRange<UInt64>) func bookkeeping(seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        var runs = ServerKeyExchangeRuns(maximumCount: 50, lifetimeNanoseconds: 300)
        var model: [ServerKeyExchangeRun.Key: (createdAt: Int64, isOver: Bool, isBegun: Bool)] = [:]
        var keys: [ServerKeyExchangeRun.Key] = []
        var time: Int64 = 0
        let query = Bytes32.random(random)
        for _ in 0..<2000 {
            time += Int64(random.integer(in: 0...3))
            let isDone = { (run: (createdAt: Int64, isOver: Bool, isBegun: Bool)) in time - run.createdAt >= 300 }
            model = model.filter { !isDone($0.value) }
            if random.integer(in: 0...2) > 0 {
                let nonce = Bytes16.random(random)
                let key = ServerKeyExchangeRun.Key(nonce: nonce, serverNonce: Bytes16.random(random))
                runs.removeExpired(at: time)
                let hasRoom = model.count < 50 || model.values.contains { $0.isBegun || $0.isOver }
                let isInserted = runs.insert(
                    ServerKeyExchangeRun(key: key, factors: (pq: 15, p: 3, q: 5), createdAt: time)
                )
                #expect(isInserted == hasRoom, "seed \(seed)")
                if isInserted {
                    keys.append(key)
                    // The model does not know the order; it learns from the table which run gave way.
                    if model.count == 50 {
                        let gone = try #require(model.keys.first { runs.update($0, at: time) { _ in true } == nil })
                        #expect(model[gone].map { $0.isBegun || $0.isOver } == true, "seed \(seed)")
                        model[gone] = nil
                    }
                    model[key] = (time, false, true)
                    #expect(runs.begunRun(nonce: nonce)?.key == key, "seed \(seed)")
                }
            } else if let key = keys.isEmpty ? nil : keys[random.integer(in: 0...keys.count - 1)] {
                let isFailing = random.integer(in: 0...1) == 0
                let found: Bool? = runs.update(key, at: time) { run in
                    if isFailing {
                        run.fail(nil, .notFound)
                    } else {
                        _ = run.claim(query, phase: .parameters)
                    }
                    return true
                }
                #expect((found != nil) == (model[key] != nil), "seed \(seed)")
                if let entry = model[key] {
                    model[key] = (entry.createdAt, entry.isOver || isFailing, false)
                    #expect(runs.begunRun(nonce: key.nonce) == nil, "seed \(seed)")
                }
            }
            runs.removeExpired(at: time)
            #expect(runs.count == model.count && runs.count <= 50, "seed \(seed)")
            #expect(runs.queuedCount <= 4 * (64 + 2 * 50), "seed \(seed)")
        }
        runs.removeExpired(at: time + 300)
        #expect(runs.count == 0, "seed \(seed)")
    }

    private static func insert(_ number: Int, source: String?, at time: Int64, into runs: inout ServerKeyExchangeRuns)
        -> ServerKeyExchangeRun.Key?
    {
        let random = RandomSource.seeded(UInt64(number))
        let key = ServerKeyExchangeRun.Key(nonce: .random(random), serverNonce: .random(random))
        let run = ServerKeyExchangeRun(key: key, factors: (pq: 15, p: 3, q: 5), createdAt: time, source: source)
        guard runs.insert(run) else { return nil }
        _ = runs.update(key, at: time) { $0.claim(Bytes32(), phase: .parameters) }
        return key
    }

    /// A source keeps its newest runs; others, and callers without a source, lose nothing to it.
    @Test func shareOfOneSource() throws {
        var runs = ServerKeyExchangeRuns(maximumCount: 50, maximumCountPerSource: 3, lifetimeNanoseconds: 300)
        var others: [ServerKeyExchangeRun.Key] = []
        for number in 1...4 {
            let source = number == 1 ? "b" : nil
            others.append(try #require(Self.insert(number, source: source, at: 0, into: &runs)))
        }
        var own: [ServerKeyExchangeRun.Key] = []
        for number in 5...1000 {
            own.append(try #require(Self.insert(number, source: "a", at: 1, into: &runs)))
            #expect(runs.count == others.count + min(own.count, 3))
        }
        #expect(runs.queuedCount <= 6 * (64 + 2 * 50))
        for key in others + own.suffix(3) {
            let isThere = runs.update(key, at: 2) { _ in true }
            #expect(isThere == true)
        }
        // One that is over makes room in the share.
        _ = runs.update(own[own.count - 3], at: 2) { $0.fail(nil, .notFound) }
        _ = try #require(Self.insert(1001, source: "a", at: 2, into: &runs))
        #expect(runs.count == others.count + 4)
        runs.removeExpired(at: 302)
        #expect(runs.count == 0)
    }

    /// When all are under way, the oldest gives way after a minute, not before.
    @Test func stalledRunsGiveWay() throws {
        let minute: Int64 = 60_000_000_000
        var runs = ServerKeyExchangeRuns(maximumCount: 2, lifetimeNanoseconds: 10 * minute)
        let first = try #require(Self.insert(1, source: nil, at: 0, into: &runs))
        let second = try #require(Self.insert(2, source: nil, at: 1, into: &runs))
        #expect(Self.insert(3, source: nil, at: minute - 1, into: &runs) == nil)
        #expect(Self.insert(3, source: nil, at: minute, into: &runs) != nil)
        let isFirstThere = runs.update(first, at: minute) { _ in true }
        let isSecondThere = runs.update(second, at: minute) { _ in true }
        #expect(isFirstThere == nil)
        #expect(isSecondThere == true)
        #expect(Self.insert(4, source: nil, at: minute, into: &runs) == nil)
    }
}
