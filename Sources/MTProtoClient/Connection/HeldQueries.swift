// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore

/// A query that waits for a session.
struct HeldQuery {
    let query: ByteBuffer
    /// Chosen by the caller, to cancel by.
    let number: UInt64
    let result: EventLoopPromise<ByteBuffer>
    let quickAck: EventLoopPromise<Void>?
    /// Whether it was refused once because the key was not bound.
    var wasUnbound = false

    /// It was not sent, and will not be.
    func fail(with cause: any Error) {
        let error = QueryFailure(cause: cause, phase: .use, delivery: .notDelivered)
        self.result.fail(error)
        self.quickAck?.fail(error)
    }
}

/// Queries that wait for a session, in the order in which they were asked.
struct HeldQueries {
    private var queries: [UInt64: HeldQuery] = [:]
    private(set) var byteCount = 0

    var count: Int { self.queries.count }

    mutating func append(_ query: HeldQuery) {
        self.queries[query.number] = query
        self.byteCount += query.query.readableBytes
    }

    /// Whether there is room for a query: no more wait than a session would take.
    ///
    /// - Parameters:
    ///   - query: the query.
    ///   - limits: the session's.
    ///   - otherCount: how many queries the session has.
    func hasRoom(for query: HeldQuery, within limits: ClientSession.Configuration, besides otherCount: Int) -> Bool {
        self.count + otherCount < limits.maximumQueryCount
            && self.byteCount + query.query.readableBytes <= limits.maximumQueryByteCount
    }

    mutating func remove(_ number: UInt64) -> HeldQuery? {
        guard let query = self.queries.removeValue(forKey: number) else { return nil }
        self.byteCount -= query.query.readableBytes
        return query
    }

    mutating func removeAll() -> [HeldQuery] {
        let all = self.queries.values.sorted { $0.number < $1.number }
        self = HeldQueries()
        return all
    }
}
