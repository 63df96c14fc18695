// SPDX-License-Identifier: Apache-2.0

public import Logging
public import MTProtoCrypto
public import MTProtoSession
public import MTProtoTransport
public import NIOCore
internal import NIOPosix
public import NIOSSL

/// How a client connects. Every value has a default.
public struct ClientConfiguration: Sendable {
    /// The transport. Default: TCP in intermediate framing, not obfuscated. A ``ConnectionTarget`` that is a URI overrules its
    /// carrier.
    public var transport: ClientTransport = .tcp(.intermediate)
    /// TLS, where the transport has it. Default: ``defaultTLS``. The server's certificate must be for the endpoint's host.
    public var tls: TLSConfiguration = ClientConfiguration.defaultTLS
    /// What is tried to get through, and in which order. Default: `nil`, which is ``ConnectionStrategy/transport(_:)`` with
    /// ``transport``.
    public var strategy: ConnectionStrategy?
    /// The ways to the target: through which proxies. Default: ``Route/direct``. Several ones are raced, the first one first.
    public var routes: [Route] = [.direct]
    /// Where Telegram's data centres are. Default: ``DataCenterOptions/builtIn``. `help.getConfig` tells newer ones.
    public var dataCenterOptions: DataCenterOptions = .builtIn
    /// Which addresses and ports of a data centre are tried, in which order.
    public var endpointPolicy = EndpointPolicy()
    /// What earlier connections have taught about ways, and what this one teaches. Default: shared by the copies of this
    /// configuration.
    public var learned = LearnedEndpoints()
    /// What opens the streams, those to proxies as well. Default: ``TCPDialer``.
    public var dialer: any Dialer = TCPDialer()
    /// TLS with proxies: ``Hop/tls(serverName:)``. Default: ``defaultTLS``.
    public var proxyTLS: TLSConfiguration = ClientConfiguration.defaultTLS
    /// What the hello to an MTProxy with a secret of FakeTLS looks like. Default: as Chrome's does.
    public var fakeTLSProfile: FakeTLSHelloProfile = .chrome
    /// What it looks like the second time, when an ordinary TLS server has answered in the proxy's place. Default: as old clients
    /// had it, which is all that the official MTProxy takes. `nil`: there is no second time.
    public var fakeTLSFallbackProfile: FakeTLSHelloProfile? = .compact
    /// How HTTP is used, where it is the transport.
    public var http = HTTP()
    /// RSA keys of the server; the first one that the server offers is used. Default: Telegram's production and test keys.
    public var publicKeys: [RSAPublicKey] = [.production, .test]
    /// Which kind of authorization key the session runs under. Default: the permanent key.
    public var keyLifetime: KeyLifetime = .permanent
    /// State of an earlier connection, to go on without a key exchange. Default: none.
    public var savedConnection: SavedConnection?
    /// What `initConnection` says of the application.
    public var application = ApplicationInformation()
    /// Time limits.
    public var timeouts = Timeouts()
    /// Rules of the session. Over HTTP there are no pings of its own accord, and its `keepAliveInterval` and `pongTimeout` do not
    /// count: the requests' limits tell whether the server is there.
    public var session = ClientSession.Configuration()
    /// Bytes of one payload that are accepted. Default 16 MiB.
    public var maximumPayloadLength = 16 * 1024 * 1024
    /// The event loops. Default: the process's shared ones.
    public var eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    /// The clock. Default: the system's.
    public var clock: SessionClock = .system
    /// Random bytes. Default: the system's generator.
    public var random: RandomSource = .system
    /// Where the client logs. Default: nowhere. Keys, payloads and addresses of proxies are never logged.
    public var logger = Logger(label: "mtproto.client", factory: { _ in SwiftLogNoOpLogHandler() })
    /// Called with each step of connecting as it ends: on the task that connects, and for ``ConnectionPhase/initialization`` on
    /// the event loop, when the first query is answered. It must not block. Default: nothing.
    public var onStep: @Sendable (ConnectionStep) -> Void = { _ in }

