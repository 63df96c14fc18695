// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession
public import MTProtoTransport

/// The addresses of the data centres: those built in, until a server has told newer ones.
///
/// Specification: *TL schema of the API*, `config`; *Calling API methods*.
public struct DataCenterOptions: Sendable, Hashable, Codable {
    /// The most addresses that are kept of one environment; a server that tells more is not believed beyond.
    public static let maximumAddressCount = 512

    /// The addresses of the production data centres, in the server's order.
    public private(set) var production: [DataCenterAddress]
    /// The addresses of the test data centres, in the server's order.
    public private(set) var test: [DataCenterAddress]
    /// Whether IPv6 addresses are to be tried first, whatever works.
    public var forcesIPv6 = false
    /// When to ask for newer ones: seconds since 1970 by the server's clock; `nil` for those built in.
    public private(set) var expiresAt: Int32?

    /// Telegram's data centres as they were when this version was made.
    public static let builtIn = DataCenterOptions(
        production: DataCenterOptions.addresses([
            (1, ["149.154.175.50", "2001:b28:f23d:f001::a"]),
            (2, ["149.154.167.51", "95.161.76.100", "2001:67c:4e8:f002::a"]),
            (3, ["149.154.175.100", "2001:b28:f23d:f003::a"]),
            (4, ["149.154.167.91", "2001:67c:4e8:f004::a"]),
            (5, ["149.154.171.5", "2001:b28:f23f:f005::a"]),
        ]),
        test: DataCenterOptions.addresses([
            (1, ["149.154.175.10", "2001:b28:f23d:f001::e"]),
            (2, ["149.154.167.40", "2001:67c:4e8:f002::e"]),
            (3, ["149.154.175.117", "2001:b28:f23d:f003::e"]),
        ])
    )

    /// Makes a list of one's own; at most ``maximumAddressCount`` addresses of each environment are kept.
    public init(production: [DataCenterAddress], test: [DataCenterAddress]) {
        self.production = Array(production.prefix(Self.maximumAddressCount))
        self.test = Array(test.prefix(Self.maximumAddressCount))
    }

    /// Takes the addresses over that a server tells.
    ///
    /// - Returns: how many of its options are unusable and were left out.
    @discardableResult
    public mutating func update(from config: Config) -> Int {
        self.forcesIPv6 = config.forcesIPv6
        self.expiresAt = config.expires
        return self.update(config.options, isTest: config.isTest)
    }

    /// Takes a new list over, such as that of `updateDcOptions`.
    ///
    /// - Parameters:
    ///   - options: replaces what is known of the environment; when none of them is usable, what is known stays.
    ///   - isTest: which environment it is of.
    /// - Returns: how many are unusable and were left out.
    @discardableResult
    public mutating func update(_ options: [DataCenterOption], isTest: Bool) -> Int {
        let usable = options.lazy.compactMap(DataCenterAddress.init).prefix(Self.maximumAddressCount)
        let addresses = Array(usable)
        if !addresses.isEmpty {
            if isTest { self.test = addresses } else { self.production = addresses }
        }
        return options.count - addresses.count
    }

    /// The addresses of a data centre that may serve; those built in when no server has told any.
    ///
    /// For media the addresses that serve nothing else come first, then the others; else those are left out. Addresses of the
    /// content delivery network are left out unless the data centre has no others.
    public func addresses(of dataCenter: DataCenterIdentifier) -> [DataCenterAddress] {
        let known = self.matching(dataCenter)
        return known.isEmpty && self != .builtIn ? Self.builtIn.matching(dataCenter) : known
    }

    private func matching(_ dataCenter: DataCenterIdentifier) -> [DataCenterAddress] {
        let all = (dataCenter.isTest ? self.test : self.production).filter { $0.number == dataCenter.number }
        let ordinary = all.filter { !$0.isCDN }
        let usable = ordinary.isEmpty ? all : ordinary
        guard dataCenter.isMedia else { return usable.filter { !$0.isMediaOnly } }
        return usable.filter(\.isMediaOnly) + usable.filter { !$0.isMediaOnly }
    }

    private static func addresses(_ table: [(number: Int16, hosts: [String])]) -> [DataCenterAddress] {
        table.flatMap { entry in
            entry.hosts.compactMap { host in
                (try? SocketEndpoint(host: host, port: 443)).flatMap {
                    DataCenterAddress(number: entry.number, socket: $0)
                }
            }
        }
    }
}
