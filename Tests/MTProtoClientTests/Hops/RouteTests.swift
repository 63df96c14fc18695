// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoServer
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOSSL
import Testing

/// Every carrier through proxies that keep to the rules.
@Suite(.network, .timeLimit(.minutes(10)))
struct RouteTests {
    enum Way: String, CaseIterable, CustomTestStringConvertible {
        case socks5, httpConnect, socks5ThenHTTPConnect, httpConnectThenSOCKS5

        var testDescription: String { self.rawValue }
    }

    /// What the clients in this suite take the server for: a name that only the last proxy knows.
    private static let name = "localhost"

    private static func connect(
        _ dataCenter: RunningLocalDataCenter,
        _ transport: ClientTransport,
        route: Route
    ) async throws {
        let configuration = clientConfiguration {
            $0.tls = dataCenter.trustingTLS
            $0.transport = transport
            $0.routes = [route]
            // Nobody but the proxies may look for the target.
            $0.dialer = PickyDialer(forbidden: Self.name)
        }
        let port = try dataCenter.endpoint(for: transport).port
        let endpoint = try SocketEndpoint(host: Self.name, port: port)
        try await MTProtoClient.withConnection(to: .endpoint(endpoint), configuration: configuration) { connection in
            try await connection.expect(Queries.echo(40_000))
            #expect(try await connection.ping() > .zero)
        }
    }

