// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import Testing

@testable import MTProtoClient

/// Target × strategy × routes → what is tried, in which order.
@Suite struct CandidateListTests {
    private static let now: Int64 = 1_000_000

    private static func list(
        _ target: ConnectionTarget? = nil,
        at now: Int64 = Self.now,
        _ change: (inout ClientConfiguration) throws -> Void = { _ in }
    ) throws -> CandidateList {
        var configuration = ClientConfiguration()
        try change(&configuration)
        return try CandidateList(
            target: try target ?? .dataCenter(2),
            configuration: configuration,
            at: now
        )
    }

    /// The endpoints of each rung.
    private static func endpoints(_ list: CandidateList) -> [[String]] {
        list.rungs.map { $0.map { "\($0.chain.target)" } }
    }

    private static func address(
        _ text: String,
        _ change: (inout DataCenterAddress) throws -> Void = { _ in }
    ) throws -> DataCenterAddress {
        var address = try #require(DataCenterAddress(number: 2, socket: try SocketEndpoint(text)))
        try change(&address)
        return address
    }

    private static func failure(_ body: () throws -> CandidateList) -> MTProtoClientError? {
        #expect(throws: MTProtoClientError.self) { _ = try body() }
    }

    @Test("Without a strategy: one transport at all addresses, the families in turns")
    func plain() throws {
        let list = try Self.list()
        #expect(list.rungs.count == 1)
        #expect(list.count == 9)
        #expect(
            Self.endpoints(list)[0].prefix(4) == [
                "149.154.167.51:443", "[2001:67c:4e8:f002::a]:443", "95.161.76.100:443", "149.154.167.51:80",
            ]
        )
        #expect(list.rungs[0].allSatisfy { $0.chain.target.transport == .tcp() && $0.route == .direct })
    }

    @Test("The best endpoint of each transport and route comes before all second ones")
    func order() throws {
        let proxy = Route([.socks5(try SocketEndpoint("127.0.0.1:1"))])
        let list = try Self.list {
            $0.strategy = .race([.tcp(), .webSocket(), .http])
            $0.routes = [.direct, proxy]
            $0.endpointPolicy.usesIPv6 = false
        }
        let ways = list.rungs[0].map(\.way)
        let ends = [
            "tcp, intermediate, plain to 149.154.167.51:443",
            "wss, intermediate, obfuscated to wss://venus.web.telegram.org:443/apiws",
            "http to http://149.154.167.51:80/api",
        ]
        let best = ends.flatMap { end in [end + " by direct", end + " by SOCKS5 proxy 127.0.0.1:1"] }
        #expect(Array(ways.prefix(6)) == best)
        #expect(ways[6] == "tcp, intermediate, plain to 95.161.76.100:443 by direct")
        #expect(Set(ways).count == ways.count)
        #expect(ways.count { $0.hasPrefix("wss") } == 2)
    }

    @Test("The rungs of a ladder; empty ones are left out")
    func ladder() throws {
        let list = try Self.list { $0.strategy = .ladder() }
        #expect(list.rungs.map { Set($0.map(\.chain.target.transport.carrier)) } == [[.tcp], [.wss], [.https]])
        #expect(list.rungs[0].allSatisfy { $0.chain.target.transport == .tcp(.intermediate, obfuscated: true) })
        #expect(
            Self.endpoints(list)[1...] == [
                ["wss://venus.web.telegram.org:443/apiws"], ["https://venus.web.telegram.org:443/api"],
            ]
        )
        let fallback = try Self.list { $0.strategy = .tcpWithWebSocketFallback }
        #expect(fallback.rungs.count == 2)
        let sparse = try Self.list { $0.strategy = ConnectionStrategy(rungs: [[], [.https], []]) }
        #expect(sparse.rungs.count == 1)
        // What a rung has in common with one before it is tried once.
        let doubled = try Self.list {
            $0.strategy = ConnectionStrategy(rungs: [[.https, .https], [.https, .webSocket()]])
        }
        #expect(doubled.rungs.map(\.count) == [1, 1])
    }

    @Test("Media and test data centres")
    func kinds() throws {
        let media = try Self.list(.dataCenter(2, isMedia: true)) { $0.strategy = .ladder() }
        #expect(Self.endpoints(media)[1] == ["wss://venus-1.web.telegram.org:443/apiws"])
        let test = try Self.list(.dataCenter(3, isTest: true)) { $0.strategy = .ladder() }
        #expect(Self.endpoints(test)[0].first == "149.154.175.117:443")
        #expect(Self.endpoints(test)[2] == ["https://aurora.web.telegram.org:443/api_test"])
    }

    @Test("IPv6 first, where the options or the policy say so")
    func families() throws {
        for isDemanded in [false, true] {
            let list = try Self.list {
                if isDemanded {
                    $0.dataCenterOptions.forcesIPv6 = true
                } else {
                    $0.endpointPolicy.prefersIPv6 = true
                }
            }
            #expect(Self.endpoints(list)[0].first == "[2001:67c:4e8:f002::a]:443")
        }
    }

    @Test("A target that is an endpoint has one candidate for each transport that can be there")
    func endpoint() throws {
        let socket = ConnectionTarget.endpoint(try SocketEndpoint("192.0.2.1:4430"))
        let list = try Self.list(socket) { $0.strategy = .ladder() }
        #expect(
            Self.endpoints(list)
                == [["192.0.2.1:4430"], ["wss://192.0.2.1:4430/apiws"], ["https://192.0.2.1:4430/api"]]
        )
        // A URI says the carrier itself: nothing is left to climb.
        let uri = ConnectionTarget.endpoint(try Endpoint("wss://192.0.2.1:4430/apiws"))
        #expect(try Self.list(uri) { $0.strategy = .ladder() }.count == 1)
    }

    @Test("An option's secret, and that only obfuscated TCP works there, reach the chain")
    func options() throws {
        let secret = try ProxySecret(kind: .padded, key: Bytes16())
        let addresses = [
            try Self.address("192.0.2.1:443") { $0.isThisPortOnly = true },
            try Self.address("192.0.2.2:443") {
                $0.isThisPortOnly = true
                $0.isObfuscatedTCPOnly = true
            },
            try Self.address("192.0.2.3:443") {
                $0.isThisPortOnly = true
                $0.secret = secret
            },
        ]
        let candidates = try Self.list {
            $0.dataCenterOptions = DataCenterOptions(isTelegram: true, production: addresses, test: [])
        }.rungs[0]
        #expect(candidates.map(\.chain.secret) == [nil, nil, secret])
        #expect(
            candidates.map(\.chain.target.transport)
                == [.tcp(), .tcp(.intermediate, obfuscated: true), .tcp(.paddedIntermediate, obfuscated: true)]
        )
        #expect(candidates.allSatisfy { !$0.way.contains("0000") })
    }

    // MARK: Proxies

    private static func mtproxy(_ kind: ProxySecret.Kind = .plain) throws -> Route {
        [.mtproxy(try SocketEndpoint("127.0.0.1:1"), secret: try ProxySecret(kind: kind, key: Bytes16()))]
    }

    @Test("By an MTProxy there is one candidate, whatever addresses the data centre has, and only TCP")
    func mtproxy() throws {
        let list = try Self.list {
            $0.strategy = .ladder()
            $0.routes = [try Self.mtproxy()]
        }
        #expect(list.rungs.map(\.count) == [1])
        #expect(list.rungs[0][0].way == "tcp, intermediate, obfuscated by MTProxy 127.0.0.1:1")
        // What the addresses want of the transport makes no difference.
        let addresses = [
            try Self.address("192.0.2.1:443"),
            try Self.address("192.0.2.2:443") { $0.secret = try ProxySecret(kind: .padded, key: Bytes16()) },
        ]
        let other = try Self.list {
            $0.dataCenterOptions = DataCenterOptions(isTelegram: true, production: addresses, test: [])
            $0.routes = [try Self.mtproxy()]
        }
        #expect(other.count == 1)
        // Two transports that become the same are one.
        let padded = try Self.list {
            $0.strategy = .race([.tcp(), .tcp(.abridged), .tcp(.abridged, obfuscated: true)])
            $0.routes = [try Self.mtproxy(.padded)]
        }
        #expect(padded.count == 1)
        #expect(padded.rungs[0][0].chain.target.transport == .tcp(.paddedIntermediate, obfuscated: true))
    }

    @Test("Other routes stay beside an MTProxy's; when nothing is left, the first reason is told")
    func impossible() throws {
        let list = try Self.list {
            $0.strategy = .ladder()
            $0.routes = [try Self.mtproxy(), .direct]
            $0.endpointPolicy.usesIPv6 = false
        }
        #expect(list.rungs.map(\.count) == [1 + 6, 1, 1])
        let error = Self.failure {
            try Self.list {
                $0.strategy = .race([.webSocket(), .https])
                $0.routes = [try Self.mtproxy()]
            }
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.hop == 0)
        #expect(error?.message.contains("wss, intermediate, obfuscated") == true)
        for strategy in [ConnectionStrategy(rungs: []), ConnectionStrategy(rungs: [[]])] {
            #expect(Self.failure { try Self.list { $0.strategy = strategy } }?.code == .invalidConfiguration)
        }
        #expect(Self.failure { try Self.list { $0.routes = [] } }?.code == .invalidConfiguration)
        #expect(
            Self.failure { try Self.list { $0.strategy = .transport(.tcp(.full, obfuscated: true)) } }?.phase
                == .transportHandshake
        )
    }

    @Test("The same route twice is one; another password or secret makes another")
    func duplicates() throws {
        let proxy = try SocketEndpoint("127.0.0.1:1")
        func route(_ password: String) throws -> Route {
            [.socks5(proxy, credentials: try ProxyCredentials(username: "alice", password: password))]
        }
        let list = try Self.list {
            $0.strategy = .transport(.https)
            $0.routes = [try route("one"), try route("one"), try route("two")]
        }
        #expect(list.count == 2)
        #expect(list.rungs[0].allSatisfy { !$0.way.contains("alice") && !$0.way.contains("one") })
    }

    @Test("A data centre that nobody knows, and values of HTTP that cannot be")
    func refused() throws {
        let unknown = Self.failure { try Self.list(.dataCenter(6)) }
        #expect(unknown?.code == .invalidConfiguration)
        #expect(unknown?.message == "there is no data centre 6")
        #expect(Self.failure { try Self.list(.dataCenter(4, isTest: true)) { $0.strategy = .ladder() } } != nil)
        let http = Self.failure {
            try Self.list {
                $0.strategy = .ladder()
                $0.http.queryConnectionCount = 65
            }
        }
        #expect(http?.message.contains("queryConnectionCount") == true)
        // Where there is no HTTP, nobody minds.
        _ = try Self.list {
            $0.strategy = .tcpWithWebSocketFallback
            $0.http.queryConnectionCount = 65
        }
        let unreachable = Self.failure {
            try Self.list {
                $0.endpointPolicy.usesIPv4 = false
                $0.endpointPolicy.usesIPv6 = false
            }
        }
        #expect(unreachable?.message.contains("does not reach data centre") == true)
    }

    // MARK: Bounds and what is learned

    @Test("At most 64, and a long group leaves room for those behind it")
    func bounds() throws {
        let addresses = try (1...40).map { try Self.address("192.0.2.\($0):443") }
        let list = try Self.list {
            $0.dataCenterOptions = DataCenterOptions(isTelegram: true, production: addresses, test: [])
            $0.strategy = .ladder([.tcp(), .http, .webSocket(), .https])
        }
        #expect(list.rungs.map(\.count) == [54, 8, 1, 1])
        #expect(list.count == CandidateList.maximumCount)
        let many = try Self.list {
            $0.dataCenterOptions = DataCenterOptions(isTelegram: true, production: addresses, test: [])
            $0.strategy = ConnectionStrategy(
                rungs: ClientTransport.all.filter { !$0.carrier.isSecure }.flatMap { transport in
                    (1...10).map { _ in [transport] }
                }
            )
        }
        #expect(many.count == CandidateList.maximumCount)
        #expect(many.rungs.allSatisfy { !$0.isEmpty })
        // What is known to work is among them, wherever the policy has it.
        let last = try Self.list {
            $0.dataCenterOptions = DataCenterOptions(isTelegram: true, production: addresses, test: [])
            $0.learned.update {
                $0.succeeded("tcp, intermediate, plain to 192.0.2.40:5222 by direct", roundTrip: .zero, at: Self.now)
            }
        }
        #expect(Self.endpoints(last)[0].first == "192.0.2.40:5222")
    }

    @Test("What worked comes first within its rung, what failed lately last")
    func learned() throws {
        let list = try Self.list {
            $0.endpointPolicy.usesIPv6 = false
            $0.learned.update {
                $0.failed("tcp, intermediate, plain to 149.154.167.51:443 by direct", at: Self.now - 10)
                $0.succeeded(
                    "tcp, intermediate, plain to 95.161.76.100:80 by direct",
                    roundTrip: .milliseconds(300),
                    at: Self.now - 10
                )
            }
        }
        #expect(
            Self.endpoints(list)[0] == [
                "95.161.76.100:80", "95.161.76.100:443", "149.154.167.51:80", "149.154.167.51:5222",
                "95.161.76.100:5222", "149.154.167.51:443",
            ]
        )
    }

    @Test("A rung that has failed lately lets the others go first, until that is forgotten or something in it works")
    func failedRung() throws {
        let first = "tcp, intermediate, obfuscated to 149.154.167.51:443 by direct"
        let second = "tcp, intermediate, obfuscated to 95.161.76.100:443 by direct"
        let webSocket = "wss, intermediate, obfuscated to wss://venus.web.telegram.org:443/apiws by direct"
        func carriers(
            at now: Int64 = Self.now,
            _ change: (inout EndpointStatistics) -> Void
        ) throws -> [Endpoint.Scheme?] {
            try Self.list(at: now) {
                $0.strategy = .ladder()
                $0.learned.update(change)
            }.rungs.map { $0.first?.chain.target.transport.carrier }
        }
        #expect(try carriers { _ in } == [.tcp, .wss, .https])
        // Not everything in it need have been tried.
        #expect(try carriers { $0.failed(first, at: Self.now) } == [.wss, .https, .tcp])
        #expect(try carriers(at: Self.now + 60) { $0.failed(first, at: Self.now) } == [.tcp, .wss, .https])
        #expect(
            try carriers {
                $0.failed(first, at: Self.now)
                $0.succeeded(second, roundTrip: .seconds(1), at: Self.now)
            } == [.tcp, .wss, .https]
        )
        #expect(
            try carriers {
                $0.failed(first, at: Self.now)
                $0.failed(webSocket, at: Self.now)
            } == [.https, .tcp, .wss]
        )
    }
}
