// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession
public import MTProtoTransport

/// Why connecting or a query failed.
public struct MTProtoClientError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. Kinds may be added; compare with the named ones.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Value: String {
            case invalidConfiguration = "invalid configuration"
            case connectionRefused = "connection refused"
            case unreachable = "unreachable"
            case nameNotResolved = "name not resolved"
            case timeout = "timed out"
            case connectionClosed = "connection closed"
            case transportError = "transport error"
            case framing = "framing violated"
            case tls = "TLS failed"
            case certificateRefused = "certificate refused"
            case upgradeRefused = "WebSocket refused"
            case http = "HTTP violated"
            case proxyRefused = "proxy refused"
            case proxyAuthentication = "proxy wants other credentials"
            case proxyProtocol = "not the proxy's protocol"
            case fakeTLS = "FakeTLS failed"
            case keyExchange = "key exchange failed"
            case authorizationKeyUnknown = "authorization key unknown"
            case session = "session violated"
            case rpcError = "rpc error"
            case queueFull = "too many queries"
            case malformedResult = "malformed result"
            case invalidQuery = "invalid query"
            case queryLost = "query lost"
            case cancelled
            case inputOutput = "input/output error"
        }

        private let value: Value

        private init(_ value: Value) { self.value = value }

        /// The configuration cannot work: framing and obfuscation that do not go together, no keys, …
        public static let invalidConfiguration = Code(.invalidConfiguration)
        /// Nobody listens at the endpoint.
        public static let connectionRefused = Code(.connectionRefused)
        /// There is no way to the endpoint.
        public static let unreachable = Code(.unreachable)
        /// The endpoint's name has no address.
        public static let nameNotResolved = Code(.nameNotResolved)
        /// A time limit ran out.
        public static let timeout = Code(.timeout)
        /// The connection ended.
        public static let connectionClosed = Code(.connectionClosed)
        /// The server answered with a transport error; see ``MTProtoClientError/transportError``.
        public static let transportError = Code(.transportError)
        /// The server's bytes are not in the framing.
        public static let framing = Code(.framing)
        /// TLS did not come about, or broke.
        public static let tls = Code(.tls)
        /// The server's certificate is not for the endpoint's host, not valid now, or nobody trusted has signed it.
        public static let certificateRefused = Code(.certificateRefused)
        /// The server does not make a WebSocket of the connection; see ``MTProtoClientError/httpStatus``.
        public static let upgradeRefused = Code(.upgradeRefused)
        /// A response over HTTP holds no payload: its status is no transport error, see ``MTProtoClientError/httpStatus``, or it
        /// is malformed or too long. Or nothing came for a while but payloads that had come before, which anybody on the way can
        /// repeat; then trying again may help.
        public static let http = Code(.http)
        /// A proxy does not connect to what comes behind it; the message says why, for an HTTP proxy
        /// ``MTProtoClientError/httpStatus``, too.
        public static let proxyRefused = Code(.proxyRefused)
        /// A proxy wants credentials, or others than these.
        public static let proxyAuthentication = Code(.proxyAuthentication)
        /// What should be a proxy of some kind speaks something else.
        public static let proxyProtocol = Code(.proxyProtocol)
        /// An MTProxy with a secret of FakeTLS does not know this client: the secret may be wrong, or this machine's clock. Then
        /// an ordinary server answers in the proxy's place.
        public static let fakeTLS = Code(.fakeTLS)
        /// The key exchange failed a check, or the server refused it.
        public static let keyExchange = Code(.keyExchange)
        /// The server does not know the saved authorization key.
        public static let authorizationKeyUnknown = Code(.authorizationKeyUnknown)
        /// The server broke the rules of the session.
        public static let session = Code(.session)
        /// The server answered a query with an error; see ``MTProtoClientError/rpcError``.
        public static let rpcError = Code(.rpcError)
        /// Too many queries wait for answers; the query was not taken.
        public static let queueFull = Code(.queueFull)
        /// The query cannot be sent: empty, not a multiple of 4 bytes, too long, or a service message.
        public static let invalidQuery = Code(.invalidQuery)
        /// The query was sent and its answer cannot be had; see ``MTProtoClientError/delivery``.
        public static let queryLost = Code(.queryLost)
        /// A result is not what the method says.
        public static let malformedResult = Code(.malformedResult)
        /// The task was cancelled.
        public static let cancelled = Code(.cancelled)
        /// The operating system reported an error.
        public static let inputOutput = Code(.inputOutput)

        /// The kind in words.
        public var description: String { self.value.rawValue }
    }

    /// The kind of failure.
    public var code: Code
    /// The phase in which it happened.
    public var phase: ConnectionPhase
    /// The endpoint: `host:port` for TCP, the URI for all else; the target where it was not resolved.
    public var endpoint: String?
    /// The cause in words, without secrets.
    public var message: String
    /// The error below, if there is one.
    public var underlying: (any Error)?
    /// What is known of a query that failed with its connection.
    public var delivery: DeliveryState?
    /// The code of a transport error.
    public var transportError: TransportErrorCode?
    /// The HTTP status, with ``Code/upgradeRefused``, ``Code/http`` and the codes of proxies, where there was one.
    public var httpStatus: Int?
    /// The place of the hop that failed in its ``Route``, 0 for the first; `nil` when none is known to have failed.
    public var hop: Int?
    /// That hop, without its credentials.
    public var hopDescription: String?
    /// The error of a query.
    public var rpcError: RPCErrorMessage?
    /// The steps that had ended well before.
    public var steps: [ConnectionStep] = []
    /// All attempts of connecting; `nil` when that is not what failed.
    public var report: ConnectReport?
    /// Whether another attempt of the same connect failed with what may pass.
    var hasRetryableAlternative = false

    init(
        _ code: Code,
        phase: ConnectionPhase,
        message: String,
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.phase = phase
        self.message = message
        self.underlying = underlying
    }

    /// Whether the same attempt may succeed later or elsewhere; of several attempts, whether one may.
    public var isRetryable: Bool {
        if self.hasRetryableAlternative { return true }
        switch self.code {
        case .upgradeRefused, .http:
            if let error = self.underlying as? HTTPResponseError { return error.isTransient }
            return self.httpStatus.map { HTTPResponseError.isMomentary(status: $0) } ?? false
        case .invalidConfiguration, .certificateRefused, .proxyAuthentication, .proxyProtocol, .fakeTLS, .keyExchange,
            .authorizationKeyUnknown, .malformedResult, .invalidQuery, .cancelled:
            return false
        case .queryLost:
            return self.delivery == .notDelivered
        case .transportError:
            return self.transportError == .flood
        case .rpcError:
            return self.rpcError.map { $0.code == 420 || $0.code >= 500 || $0.code < 0 } ?? false
        default:
            return true
        }
    }

    /// `PHASE to ENDPOINT: CODE (MESSAGE)`; where a hop failed, `PHASE to ENDPOINT, the first hop (HOP): CODE (MESSAGE)`.
    public var description: String {
        let place = self.endpoint.map { "\(self.phase.rawValue) to \($0)" } ?? self.phase.rawValue
        let text = self.message.isEmpty ? "" : " (\(self.message))"
        let delivery = self.delivery.map { ", \($0.text)" } ?? ""
        return "\(place)\(self.hopText): \(self.code)\(text)\(delivery)"
    }

    private var hopText: String {
        guard let hop = self.hop else { return "" }
        let ordinals = ["first", "second", "third"]
        let name = ordinals.indices.contains(hop) ? "the \(ordinals[hop]) hop" : "hop \(hop + 1)"
        return ", \(name)\(self.hopDescription.map { " (\($0))" } ?? "")"
    }
}

extension DeliveryState {
    fileprivate var text: String {
        switch self {
        case .notDelivered: return "the query was not delivered"
        case .maybeDelivered: return "the query may have been delivered"
        case .delivered: return "the query was delivered"
        }
    }
}
