// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore

/// The queries of one connection that wait for an asynchronous answer, or for another query (`invokeAfterMsg`).
struct RunningQueries {
    /// A query, its session and how to stop it.
    struct Running {
        let session: ServerSessionIdentifier
        let cancel: @Sendable () -> Void
    }

    private var running: [UInt64: Running] = [:]
    private var deferred: [Deferred] = []

    /// A query that must not run before others have.
    struct Deferred {
        let messageIdentifier: UInt64
        let session: ServerSessionIdentifier
        let predecessors: [UInt64]
        let start: () -> Void
        let fail: () -> Void
        let deadline: Scheduled<Void>
    }

    var count: Int { self.running.count + self.deferred.count }
    var isEmpty: Bool { self.running.isEmpty && self.deferred.isEmpty }

    func isRunning(_ messageIdentifier: UInt64) -> Bool {
        self.running[messageIdentifier] != nil || self.deferred.contains { $0.messageIdentifier == messageIdentifier }
    }

    mutating func start(_ messageIdentifier: UInt64, _ query: Running) {
        self.running[messageIdentifier] = query
    }

    /// - Returns: whether it was running, so that a late answer to a cancelled query is dropped.
    mutating func finish(_ messageIdentifier: UInt64) -> Bool {
        self.running.removeValue(forKey: messageIdentifier) != nil
    }

    mutating func cancel(_ messageIdentifier: UInt64) {
        self.running.removeValue(forKey: messageIdentifier)?.cancel()
        self.takeDeferred(messageIdentifier)?.deadline.cancel()
    }

    /// - Returns: the queries that will have no answer, and their sessions.
    mutating func cancelAll() -> [(messageIdentifier: UInt64, session: ServerSessionIdentifier)] {
        for query in self.running.values { query.cancel() }
        for query in self.deferred { query.deadline.cancel() }
        let cancelled = self.running.map { ($0, $1.session) } + self.deferred.map { ($0.messageIdentifier, $0.session) }
        self.running.removeAll()
        self.deferred.removeAll()
        return cancelled
    }

    mutating func postpone(_ query: Deferred) {
        self.deferred.append(query)
    }

    /// The postponed queries whose predecessors are done by now.
    mutating func takeReady() -> [Deferred] {
        guard !self.deferred.isEmpty else { return [] }
        var ready: [Deferred] = []
        let waiting = self.deferred
        self.deferred = []
        for query in waiting {
            if query.predecessors.contains(where: { self.isRunning($0) }) {
                self.deferred.append(query)
            } else {
                query.deadline.cancel()
                ready.append(query)
            }
        }
        return ready
    }

    /// A postponed query that has waited too long, or is dropped.
    mutating func takeDeferred(_ messageIdentifier: UInt64) -> Deferred? {
        guard let index = self.deferred.firstIndex(where: { $0.messageIdentifier == messageIdentifier }) else {
            return nil
        }
        return self.deferred.remove(at: index)
    }
}
