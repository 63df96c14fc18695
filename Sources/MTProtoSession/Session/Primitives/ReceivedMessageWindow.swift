// SPDX-License-Identifier: Apache-2.0

internal import DequeModule

/// Remembers the highest message identifiers received in a session, with what became of them.
///
/// Identifiers arrive almost sorted: a higher one than all before is appended in constant time, another one is placed by
/// binary search. When the window is full, the lowest identifier leaves, and everything below counts as seen.
///
/// Specification: *Security Guidelines for Client Developers*, "Checking msg_id".
public struct ReceivedMessageWindow: Sendable, Codable {
    /// What the window says to an identifier.
    public enum Verdict: Hashable, Sendable {
        /// Not seen before; remembered from now on.
        case fresh
        /// Seen before.
        case duplicate
        /// Lower than all that a full window remembers: it cannot be told whether it was seen.
        case tooOld
    }

    private struct Entry: Sendable {
        var identifier: UInt64
        var sequenceNumber: Int32
        var status: MessageStatus
    }

    /// How many identifiers are remembered at most.
    public private(set) var capacity: Int
    private var entries = Deque<Entry>()

    /// Makes an empty window.
    ///
    /// - Parameter capacity: How many identifiers to remember, at least 1.
    public init(capacity: Int = 1000) {
        self.capacity = max(capacity, 1)
    }

    private enum CodingKeys: CodingKey {
        case capacity, identifiers, sequenceNumbers, statuses
    }

    /// Writes what is remembered.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.capacity, forKey: .capacity)
        try container.encode(self.entries.map(\.identifier), forKey: .identifiers)
        try container.encode(self.entries.map(\.sequenceNumber), forKey: .sequenceNumbers)
        try container.encode(self.entries.map(\.status.rawValue), forKey: .statuses)
    }

    /// Reads what was written.
    ///
    /// - Throws: `DecodingError` if the identifiers do not rise, or are more than the capacity.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(capacity: try container.decode(Int.self, forKey: .capacity))
        let identifiers = try container.decode([UInt64].self, forKey: .identifiers)
        let sequenceNumbers = try container.decode([Int32].self, forKey: .sequenceNumbers)
        let statuses = try container.decode([UInt8].self, forKey: .statuses)
        guard identifiers.count <= self.capacity, identifiers.count == sequenceNumbers.count,
            identifiers.count == statuses.count, zip(identifiers, identifiers.dropFirst()).allSatisfy(<)
        else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "no window of rising identifiers")
            )
        }
        for index in identifiers.indices {
            self.entries.append(
                Entry(
                    identifier: identifiers[index],
                    sequenceNumber: sequenceNumbers[index],
                    status: MessageStatus(rawValue: statuses[index])
                )
            )
        }
    }

    /// Changes how many identifiers are remembered; the lowest are forgotten if they are too many.
    package mutating func setCapacity(_ capacity: Int) {
        self.capacity = max(capacity, 1)
        if self.entries.count > self.capacity { self.entries.removeFirst(self.entries.count - self.capacity) }
    }

    /// How many identifiers are remembered.
    public var count: Int {
        self.entries.count
    }

    /// The lowest identifier remembered.
    public var lowest: UInt64? {
        self.entries.first?.identifier
    }

    /// The highest identifier received.
    public var highest: UInt64? {
        self.entries.last?.identifier
    }

    /// What ``insert(_:)`` would say, without remembering the identifier.
    public func verdict(on identifier: UInt64) -> Verdict {
        guard let last = self.entries.last, identifier <= last.identifier else { return .fresh }
        let index = self.lowerBound(identifier)
        if self.entries[index].identifier == identifier { return .duplicate }
        return index == 0 && self.entries.count >= self.capacity ? .tooOld : .fresh
    }

    /// Remembers an identifier if it is fresh.
    public mutating func insert(_ identifier: UInt64) -> Verdict {
        self.insert(identifier, sequenceNumber: 0, status: .received)
    }

    /// Remembers an identifier if it is fresh, with the sequence number it came with and its status.
    public mutating func insert(_ identifier: UInt64, sequenceNumber: Int32, status: MessageStatus) -> Verdict {
        let entry = Entry(identifier: identifier, sequenceNumber: sequenceNumber, status: status)
        if let last = self.entries.last, identifier <= last.identifier {
            let index = self.lowerBound(identifier)
            if self.entries[index].identifier == identifier { return .duplicate }
            if self.entries.count >= self.capacity {
                if index == 0 { return .tooOld }
                self.entries.insert(entry, at: index)
                self.entries.removeFirst()
            } else {
                self.entries.insert(entry, at: index)
            }
            return .fresh
        }
        if self.entries.count >= self.capacity { self.entries.removeFirst() }
        self.entries.append(entry)
        return .fresh
    }

    /// Whether the identifier is remembered.
    public func contains(_ identifier: UInt64) -> Bool {
        self.index(of: identifier) != nil
    }

    /// What to report about an identifier in `msgs_state_info`.
    ///
    /// One below all that are remembered is ``MessageStatus/unknown``: an earlier state of the session may have seen it.
    public func status(of identifier: UInt64) -> MessageStatus {
        guard let last = self.entries.last, identifier <= last.identifier else { return .notYetReceived }
        let index = self.lowerBound(identifier)
        let entry = self.entries[index]
        if entry.identifier == identifier { return entry.status }
        return index == 0 ? .unknown : .notReceived
    }

    /// Adds flags to the status of an identifier if it is remembered.
    public mutating func mark(_ identifier: UInt64, _ flags: MessageStatus) {
        guard let index = self.index(of: identifier) else { return }
        self.entries[index].status.formUnion(flags)
    }

    /// Takes flags from the status of an identifier if it is remembered.
    package mutating func unmark(_ identifier: UInt64, _ flags: MessageStatus) {
        guard let index = self.index(of: identifier) else { return }
        self.entries[index].status.rawValue &= ~flags.rawValue
    }

    /// The sequence numbers of the remembered identifiers next below and next above one that is not remembered.
    package func sequenceNumbers(around identifier: UInt64) -> (below: Int32?, above: Int32?) {
        guard let last = self.entries.last else { return (nil, nil) }
        guard identifier <= last.identifier else { return (last.sequenceNumber, nil) }
        let index = self.lowerBound(identifier)
        return (index > 0 ? self.entries[index - 1].sequenceNumber : nil, self.entries[index].sequenceNumber)
    }

    private func index(of identifier: UInt64) -> Int? {
        guard let last = self.entries.last, identifier <= last.identifier else { return nil }
        // Most questions are about the newest.
        if last.identifier == identifier { return self.entries.count - 1 }
        let index = self.lowerBound(identifier)
        return self.entries[index].identifier == identifier ? index : nil
    }

    /// The index of the first entry that is not below `identifier`; the caller knows that there is one.
    private func lowerBound(_ identifier: UInt64) -> Int {
        var low = 0
        var high = self.entries.count - 1
        while low < high {
            let middle = (low + high) / 2
            if self.entries[middle].identifier < identifier { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
