// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import MTProtoSession
internal import NIOCore

/// The queries of one connection that wait for an asynchronous answer, or for another query (`invokeAfterMsg`).
struct RunningQueries {
    /// A query, its session and how to stop it.
    struct Running {
        let session: ServerSessionIdentifier
        let cancel: @Sendable () -> Void
    }

    /// A query that must not run before others have.
    struct Deferred {
        let messageIdentifier: UInt64
        let session: ServerSessionIdentifier
        /// Those of its predecessors that have not ended.
        var predecessors: Set<UInt64>
        let start: () -> Void
        let fail: () -> Void
        let deadline: Scheduled<Void>
    }

    private var running: [UInt64: Running] = [:]
    private var deferred: [UInt64: Deferred] = [:]
    /// The postponed queries that wait for a query.
    private var successors: [UInt64: Set<UInt64>] = [:]
    /// Postponed queries whose predecessors have ended.
    private var ready: Deque<UInt64> = []

    var count: Int { self.running.count + self.deferred.count }
    var isEmpty: Bool { self.running.isEmpty && self.deferred.isEmpty }

    func isRunning(_ messageIdentifier: UInt64) -> Bool {
        self.running[messageIdentifier] != nil || self.deferred[messageIdentifier] != nil
    }

    mutating func start(_ messageIdentifier: UInt64, _ query: Running) {
        self.running[messageIdentifier] = query
    }

    /// - Returns: whether it was running, so that a late answer to a cancelled query is dropped.
    mutating func finish(_ messageIdentifier: UInt64) -> Bool {
        self.running.removeValue(forKey: messageIdentifier) != nil
    }

    /// Those with the responder.
    var runningIdentifiers: [UInt64] { Array(self.running.keys) }

    func running(_ messageIdentifier: UInt64) -> Running? {
        self.running[messageIdentifier]
    }

    mutating func cancel(_ messageIdentifier: UInt64) {
        self.running.removeValue(forKey: messageIdentifier)?.cancel()
        self.takeDeferred(messageIdentifier)?.deadline.cancel()
    }

    /// Ends the queries with the responder that `isCancelled` says, and all postponed ones.
    ///
    /// - Returns: the queries that will have no answer, and their sessions.
    mutating func cancelAll(
        where isCancelled: (UInt64) -> Bool
    ) -> [(messageIdentifier: UInt64, session: ServerSessionIdentifier)] {
        let ended = self.running.filter { isCancelled($0.key) }
        for query in ended.values { query.cancel() }
        for query in self.deferred.values { query.deadline.cancel() }
        let cancelled = ended.map { ($0, $1.session) } + self.deferred.map { ($0, $1.session) }
        for messageIdentifier in ended.keys { self.running[messageIdentifier] = nil }
        self.deferred.removeAll()
        self.successors.removeAll()
        self.ready.removeAll()
        return cancelled
    }

    /// Keeps a query until its predecessors, of which one runs at least, have ended.
    mutating func postpone(_ query: Deferred) {
        self.deferred[query.messageIdentifier] = query
        for predecessor in query.predecessors {
            self.successors[predecessor, default: []].insert(query.messageIdentifier)
        }
    }

    /// Notes that a query has ended, if it has: those that waited for nothing else are ready.
    mutating func settle(_ messageIdentifier: UInt64) {
        guard !self.isRunning(messageIdentifier),
            let successors = self.successors.removeValue(forKey: messageIdentifier)
        else { return }
        // Identifiers rise in the order in which the client sent the queries.
        for successor in successors.sorted() {
            self.deferred[successor]?.predecessors.remove(messageIdentifier)
            if self.deferred[successor]?.predecessors.isEmpty == true { self.ready.append(successor) }
        }
    }

    /// The next postponed query whose predecessors have ended; the caller settles it after its start.
    mutating func takeReady() -> Deferred? {
        while let messageIdentifier = self.ready.popFirst() {
            guard let query = self.deferred.removeValue(forKey: messageIdentifier) else { continue }
            query.deadline.cancel()
            return query
        }
        return nil
    }

    /// A postponed query that has waited too long, or is dropped.
    mutating func takeDeferred(_ messageIdentifier: UInt64) -> Deferred? {
        guard let query = self.deferred.removeValue(forKey: messageIdentifier) else { return nil }
        for predecessor in query.predecessors {
            self.successors[predecessor]?.remove(messageIdentifier)
        }
        return query
    }
}
