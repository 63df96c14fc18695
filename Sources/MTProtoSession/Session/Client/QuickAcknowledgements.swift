// SPDX-License-Identifier: Apache-2.0

internal import DequeModule

/// Which queries the quick-ack tokens of the current connection stand for.
struct QuickAcknowledgements: Sendable {
    private static let maximumCount = 4096
    private static let maximumQueryCount = 65_536

    private var queries: [UInt32: [UInt64]] = [:]
    private var order = Deque<UInt32>()
    private var queryCount = 0

    /// Remembers the queries of a payload. Should two payloads have the same token, the later one is meant.
    mutating func insert(_ token: UInt32, queries: [UInt64]) {
        self.queryCount += queries.count - (self.queries.updateValue(queries, forKey: token)?.count ?? 0)
        self.order.append(token)
        while self.order.count > Self.maximumCount
            || (self.queryCount > Self.maximumQueryCount && self.order.count > 1)
        {
            _ = self.take(self.order.removeFirst())
        }
    }

    mutating func take(_ token: UInt32) -> [UInt64] {
        guard let queries = self.queries.removeValue(forKey: token) else { return [] }
        self.queryCount -= queries.count
        return queries
    }

    mutating func removeAll() {
        self.queries.removeAll()
        self.order.removeAll()
        self.queryCount = 0
    }
}
