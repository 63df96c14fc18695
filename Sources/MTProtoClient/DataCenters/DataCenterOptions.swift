// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession
public import MTProtoTransport

/// The addresses of the data centres: those built in, until a server has told newer ones.
///
/// Specification: *TL schema of the API*, `config`; *Calling API methods*.
public struct DataCenterOptions: Sendable, Hashable, Codable {
    /// The most addresses that are kept of one environment; a server that tells more is not believed beyond.
    public static let maximumAddressCount = 512

    /// What is known of the production or the test environment.
    public struct Environment: Sendable, Hashable, Codable {
        /// The addresses, in the server's order.
        public fileprivate(set) var addresses: [DataCenterAddress]
        /// When to ask for newer ones: seconds since 1970 by the server's clock; `nil` when no server has told any.
        public fileprivate(set) var expiresAt: Int32?

        init(_ addresses: [DataCenterAddress]) {
            self.addresses = Array(addresses.prefix(DataCenterOptions.maximumAddressCount))
        }

        private enum CodingKeys: String, CodingKey {
            case addresses, expiresAt
        }

        /// Decodes what was encoded; addresses that cannot be read are left out, and those beyond the most that are kept.
        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            var list = try container.nestedUnkeyedContainer(forKey: .addresses)
            var addresses: [DataCenterAddress] = []
            while !list.isAtEnd, addresses.count < DataCenterOptions.maximumAddressCount {
                let entry = try list.superDecoder()
                if let address = try? DataCenterAddress(from: entry) { addresses.append(address) }
            }
            self.init(addresses)
            self.expiresAt = try container.decodeIfPresent(Int32.self, forKey: .expiresAt)
        }
    }

    /// The production data centres.
    public private(set) var production: Environment
    /// The test data centres.
    public private(set) var test: Environment
    /// Whether IPv6 addresses are to be tried first, whatever works: as a production server says.
    public var forcesIPv6 = false
    /// Whether a data centre without an address here has those built in: so with ``builtIn`` and what servers made of it.
    let isTelegram: Bool

    /// Telegram's data centres as they were when this version was made.
    public static let builtIn = DataCenterOptions(
        isTelegram: true,
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

    /// Makes a list of one's own: what it does not name is not reached. At most ``maximumAddressCount`` addresses of each
    /// environment are kept.
    public init(production: [DataCenterAddress], test: [DataCenterAddress]) {
        self.init(isTelegram: false, production: production, test: test)
    }

    init(isTelegram: Bool, production: [DataCenterAddress], test: [DataCenterAddress]) {
        self.isTelegram = isTelegram
        self.production = Environment(production)
        self.test = Environment(test)
    }

    /// Takes the addresses over that a server tells.
    ///
    /// - Returns: how many of its options were left out, because they are unusable or too many.
    @discardableResult
    public mutating func update(from config: Config) -> Int {
        // The test environment may not say so for the other one.
        if !config.isTest { self.forcesIPv6 = config.forcesIPv6 }
        return self.update(config.options, isTest: config.isTest, expiresAt: config.expires)
    }

    /// Takes a new list over, such as that of `updateDcOptions`.
    ///
    /// - Parameters:
    ///   - options: replaces what is known of the environment; when none of them is usable, what is known stays.
    ///   - isTest: which environment it is of.
    ///   - expiresAt: when to ask for newer ones, seconds since 1970 by the server's clock; `nil` leaves that as it is.
    /// - Returns: how many were left out, because they are unusable or too many.
    @discardableResult
    public mutating func update(_ options: [DataCenterOption], isTest: Bool, expiresAt: Int32? = nil) -> Int {
        var environment = Environment(options.compactMap(DataCenterAddress.init))
        environment.expiresAt = expiresAt ?? (isTest ? self.test : self.production).expiresAt
        if !environment.addresses.isEmpty {
            if isTest { self.test = environment } else { self.production = environment }
        }
        return options.count - environment.addresses.count
    }

    /// The addresses of a data centre that may serve; for Telegram's those built in when no server has told any.
    ///
    /// For media the addresses that serve nothing else come first, then the others; else those are left out. Addresses of the
    /// content delivery network are left out unless the data centre has no others.
    public func addresses(of dataCenter: DataCenterIdentifier) -> [DataCenterAddress] {
        let known = self.matching(dataCenter)
        return known.isEmpty && self.isTelegram ? Self.builtIn.matching(dataCenter) : known
    }

    private func matching(_ dataCenter: DataCenterIdentifier) -> [DataCenterAddress] {
        let all = (dataCenter.isTest ? self.test : self.production).addresses.filter { $0.number == dataCenter.number }
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
