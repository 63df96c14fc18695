// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import NIOCore

/// The queries of one connection that wait for an asynchronous answer, or for another query (`invokeAfterMsg`).
struct RunningQueries {
    /// Stops a query.
    typealias Cancellation = @Sendable () -> Void

    /// A query with the responder.
    struct Running {
        /// The permanent authorization key of its client; its own key as long as that is bound to none.
        let clientKey: UInt64
        let cancel: Cancellation
    }

    /// A query that must not run before others have.
    struct Deferred {
        let identifier: QueryIdentifier
        /// Those of its predecessors that have not ended.
        var predecessors: Set<QueryIdentifier>
        let start: () -> Void
        let fail: () -> Void
        let deadline: Scheduled<Void>
    }

    /// Those with the responder.
    private(set) var running: [QueryIdentifier: Running] = [:]
    private var deferred: [QueryIdentifier: Deferred] = [:]
    /// The postponed queries that wait for a query.
    private var successors: [QueryIdentifier: Set<QueryIdentifier>] = [:]
    /// Postponed queries whose predecessors have ended.
    private var ready: Deque<QueryIdentifier> = []

    var count: Int { self.running.count + self.deferred.count }
    var isEmpty: Bool { self.running.isEmpty && self.deferred.isEmpty }

    func isRunning(_ query: QueryIdentifier) -> Bool {
        self.running[query] != nil || self.deferred[query] != nil
    }

    mutating func start(_ query: QueryIdentifier, clientKey: UInt64, cancel: @escaping Cancellation) {
        self.running[query] = Running(clientKey: clientKey, cancel: cancel)
    }

    /// - Returns: whether it was running, so that a late answer to a cancelled query is dropped.
    mutating func finish(_ query: QueryIdentifier) -> Bool {
        self.running.removeValue(forKey: query) != nil
    }

    mutating func cancel(_ query: QueryIdentifier) {
        self.running.removeValue(forKey: query)?.cancel()
        self.takeDeferred(query)?.deadline.cancel()
    }

    /// Ends the queries with the responder that `isCancelled` says, and all postponed ones.
    ///
    /// - Returns: the queries that will have no answer.
    mutating func cancelAll(where isCancelled: (QueryIdentifier) -> Bool) -> [QueryIdentifier] {
        let ended = self.running.filter { isCancelled($0.key) }
        for query in ended.values { query.cancel() }
        for query in self.deferred.values { query.deadline.cancel() }
        let cancelled = Array(ended.keys) + Array(self.deferred.keys)
        for query in ended.keys { self.running[query] = nil }
        self.deferred.removeAll()
        self.successors.removeAll()
        self.ready.removeAll()
        return cancelled
    }

    /// Keeps a query until its predecessors, of which one runs at least, have ended.
    mutating func postpone(_ query: Deferred) {
        self.deferred[query.identifier] = query
        for predecessor in query.predecessors {
            self.successors[predecessor, default: []].insert(query.identifier)
        }
    }

    /// Notes that a query has ended, if it has: those that waited for nothing else are ready.
    mutating func settle(_ query: QueryIdentifier) {
        guard !self.isRunning(query), let successors = self.successors.removeValue(forKey: query) else { return }
        // Identifiers rise in the order in which the client sent the queries.
        for successor in successors.sorted(by: { $0.message < $1.message }) {
            self.deferred[successor]?.predecessors.remove(query)
            if self.deferred[successor]?.predecessors.isEmpty == true { self.ready.append(successor) }
        }
    }

    /// The next postponed query whose predecessors have ended; the caller settles it after its start.
    mutating func takeReady() -> Deferred? {
        while let identifier = self.ready.popFirst() {
            guard let query = self.deferred.removeValue(forKey: identifier) else { continue }
            query.deadline.cancel()
            return query
        }
        return nil
    }

    /// A postponed query that has waited too long, or is dropped.
    mutating func takeDeferred(_ identifier: QueryIdentifier) -> Deferred? {
        guard let query = self.deferred.removeValue(forKey: identifier) else { return nil }
        for predecessor in query.predecessors {
            self.successors[predecessor]?.remove(identifier)
        }
        return query
    }
}
