// SPDX-License-Identifier: Apache-2.0

/// What earlier attempts have taught: which ways work, and how fast. To be kept between runs of a program.
public struct EndpointStatistics: Sendable, Hashable, Codable {
    /// How many ways are remembered; the one not used for the longest is forgotten first.
    public static let maximumCount = 256
    /// How long a failure counts: a minute, doubled for each one that follows at once, up to a day.
    fileprivate static let failureSeconds: ClosedRange<Int64> = 60...86_400
    /// How long a success counts, in seconds: a week.
    private static let successSeconds: Int64 = 604_800
    /// Ways whose round trips differ by less than this are equally fast.
    private static let roundTripStep: Duration = .milliseconds(25)
    /// No round trip takes longer.
    fileprivate static let maximumRoundTrip: Duration = .seconds(3_600)

    /// What is known of one way.
    public struct Record: Sendable, Hashable, Codable {
        /// How often it has worked.
        public fileprivate(set) var successCount = 0
        /// How often it has failed since it last worked.
        public fileprivate(set) var failureCount = 0
        /// The smoothed time to the first answer; `nil` when there never was one.
        public fileprivate(set) var roundTrip: Duration?
        /// When it was last tried: seconds since 1970.
        public fileprivate(set) var lastUse: Int64

        fileprivate init(lastUse: Int64) {
            self.lastUse = lastUse
        }

        /// Decodes what was encoded; numbers that cannot be are brought into their ranges.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            self.lastUse = try container.decode(Int64.self, forKey: .lastUse)
            let counts = 0...Int(Int32.max)
            self.successCount = try container.decode(Int.self, forKey: .successCount).clamped(to: counts)
            self.failureCount = try container.decode(Int.self, forKey: .failureCount).clamped(to: counts)
            self.roundTrip = try container.decodeIfPresent(Duration.self, forKey: .roundTrip)
                .map { $0.clamped(to: .zero...EndpointStatistics.maximumRoundTrip) }
        }

        private enum CodingKeys: String, CodingKey {
            case successCount, failureCount, roundTrip, lastUse
        }

        /// For how many seconds the failures count.
        fileprivate var penaltySeconds: Int64 {
            let range = EndpointStatistics.failureSeconds
            return min(range.lowerBound << Int64(min(max(self.failureCount, 1) - 1, 11)), range.upperBound)
        }
    }

    /// What is known, by the text of the way: transport, endpoint and hops.
    public private(set) var records: [String: Record] = [:]

    /// The longest text of a way that is read, in bytes.
    private static let maximumWayLength = 1_024

    /// Nothing is known.
    public init() {}

    /// Decodes what was encoded; what is too much, or cannot be read, is left out.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let all = try container.decode([String: Record].self, forKey: .records)
        let usable = all.filter { $0.key.utf8.count <= Self.maximumWayLength }
        let newest = usable.sorted { ($0.value.lastUse, $0.key) > ($1.value.lastUse, $1.key) }.prefix(Self.maximumCount)
        self.records = Dictionary(uniqueKeysWithValues: newest.map { ($0.key, $0.value) })
    }

    private enum CodingKeys: String, CodingKey {
        case records
    }

    /// A way has worked.
    ///
    /// - Parameters:
    ///   - way: its text: transport, endpoint and hops.
    ///   - roundTrip: from the start to the first answer.
    ///   - now: seconds since 1970.
    public mutating func succeeded(_ way: String, roundTrip: Duration, at now: Int64) {
        self.change(way, at: now) { record in
            record.successCount = min(record.successCount, Int(Int32.max)) + 1
            record.failureCount = 0
            let sample = min(max(.zero, roundTrip), Self.maximumRoundTrip)
            // A quarter of the new one: as quick to learn as to forget one bad day.
            record.roundTrip = record.roundTrip.map { (min($0, Self.maximumRoundTrip) * 3 + sample) / 4 } ?? sample
        }
    }

    /// A way has failed; being overtaken is no failure.
    ///
    /// - Parameters:
    ///   - way: its text: transport, endpoint and hops.
    ///   - now: seconds since 1970.
    public mutating func failed(_ way: String, at now: Int64) {
        self.change(way, at: now) { record in
            // Long after the last one it is a first one again.
            let age = now.subtractingReportingOverflow(record.lastUse)
            if age.overflow || age.partialValue >= 2 * record.penaltySeconds { record.failureCount = 0 }
            record.failureCount = min(record.failureCount, Int(Int32.max)) + 1
        }
    }

    private mutating func change(_ way: String, at now: Int64, _ change: (inout Record) -> Void) {
        var record = self.records[way] ?? Record(lastUse: now)
        change(&record)
        record.lastUse = now
        self.records[way] = record
        let surplus = self.records.count - Self.maximumCount
        guard surplus > 0 else { return }
        // More than one only when the list was read from somewhere else. What was used in the future goes first: then the
        // clock was wrong.
        func age(_ entry: (key: String, value: Record)) -> (Int64, String) {
            (entry.value.lastUse > now ? .min : entry.value.lastUse, entry.key)
        }
        let others = self.records.filter { $0.key != way }.sorted { age($0) < age($1) }
        for entry in others.prefix(surplus) { self.records[entry.key] = nil }
    }

    /// The order in which to try ways: those that work, the fastest first; then those that nothing is known of, as they stand;
    /// then those that failed lately, the longest ago first.
    ///
    /// - Parameters:
    ///   - ways: in the order of the policy.
    ///   - now: seconds since 1970.
    /// - Returns: indices into `ways`.
    public func order(of ways: [String], at now: Int64) -> [Int] {
        let ranks = ways.map { self.rank(of: $0, at: now) }
        return ways.indices.sorted { ranks[$0] == ranks[$1] ? $0 < $1 : ranks[$0] < ranks[$1] }
    }

    /// Whether a way has failed, and it is too soon to expect anything else.
    func hasFailedLately(_ way: String, at now: Int64) -> Bool {
        self.rank(of: way, at: now).group == 2
    }

    /// Whether a way has worked lately, and not failed since.
    func works(_ way: String, at now: Int64) -> Bool {
        self.rank(of: way, at: now).group == 0
    }

    /// The lower, the earlier.
    private func rank(of way: String, at now: Int64) -> Rank {
        guard let record = self.records[way], record.lastUse <= now else { return Rank(group: 1, value: 0) }
        let (age, hasOverflown) = now.subtractingReportingOverflow(record.lastUse)
        guard !hasOverflown else { return Rank(group: 1, value: 0) }
        if record.failureCount > 0 {
            return age < record.penaltySeconds
                ? Rank(group: 2, value: record.lastUse) : Rank(group: 1, value: 0)
        }
        guard let roundTrip = record.roundTrip, age < Self.successSeconds else {
            return Rank(group: 1, value: 0)
        }
        return Rank(group: 0, value: Int64(min(roundTrip, Self.maximumRoundTrip) / Self.roundTripStep))
    }

    private struct Rank: Comparable {
        let group: Int
        let value: Int64

        static func < (left: Rank, right: Rank) -> Bool {
            (left.group, left.value) < (right.group, right.value)
        }
    }
}

extension Comparable {
    fileprivate func clamped(to range: ClosedRange<Self>) -> Self {
        min(max(self, range.lowerBound), range.upperBound)
    }
}
