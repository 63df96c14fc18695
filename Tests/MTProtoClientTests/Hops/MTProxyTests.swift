// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOSSL
import Synchronization
import Testing

@testable import MTProtoClient

/// Through MTProxies. A data centre that takes a secret is one, as far as a client can see.
@Suite(.network, .timeLimit(.minutes(10)))
struct MTProxyTests {
    private static func secret(_ kind: ProxySecret.Kind, fill: UInt8 = 1) throws -> ProxySecret {
        let key = try #require(Bytes16([UInt8](repeating: fill, count: 16)))
        return try ProxySecret(kind: kind, key: key)
    }

    private static func configuration(_ route: Route, _ change: (inout ClientConfiguration) -> Void = { _ in })
        -> ClientConfiguration
    {
        clientConfiguration {
            $0.routes = [route]
            change(&$0)
        }
    }

    /// A target that only a proxy can lead to.
    private static func target() throws -> ConnectionTarget { try .dataCenter(2) }

    @Test("Plain and padded, directly and behind a SOCKS5 proxy", arguments: [false, true], [false, true])
    func plain(isPadded: Bool, isBehindProxy: Bool) async throws {
        let secret = try Self.secret(isPadded ? .padded : .plain)
        try await withDataCenter {
            $0.server.secrets = [secret]
        } _: { dataCenter in
            try await ScriptedSOCKS5Server().run { socks5 in
                let proxy = Hop.mtproxy(try dataCenter.endpoint, secret: secret)
                let route: Route = isBehindProxy ? [.socks5(socks5.endpoint), proxy] : [proxy]
                try await MTProtoClient.withConnection(
                    to: try Self.target(),
                    configuration: Self.configuration(route)
                ) { connection in
                    try await connection.expect(Queries.echo(40_000))
                    let framing: Framing = isPadded ? .paddedIntermediate : .intermediate
                    #expect(connection.resolvedTarget.transport == .tcp(framing, obfuscated: true))
                }
            }
        }
    }

    @Test("FakeTLS, directly and behind an HTTP proxy", arguments: [false, true])
    func fakeTLS(isBehindProxy: Bool) async throws {
        let secret = try Self.secret(.fakeTLS(domain: "example.com"))
        try await withDataCenter {
            $0.server.secrets = [secret]
        } _: { dataCenter in
            try await FaultyRelay.run(
                to: try dataCenter.endpoint,
                prepare: { try $0.pipeline.syncOperations.addHandler(FakeTLSServerHandler(secret: secret)) }
            ) { relay in
                try await ScriptedHTTPProxy().run { httpConnect in
                    let proxy = Hop.mtproxy(relay.endpoint, secret: secret)
                    let route: Route = isBehindProxy ? [.httpConnect(httpConnect.endpoint), proxy] : [proxy]
                    try await MTProtoClient.withConnection(
                        to: try Self.target(),
                        configuration: Self.configuration(route)
                    ) { connection in
                        try await connection.expect(Queries.echo(200_000))
                    }
                }
            }
        }
    }

    /// Shows an ordinary TLS server to the first connection, as an MTProxy does to whom it does not know.
    private final class SplicingDialer: Dialer {
        private let server: SocketEndpoint
        let dials = Mutex(0)

        init(server: SocketEndpoint) { self.server = server }

        func dial(_ destination: SocketEndpoint, context: DialContext) -> EventLoopFuture<any Channel> {
            let isFirst = self.dials.withLock { dials in
                dials += 1
                return dials == 1
            }
            return TCPDialer().dial(isFirst ? self.server : destination, context: context)
        }
    }

    @Test("A proxy that does not know the hello gets that of old clients", arguments: [true, false])
    func fallback(isWanted: Bool) async throws {
        let secret = try Self.secret(.fakeTLS(domain: "example.com"))
        try await withDataCenter {
            $0.server.secrets = [secret]
        } _: { dataCenter in
            let dialer = SplicingDialer(server: try dataCenter.endpoint(for: .https))
            try await FaultyRelay.run(
                to: try dataCenter.endpoint,
                prepare: {
                    try $0.pipeline.syncOperations.addHandler(
                        FakeTLSServerHandler(secret: secret, helloLengths: 517...517)
                    )
                }
            ) { relay in
                let configuration = Self.configuration([.mtproxy(relay.endpoint, secret: secret)]) {
                    $0.dialer = dialer
                    if !isWanted { $0.fakeTLSFallbackProfile = nil }
                }
                let target = try Self.target()
                if isWanted {
                    try await MTProtoClient.withConnection(to: target, configuration: configuration) {
                        try await $0.expect(Queries.echo(1_000))
                    }
                } else {
                    let error = await clientError {
                        try await MTProtoClient.withConnection(to: target, configuration: configuration) { _ in }
                    }
                    #expect(error?.code == .fakeTLS)
                }
                #expect(dialer.dials.withLock { $0 } == (isWanted ? 2 : 1))
            }
        }
    }

    /// Shows an ordinary TLS server to the first connection, and makes no second one.
    private final class LimitingDialer: Dialer {
        private let server: SocketEndpoint
        let dials = Mutex(0)

        init(server: SocketEndpoint) { self.server = server }

        func dial(_ destination: SocketEndpoint, context: DialContext) -> EventLoopFuture<any Channel> {
            let number = self.dials.withLock { dials in
                dials += 1
                return dials
            }
            guard number == 1 else {
                return context.eventLoop.makeFailedFuture(ChannelError.connectTimeout(.seconds(1)))
            }
            return TCPDialer().dial(self.server, context: context)
        }
    }

