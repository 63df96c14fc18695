// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore
internal import NIOPosix
internal import Synchronization

/// What all connections of one server share.
final class ServerContext: Sendable {
    let configuration: ServerConfiguration
    let responder: any QueryResponder
    let keyExchanges: ServerKeyExchangeTable
    let connections: ConnectionRegistry
    let metrics: ServerMetrics
    let detachedQueries: DetachedQueries
    /// What the server waits for at its end.
    let work: PendingWork
    /// What clients that have shown no key make the server keep, beyond what each may.
    let strangers: Budget
    /// Changes of sessions that are to be tried again, because the store has failed.
    let repetitions: Budget
    /// The TLS of new connections; `nil` when the server has no TLS port.
    let tls: TLSContextHolder?
    /// Makes the session of a first message.
    let makeSession: @Sendable (ServerSessionIdentifier) -> ServerSession
    /// Key exchange steps that are queued for or running on the thread pool.
    private let pendingKeyExchangeSteps = Atomic<Int>(0)

    init(configuration: ServerConfiguration, responder: any QueryResponder) throws {
        var configuration = configuration
        let work = PendingWork()
        configuration.sessions = CountedSessionStore(configuration.sessions, work)
        self.work = work
        self.configuration = configuration
        self.responder = responder
        self.strangers = Budget(maximum: configuration.limits.strangerBytes)
        let metrics = ServerMetrics(factory: configuration.metricsFactory)
        self.metrics = metrics
        self.detachedQueries = DetachedQueries(
            maximumCount: configuration.limits.detachedQueries,
            maximumCountPerKey: configuration.limits.detachedQueriesPerKey
        ) {
            metrics.detachedQueryCancelled()
        }
        self.repetitions = Budget(maximum: configuration.limits.detachedQueries)
        self.connections = ConnectionRegistry(sessions: configuration.sessions, random: configuration.random)
        let session = configuration.session
        let random = configuration.random
        self.makeSession = { identifier in
            ServerSession(
                authorizationKeyIdentifier: identifier.authorizationKey,
                sessionIdentifier: identifier.session,
                configuration: session,
                random: random
            )
        }
        var exchange = ServerKeyExchangeTable.Configuration(privateKeys: configuration.privateKeys)
        exchange.dataCenterPolicy = configuration.dataCenter.map { .oneOf([$0]) } ?? .any
        exchange.random = configuration.random
        let logger = configuration.logger
        exchange.reportRejection = { logger.debug("key exchange refused", metadata: ["reason": "\($0)"]) }
        self.keyExchanges = try ServerKeyExchangeTable(configuration: exchange)
        if configuration.tlsAddresses.isEmpty {
            self.tls = nil
        } else {
            guard let tls = configuration.tls else { throw ServerTLSError(.notConfigured) }
            self.tls = try TLSContextHolder(tls)
        }
    }

    /// The part of one connection in ``strangers``.
    func makeStrangerBytes() -> StrangerBytes {
        StrangerBytes(
            freeByteCount: self.configuration.limits.payloadBeforeAuthorization,
            budget: self.strangers
        )
    }

    /// Once a minute forgets sessions that nobody would miss and key exchanges that nobody continued.
    func scheduleSweeps() -> RepeatedTask {
        self.configuration.eventLoopGroup.next().scheduleRepeatedTask(
            initialDelay: .minutes(1),
            delay: .minutes(1)
        ) { _ in
            self.configuration.threadPool.submit { _ in
                let now = self.configuration.clock.now()
                self.configuration.sessions.removeDiscardable(at: now)
                self.keyExchanges.removeExpiredRuns(at: now)
            }
        }
    }

    /// Reports metrics regularly.
    func scheduleReports() -> RepeatedTask {
        self.configuration.eventLoopGroup.next().scheduleRepeatedTask(
            initialDelay: .seconds(10),
            delay: .seconds(10)
        ) { _ in
            self.configuration.threadPool.submit { _ in self.reportMetrics() }
        }
    }

    /// Reports what changes without an event of this server.
    func reportMetrics() {
        self.metrics.report(self.configuration.sessions, connectionCount: self.connections.count)
    }

    /// Tells whoever can send it that a session has output: a connection of this server, or others through the store.
    func wake(_ session: ServerSessionIdentifier) {
        if !self.connections.wake(session) { self.configuration.sessions.wake(session) }
    }

    /// A session was removed: whoever waits in it waits for nothing.
    func sessionEnded(_ session: ServerSessionIdentifier) {
        self.connections.wakeAll(session)
        self.configuration.sessions.wake(session)
    }

    /// Takes a place among the pending steps; `false` when there is none.
    func beginKeyExchangeStep() -> Bool {
        let (_, count) = self.pendingKeyExchangeSteps.add(1, ordering: .relaxed)
        guard count <= self.configuration.limits.pendingKeyExchangeSteps else {
            self.endKeyExchangeStep()
            return false
        }
        return true
    }

    func endKeyExchangeStep() {
        self.pendingKeyExchangeSteps.subtract(1, ordering: .relaxed)
    }
}
