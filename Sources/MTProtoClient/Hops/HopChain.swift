// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport

/// What a route means for one target: whom to dial, what to do then, and how the transport has to be. A pure function.
struct HopChain: Sendable {
    /// A hop's handshake.
    struct Step: Sendable, Hashable {
        /// The hop's place in the route, 0 for the first.
        let index: Int
        let hop: Hop
        /// The endpoint of the next hop, or the target's: whom the proxy connects to, or TLS is spoken with.
        let destination: SocketEndpoint
    }

    /// Whom to dial.
    let dialed: SocketEndpoint
    /// The hop that is there, and its place; `nil` when it is the target.
    let dialedHop: (index: Int, hop: Hop)?
    /// What to do on the connection, in order.
    let steps: [Step]
    /// The target, with the transport that the route lets through.
    let target: ResolvedTarget
    /// What is mixed into the keys of the obfuscation: an MTProxy's, or the address's own.
    let secret: ProxySecret?

    /// The MTProxy that ends the route, and finds the data centre itself.
    let mtproxy: Hop?

    /// Finds the chain.
    ///
    /// - Parameters:
    ///   - route: the hops.
    ///   - target: what they lead to.
    ///   - secret: what the target's own address wants to be mixed into the keys of the obfuscation; an MTProxy's goes before.
    /// - Throws: ``MTProtoClientError`` with ``MTProtoClientError/Code/invalidConfiguration``, and the hop that cannot be.
    init(route: Route, target: ResolvedTarget, secret: ProxySecret? = nil) throws(MTProtoClientError) {
        var steps: [Step] = []
        var secret = secret
        var mtproxy: Hop?
        var transport = target.transport
        for (index, hop) in route.hops.enumerated() {
            let following = route.hops[(index + 1)...]
            let destination = following.lazy.compactMap(\.endpoint).first ?? target.endpoint.socket
            do throws(Flaw) {
                if case .mtproxy(_, let given) = hop.kind {
                    guard following.isEmpty else { throw .notLast }
                    secret = given
                    mtproxy = hop
                    transport = try Self.transport(transport, through: given)
                    if case .fakeTLS = given.kind {
                        steps.append(Step(index: index, hop: hop, destination: destination))
                    }
                } else {
                    try Self.check(hop)
                    steps.append(Step(index: index, hop: hop, destination: destination))
                }
            } catch {
                var failure = MTProtoClientError(.invalidConfiguration, phase: .dial, message: error.text)
                failure.hop = index
                failure.hopDescription = "\(hop)"
                throw failure
            }
        }
        let first = route.hops.enumerated().first { $0.element.endpoint != nil }
        self.dialedHop = first.map { (index: $0.offset, hop: $0.element) }
        self.dialed = first?.element.endpoint ?? target.endpoint.socket
        self.steps = steps
        self.secret = secret
        self.mtproxy = mtproxy
        self.target = ResolvedTarget(endpoint: target.endpoint, transport: transport)
    }

    private static func check(_ hop: Hop) throws(Flaw) {
        switch hop.kind {
        case .httpConnect(_, let credentials?):
            guard credentials.basicAuthenticationError == nil else { throw .notBasic }
        case .socks5(_, let credentials?):
            guard !credentials.password.isEmpty else { throw .emptyPassword }
        case .tls(let name?):
            guard let endpoint = try? SocketEndpoint(host: name, port: 0), !endpoint.isAddress else {
                throw .serverName
            }
        default:
            break
        }
    }

    /// The transport as an MTProxy takes it.
    private static func transport(
        _ transport: ClientTransport,
        through secret: ProxySecret
    ) throws(Flaw) -> ClientTransport {
        guard transport.carrier == .tcp, let framing = transport.framing else { throw .notTCP(transport) }
        if let required = secret.requiredFraming { return .tcp(required, obfuscated: true) }
        guard framing.isObfuscatable else { throw .notObfuscatable(framing) }
        return .tcp(framing, obfuscated: true)
    }

    /// What is wrong with a hop.
    private enum Flaw: Error {
        case notLast
        case notTCP(ClientTransport)
        case notObfuscatable(Framing)
        case notBasic
        case emptyPassword
        case serverName

        var text: String {
            switch self {
            case .notLast: "an MTProxy has to be the last hop"
            case .notTCP(let transport): "an MTProxy carries one of the framings over TCP, not \(transport)"
            case .notObfuscatable(let framing):
                "the \(framing.rawValue) framing cannot be obfuscated, and an MTProxy needs that"
            case .notBasic: "credentials of an HTTP proxy have no control characters, and its users no colon"
            case .emptyPassword: "a password of a SOCKS5 proxy cannot be empty"
            case .serverName: "the server name of TLS has to be a host name"
            }
        }
    }
}

/// A hop failed, or its proxy was not reached.
struct HopFailure: Error {
    /// The hop's place in the route, 0 for the first.
    let index: Int
    let hop: Hop
    let cause: any Error
}