    @Test("What a proxy has shown is told, also when the second connection does not come about")
    func secondFailure() async throws {
        try await withDataCenter { dataCenter in
            let dialer = LimitingDialer(server: try dataCenter.endpoint(for: .https))
            let secret = try Self.secret(.fakeTLS(domain: "example.com"))
            let proxy = try SocketEndpoint("192.0.2.1:443")
            let configuration = Self.configuration([.mtproxy(proxy, secret: secret)]) { $0.dialer = dialer }
            let error = await clientError {
                try await MTProtoClient.withConnection(to: try Self.target(), configuration: configuration) { _ in }
            }
            #expect(error?.code == .fakeTLS)
            #expect(error?.hop == 0)
            #expect(dialer.dials.withLock { $0 } == 2)
        }
    }

    static let dataPhaseRecords: [([UInt8], MTProtoClientError.Code)] = [
        ([0x15, 3, 3, 0, 2, 1, 0], .connectionClosed),
        ([0x16, 3, 3, 0, 1, 0], .framing),
    ]

    @Test("Other records in a session are the proxy's, and say nothing of the secret", arguments: Self.dataPhaseRecords)
    func dataPhase(record: [UInt8], code: MTProtoClientError.Code) async throws {
        let secret = try Self.secret(.fakeTLS(domain: "example.com"))
        let channels = Mutex<[any Channel]>([])
        try await withDataCenter {
            $0.server.secrets = [secret]
        } _: { dataCenter in
            try await FaultyRelay.run(
                to: try dataCenter.endpoint,
                prepare: { channel in
                    try channel.pipeline.syncOperations.addHandler(FakeTLSServerHandler(secret: secret))
                    channels.withLock { $0.append(channel) }
                }
            ) { relay in
                let configuration = Self.configuration([.mtproxy(relay.endpoint, secret: secret)])
                let error = await clientError {
                    try await MTProtoClient.withConnection(
                        to: try Self.target(),
                        configuration: configuration
                    ) { connection in
                        try await connection.expect(Queries.echo(1_000))
                        let channel = try #require(channels.withLock { $0.last })
                        try await channel.eventLoop.submit {
                            let operations = channel.pipeline.syncOperations
                            let context = try operations.context(handlerType: FakeTLSServerHandler.self)
                            context.writeAndFlush(NIOAny(ByteBuffer(bytes: record)), promise: nil)
                        }.get()
                        while true { try await connection.expect(Queries.echo(16)) }
                    }
                }
                #expect(error?.code == code)
                #expect(error?.hop == 0)
                #expect(error?.underlying is FakeTLSError)
            }
        }
    }

    @Test("The hello has the time of the server where that is known")
    func helloTime() throws {
        let secret = try Self.secret(.fakeTLS(domain: "example.com"))
        let key = try AuthorizationKey([UInt8](repeating: 7, count: 256))
        func session(_ seconds: Int64?) -> SavedSession {
            SavedSession(authorizationKey: key, timeOffsetNanoseconds: seconds.map { $0 * 1_000_000_000 })
        }
        func saved(_ permanent: Int64?, _ temporary: Int64??) -> SavedConnection {
            SavedConnection(
                dataCenter: DataCenterIdentifier(number: 2),
                permanent: session(permanent),
                temporary: temporary.map { SavedConnection.Temporary(session: session($0), expiresAt: 0) }
            )
        }
        let cases: [(SavedConnection?, Int64)] = [
            (nil, 0), (saved(nil, nil), 0), (saved(-5, nil), -5), (saved(-5, 7), 7), (saved(-5, .some(nil)), -5),
        ]
        for (saved, offset) in cases {
            var configuration = ClientConfiguration()
            configuration.clock = SessionClock {
                SessionTime(wallNanoseconds: 1_700_000_000_000_000_000, monotonicNanoseconds: 0)
            }
            configuration.savedConnection = saved
            var handshake = try FakeTLSFactory(configuration, .chrome).makeHandshake(secret: secret)
            let time = FakeTLSDigest.unixTime(of: handshake.start(), key: secret.key)
            #expect(time.map { Int64($0) } == 1_700_000_000 + offset)
        }
    }

    @Test("FakeTLS with an ordinary TLS server says so")
    func ordinaryServer() async throws {
        try await withDataCenter { dataCenter in
            let endpoint = try dataCenter.endpoint(for: .https)
            let hop = Hop.mtproxy(endpoint, secret: try Self.secret(.fakeTLS(domain: "localhost")))
            let error = await clientError {
                try await MTProtoClient.withConnection(
                    to: try Self.target(),
                    configuration: Self.configuration([hop])
                ) { _ in }
            }
            #expect(error?.code == .fakeTLS)
            #expect(error?.hop == 0)
            #expect(error?.isRetryable == false)
            #expect([.ordinaryTLSServer, .alert].contains((error?.underlying as? FakeTLSError)?.code))
        }
    }

    @Test("A proxy that says nothing to a wrong secret: the error names it")
    func wrongSecret() async throws {
        try await FaultyRelay.run(.blackHole) { proxy in
            let hop = Hop.mtproxy(proxy.endpoint, secret: try Self.secret(.plain))
            let error = await clientError {
                try await MTProtoClient.withConnection(
                    to: try Self.target(),
                    configuration: Self.configuration([hop]) { $0.timeouts.keyExchangeStep = .milliseconds(200) }
                ) { _ in }
            }
            #expect(error?.code == .timeout)
            #expect(error?.phase == .keyExchange)
            #expect(error?.message.contains("MTProxy \(proxy.endpoint) may not know this secret") == true)
        }
    }
}
