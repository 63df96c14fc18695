// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import Testing

@testable import MTProtoClient

/// Whom a route dials, and what it says to whom.
@Suite struct HopChainTests {
    private static func endpoint(_ text: String) throws -> SocketEndpoint { try SocketEndpoint(text) }

    private static func chain(
        _ route: Route,
        _ transport: ClientTransport = .tcp()
    ) throws -> HopChain {
        let target = ConnectionTarget.endpoint(try Self.endpoint("149.154.167.51:443"))
        return try HopChain(route: route, target: target.resolved(by: transport))
    }

    private static func secret(_ kind: ProxySecret.Kind) throws -> ProxySecret {
        try ProxySecret(kind: kind, key: Bytes16())
    }

    @Test("Without hops the target is dialed")
    func direct() throws {
        let chain = try Self.chain(.direct)
        #expect(chain.dialed == (try Self.endpoint("149.154.167.51:443")))
        #expect(chain.dialedHop == nil)
        #expect(chain.steps.isEmpty && chain.secret == nil)
        #expect("\(Route.direct)" == "direct")
    }

    @Test("Each proxy connects to the next; TLS is with the next that there is")
    func chained() throws {
        let first = try Self.endpoint("127.0.0.1:1")
        let second = try Self.endpoint("[::1]:2")
        let route: Route = [.socks5(first), .tls(), .httpConnect(second), .tls(serverName: "proxy.example")]
        let chain = try Self.chain(route, .http)
        #expect(chain.dialed == first)
        #expect(chain.dialedHop?.index == 0)
        #expect(chain.steps.map(\.index) == [0, 1, 2, 3])
        let target = try Self.endpoint("149.154.167.51:443")
        #expect(chain.steps.map(\.destination) == [second, second, target, target])
        #expect("\(route)" == "SOCKS5 proxy 127.0.0.1:1 → TLS → HTTP proxy [::1]:2 → TLS with proxy.example")
    }

    @Test("TLS with the first proxy: the proxy is dialed")
    func securedProxy() throws {
        let proxy = try Self.endpoint("proxy.example:443")
        let chain = try Self.chain([.tls(), .httpConnect(proxy)])
        #expect(chain.dialed == proxy)
        #expect(chain.dialedHop?.index == 1)
        #expect(chain.steps.map(\.destination.host) == ["proxy.example", "149.154.167.51"])
    }

    @Test("An MTProxy decides how the transport is")
    func mtproxy() throws {
        let proxy = try Self.endpoint("127.0.0.1:1")
        let plain = try Self.chain([.mtproxy(proxy, secret: Self.secret(.plain))], .tcp(.abridged))
        #expect(plain.target.transport == .tcp(.abridged, obfuscated: true))
        #expect(plain.dialed == proxy && plain.steps.isEmpty && plain.secret?.kind == .plain)
        let padded = try Self.chain([.mtproxy(proxy, secret: Self.secret(.padded))], .tcp(.full))
        #expect(padded.target.transport == .tcp(.paddedIntermediate, obfuscated: true))
        let fake = try Self.chain([
            .socks5(proxy), .mtproxy(proxy, secret: Self.secret(.fakeTLS(domain: "example.com"))),
        ])
        #expect(fake.target.transport == .tcp(.paddedIntermediate, obfuscated: true))
        #expect(fake.steps.map(\.index) == [0, 1])
    }

    @Test("What cannot be, and which hop it is")
    func invalid() throws {
        let proxy = try Self.endpoint("127.0.0.1:1")
        let mtproxy = Hop.mtproxy(proxy, secret: try Self.secret(.plain))
        let colon = try ProxyCredentials(username: "a:b", password: "c")
        let cases: [(Route, ClientTransport, Int)] = [
            ([mtproxy, .socks5(proxy)], .tcp(), 0),
            ([.socks5(proxy), mtproxy], .webSocket(tls: false), 1),
            ([mtproxy], .http, 0),
            ([mtproxy], .tcp(.full), 0),
            ([.socks5(proxy, credentials: colon), .httpConnect(proxy, credentials: colon)], .tcp(), 1),
            ([.tls(serverName: "127.0.0.1"), .socks5(proxy)], .tcp(), 0),
            ([.tls(serverName: "not a name"), .socks5(proxy)], .tcp(), 0),
        ]
        for (route, transport, hop) in cases {
            let error = #expect(throws: MTProtoClientError.self) { _ = try Self.chain(route, transport) }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.hop == hop)
            #expect(error?.isRetryable == false)
        }
    }

    @Test("Neither descriptions nor mirrors show secrets")
    func silent() throws {
        let proxy = try Self.endpoint("127.0.0.1:1")
        let credentials = try ProxyCredentials(username: "alice", password: "hunter2")
        let secret = try ProxySecret(kind: .plain, key: try #require(Bytes16((1...16).map { UInt8($0) })))
        let route: Route = [.socks5(proxy, credentials: credentials), .mtproxy(proxy, secret: secret)]
        var shown = "\(route) \(String(reflecting: route))"
        dump(route, to: &shown)
        for text in ["alice", "hunter2", secret.hexadecimalText()] { #expect(!shown.contains(text)) }
    }

    @Test("Credentials as Basic has them: the example of RFC 7617, and every padding")
    func basic() throws {
        for (username, password, text) in [
            ("Aladdin", "open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("a", "", "YTo="), ("a", "b", "YTpi"),
            ("a", "?>?>~~", "YTo/Pj8+fn4="),
        ] {
            let credentials = try ProxyCredentials(username: username, password: password)
            #expect(credentials.basicAuthenticationText == text)
        }
    }
}
