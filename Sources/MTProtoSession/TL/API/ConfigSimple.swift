// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// An IPv4 address and a port.
///
/// `ipPort#d433ad73 ipv4:int port:int = IpPort`, and with a secret
/// `ipPortSecret#37982646 ipv4:int port:int secret:bytes = IpPort`.
///
/// Specification: *TL schema of the API*.
public struct IPPort: TLBoxed, Hashable {
    private static let plain: UInt32 = 0xd433_ad73
    private static let withSecret: UInt32 = 0x3798_2646

    /// The address as a number: 127.0.0.1 is 0x7f000001.
    public var address: UInt32
    /// The port.
    public var port: Int32
    /// The secret of the obfuscation.
    public var secret: [UInt8]?

    /// Makes the value from its fields.
    public init(address: UInt32, port: Int32, secret: [UInt8]? = nil) {
        self.address = address
        self.port = port
        self.secret = secret
    }

    /// Reads one of the two constructors and its fields.
    public static func read(from reader: inout TLReader) throws(TLError) -> IPPort {
        let constructor = try reader.readConstructor()
        guard constructor == Self.plain || constructor == Self.withSecret else {
            throw .unexpectedConstructor(constructor)
        }
        var value = IPPort(address: try reader.readUInt32(), port: try reader.readInt32())
        if constructor == Self.withSecret { value.secret = try reader.readByteArray() }
        return value
    }

    /// Writes the constructor that ``secret`` asks for, and the fields.
    public func write(to buffer: inout ByteBuffer) {
        buffer.writeTLUInt32(self.secret == nil ? Self.plain : Self.withSecret)
        buffer.writeTLUInt32(self.address)
        buffer.writeTLInt32(self.port)
        if let secret = self.secret { buffer.writeTLBytes(secret) }
    }
}

/// Addresses of a data centre for some telephone numbers.
///
/// `accessPointRule#4679b65f phone_prefix_rules:string dc_id:int ips:vector<IpPort> = AccessPointRule`
///
/// Specification: *TL schema of the API*.
public struct AccessPointRule: TLObject, Hashable {
    /// `accessPointRule`.
    public static let constructor: UInt32 = 0x4679_b65f

    /// The prefixes of the telephone numbers that the rule is for.
    public var phonePrefixRules: String
    /// The data centre.
    public var dataCenter: Int32
    /// Its addresses.
    public var addresses: [IPPort]

    /// Makes the value from its fields.
    public init(phonePrefixRules: String, dataCenter: Int32, addresses: [IPPort]) {
        self.phonePrefixRules = phonePrefixRules
        self.dataCenter = dataCenter
        self.addresses = addresses
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.phonePrefixRules = try reader.readString()
        self.dataCenter = try reader.readInt32()
        self.addresses = try reader.readBareVector(of: IPPort.self)
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes(self.phonePrefixRules)
        buffer.writeTLInt32(self.dataCenter)
        buffer.writeTLBareVector(self.addresses)
    }
}

/// The configuration that clients find outside of the protocol when nothing else can be reached.
///
/// `help.configSimple#5a592a6c date:int expires:int rules:vector<AccessPointRule> = help.ConfigSimple`
///
/// Specification: *TL schema of the API*.
public struct ConfigSimple: TLObject, Hashable {
    /// `help.configSimple`.
    public static let constructor: UInt32 = 0x5a59_2a6c

    /// When it was made, seconds since 1970.
    public var date: Int32
    /// When it ends, seconds since 1970.
    public var expires: Int32
    /// The rules.
    public var rules: [AccessPointRule]

    /// Makes the value from its fields.
    public init(date: Int32, expires: Int32, rules: [AccessPointRule]) {
        self.date = date
        self.expires = expires
        self.rules = rules
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.date = try reader.readInt32()
        self.expires = try reader.readInt32()
        self.rules = try reader.readBareVector(of: AccessPointRule.self)
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt32(self.date)
        buffer.writeTLInt32(self.expires)
        buffer.writeTLBareVector(self.rules)
    }
}