    @Test("Every carrier through every kind of proxy", arguments: TransportCase.carriers, Way.allCases)
    func carriers(transport: TransportCase, way: Way) async throws {
        try await withDataCenter { dataCenter in
            let target = try dataCenter.endpoint(for: transport.transport)
            let named = try SocketEndpoint(host: Self.name, port: target.port)
            let credentials = try ProxyCredentials(username: "alice", password: "open sesame")
            var socks5Script = ScriptedSOCKS5Server()
            socks5Script.login = ProxyLogin("alice", "open sesame")
            socks5Script.boundAddress = .name(4)
            var httpScript = ScriptedHTTPProxy()
            httpScript.login = ProxyLogin("alice", "open sesame")
            httpScript.informational = "HTTP/1.1 100 Wait\r\n\r\n"
            httpScript.statusLine = "HTTP/1.0 200 Go on"
            // An agreement has no body, whatever the head says.
            httpScript.headers = ["Content-Length: 7"]
            // Only the last proxy knows the name.
            let resolve: @Sendable (SocketEndpoint) -> SocketEndpoint? = { $0 == named ? target : $0 }
            socks5Script.tunnel.resolve = resolve
            httpScript.tunnel.resolve = resolve
            try await socks5Script.run { [httpScript] socks5 in
                try await httpScript.run { httpProxy in
                    let hops = [
                        Hop.socks5(socks5.endpoint, credentials: credentials),
                        Hop.httpConnect(httpProxy.endpoint, credentials: credentials),
                    ]
                    let (route, proxies): (Route, [RunningProxy]) =
                        switch way {
                        case .socks5: ([hops[0]], [socks5])
                        case .httpConnect: ([hops[1]], [httpProxy])
                        case .socks5ThenHTTPConnect: (Route(hops), [socks5, httpProxy])
                        case .httpConnectThenSOCKS5: (Route(hops.reversed()), [httpProxy, socks5])
                        }
                    try await Self.connect(dataCenter, transport.transport, route: route)
                    let asked = proxies.map { $0.requests.map(\.destination) }
                    #expect(asked.last?.isEmpty == false && asked.last?.allSatisfy { $0 == named } == true)
                    // Over HTTP each line has a way of its own through all of them.
                    if asked.count == 2 {
                        #expect(asked[0].count >= asked[1].count)
                        #expect(asked[0].allSatisfy { $0 == proxies[1].endpoint })
                    }
                }
            }
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A proxy that is spoken to by TLS; TLS with the server inside of it")
    func secureProxy() async throws {
        let identity = try ProxyIdentity()
        try await withDataCenter { dataCenter in
            try await ScriptedHTTPProxy().run(prepare: identity.addTLS) { proxy in
                for (name, isRight) in [(ProxyIdentity.host, true), (nil, false)] as [(String?, Bool)] {
                    let configuration = clientConfiguration {
                        $0.transport = .webSocket()
                        $0.tls = dataCenter.trustingTLS
                        $0.proxyTLS.trustRoots = identity.trustRoots
                        $0.routes = [[.tls(serverName: name), .httpConnect(proxy.endpoint)]]
                    }
                    let endpoint = try dataCenter.endpoint(for: configuration.transport)
                    guard isRight else {
                        // The certificate is for a name, and the proxy was asked for by its address.
                        let error = await clientError {
                            try await MTProtoClient.withConnection(
                                to: .endpoint(endpoint),
                                configuration: configuration
                            ) { _ in }
                        }
                        #expect(error?.code == .certificateRefused)
                        #expect(error?.hop == 0)
                        #expect(error?.phase == .dial)
                        continue
                    }
                    try await MTProtoClient.withConnection(
                        to: .endpoint(endpoint),
                        configuration: configuration
                    ) { connection in
                        try await connection.expect(Queries.echo(40_000))
                    }
                }
            }
        }
    }

    @Test("What is glued to a proxy's answer reaches the transport")
    func glued() async throws {
        let notFound: [UInt8] = [4, 0, 0, 0, 0x6c, 0xfe, 0xff, 0xff]
        try await ScriptedServer.run { connection in
            await connection.closed()
        } _: { endpoint in
            var script = ScriptedSOCKS5Server()
            script.tunnel.gluedBytes = notFound
            try await script.run { proxy in
                let error = await ConnectFailureTests.failure(to: endpoint) { $0.routes = [[.socks5(proxy.endpoint)]] }
                #expect(error?.code == .transportError)
                #expect(error?.transportError == .notFound)
                #expect(error?.hop == nil)
            }
        }
    }

    @Test("What is glued to a proxy's last answer is not lost when the end comes with it", arguments: [false, true])
    func gluedBeforeTheEnd(isHTTP: Bool) async throws {
        let flood: [UInt8] = [4, 0, 0, 0, 0x53, 0xfe, 0xff, 0xff]
        let endpoint = try SocketEndpoint("149.154.167.51:443")
        @Sendable func check(_ hop: Hop, passedCount: Int) async {
            let error = await ConnectFailureTests.failure(to: endpoint) {
                $0.routes = [[hop]]
                $0.dialer = JoiningDialer(passedCount: passedCount)
            }
            #expect(error?.code == .transportError)
            #expect(error?.transportError == .flood)
            #expect(error?.hop == nil)
        }
        var tunnel = TunnelScript()
        tunnel.resolve = { _ in nil }
        tunnel.gluedBytes = flood
        tunnel.endsBehindGlued = true
        if isHTTP {
            var script = ScriptedHTTPProxy()
            script.tunnel = tunnel
            try await script.run { await check(.httpConnect($0.endpoint), passedCount: 0) }
        } else {
            var script = ScriptedSOCKS5Server()
            script.tunnel = tunnel
            try await script.run { await check(.socks5($0.endpoint), passedCount: 2) }
        }
    }
}

/// Dials, and lets everything behind the first bytes come at once with the connection's end.
private struct JoiningDialer: Dialer {
    let passedCount: Int

    private final class JoiningHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer

        private var passedCount: Int
        private var held = ByteBuffer()

        init(passedCount: Int) { self.passedCount = passedCount }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = self.unwrapInboundIn(data)
            if let passed = bytes.readSlice(length: min(self.passedCount, bytes.readableBytes)) {
                self.passedCount -= passed.readableBytes
                if passed.readableBytes > 0 { context.fireChannelRead(self.wrapInboundOut(passed)) }
            }
            self.held.writeBuffer(&bytes)
        }

        func channelInactive(context: ChannelHandlerContext) {
            context.fireChannelRead(self.wrapInboundOut(self.held))
            context.fireChannelReadComplete()
            context.fireChannelInactive()
        }
    }

    func dial(_ destination: SocketEndpoint, context: DialContext) -> EventLoopFuture<any Channel> {
        TCPDialer().dial(destination, context: context).flatMapThrowing { channel in
            try channel.pipeline.syncOperations.addHandler(JoiningHandler(passedCount: self.passedCount))
            return channel
        }
    }
}

/// Dials, but not to a host that is for proxies to reach.
private struct PickyDialer: Dialer {
    let forbidden: String

    func dial(_ destination: SocketEndpoint, context: DialContext) -> EventLoopFuture<any Channel> {
        #expect(destination.host != self.forbidden)
        return TCPDialer().dial(destination, context: context)
    }
}
