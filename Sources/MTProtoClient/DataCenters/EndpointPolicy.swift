// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport

/// Where one transport can reach a data centre.
public struct EndpointChoice: Sendable, Hashable {
    /// The endpoint, and the transport as it has to be there: obfuscated where an address demands it.
    public let target: ResolvedTarget
    /// What is mixed into the keys of the obfuscation.
    public let secret: ProxySecret?

    init(target: ResolvedTarget, secret: ProxySecret? = nil) {
        self.target = target
        self.secret = secret
    }
}

/// Which of a data centre's addresses, names and ports are tried, in which order: a pure function.
///
/// - An address that takes obfuscated TCP only gets nothing else; TCP that would be plain is obfuscated for it. The same goes for
///   an address with a secret; one that demands padding gets the padded intermediate framing.
/// - Through proxies, the fixed addresses are used where there are any that the transport can use.
/// - TCP tries the address's own port, then 443, 80 and 5222; an address of one port only gets no other. Plain WebSockets and
///   HTTP have port 80; what goes through TLS has the name and port 443, for media the second name. A list of one's own
///   (``DataCenterOptions/init(production:test:)``) has no names.
/// - The families take turns, IPv4 first, or IPv6 where the server demands it; all first ports come before all second ones.
///
/// Specification: *Transports*; *TL schema of the API*, `dcOption`; RFC 8305 §4.
public struct EndpointPolicy: Sendable, Hashable {
    /// The ports to try besides an address's own, in their order.
    public static let ports = [443, 80, 5222]

    /// Whether IPv4 addresses are used. Default true. This and the next two concern addresses: where there is a name, its
    /// resolution decides.
    public var usesIPv4 = true
    /// Whether IPv6 addresses are used. Default true.
    public var usesIPv6 = true
    /// Whether IPv6 addresses come first. Default false; ``DataCenterOptions/forcesIPv6`` has the same effect.
    public var prefersIPv6 = false

    /// The defaults.
    public init() {}

    /// Where a transport can reach a data centre, the best choice first.
    ///
    /// - Parameters:
    ///   - dataCenter: the data centre.
    ///   - options: what is known of addresses.
    ///   - transport: the transport.
    ///   - isProxied: whether the way leads through a proxy.
    /// - Returns: no two alike; empty when the transport cannot reach it.
    public func choices(
        for dataCenter: DataCenterIdentifier,
        options: DataCenterOptions = .builtIn,
        transport: ClientTransport,
        isProxied: Bool = false
    ) -> [EndpointChoice] {
        if transport.carrier.isSecure {
            // The names are Telegram's: a list of one's own leads nowhere else.
            return options.isTelegram ? self.named(dataCenter, transport) : []
        }
        let addresses = options.addresses(of: dataCenter).filter { $0.isIPv6 ? self.usesIPv6 : self.usesIPv4 }
        let ordered = Self.interleaved(addresses, startsWithIPv6: self.prefersIPv6 || options.forcesIPv6)
        var reachable = ordered.compactMap { address in
            Self.adapted(transport, to: address).map {
                (address: address, transport: $0, ports: Self.ports(of: address, $0))
            }
        }
        reachable.removeAll(where: \.ports.isEmpty)
        if isProxied, reachable.contains(where: \.address.isStatic) { reachable.removeAll { !$0.address.isStatic } }
        var seen: Set<EndpointChoice> = []
        var choices: [EndpointChoice] = []
        // One more than the ports above: an address may have one of its own.
        for rank in 0...Self.ports.count {
            for (address, transport, ports) in reachable where ports.indices.contains(rank) {
                guard let socket = try? SocketEndpoint(host: address.socket.host, port: ports[rank]),
                    let endpoint = try? Endpoint(scheme: transport.carrier, socket: socket)
                else { continue }
                let target = ResolvedTarget(endpoint: endpoint, transport: transport)
                let choice = EndpointChoice(target: target, secret: address.secret)
                if seen.insert(choice).inserted { choices.append(choice) }
            }
        }
        return choices
    }

    private func named(_ dataCenter: DataCenterIdentifier, _ transport: ClientTransport) -> [EndpointChoice] {
        let endpoint = try? Endpoint(
            scheme: transport.carrier,
            telegram: dataCenter,
            isAlternative: dataCenter.isMedia
        )
        return endpoint.map { [EndpointChoice(target: ResolvedTarget(endpoint: $0, transport: transport))] } ?? []
    }

    /// The transport as an address takes it, `nil` when it takes none of the kind.
    private static func adapted(_ transport: ClientTransport, to address: DataCenterAddress) -> ClientTransport? {
        guard address.isObfuscatedTCPOnly || address.secret != nil else { return transport }
        guard transport.carrier == .tcp, let framing = transport.framing else { return nil }
        if let required = address.secret?.requiredFraming { return .tcp(required, obfuscated: true) }
        return framing.isObfuscatable ? .tcp(framing, obfuscated: true) : nil
    }

    private static func ports(of address: DataCenterAddress, _ transport: ClientTransport) -> [Int] {
        let own = address.socket.port
        guard let port = transport.carrier.defaultPort else {
            return address.isThisPortOnly ? [own] : [own] + Self.ports.filter { $0 != own }
        }
        return address.isThisPortOnly && own != port ? [] : [port]
    }

    private static func interleaved(_ addresses: [DataCenterAddress], startsWithIPv6: Bool) -> [DataCenterAddress] {
        let first = addresses.filter { $0.isIPv6 == startsWithIPv6 }
        let second = addresses.filter { $0.isIPv6 != startsWithIPv6 }
        var ordered: [DataCenterAddress] = []
        for index in 0..<max(first.count, second.count) {
            if first.indices.contains(index) { ordered.append(first[index]) }
            if second.indices.contains(index) { ordered.append(second[index]) }
        }
        return ordered
    }
}
