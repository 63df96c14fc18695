// SPDX-License-Identifier: Apache-2.0

/// A proxy as links and command lines name it: where it is, how to speak to it, and what it wants to know.
///
/// Texts are `tg://proxy?server=…&port=…&secret=…`, `tg://socks?server=…&port=…&user=…&pass=…`, the same under
/// `https://t.me/` (or `http`, `telegram.me`, `telegram.dog`), `socks5://[user[:password]@]host:port` and
/// `http://[user[:password]@]host:port`.
///
/// Specification: *Deep links*, MTProxy links and SOCKS5 proxy links.
public enum ProxySpecification: Hashable, Sendable, CustomStringConvertible {
    /// A SOCKS5 proxy.
    case socks5(SocketEndpoint, ProxyCredentials?)
    /// An HTTP proxy that makes connections with `CONNECT`.
    case httpConnect(SocketEndpoint, ProxyCredentials?)
    /// An MTProxy.
    case mtproxy(SocketEndpoint, ProxySecret)

    /// The forms in which a proxy is written.
    public enum LinkForm: Hashable, Sendable, CaseIterable {
        /// `tg://`, opened by the apps.
        case tg
        /// `https://t.me/`, opened by browsers as well.
        case https
        /// A URL with the proxy's protocol as scheme.
        case url
    }

    /// The most bytes of a text that is read, 4096.
    public static let maximumTextLength = 4096

    /// Reads a link or a URL. Parameters of links that have no meaning are ignored.
    ///
    /// - Throws: ``ProxyLinkError``.
    public init(_ text: String) throws(ProxyLinkError) {
        guard text.utf8.count <= Self.maximumTextLength else { throw ProxyLinkError(.tooLong) }
        self = try ProxyLinkParser.parse(text[...])
    }

    /// Where the proxy is.
    public var endpoint: SocketEndpoint {
        switch self {
        case .socks5(let endpoint, _), .httpConnect(let endpoint, _), .mtproxy(let endpoint, _): endpoint
        }
    }

    /// The proxy as a text that ``init(_:)`` reads, **with its secret or password**; `nil` when there is no such form: a
    /// URL of an MTProxy, a link of an HTTP proxy, or credentials that the proxy's protocol cannot carry.
    ///
    /// Secrets are written in hexadecimal, those of FakeTLS in base64url, as official clients do.
    public func link(_ form: LinkForm) -> String? {
        let start: String
        switch form {
        case .tg: start = "tg://"
        case .https: start = "https://t.me/"
        case .url: return self.url()
        }
        var parameters: [(ProxyLinkError.Part, String)] = [
            (.server, self.endpoint.host), (.port, "\(self.endpoint.port)"),
        ]
        let name: String
        switch self {
        case .httpConnect: return nil
        case .socks5(_, let credentials):
            name = "socks"
            if let credentials {
                parameters.append((.user, credentials.username))
                if !credentials.password.isEmpty { parameters.append((.password, credentials.password)) }
            }
        case .mtproxy(_, let secret):
            name = "proxy"
            parameters.append((.secret, secret.linkText))
        }
        let query = parameters.map { "\($0.0.key)=\(PercentEncoding.encode($0.1))" }.joined(separator: "&")
        return "\(start)\(name)?\(query)"
    }

    private func url() -> String? {
        let (scheme, credentials): (ProxyURLScheme, ProxyCredentials?)
        switch self {
        case .socks5(_, let given): (scheme, credentials) = (.socks5, given)
        case .httpConnect(_, let given):
            guard given?.basicAuthenticationError == nil else { return nil }
            (scheme, credentials) = (.http, given)
        case .mtproxy: return nil
        }
        guard let credentials else { return "\(scheme.rawValue)://\(self.endpoint)" }
        let password = credentials.password.isEmpty ? "" : ":\(PercentEncoding.encode(credentials.password))"
        return "\(scheme.rawValue)://\(PercentEncoding.encode(credentials.username))\(password)@\(self.endpoint)"
    }

    /// The kind of proxy and where it is, never its secret or credentials.
    public var description: String {
        switch self {
        case .socks5(let endpoint, _): "SOCKS5 proxy \(endpoint)"
        case .httpConnect(let endpoint, _): "HTTP proxy \(endpoint)"
        case .mtproxy(let endpoint, _): "MTProxy \(endpoint)"
        }
    }
}
