// SPDX-License-Identifier: Apache-2.0

public import Logging
public import MTProtoCrypto
public import MTProtoSession
public import MTProtoTransport
public import NIOCore
internal import NIOPosix

/// How a client connects. Every value has a default.
public struct ClientConfiguration: Sendable {
    /// The transport. Default: TCP in intermediate framing, not obfuscated.
    public var transport: ClientTransport = .tcp(.intermediate)
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
    /// Rules of the session.
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

    /// Time limits of connecting.
    public struct Timeouts: Sendable, Hashable {
        /// The whole way from the dial to the first encrypted answer. Default 30 s.
        public var connect: Duration = .seconds(30)
        /// One dial. Default 10 s.
        public var attempt: Duration = .seconds(10)
        /// One step of the key exchange. Default 10 s.
        public var keyExchangeStep: Duration = .seconds(10)
        /// The first encrypted answer. Default 10 s.
        public var session: Duration = .seconds(10)
        /// The answer to a query, when the call names no limit of its own. Default: none; the connection's liveness is watched
        /// by pings.
        public var query: Duration?

        /// The defaults.
        public init() {}
    }
}

/// What carries payloads, and in which framing.
public struct ClientTransport: Sendable, Hashable {
    /// The framing.
    public var framing: Framing
    /// Whether the stream is obfuscated.
    public var isObfuscated: Bool

    /// TCP.
    ///
    /// - Parameters:
    ///   - framing: the framing. `Framing.full` cannot be obfuscated; connecting fails with
    ///     ``MTProtoClientError/Code/invalidConfiguration`` then.
    ///   - obfuscated: whether AES-256-CTR goes around the stream.
    public static func tcp(_ framing: Framing, obfuscated: Bool = false) -> ClientTransport {
        ClientTransport(framing: framing, isObfuscated: obfuscated)
    }

    /// The name of the carrier: `tcp`.
    public var carrier: String { "tcp" }
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
