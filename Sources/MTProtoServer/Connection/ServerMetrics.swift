// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import Metrics

/// The metrics of a server. Their names are part of its interface.
///
/// - `mtproto_server_messages_forgotten_total` with `reason` `overflow`, `expired` or `memory`: messages to clients that left
///   their queues unacknowledged,
/// - `mtproto_server_sessions`: sessions in the store,
/// - `mtproto_server_queued_bytes`: what these have queued,
/// - `mtproto_server_connections`: open connections.
final class ServerMetrics: Sendable {
    private let overflow: Counter
    private let expired: Counter
    private let memory: Counter
    private let sessions: Gauge
    private let queuedBytes: Gauge
    private let connections: Gauge

    init(factory: (any MetricsFactory)?) {
        let factory = factory ?? MetricsSystem.factory
        func forgotten(_ reason: String) -> Counter {
            Counter(
                label: "mtproto_server_messages_forgotten_total",
                dimensions: [("reason", reason)],
                factory: factory
            )
        }
        self.overflow = forgotten("overflow")
        self.expired = forgotten("expired")
        self.memory = forgotten("memory")
        self.sessions = Gauge(label: "mtproto_server_sessions", factory: factory)
        self.queuedBytes = Gauge(label: "mtproto_server_queued_bytes", factory: factory)
        self.connections = Gauge(label: "mtproto_server_connections", factory: factory)
    }

    /// Reports the state of the moment, and what the store has forgotten since somebody reported it last: each message is
    /// counted by one of the servers that share a store.
    func report(_ store: any SessionStore, connectionCount: Int) {
        self.connections.record(connectionCount)
        if let statistics = store.statistics {
            self.sessions.record(statistics.sessionCount)
            self.queuedBytes.record(statistics.queuedByteCount)
        }
        let news = store.takeForgottenMessages()
        for (counter, count) in [
            (self.overflow, news.overflow), (self.expired, news.expired), (self.memory, news.memory),
        ]
        where count > 0 {
            counter.increment(by: Int64(clamping: count))
        }
    }
}
