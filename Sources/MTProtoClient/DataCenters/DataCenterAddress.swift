// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession
public import MTProtoTransport

/// One address of a data centre, and what may be spoken there.
///
/// Specification: *TL schema of the API*, `dcOption`.
public struct DataCenterAddress: Sendable, Hashable, Codable {
    /// The data centre's number, 1 to 9999.
    public let number: Int16
    /// The address, a literal, and the port, 1 to 65535.
    public let socket: SocketEndpoint
    /// For the transfer of files only.
    public var isMediaOnly = false
    /// Only obfuscated TCP works here.
    public var isObfuscatedTCPOnly = false
    /// A data centre of the content delivery network, with RSA keys of its own.
    public var isCDN = false
    /// A fixed address, to be used through proxies.
    public var isStatic = false
    /// No other port may be tried.
    public var isThisPortOnly = false
    /// What is mixed into the keys of the obfuscation, as for an MTProxy: plain or padded.
    public var secret: ProxySecret?

    /// Makes an address.
    ///
    /// - Returns: `nil` when the number is not of `DataCenterIdentifier.numbers`, or the socket has a name or port 0.
    public init?(number: Int16, socket: SocketEndpoint) {
        guard DataCenterIdentifier.numbers.contains(number), socket.isAddress, socket.port != 0 else { return nil }
        self.number = number
        self.socket = socket
    }

    /// Reads an option as a server sends it.
    ///
    /// - Returns: `nil` when its number, address, port or secret is none.
    public init?(_ option: DataCenterOption) {
        guard let number = Int16(exactly: option.identifier),
            let socket = try? SocketEndpoint(host: option.address, port: Int(option.port))
        else { return nil }
        self.init(number: number, socket: socket)
        self.isMediaOnly = option.isMediaOnly
        self.isObfuscatedTCPOnly = option.isObfuscatedTCPOnly
        self.isCDN = option.isCDN
        self.isStatic = option.isStatic
        self.isThisPortOnly = option.isThisPortOnly
        if let bytes = option.secret {
            // Without it, or with FakeTLS around it, the server would not understand us.
            guard let secret = try? ProxySecret(bytes: bytes), secret.kind == .plain || secret.kind == .padded else {
                return nil
            }
            self.secret = secret
        }
    }

    /// Whether the address is an IPv6 one.
    public var isIPv6: Bool { self.socket.host.contains(":") }

    private enum CodingKeys: String, CodingKey {
        case number, address, port, isMediaOnly, isObfuscatedTCPOnly, isCDN, isStatic, isThisPortOnly, secret
    }

    /// Decodes what ``encode(to:)`` encoded.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        var option = DataCenterOption(
            identifier: Int32(try container.decode(Int16.self, forKey: .number)),
            address: try container.decode(String.self, forKey: .address),
            port: Int32(try container.decode(UInt16.self, forKey: .port)),
            secret: try container.decodeIfPresent([UInt8].self, forKey: .secret)
        )
        option.isMediaOnly = try container.decodeIfPresent(Bool.self, forKey: .isMediaOnly) ?? false
        option.isObfuscatedTCPOnly = try container.decodeIfPresent(Bool.self, forKey: .isObfuscatedTCPOnly) ?? false
        option.isCDN = try container.decodeIfPresent(Bool.self, forKey: .isCDN) ?? false
        option.isStatic = try container.decodeIfPresent(Bool.self, forKey: .isStatic) ?? false
        option.isThisPortOnly = try container.decodeIfPresent(Bool.self, forKey: .isThisPortOnly) ?? false
        guard let address = DataCenterAddress(option) else {
            throw DecodingError.dataCorruptedError(
                forKey: .address,
                in: container,
                debugDescription: "not an address of a data centre"
            )
        }
        self = address
    }

    /// Encodes the address; switches only where they are on.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.number, forKey: .number)
        try container.encode(self.socket.host, forKey: .address)
        try container.encode(self.socket.port, forKey: .port)
        let switches: [(CodingKeys, Bool)] = [
            (.isMediaOnly, self.isMediaOnly), (.isObfuscatedTCPOnly, self.isObfuscatedTCPOnly), (.isCDN, self.isCDN),
            (.isStatic, self.isStatic), (.isThisPortOnly, self.isThisPortOnly),
        ]
        for (key, isOn) in switches where isOn { try container.encode(true, forKey: key) }
        try container.encodeIfPresent(self.secret?.rawBytes(), forKey: .secret)
    }
}
