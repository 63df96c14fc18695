// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOSSL

/// A proxy on a ``Way``.
enum Waypoint: String, CaseIterable, Sendable {
    case socks5, httpConnect
    /// An HTTP proxy that is spoken to by TLS: two hops.
    case secureHTTPConnect
    case mtproxy, paddedMTProxy, fakeTLSMTProxy

    /// What the MTProxy's secret is.
    func secret() throws -> ProxySecret? {
        let kind: ProxySecret.Kind
        switch self {
        case .socks5, .httpConnect, .secureHTTPConnect: return nil
        case .mtproxy: kind = .plain
        case .paddedMTProxy: kind = .padded
        case .fakeTLSMTProxy: kind = .fakeTLS(domain: "example.com")
        }
        return try ProxySecret(kind: kind, key: Bytes16())
    }

    /// The hops that lead through a proxy at an endpoint.
    func hops(_ endpoint: SocketEndpoint) throws -> [Hop] {
        switch self {
        case .socks5: [.socks5(endpoint)]
        case .httpConnect: [.httpConnect(endpoint)]
        case .secureHTTPConnect: [.tls(serverName: ProxyIdentity.host), .httpConnect(endpoint)]
        case .mtproxy, .paddedMTProxy, .fakeTLSMTProxy: try self.secret().map { [.mtproxy(endpoint, secret: $0)] } ?? []
        }
    }
}

/// A data centre behind proxies, all of which run.
struct Way: Sendable {
    /// Where each proxy is, in the order of the way, and then the data centre; a test may put a relay in front of one.
    var endpoints: [SocketEndpoint]
    let dataCenter: RunningLocalDataCenter
    private let waypoints: [Waypoint]
    private let identity: ProxyIdentity

    var target: SocketEndpoint {
        get throws { try self.endpoints.last ?? self.dataCenter.endpoint }
    }

    /// The configuration that takes this way.
    func configuration(_ change: (inout ClientConfiguration) -> Void = { _ in }) throws -> ClientConfiguration {
        let hops = try zip(self.waypoints, self.endpoints).flatMap { try $0.hops($1) }
        return clientConfiguration {
            $0.routes = [Route(hops)]
            $0.proxyTLS.trustRoots = self.identity.trustRoots
            // What garbage is behind obfuscation depends on its keys.
            $0.random = .seeded(1)
            change(&$0)
        }
    }

    /// Runs `body` with a way; behind it the data centre has no connections, and nobody has left one open.
    static func run(_ waypoints: [Waypoint], _ body: @Sendable (Way) async throws -> Void) async throws {
        let secrets = try waypoints.compactMap { try $0.secret() }
        try await withDataCenter {
            if !secrets.isEmpty { $0.server.secrets = secrets }
        } _: { dataCenter in
            let way = Way(endpoints: [], dataCenter: dataCenter, waypoints: waypoints, identity: try ProxyIdentity())
            try await way.extend(waypoints[...], body)
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    /// Starts what the way still lacks.
    private func extend(
        _ rest: ArraySlice<Waypoint>,
        _ body: @Sendable (Way) async throws -> Void
    ) async throws {
        @Sendable func goOn(_ endpoint: SocketEndpoint) async throws {
            var way = self
            way.endpoints.append(endpoint)
            try await way.extend(rest.dropFirst(), body)
        }
        let server = try self.dataCenter.endpoint
        switch rest.first {
        case nil:
            var way = self
            way.endpoints.append(server)
            try await body(way)
        case .socks5:
            try await ScriptedSOCKS5Server().run { try await goOn($0.endpoint) }
        case .httpConnect:
            try await ScriptedHTTPProxy().run { try await goOn($0.endpoint) }
        case .secureHTTPConnect:
            try await ScriptedHTTPProxy().run(prepare: self.identity.addTLS) { try await goOn($0.endpoint) }
        case .mtproxy, .paddedMTProxy:
            // As far as a client can see, a data centre that takes a secret is one.
            try await goOn(server)
        case .fakeTLSMTProxy:
            guard let secret = try Waypoint.fakeTLSMTProxy.secret() else { return }
            try await FaultyRelay.run(
                to: server,
                prepare: { try $0.pipeline.syncOperations.addHandler(FakeTLSServerHandler(secret: secret)) }
            ) { try await goOn($0.endpoint) }
        }
    }
}
