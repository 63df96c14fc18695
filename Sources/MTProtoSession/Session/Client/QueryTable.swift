// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import NIOCore

/// The queries that are not answered yet, by number and by each message identifier they were sent under, with the lines in
/// which they wait to leave.
///
/// The lines are cleaned lazily: an entry counts only while its query is in the phase of that line.
struct QueryTable: Sendable {
    /// How many identifiers of earlier sendings are remembered for one query.
    private static let maximumFormerIdentifierCount = 16

    private(set) var records: [UInt64: QueryRecord] = [:]
    private var numbers: [UInt64: UInt64] = [:]
    private var waiting = Deque<UInt64>()
    private var repeating = Deque<UInt64>()
    private var lastNumber: UInt64 = 0

    /// The bytes of all queries.
    private(set) var byteCount = 0
    /// How many queries are sent and not answered, and their bytes.
    private(set) var inFlightCount = 0
    private(set) var inFlightByteCount = 0

    var count: Int { self.records.count }

    subscript(number: UInt64) -> QueryRecord? {
        self.records[number]
    }

    /// The query that was sent under an identifier.
    func number(forIdentifier identifier: UInt64) -> UInt64? {
        self.numbers[identifier]
    }

    // MARK: Coming and going

    mutating func insert(_ record: QueryRecord) -> UInt64 {
        self.lastNumber += 1
        self.records[self.lastNumber] = record
        self.byteCount += record.byteCount
        self.waiting.append(self.lastNumber)
        return self.lastNumber
    }

    @discardableResult
    mutating func remove(_ number: UInt64) -> QueryRecord? {
        guard let record = self.records.removeValue(forKey: number) else { return nil }
        self.byteCount -= record.byteCount
        if record.identifier != 0 { self.numbers.removeValue(forKey: record.identifier) }
        for identifier in record.formerIdentifiers { self.numbers.removeValue(forKey: identifier) }
        if record.phase == .waiting {
            self.compact()
        } else {
            self.leaveFlight(record)
        }
        return record
    }

    /// All queries in the order they were asked.
    mutating func removeAll() -> [(number: UInt64, record: QueryRecord)] {
        let all = self.records.map { (number: $0.key, record: $0.value) }.sorted { $0.number < $1.number }
        let last = self.lastNumber
        self = QueryTable()
        self.lastNumber = last
        return all
    }

    // MARK: Changing

    mutating func update<Result>(_ number: UInt64, _ change: (inout QueryRecord) -> Result) -> Result? {
        guard let index = self.records.index(forKey: number) else { return nil }
        return change(&self.records.values[index])
    }

    /// The body to send a query with under an identifier. One that is made for it counts from now on.
    mutating func body(of number: UInt64, messageIdentifier: UInt64, sessionIdentifier: UInt64) -> ByteBuffer? {
        guard let index = self.records.index(forKey: number) else { return nil }
        let body = self.records.values[index].body(
            messageIdentifier: messageIdentifier,
            sessionIdentifier: sessionIdentifier
        )
        let growth = body.readableBytes - self.records.values[index].byteCount
        if growth != 0 {
            self.records.values[index].byteCount += growth
            self.byteCount += growth
            if self.records.values[index].phase != .waiting { self.inFlightByteCount += growth }
        }
        return body
    }

    /// Notes that a query leaves now.
    mutating func markSent(_ number: UInt64, _ change: (inout QueryRecord) -> Void) {
        guard let index = self.records.index(forKey: number) else { return }
        let before = self.records.values[index].phase
        change(&self.records.values[index])
        self.records.values[index].phase = .sent
        let record = self.records.values[index]
        if before == .waiting {
            self.numbers[record.identifier] = number
            self.inFlightCount += 1
            self.inFlightByteCount += record.byteCount
        }
    }

    /// Puts a query that was sent at the front of the line again, to leave under a new identifier.
    ///
    /// - Parameter isRefused: Whether the server has certainly not processed it under the identifier it has.
    mutating func sendAgain(_ number: UInt64, isRefused: Bool) {
        guard let index = self.records.index(forKey: number), self.records.values[index].phase != .waiting else {
            return
        }
        var record = self.records.values[index]
        self.leaveFlight(record)
        record.phase = .waiting
        record.isRepeated = false
        record.needsNewIdentifier = false
        record.isAcknowledged = false
        record.answeredReportCount = 0
        record.hasUncertainPast = record.hasUncertainPast || !isRefused
        if isRefused, !record.hasUncertainPast { record.delivery = .notDelivered }
        record.formerIdentifiers.append(record.identifier)
        record.identifier = 0
        if record.formerIdentifiers.count > Self.maximumFormerIdentifierCount {
            self.numbers.removeValue(forKey: record.formerIdentifiers.removeFirst())
        }
        // It may have grown when its compression was left away.
        if case .fixed(let body) = record.content {
            self.byteCount += body.readableBytes - record.byteCount
            record.byteCount = body.readableBytes
        }
        self.records.values[index] = record
        self.waiting.prepend(number)
    }

    /// Puts a query that was sent in line to be repeated under the identifier that it has.
    mutating func repeatSending(_ number: UInt64) {
        guard let index = self.records.index(forKey: number), self.records.values[index].phase == .sent else { return }
        self.records.values[index].phase = .repeating
        self.repeating.append(number)
    }

    /// Takes every repetition out of line, for a connection that is gone.
    mutating func abandonRepeating() {
        for number in self.repeating {
            guard let index = self.records.index(forKey: number) else { continue }
            if self.records.values[index].phase == .repeating { self.records.values[index].phase = .sent }
        }
        self.repeating.removeAll()
    }

    // MARK: The lines

    /// The next query to be sent under a new identifier; its entry stays in line until it is marked as sent and popped.
    mutating func firstWaiting() -> UInt64? {
        while let number = self.waiting.first {
            if self.records[number]?.phase == .waiting { return number }
            self.waiting.removeFirst()
        }
        return nil
    }

    /// The next query to be repeated.
    mutating func firstRepeating() -> UInt64? {
        while let number = self.repeating.first {
            if self.records[number]?.phase == .repeating { return number }
            self.repeating.removeFirst()
        }
        return nil
    }

    mutating func popWaiting() {
        _ = self.waiting.popFirst()
    }

    mutating func popRepeating() {
        _ = self.repeating.popFirst()
    }

    /// The numbers of all queries that are sent, in the order of their identifiers.
    func numbersInFlight() -> [UInt64] {
        self.records
            .filter { $0.value.phase != .waiting }
            .sorted { $0.value.identifier < $1.value.identifier }
            .map(\.key)
    }

    private mutating func leaveFlight(_ record: QueryRecord) {
        self.inFlightCount -= 1
        self.inFlightByteCount -= record.byteCount
    }

    /// Drops dead entries when they are the greater part of the line, so that queries withdrawn unsent leave no trace.
    private mutating func compact() {
        guard self.waiting.count > 64, self.waiting.count > 2 * self.records.count else { return }
        let records = self.records
        self.waiting.removeAll { records[$0]?.phase != .waiting }
    }
}
