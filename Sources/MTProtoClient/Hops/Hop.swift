// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport

/// One step of a ``Route``: a proxy, or TLS with whoever comes next. Descriptions never show credentials or secrets.
public struct Hop: Sendable, Hashable, CustomStringConvertible {
    enum Kind: Sendable, Hashable {
        case socks5(SocketEndpoint, ProxyCredentials?)
        case httpConnect(SocketEndpoint, ProxyCredentials?)
        case tls(serverName: String?)
        case mtproxy(SocketEndpoint, ProxySecret)
        case custom(name: String, SocketEndpoint, CustomHopConnector)
    }

    let kind: Kind

    private init(kind: Kind) {
        self.kind = kind
    }

    /// A proxy as links and command lines name it.
    public init(_ specification: ProxySpecification) {
        switch specification {
        case .socks5(let endpoint, let credentials): self = .socks5(endpoint, credentials: credentials)
        case .httpConnect(let endpoint, let credentials): self = .httpConnect(endpoint, credentials: credentials)
        case .mtproxy(let endpoint, let secret): self = .mtproxy(endpoint, secret: secret)
        }
    }

    /// A SOCKS5 proxy. It gets names as names, and looks them up.
    public static func socks5(_ endpoint: SocketEndpoint, credentials: ProxyCredentials? = nil) -> Hop {
        Hop(kind: .socks5(endpoint, credentials))
    }

    /// An HTTP proxy that makes connections with `CONNECT`.
    ///
    /// - Parameters:
    ///   - endpoint: where it is.
    ///   - credentials: for the Basic scheme, in which a user has no colon.
    public static func httpConnect(_ endpoint: SocketEndpoint, credentials: ProxyCredentials? = nil) -> Hop {
        Hop(kind: .httpConnect(endpoint, credentials))
    }

    /// TLS with the proxy of the next hop, or with the target when there is none; as ``ClientConfiguration/proxyTLS`` says.
    ///
    /// - Parameter serverName: whom the certificate has to be for, when that is not the host of the next endpoint.
    public static func tls(serverName: String? = nil) -> Hop {
        Hop(kind: .tls(serverName: serverName))
    }

    /// An MTProxy: the last hop, under TCP only. It goes to the target's data centre by itself, whatever address that has; the
    /// transport is obfuscated, in the framing that the secret demands.
    public static func mtproxy(_ endpoint: SocketEndpoint, secret: ProxySecret) -> Hop {
        Hop(kind: .mtproxy(endpoint, secret))
    }

    /// A proxy with a protocol of your own.
    ///
    /// - Parameters:
    ///   - name: of the protocol, for errors. Hops of the same name and endpoint count as equal.
    ///   - endpoint: where the proxy is.
    ///   - connector: what is said to it.
    public static func custom(name: String, endpoint: SocketEndpoint, _ connector: any HopConnector) -> Hop {
        Hop(kind: .custom(name: name, endpoint, CustomHopConnector(connector: connector)))
    }

    /// Where the proxy is; `nil` for TLS.
    public var endpoint: SocketEndpoint? {
        switch self.kind {
        case .socks5(let endpoint, _), .httpConnect(let endpoint, _), .mtproxy(let endpoint, _),
            .custom(_, let endpoint, _):
            endpoint
        case .tls: nil
        }
    }

    /// For example `SOCKS5 proxy 127.0.0.1:1080`.
    public var description: String {
        switch self.kind {
        case .socks5(let endpoint, _): "SOCKS5 proxy \(endpoint)"
        case .httpConnect(let endpoint, _): "HTTP proxy \(endpoint)"
        case .tls(let serverName): serverName.map { "TLS with \($0)" } ?? "TLS"
        case .mtproxy(let endpoint, _): "MTProxy \(endpoint)"
        case .custom(let name, let endpoint, _): "\(name) \(endpoint)"
        }
    }
}

/// A connector within a value that can be compared; it does not count itself.
struct CustomHopConnector: Sendable, Hashable {
    let connector: any HopConnector

    static func == (lhs: CustomHopConnector, rhs: CustomHopConnector) -> Bool { true }

    func hash(into hasher: inout Hasher) {}
}
