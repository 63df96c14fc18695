// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoSession
import MTProtoTransport
import Testing

@Suite struct EndpointPolicyTests {
    private static func option(
        _ address: String,
        _ port: Int32 = 443,
        _ change: (inout DataCenterOption) -> Void = { _ in }
    )
        -> DataCenterOption
    {
        var option = DataCenterOption(identifier: 2, address: address, port: port)
        option.isIPv6 = address.contains(":")
        change(&option)
        return option
    }

    private static func options(_ list: DataCenterOption...) -> DataCenterOptions {
        var options = DataCenterOptions.builtIn
        let refusedCount = options.update(list, isTest: false)
        #expect(refusedCount == 0)
        return options
    }

    private static func texts(
        _ transport: ClientTransport,
        _ options: DataCenterOptions = .builtIn,
        number: Int16 = 2,
        isTest: Bool = false,
        isMedia: Bool = false,
        isProxied: Bool = false,
        _ change: (inout EndpointPolicy) -> Void = { _ in }
    ) -> [String] {
        var policy = EndpointPolicy()
        change(&policy)
        return policy.choices(
            for: DataCenterIdentifier(number, isTest: isTest, isMedia: isMedia),
            options: options,
            transport: transport,
            isProxied: isProxied
        ).map { "\($0.target)" }
    }

