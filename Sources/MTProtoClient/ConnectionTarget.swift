// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport

/// What to connect to.
public struct ConnectionTarget: Sendable, Hashable, CustomStringConvertible {
    private enum Place: Sendable, Hashable {
        case socket(SocketEndpoint)
        case endpoint(Endpoint)
        case telegram(address: SocketEndpoint)
    }

    private let place: Place
    /// The data centre that the server is taken for; named in obfuscated headers and in the key exchange.
    public let dataCenter: DataCenterIdentifier

    /// A server at an address or a name; the transport's carrier decides what is spoken there.
    ///
    /// - Parameters:
    ///   - endpoint: host and port.
    ///   - dataCenter: the data centre it is. Default: number 2 of production.
    public static func endpoint(
        _ endpoint: SocketEndpoint,
        dataCenter: DataCenterIdentifier = DataCenterIdentifier(number: 2)
    ) -> ConnectionTarget {
        ConnectionTarget(place: .socket(endpoint), dataCenter: dataCenter)
    }

    /// A server at a URI, whose scheme decides the carrier, whatever the configuration's transport says.
    ///
    /// - Parameters:
    ///   - endpoint: for example `try Endpoint("wss://venus.web.telegram.org/apiws")`.
    ///   - dataCenter: the data centre it is. Default: the one that a host name of Telegram's says, or number 2 of production
    ///     (of the test environment when the path ends in `_test`).
    public static func endpoint(_ endpoint: Endpoint, dataCenter: DataCenterIdentifier? = nil) -> ConnectionTarget {
        ConnectionTarget(
            place: .endpoint(endpoint),
            dataCenter: dataCenter ?? endpoint.dataCenter
                ?? DataCenterIdentifier(number: 2, isTest: endpoint.path?.isTest ?? false)
        )
    }

    /// One of Telegram's data centres, where its built-in addresses and names have it.
    ///
    /// TCP goes to the IPv4 address and port 443, plain WebSockets and HTTP to the address and port 80, and what goes through
    /// TLS to the name and port 443, for the media part to the second name.
    ///
    /// - Parameters:
    ///   - number: 1…5, or 1…3 of the test ones.
    ///   - isTest: whether a test data centre is meant.
    ///   - isMedia: whether its media part is meant.
    /// - Throws: ``MTProtoClientError`` with ``MTProtoClientError/Code/invalidConfiguration`` when there is no such data centre.
    public static func dataCenter(
        _ number: Int16,
        isTest: Bool = false,
        isMedia: Bool = false
    ) throws(MTProtoClientError) -> ConnectionTarget {
        let addresses = isTest ? Self.testAddresses : Self.productionAddresses
        guard let address = addresses[number], let socket = try? SocketEndpoint(host: address, port: 443) else {
            throw MTProtoClientError(
                .invalidConfiguration,
                phase: .dial,
                message: "there is no \(isTest ? "test " : "")data centre \(number)"
            )
        }
        return ConnectionTarget(
            place: .telegram(address: socket),
            dataCenter: DataCenterIdentifier(number: number, isTest: isTest, isMedia: isMedia)
        )
    }

    /// Where a transport finds the target, and how it is spoken with there.
    ///
    /// A pure function: nothing is looked up.
    ///
    /// - Throws: ``MTProtoClientError`` with ``MTProtoClientError/Code/invalidConfiguration`` when the transport cannot be, or
    ///   cannot be had there: full framing with obfuscation, plain WebSockets at one of Telegram's names.
    public func resolved(by transport: ClientTransport) throws(MTProtoClientError) -> ResolvedTarget {
        let resolved: ResolvedTarget
        do {
            resolved = try self.resolve(transport)
        } catch {
            throw MTProtoClientError(.invalidConfiguration, phase: .dial, message: "\(error)", underlying: error)
        }
        if let framing = resolved.transport.framing, resolved.transport.isObfuscated, !framing.isObfuscatable {
            throw MTProtoClientError(
                .invalidConfiguration,
                phase: .transportHandshake,
                message: "the \(framing.rawValue) framing cannot be obfuscated"
                    + (resolved.endpoint.isWebSocket ? ", and WebSockets need that" : "")
            )
        }
        return resolved
    }

    private func resolve(_ transport: ClientTransport) throws(EndpointError) -> ResolvedTarget {
        let carrier = transport.carrier
        switch self.place {
        case .endpoint(let endpoint):
            return ResolvedTarget(endpoint: endpoint, transport: transport.changed(to: endpoint.scheme))
        case .socket(let socket):
            let endpoint = try Endpoint(scheme: carrier, socket: socket)
            guard self.dataCenter.isTest, endpoint.dataCenter != nil, var path = endpoint.path else {
                return ResolvedTarget(endpoint: endpoint, transport: transport)
            }
            // Telegram's names stand for both environments; the path tells them apart.
            path.isTest = true
            return ResolvedTarget(
                endpoint: try Endpoint(scheme: carrier, socket: socket, path: path),
                transport: transport
            )
        case .telegram(let address):
            if carrier.isSecure {
                let endpoint = try Endpoint(
                    scheme: carrier,
                    telegram: self.dataCenter,
                    isAlternative: self.dataCenter.isMedia
                )
                return ResolvedTarget(endpoint: endpoint, transport: transport)
            }
            let socket = try SocketEndpoint(host: address.host, port: carrier.defaultPort ?? address.port)
            return ResolvedTarget(endpoint: try Endpoint(scheme: carrier, socket: socket), transport: transport)
        }
    }

    /// The endpoint, or the data centre that is meant.
    public var description: String {
        switch self.place {
        case .socket(let socket): "\(socket)"
        case .endpoint(let endpoint): "\(endpoint)"
        case .telegram: "data centre \(self.dataCenter)"
        }
    }

    private static let productionAddresses: [Int16: String] = [
        1: "149.154.175.50",
        2: "149.154.167.51",
        3: "149.154.175.100",
        4: "149.154.167.91",
        5: "149.154.171.5",
    ]

    private static let testAddresses: [Int16: String] = [
        1: "149.154.175.10",
        2: "149.154.167.40",
        3: "149.154.175.117",
    ]
}

/// A target as one transport sees it.
public struct ResolvedTarget: Sendable, Hashable, CustomStringConvertible {
    /// Where to connect to; its scheme is the transport's carrier.
    public let endpoint: Endpoint
    /// What is spoken there.
    public let transport: ClientTransport

    /// `host:port` for TCP, the URI otherwise.
    public var description: String {
        self.endpoint.scheme == .tcp ? "\(self.endpoint.socket)" : "\(self.endpoint)"
    }
}
