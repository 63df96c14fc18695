// SPDX-License-Identifier: Apache-2.0

/// Where to connect to, and over which carrier.
///
/// Texts are `host:port`, `tcp://host:port`, `ws://host[:port][/apiws]`, `wss://…`, `http://host[:port][/api]` and
/// `https://…`; a path that ends in `s` (before `_test`) means WebSocket under `http` and `https`, too.
///
/// Specification: *Transports*, URI format.
public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// The carriers, by the scheme of their URI.
    public enum Scheme: String, CaseIterable, Hashable, Sendable, Codable {
        /// A bare byte stream.
        case tcp
        /// A WebSocket.
        case ws
        /// A WebSocket over TLS.
        case wss
        /// HTTP requests, or with a WebSocket path the same as ``ws``.
        case http
        /// HTTP requests over TLS, or with a WebSocket path the same as ``wss``.
        case https

        /// Whether TLS comes first.
        public var isSecure: Bool {
            self == .wss || self == .https
        }

        /// The port to use when none is given: 80 or 443; `nil` for ``tcp``.
        public var defaultPort: Int? {
            switch self {
            case .tcp: nil
            case .ws, .http: 80
            case .wss, .https: 443
            }
        }
    }

    /// The scheme, normalised: a WebSocket path turns ``Scheme/http`` into ``Scheme/ws`` and so on.
    public let scheme: Scheme
    /// Host and port.
    public let socket: SocketEndpoint
    /// The path; `nil` for ``Scheme/tcp``.
    public let path: EndpointPath?

    /// The data centre that a host name of Telegram's belongs to; `nil` for other hosts.
    public var dataCenter: DataCenterIdentifier? {
        guard self.scheme != .tcp, let host = TelegramHost(self.socket.host) else { return nil }
        return DataCenterIdentifier(host.number, isTest: self.path?.isTest ?? false)
    }

    /// Whether the host is the second name of a Telegram data centre, ending in `-1`.
    public var isAlternativeHost: Bool {
        self.scheme != .tcp && TelegramHost(self.socket.host)?.isAlternative == true
    }

    /// Whether a WebSocket carries the stream.
    public var isWebSocket: Bool {
        self.scheme == .ws || self.scheme == .wss
    }

    /// Makes an endpoint.
    ///
    /// - Parameters:
    ///   - scheme: The carrier.
    ///   - socket: Host and port.
    ///   - path: For all but ``Scheme/tcp``; without it `/apiws` for WebSockets and `/api` for HTTP.
    /// - Throws: ``EndpointError`` with `invalidPath` when the path is not one of the scheme, `plainWebSocketByName`
    ///   or `noSuchDataCenter` for Telegram's host names.
    public init(scheme: Scheme, socket: SocketEndpoint, path: EndpointPath? = nil) throws(EndpointError) {
        guard socket.port != 0 else { throw EndpointError(.invalidPort) }
        self.socket = socket
        guard scheme != .tcp else {
            guard path == nil else { throw EndpointError(.invalidPath) }
            self.scheme = scheme
            self.path = nil
            return
        }
        let isWebSocketScheme = scheme == .ws || scheme == .wss
        let path = path ?? EndpointPath(isCrossOrigin: isWebSocketScheme, isWebSocket: isWebSocketScheme)
        guard path.isWebSocket || !isWebSocketScheme else { throw EndpointError(.invalidPath) }
        if path.isWebSocket {
            self.scheme = scheme.isSecure ? .wss : .ws
        } else {
            self.scheme = scheme
        }
        self.path = path
        if let host = TelegramHost(socket.host) {
            guard self.scheme != .ws else { throw EndpointError(.plainWebSocketByName) }
            guard host.exists(isTest: path.isTest) else { throw EndpointError(.noSuchDataCenter) }
        }
    }

    /// Makes the endpoint of a Telegram data centre by its host name.
    ///
    /// - Parameters:
    ///   - scheme: Any but ``Scheme/tcp`` and ``Scheme/ws``, which need an address.
    ///   - dataCenter: 1 to 5, or 1 to 3 for tests.
    ///   - isAlternative: Whether to use the second host name; some clients do so for media.
    ///   - isCrossOrigin: Whether to ask for the headers that browsers need. WebSockets always do.
    /// - Throws: ``EndpointError`` with `plainWebSocketByName`, `noSuchDataCenter`, or `unknownScheme` for TCP.
    public init(
        scheme: Scheme,
        telegram dataCenter: DataCenterIdentifier,
        isAlternative: Bool = false,
        isCrossOrigin: Bool = false
    ) throws(EndpointError) {
        guard let port = scheme.defaultPort else { throw EndpointError(.unknownScheme) }
        let host = TelegramHost(number: dataCenter.number, isAlternative: isAlternative)
        guard let name = host.name(isTest: dataCenter.isTest) else { throw EndpointError(.noSuchDataCenter) }
        let isWebSocket = scheme == .ws || scheme == .wss
        try self.init(
            scheme: scheme,
            socket: SocketEndpoint(host: name, port: port),
            path: EndpointPath(
                isCrossOrigin: isCrossOrigin || isWebSocket,
                isWebSocket: isWebSocket,
                isTest: dataCenter.isTest
            )
        )
    }

    /// Reads a text; without a scheme it is `host:port` over TCP.
    ///
    /// - Throws: ``EndpointError``.
    public init(_ text: String) throws(EndpointError) {
        guard text.utf8.count <= 1024 else { throw EndpointError(.invalidHost) }
        guard !text.contains(where: { $0 == "?" || $0 == "#" || $0 == "@" }) else {
            throw EndpointError(.unexpectedPart)
        }
        guard let separator = Self.schemeSeparator(in: text) else {
            try self.init(scheme: .tcp, socket: SocketEndpoint(text))
            return
        }
        guard let scheme = Scheme(rawValue: text[..<separator.lowerBound].lowercased()) else {
            throw EndpointError(.unknownScheme)
        }
        let rest = text[separator.upperBound...]
        let slash = rest.firstIndex(of: "/") ?? rest.endIndex
        let socket = try SocketEndpoint(rest[..<slash], defaultPort: scheme.defaultPort)
        let pathText = rest[slash...]
        var path: EndpointPath?
        if !pathText.isEmpty, pathText != "/" {
            guard let parsed = EndpointPath(pathText) else { throw EndpointError(.invalidPath) }
            path = parsed
        }
        try self.init(scheme: scheme, socket: socket, path: path)
    }

    /// The endpoint as a URI.
    public var description: String {
        "\(self.scheme)://\(self.socket)\(self.path.map(\.description) ?? "")"
    }

    /// The range of `://`, found without Foundation.
    private static func schemeSeparator(in text: String) -> Range<String.Index>? {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { return nil }
        return colon..<text.index(colon, offsetBy: 3)
    }
}
