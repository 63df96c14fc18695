// SPDX-License-Identifier: Apache-2.0

internal import DequeModule

/// Which queries the quick-ack tokens of the current connection stand for.
struct QuickAcknowledgements: Sendable {
    private static let maximumCount = 4096

    private var queries: [UInt32: [UInt64]] = [:]
    private var order = Deque<UInt32>()

    /// Remembers the queries of a payload. Should two payloads have the same token, the later one is meant.
    mutating func insert(_ token: UInt32, queries: [UInt64]) {
        self.queries[token] = queries
        self.order.append(token)
        if self.order.count > Self.maximumCount {
            self.queries.removeValue(forKey: self.order.removeFirst())
        }
    }

    mutating func take(_ token: UInt32) -> [UInt64] {
        self.queries.removeValue(forKey: token) ?? []
    }

    mutating func removeAll() {
        self.queries.removeAll()
        self.order.removeAll()
    }
}