    @Test("TCP: the families take turns, and every first port comes before the second ones")
    func ports() {
        #expect(
            Self.texts(.tcp(), number: 1) == [
                "149.154.175.50:443", "[2001:b28:f23d:f001::a]:443",
                "149.154.175.50:80", "[2001:b28:f23d:f001::a]:80",
                "149.154.175.50:5222", "[2001:b28:f23d:f001::a]:5222",
            ]
        )
        #expect(
            Self.texts(.tcp(), Self.options(Self.option("192.0.2.1", 8443)))
                == ["192.0.2.1:8443", "192.0.2.1:443", "192.0.2.1:80", "192.0.2.1:5222"]
        )
        #expect(
            Self.texts(.tcp(), Self.options(Self.option("192.0.2.1", 80)))
                == ["192.0.2.1:80", "192.0.2.1:443", "192.0.2.1:5222"]
        )
    }

    @Test("An address of one port only gets no other")
    func thisPortOnly() {
        let options = Self.options(Self.option("192.0.2.1", 8443) { $0.isThisPortOnly = true })
        #expect(Self.texts(.tcp(), options) == ["192.0.2.1:8443"])
        #expect(Self.texts(.webSocket(tls: false), options).isEmpty)
        #expect(Self.texts(.http, options).isEmpty)
        let standard = Self.options(Self.option("192.0.2.1", 80) { $0.isThisPortOnly = true })
        #expect(Self.texts(.http, standard) == ["http://192.0.2.1:80/api"])
    }

    @Test("IPv6 comes first where it is preferred or demanded, and not at all where it is not to be used")
    func families() {
        var demanded = DataCenterOptions.builtIn
        demanded.forcesIPv6 = true
        #expect(
            Self.texts(.tcp(), demanded, number: 1).prefix(2) == ["[2001:b28:f23d:f001::a]:443", "149.154.175.50:443"]
        )
        #expect(Self.texts(.tcp(), number: 1) { $0.prefersIPv6 = true }.first == "[2001:b28:f23d:f001::a]:443")
        #expect(
            Self.texts(.tcp(), number: 1) { $0.usesIPv6 = false } == [443, 80, 5222].map { "149.154.175.50:\($0)" }
        )
        #expect(Self.texts(.http, number: 1) { $0.usesIPv4 = false } == ["http://[2001:b28:f23d:f001::a]:80/api"])
    }

    @Test("Plain WebSockets and HTTP have the addresses and port 80, TLS has the names and port 443")
    func carriers() {
        #expect(
            Self.texts(.webSocket(tls: false), number: 4)
                == ["ws://149.154.167.91:80/apiws", "ws://[2001:67c:4e8:f004::a]:80/apiws"]
        )
        #expect(Self.texts(.webSocket()) == ["wss://venus.web.telegram.org:443/apiws"])
        #expect(Self.texts(.https, isMedia: true) == ["https://venus-1.web.telegram.org:443/api"])
        #expect(Self.texts(.webSocket(), isTest: true) == ["wss://venus.web.telegram.org:443/apiws_test"])
        #expect(Self.texts(.tcp(), isTest: true).first == "149.154.167.40:443")
        #expect(Self.texts(.https, number: 203).isEmpty)
        #expect(Self.texts(.tcp(), number: 203).isEmpty)
        #expect(Self.texts(.tcp(), number: 4, isTest: true).isEmpty)
    }

    @Test("Where only obfuscated TCP works there is nothing else, and plain TCP is obfuscated")
    func obfuscatedTCPOnly() {
        let options = Self.options(Self.option("192.0.2.1") { $0.isObfuscatedTCPOnly = true })
        let choices = EndpointPolicy().choices(
            for: DataCenterIdentifier(2),
            options: options,
            transport: .tcp(.abridged)
        )
        #expect(choices.count == 3)
        #expect(choices.allSatisfy { $0.target.transport == .tcp(.abridged, obfuscated: true) })
        #expect(Self.texts(.tcp(.full), options).isEmpty)
        #expect(Self.texts(.webSocket(tls: false), options).isEmpty)
        #expect(Self.texts(.http, options).isEmpty)
        // The names are others' servers.
        #expect(Self.texts(.https, options) == ["https://venus.web.telegram.org:443/api"])
    }

    @Test("A secret goes with its address; one that demands padding gets it")
    func secrets() throws {
        let key = Array(repeating: UInt8(7), count: 16)
        let options = Self.options(
            Self.option("192.0.2.1") { $0.secret = key },
            Self.option("192.0.2.2") { $0.secret = [0xdd] + key }
        )
        let choices = EndpointPolicy().choices(for: DataCenterIdentifier(2), options: options, transport: .tcp())
        #expect(choices[0].target.transport == .tcp(.intermediate, obfuscated: true))
        #expect(choices[0].secret == (try ProxySecret(bytes: key)))
        #expect(choices[1].target.transport == .tcp(.paddedIntermediate, obfuscated: true))
        #expect(choices[1].secret?.kind == .padded)
        #expect(Self.texts(.http, options).isEmpty)
    }

    @Test("Media: its own addresses first, then the others; else they are left out; so are those of content delivery")
    func kinds() {
        let options = Self.options(
            Self.option("192.0.2.1"),
            Self.option("192.0.2.2") { $0.isMediaOnly = true },
            Self.option("192.0.2.3") { $0.isCDN = true }
        )
        #expect(Self.texts(.http, options) == ["http://192.0.2.1:80/api"])
        #expect(Self.texts(.http, options, isMedia: true) == ["http://192.0.2.2:80/api", "http://192.0.2.1:80/api"])
        let delivery = Self.options(Self.option("192.0.2.3") { $0.isCDN = true })
        #expect(Self.texts(.http, delivery) == ["http://192.0.2.3:80/api"])
    }

    @Test("Through proxies the fixed addresses are used, where there are any")
    func fixed() {
        let options = Self.options(Self.option("192.0.2.1"), Self.option("192.0.2.2") { $0.isStatic = true })
        #expect(Self.texts(.http, options) == ["http://192.0.2.1:80/api", "http://192.0.2.2:80/api"])
        #expect(Self.texts(.http, options, isProxied: true) == ["http://192.0.2.2:80/api"])
        #expect(Self.texts(.http, isProxied: true).count == 3)
        // Only those that the transport can use count.
        let useless = Self.options(
            Self.option("192.0.2.1"),
            Self.option("192.0.2.2") {
                $0.isStatic = true
                $0.isObfuscatedTCPOnly = true
            },
            Self.option("192.0.2.3") {
                $0.isStatic = true
                $0.isThisPortOnly = true
            }
        )
        #expect(Self.texts(.http, useless, isProxied: true) == ["http://192.0.2.1:80/api"])
        #expect(Self.texts(.tcp(), useless, isProxied: true).first == "192.0.2.2:443")
    }

    @Test("A list of one's own leads nowhere else")
    func own() throws {
        let address = try #require(DataCenterAddress(number: 2, socket: SocketEndpoint("192.0.2.1:443")))
        let options = DataCenterOptions(production: [address], test: [])
        #expect(Self.texts(.http, options) == ["http://192.0.2.1:80/api"])
        #expect(Self.texts(.http, options, number: 4).isEmpty)
        #expect(Self.texts(.http, options, isTest: true).isEmpty)
        // Not to Telegram's names either.
        #expect(Self.texts(.webSocket(), options).isEmpty)
        #expect(Self.texts(.https, options).isEmpty)
    }

    @Test("The server's list replaces ours; what is unusable is left out, and what it does not name stays built in")
    func update() throws {
        var options = DataCenterOptions.builtIn
        var config = Config(date: 1, expires: 99, isTest: false, thisDataCenter: 2, options: [])
        config.forcesIPv6 = true
        config.options = [
            Self.option("192.0.2.1"),
            Self.option("not an address"), Self.option("example.com"), Self.option("192.0.2.1", 0),
            Self.option("192.0.2.1", 65_536), Self.option("192.0.2.1", -1),
            Self.option("192.0.2.1") { $0.secret = [1, 2, 3] },
            Self.option("192.0.2.1") { $0.identifier = 0 }, Self.option("192.0.2.1") { $0.identifier = 70_000 },
        ]
        #expect(options.update(from: config) == 8)
        #expect(options.production.expiresAt == 99)
        #expect(options.forcesIPv6)
        #expect(options.production.addresses.map { "\($0.socket)" } == ["192.0.2.1:443"])
        #expect(options.test == DataCenterOptions.builtIn.test)
        #expect(Self.texts(.tcp(), options, number: 4).contains("149.154.167.91:443"))
        // Nothing usable: what was known stays.
        #expect(options.update([Self.option("?")], isTest: false) == 1)
        #expect(options.production.addresses.count == 1)
        let many = (0..<2_000).map { Self.option("192.0.2.\($0 % 250 + 1)", Int32($0 + 1)) }
        #expect(options.update(many, isTest: true) == 2_000 - DataCenterOptions.maximumAddressCount)
        #expect(options.test.addresses.count == DataCenterOptions.maximumAddressCount)
    }
}
