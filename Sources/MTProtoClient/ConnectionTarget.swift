// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport

/// What to connect to.
public struct ConnectionTarget: Sendable, Hashable, CustomStringConvertible {
    private enum Place: Sendable, Hashable {
        case socket(SocketEndpoint)
        case endpoint(Endpoint)
        case telegram
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

    /// One of Telegram's data centres, wherever ``ClientConfiguration/dataCenterOptions`` and
    /// ``ClientConfiguration/endpointPolicy`` have it: often at several addresses and ports, which are raced.
    ///
    /// - Parameters:
    ///   - number: 1…9999; built in are 1…5, and 1…3 of the test ones. Connecting fails with
    ///     ``MTProtoClientError/Code/invalidConfiguration`` when the options have no such data centre.
    ///   - isTest: whether a test data centre is meant.
    ///   - isMedia: whether its media part is meant.
    /// - Throws: ``MTProtoClientError`` with ``MTProtoClientError/Code/invalidConfiguration`` when no data centre can have the
    ///   number.
    public static func dataCenter(
        _ number: Int16,
        isTest: Bool = false,
        isMedia: Bool = false
    ) throws(MTProtoClientError) -> ConnectionTarget {
        guard DataCenterIdentifier.numbers.contains(number) else { throw Self.noDataCenter(number, isTest: isTest) }
        return ConnectionTarget(
            place: .telegram,
            dataCenter: DataCenterIdentifier(number: number, isTest: isTest, isMedia: isMedia)
        )
    }

    private static func noDataCenter(_ number: Int16, isTest: Bool) -> MTProtoClientError {
        MTProtoClientError(
            .invalidConfiguration,
            phase: .dial,
            message: "there is no \(isTest ? "test " : "")data centre \(number)"
        )
    }

    /// All places where a transport finds the target, the best first. A pure function: nothing is looked up.
    ///
    /// - Throws: ``MTProtoClientError`` with ``MTProtoClientError/Code/invalidConfiguration`` when there is none.
    func choices(
        by transport: ClientTransport,
        options: DataCenterOptions,
        policy: EndpointPolicy,
        isProxied: Bool
    ) throws(MTProtoClientError) -> [EndpointChoice] {
        guard case .telegram = self.place else { return [EndpointChoice(target: try self.resolved(by: transport))] }
        try Self.check(transport, isWebSocket: transport.carrier == .ws || transport.carrier == .wss)
        let choices = policy.choices(
            for: self.dataCenter,
            options: options,
            transport: transport,
            isProxied: isProxied
        )
        guard choices.isEmpty else { return choices }
        guard options.addresses(of: self.dataCenter).isEmpty else {
            throw MTProtoClientError(
                .invalidConfiguration,
                phase: .dial,
                message: "\(transport) does not reach data centre \(self.dataCenter)"
            )
        }
        throw Self.noDataCenter(self.dataCenter.number, isTest: self.dataCenter.isTest)
    }

    /// Where a transport finds the target, and how it is spoken with there; for a data centre of Telegram's the first place that
    /// is built in.
    ///
    /// A pure function: nothing is looked up.
    ///
    /// - Throws: ``MTProtoClientError`` with ``MTProtoClientError/Code/invalidConfiguration`` when the transport cannot be, or
    ///   cannot be had there: full framing with obfuscation, plain WebSockets at one of Telegram's names.
    public func resolved(by transport: ClientTransport) throws(MTProtoClientError) -> ResolvedTarget {
        let resolved: ResolvedTarget
        do {
            resolved = try self.resolve(transport)
        } catch let error as MTProtoClientError {
            throw error
        } catch {
            throw MTProtoClientError(.invalidConfiguration, phase: .dial, message: "\(error)", underlying: error)
        }
        try Self.check(resolved.transport, isWebSocket: resolved.endpoint.isWebSocket)
        return resolved
    }

    private static func check(_ transport: ClientTransport, isWebSocket: Bool) throws(MTProtoClientError) {
        guard let framing = transport.framing, transport.isObfuscated, !framing.isObfuscatable else { return }
        throw MTProtoClientError(
            .invalidConfiguration,
            phase: .transportHandshake,
            message: "the \(framing.rawValue) framing cannot be obfuscated"
                + (isWebSocket ? ", and WebSockets need that" : "")
        )
    }

    private func resolve(_ transport: ClientTransport) throws -> ResolvedTarget {
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
        case .telegram:
            let choices = try self.choices(by: transport, options: .builtIn, policy: EndpointPolicy(), isProxied: false)
            return choices[0].target
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
