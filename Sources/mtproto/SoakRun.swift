// SPDX-License-Identifier: Apache-2.0

internal import MTProtoClient
internal import MTProtoServer
internal import MTProtoSession
internal import NIOCore

/// Sends numbered queries and keeps account of their answers.
struct SoakRun: Sendable {
    /// A query whose fate is known.
    private struct Fate: Sendable {
        let end: ContinuousClock.Instant
        /// `nil` when the answer was right.
        let failure: String?
    }

    var count: Int
    var inFlight: Int
    /// Queries a second at most; 0 for no limit.
    var rate: Double

    /// Asks all queries, whatever becomes of some.
    func perform(_ invoke: @escaping @Sendable (ByteBuffer) async throws -> ByteBuffer) async -> SoakReport {
        let clock = ContinuousClock()
        let start = clock.now
        var report = SoakReport(count: self.count)
        report.began = Self.unixTime
        var fates: [Fate] = []
        fates.reserveCapacity(self.count)
        await withTaskGroup(of: Fate.self) { group in
            var running = 0
            for number in 0..<self.count {
                if self.rate > 0 {
                    try? await Task.sleep(until: start + .seconds(Double(number) / self.rate), clock: clock)
                }
                if running == self.inFlight, let fate = await group.next() {
                    fates.append(fate)
                    running -= 1
                }
                running += 1
                group.addTask { await Self.ask(number, invoke) }
            }
            for await fate in group { fates.append(fate) }
        }
        report.note(fates.map { (offset: start.duration(to: $0.end), failure: $0.failure) })
        report.seconds = Self.seconds(start.duration(to: clock.now))
        return report
    }

    private static func ask(
        _ number: Int,
        _ invoke: @Sendable (ByteBuffer) async throws -> ByteBuffer
    ) async -> Fate {
        var query = ByteBuffer()
        query.writeInteger(LocalDataCenter.echoConstructor, endianness: .little)
        query.writeInteger(UInt64(number), endianness: .little)
        let failure: String?
        do {
            failure = try await invoke(query) == query ? nil : "another query's answer"
        } catch let error as MTProtoClientError {
            failure = "\(error.code)\(error.delivery.map { ", \($0)" } ?? "")"
        } catch {
            failure = "\(type(of: error))"
        }
        return Fate(end: .now, failure: failure)
    }

    /// Seconds since 1970.
    static var unixTime: Double { Double(SessionClock.system.now().wallNanoseconds) * 1e-9 }

    static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}

/// What became of numbered queries.
struct SoakReport: Sendable, Encodable {
    /// A time without an answer.
    struct Gap: Sendable, Encodable {
        /// Seconds after the first query.
        let from: Double
        let seconds: Double
    }

    /// Shorter times between answers are not told.
    static let shortestGap = Duration.milliseconds(100)

    let count: Int
    /// Queries that were answered, each with its own number.
    var answered = 0
    /// How many others failed, by cause.
    var failures: [String: Int] = [:]
    var seconds = 0.0
    /// When the first query was asked, in seconds since 1970.
    var began = 0.0
    /// Long times without an answer, in order.
    var gaps: [Gap] = []

    init(count: Int) {
        self.count = count
    }

    /// Counts queries by what became of them, and when.
    mutating func note(_ fates: [(offset: Duration, failure: String?)]) {
        var last = Duration.zero
        for fate in fates.sorted(by: { $0.offset < $1.offset }) {
            if let failure = fate.failure {
                self.failures[failure, default: 0] += 1
                continue
            }
            self.answered += 1
            if fate.offset - last >= Self.shortestGap {
                self.gaps.append(Gap(from: SoakRun.seconds(last), seconds: SoakRun.seconds(fate.offset - last)))
            }
            last = fate.offset
        }
    }
}
