// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import MTProtoTestSupport
import MTProtoTransport
import Testing

/// Which hop failed, why, and when: every error of a proxy is typed, and nothing stays open.
@Suite(.network, .timeLimit(.minutes(10)))
struct HopFailureTests {
    private static func failure(
        _ route: Route,
        _ change: (inout ClientConfiguration) -> Void = { _ in }
    ) async throws -> MTProtoClientError? {
        await ConnectFailureTests.failure(to: try SocketEndpoint("149.154.167.51:443")) {
            $0.routes = [route]
            change(&$0)
        }
    }

    @Test("The first hop refused")
    func firstRefused() async throws {
        try await DeadEndpoint.refusing { proxy in
            for hop in [Hop.socks5(proxy), .httpConnect(proxy), .mtproxy(proxy, secret: try Self.secret(.plain))] {
                let error = try await Self.failure([hop])
                #expect(error?.code == .connectionRefused)
                #expect(error?.phase == .dial)
                #expect(error?.hop == 0)
                #expect(error?.hopDescription == "\(hop)")
                #expect(error?.isRetryable == true)
                let place = "dial to 149.154.167.51:443, the first hop (\(hop))"
                #expect(error?.description == "\(place): connection refused (nobody listens there)")
            }
        }
    }

    private static func secret(_ kind: ProxySecret.Kind) throws -> ProxySecret {
        try ProxySecret(kind: kind, key: Bytes16())
    }

    static let replyCodes: [(UInt8, SOCKS5Error.Code)] = [
        (1, .generalFailure), (2, .notAllowed), (3, .networkUnreachable), (4, .hostUnreachable),
        (5, .connectionRefused), (6, .timeToLiveExpired), (7, .commandNotSupported), (8, .addressTypeNotSupported),
        (9, .unassignedReply),
    ]

    @Test("Every reply of a SOCKS5 proxy", arguments: Self.replyCodes)
    func replies(reply: UInt8, code: SOCKS5Error.Code) async throws {
        var script = ScriptedSOCKS5Server()
        script.reply = reply
        try await script.run { proxy in
            let error = try await Self.failure([.socks5(proxy.endpoint)])
            #expect(error?.code == .proxyRefused)
            #expect((error?.underlying as? SOCKS5Error)?.code == code)
            #expect(error?.hop == 0)
        }
    }

    @Test("Credentials that are missing or wrong", arguments: [false, true])
    func credentials(isGiven: Bool) async throws {
        let credentials = isGiven ? try ProxyCredentials(username: "alice", password: "wrong") : nil
        var socks5Script = ScriptedSOCKS5Server()
        socks5Script.login = ProxyLogin("alice", "right")
        var httpScript = ScriptedHTTPProxy()
        httpScript.login = ProxyLogin("alice", "right")
        // Nobody waits for the rest.
        httpScript.body = "never sent in full"
        httpScript.bodyLength = 100_000
        try await socks5Script.run { [httpScript] socks5 in
            try await httpScript.run { httpProxy in
                for hop in [
                    Hop.socks5(socks5.endpoint, credentials: credentials),
                    .httpConnect(httpProxy.endpoint, credentials: credentials),
                ] {
                    let error = try await Self.failure([hop])
                    #expect(error?.code == .proxyAuthentication)
                    #expect(error?.isRetryable == false)
                    #expect(error?.description.contains("alice") == false)
                    if hop.endpoint == httpProxy.endpoint { #expect(error?.httpStatus == 407) }
                }
            }
        }
    }

    @Test("The limit of the whole connect ends a proxy that stalls, and says which")
    func wholeLimit() async throws {
        try await FaultyRelay.run(.blackHole) { proxy in
            let error = try await Self.failure([.socks5(proxy.endpoint)]) { $0.timeouts.connect = .seconds(3) }
            #expect(error?.code == .timeout)
            #expect(error?.hop == 0)
        }
    }

    @Test(
        "Cancelled while a proxy stalls",
        arguments: [Waypoint.socks5, .httpConnect, .secureHTTPConnect, .fakeTLSMTProxy]
    )
    func cancelled(waypoint: Waypoint) async throws {
        let (reached, signal) = AsyncStream.makeStream(of: Void.self)
        try await WireListener.run { _, client, _ in
            var reader = WireReader(client)
            _ = try await reader.read(3)
            signal.yield()
            while await reader.next() != nil {}
        } _: { proxy in
            let route = Route(try waypoint.hops(proxy.endpoint))
            let connecting = Task { try await Self.failure(route) }
            for await _ in reached { break }
            connecting.cancel()
            let error = try await connecting.value
            #expect(error?.code == .cancelled)
            #expect(error?.phase == .dial)
        }
    }
}
