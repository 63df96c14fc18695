// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import Metrics

/// The metrics of a server. Their names are part of its interface: `Serving.md` tells what each means.
final class ServerMetrics: Sendable {
    /// What connections do over one carrier.
    private struct CarrierCounters: Sendable {
        let connections: Counter
        let received: Counter
        let sent: Counter
    }

    private let overflow: Counter
    private let expired: Counter
    private let memory: Counter
    private let notices: Counter
    private let repeated: Counter
    private let evictedSessions: Counter
    private let cancelledQueries: Counter
    private let sessions: Gauge
    private let queuedBytes: Gauge
    private let connections: Gauge
    private let carriers: [Carrier: CarrierCounters]

    init(factory: (any MetricsFactory)?) {
        let factory = factory ?? MetricsSystem.factory
        func counter(_ name: String, _ dimensions: [(String, String)] = []) -> Counter {
            Counter(label: "mtproto_server_\(name)_total", dimensions: dimensions, factory: factory)
        }
        self.overflow = counter("messages_forgotten", [("reason", "overflow")])
        self.expired = counter("messages_forgotten", [("reason", "expired")])
        self.memory = counter("messages_forgotten", [("reason", "memory")])
        self.notices = counter("notices_dropped")
        self.repeated = counter("messages_repeated")
        self.evictedSessions = counter("sessions_evicted")
        self.cancelledQueries = counter("detached_queries_cancelled")
        self.sessions = Gauge(label: "mtproto_server_sessions", factory: factory)
        self.queuedBytes = Gauge(label: "mtproto_server_queued_bytes", factory: factory)
        self.connections = Gauge(label: "mtproto_server_connections", factory: factory)
        self.carriers = Dictionary(
            uniqueKeysWithValues: Carrier.allCases.map { carrier in
                let label = ("carrier", carrier.rawValue)
                let counters = CarrierCounters(
                    connections: counter("connections_used", [label]),
                    received: counter("payloads", [label, ("direction", "received")]),
                    sent: counter("payloads", [label, ("direction", "sent")])
                )
                return (carrier, counters)
            }
        )
    }

    /// - Parameter isFirst: whether it is the connection's first over this carrier.
    func receivedPayload(over carrier: Carrier, isFirst: Bool) {
        let counters = self.carriers[carrier]
        if isFirst { counters?.connections.increment() }
        counters?.received.increment()
    }

    func sentPayload(over carrier: Carrier) {
        self.carriers[carrier]?.sent.increment()
    }

    /// Messages were sent that had been sent before.
    func messagesRepeated(_ count: UInt64) {
        if count > 0 { self.repeated.increment(by: Int64(clamping: count)) }
    }

    /// There was no room for a query whose connection has gone.
    func detachedQueryCancelled() {
        self.cancelledQueries.increment()
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
            (self.notices, news.notices), (self.evictedSessions, store.takeEvictedSessionCount()),
        ]
        where count > 0 {
            counter.increment(by: Int64(clamping: count))
        }
    }
}