    /// The defaults.
    public init() {}

    /// TLS 1.2 or later, the system's trust roots, certificates verified, HTTP/1.1 offered.
    public static var defaultTLS: TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        // All that matters has left before; a server that does not say goodbye, like one that holds a poll, must not hold us.
        configuration.shutdownTimeout = .milliseconds(100)
        return configuration
    }

    /// How HTTP is used. A value outside of its range makes connecting over HTTP fail with
    /// ``MTProtoClientError/Code/invalidConfiguration``.
    public struct HTTP: Sendable, Hashable {
        /// How many connections carry queries, each with one request at a time, besides the one that polls; 1 to 64.
        /// Default 1: queries that wait for it share its next request.
        public var queryConnectionCount = 1
        /// How long the server may hold a poll that it has nothing for: whole milliseconds, the rest is cut off; 0 to a minute.
        /// Default 25 s.
        public var pollWait: Duration = .seconds(25)
        /// How much longer than that the client waits for the response before it takes the connection for dead; 100 ms to a
        /// minute. Default 5 s. Requests with queries ask to be answered at once: for them it is 8 s in all, if not less.
        public var responseMargin: Duration = .seconds(5)

        /// The defaults.
        public init() {}
    }

    /// Time limits of connecting.
    public struct Timeouts: Sendable, Hashable {
        /// The whole way from the dial to the first encrypted answer. Default 30 s.
        public var connect: Duration = .seconds(30)
        /// One dial; then the same again for TLS and the WebSocket's handshake. Over HTTP it holds for each connection, and
        /// is also how long the server may fail, while it is asked again, before connecting fails or the session ends.
        /// Default 10 s. An MTProxy of FakeTLS may be dialed twice, for
        /// ``ClientConfiguration/fakeTLSFallbackProfile``: then this and ``hop`` hold for each of the two.
        public var attempt: Duration = .seconds(10)
        /// The handshake with one proxy, or TLS with it, once it is connected. Default 10 s.
        public var hop: Duration = .seconds(10)
        /// One step of the key exchange. Default 10 s.
        public var keyExchangeStep: Duration = .seconds(10)
        /// The first encrypted answer. Default 10 s.
        public var session: Duration = .seconds(10)
        /// The answer to a query, when the call names no limit of its own. Default: none; the connection's liveness is watched
        /// by pings, over HTTP by the limits of its requests.
        public var query: Duration?

        /// The defaults.
        public init() {}
    }
}

/// What `initConnection` says of the application.
///
/// Specification: *Calling API methods*.
public struct ApplicationInformation: Sendable, Hashable {
    /// The API layer in which queries are written. Default 228.
    public var layer: Int32 = 228
    /// `api_id`, from my.telegram.org. Default 1.
    public var apiIdentifier: Int32 = 1
    /// Default `Swift`.
    public var deviceModel = "Swift"
    /// Default `1.0`.
    public var systemVersion = "1.0"
    /// Default `1.0`.
    public var applicationVersion = "1.0"
    /// Default `en`.
    public var systemLanguageCode = "en"
    /// Empty, or the name of a language pack.
    public var languagePack = ""
    /// Default `en`.
    public var languageCode = "en"

    /// The defaults.
    public init() {}

    /// `invokeWithLayer(initConnection(query))`.
    func wrap(_ query: ByteBuffer) -> ByteBuffer {
        InvokeWithLayer(
            layer: self.layer,
            query: InitConnection(
                apiIdentifier: self.apiIdentifier,
                deviceModel: self.deviceModel,
                systemVersion: self.systemVersion,
                applicationVersion: self.applicationVersion,
                systemLanguageCode: self.systemLanguageCode,
                languagePack: self.languagePack,
                languageCode: self.languageCode,
                query: query
            ).serialized()
        ).serialized()
    }
}
