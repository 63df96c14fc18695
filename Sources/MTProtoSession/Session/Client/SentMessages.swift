// SPDX-License-Identifier: Apache-2.0

internal import DequeModule

/// The service messages and containers sent lately, by identifier: what a notice of the server may speak of.
///
/// Bounded: the oldest are forgotten, and notices about them are ignored.
struct SentMessages: Sendable {
    enum Content: Sendable {
        case service(PendingServiceMessage)
        /// The identifiers of a container's contents.
        case container([UInt64])

        var weight: Int {
            switch self {
            case .service(let pending): return pending.message.weight
            case .container(let identifiers): return identifiers.count
            }
        }
    }

    struct Record: Sendable {
        var content: Content
        var connection: UInt64
    }

    private static let maximumCount = 4096
    private static let maximumWeight = 65_536

    private var records: [UInt64: Record] = [:]
    private var order = Deque<UInt64>()
    private var weight = 0

    subscript(identifier: UInt64) -> Record? {
        self.records[identifier]
    }

    mutating func insert(_ identifier: UInt64, _ record: Record) {
        self.records[identifier] = record
        self.order.append(identifier)
        self.weight += record.content.weight
        while self.order.count > Self.maximumCount || (self.weight > Self.maximumWeight && self.order.count > 1) {
            self.remove(self.order.removeFirst())
        }
    }

    @discardableResult
    mutating func remove(_ identifier: UInt64) -> Record? {
        guard let record = self.records.removeValue(forKey: identifier) else { return nil }
        self.weight -= record.content.weight
        return record
    }

    /// Takes out the unanswered service messages of a kind, in the order they were sent.
    mutating func take(where predicate: (ServiceMessage) -> Bool) -> [PendingServiceMessage] {
        var pending: [(identifier: UInt64, message: PendingServiceMessage)] = []
        for (identifier, record) in self.records {
            if case .service(let message) = record.content, predicate(message.message) {
                pending.append((identifier, message))
            }
        }
        for entry in pending { self.remove(entry.identifier) }
        return pending.sorted { $0.identifier < $1.identifier }.map(\.message)
    }

    /// The identifier of an unanswered service message of a kind. Looks at all: only for what is asked rarely.
    func first(where predicate: (ServiceMessage) -> Bool) -> UInt64? {
        self.records.first { record in
            if case .service(let pending) = record.value.content { return predicate(pending.message) }
            return false
        }?.key
    }
}
