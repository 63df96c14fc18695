// SPDX-License-Identifier: Apache-2.0

public import Logging
public import MTProtoCrypto
public import MTProtoSession
public import MTProtoTransport
public import Metrics
public import NIOCore
public import NIOPosix

/// How an ``MTProtoServer`` behaves. Every value has a default fit for a public port.
public struct ServerConfiguration: Sendable {
    /// The RSA keys that clients may choose from, at least one.
    public var privateKeys: [RSAPrivateKey]
    /// The data centre that the server is; `nil` accepts whatever a client believes.
    public var dataCenter: DataCenterIdentifier?
    /// Addresses to listen on; port 0 takes a free one. Default: `127.0.0.1`, a free port.
    public var addresses: [SocketEndpoint] = [.loopback]
    /// Addresses to listen on for TLS; port 0 takes a free one. They need ``tls``. Default: none.
    public var tlsAddresses: [SocketEndpoint] = []
    /// The certificate and the key of the TLS ports. Default: none.
    public var tls: ServerTLS?
    /// The secrets accepted in obfuscated transport headers; `nil` in the list stands for none. Default: none.
    public var secrets: [ProxySecret?] = [nil]
    /// Limits on what clients may take.
    public var limits = Limits()
    /// How long clients may be silent or slow.
    public var timeouts = Timeouts()
    /// Rules of the sessions.
    public var session = ServerSession.Configuration()
    /// How long HTTP requests may wait for messages.
    public var httpWait = HTTPWaitSchedule.Configuration()
    /// Where authorization keys are kept. Default: in memory.
    public var authorizationKeys: any AuthorizationKeyStore = InMemoryAuthorizationKeyStore()
    /// Where sessions are kept. Default: in memory.
    public var sessions: any SessionStore = InMemorySessionStore()
    /// The event loops. Default: the process's shared ones.
    public var eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    /// Where the arithmetic of key exchanges runs. Default: the process's shared pool.
    public var threadPool: NIOThreadPool = .singleton
    /// The clock. Default: the system's.
    public var clock: SessionClock = .system
    /// Random bytes. Default: the system's generator.
    public var random: RandomSource = .system
    /// Where the server logs. Default: nowhere. Addresses and keys are never logged.
    public var logger = Logger(label: "mtproto.server", factory: { _ in SwiftLogNoOpLogHandler() })

    /// Where metrics go; nil: to what `MetricsSystem` was bootstrapped with. Names: `mtproto_server_…`.
    public var metricsFactory: (any MetricsFactory)?

    /// Faults played on every connection; see ``LocalDataCenter``. Default: none.
    package var faults = FaultPlan()

    /// Makes a configuration.
    public init(privateKeys: [RSAPrivateKey], dataCenter: DataCenterIdentifier? = nil) {
        self.privateKeys = privateKeys
        self.dataCenter = dataCenter
    }

    /// Limits on what clients may take.
    public struct Limits: Sendable, Hashable {
        /// Connections at once. Further ones wait in the kernel's backlog. Default 16 384.
        public var connections = 16_384
        /// Bytes of one payload before the connection has named a known key. Default 64 KiB.
        public var payloadBeforeAuthorization = 64 * 1024
        /// Bytes of one payload afterwards. Default 16 MiB.
        public var payload = 16 * 1024 * 1024
        /// Bytes of one frame of a WebSocket; a payload may be spread over many. Default 2 MiB.
        public var webSocketFrame = 2 * 1024 * 1024
        /// Bytes of unfinished payloads, and of unfinished WebSocket frames, of all clients none of whose payloads was
        /// accepted yet, not counting ``payloadBeforeAuthorization`` of each; whose payload exceeds them gets −429.
        /// Default 64 MiB.
        public var strangerBytes = 64 * 1024 * 1024
        /// Queries of one connection that may be waiting for an asynchronous answer; reading stops beyond. Default 1 024.
        public var concurrentQueries = 1_024
        /// Queries that may be waiting for an asynchronous answer although the HTTP connection that brought them is gone; beyond,
        /// they are cancelled with it. Default 4 096.
        public var detachedQueries = 4_096
        /// How many of these one permanent authorization key may have, with the temporary keys that are bound to it; a client that
        /// makes several permanent keys has as many shares. Default 256.
        public var detachedQueriesPerKey = 256
        /// Sessions that one connection may use; over HTTP ``sessionsPerMinute`` counts. Default 16.
        public var sessionsPerConnection = 16
        /// Sessions that the requests of one HTTP connection, on which an intermediary may send those of many clients, may begin in
        /// a minute; beyond, −429. Default 256.
        public var sessionsPerMinute = 256
        /// Key exchanges that one connection may make in a minute; beyond, −429. Default 32.
        public var keyExchangesPerMinute = 32
        /// Key exchange steps of all connections that may wait for the thread pool; beyond, −429. Default 1 024.
        public var pendingKeyExchangeSteps = 1_024

        /// The defaults.
        public init() {}
    }

    /// How long clients may be silent or slow.
    ///
    /// Real clients open spare sockets early and keep them silent up to 30 minutes, and connect in up to 40 s on bad networks.
    public struct Timeouts: Sendable, Hashable {
        /// From the first byte of a connection to its first whole payload, and before that for a handshake of TLS.
        /// Default 45 s.
        public var handshake: TimeAmount = .seconds(45)
        /// Without a byte from the client, when no `ping_delay_disconnect` says otherwise. Default 31 minutes.
        public var idle: TimeAmount = .minutes(31)
        /// The same between two HTTP requests of a connection. Default 5 minutes.
        public var httpIdle: TimeAmount = .minutes(5)
        /// An unfinished frame or HTTP request may take. Default 2 minutes.
        public var partialFrame: TimeAmount = .minutes(2)
        /// The client may leave bytes unread in its socket. Default 2 minutes.
        public var stalledWrite: TimeAmount = .minutes(2)
        /// Connections may go on after a graceful shutdown began, and queries after their client's last byte. Then the stores may
        /// take as long for what the connections have left to them: the end of a server takes up to twice this, and what
        /// is not done by then is logged as an error. Default 5 s.
        public var drain: TimeAmount = .seconds(5)
        /// A query may wait for the ones that it names in `invokeAfterMsg`; then `MSG_WAIT_TIMEOUT`. Default 0.5 s.
        public var predecessor: TimeAmount = .milliseconds(500)

        /// The defaults.
        public init() {}
    }
}
