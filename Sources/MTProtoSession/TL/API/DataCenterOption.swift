// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// An address of a data centre.
///
/// `dcOption#18b7a10d flags:# ipv6:flags.0?true media_only:flags.1?true tcpo_only:flags.2?true cdn:flags.3?true
/// static:flags.4?true this_port_only:flags.5?true id:int ip_address:string port:int secret:flags.10?bytes = DcOption`
///
/// Specification: *TL schema of the API*.
public struct DataCenterOption: TLObject, Hashable {
    /// `dcOption`.
    public static let constructor: UInt32 = 0x18b7_a10d

    /// Bit 0: ``address`` is an IPv6 one.
    public var isIPv6 = false
    /// Bit 1: for the transfer of files only.
    public var isMediaOnly = false
    /// Bit 2: only obfuscated TCP works here; no plain TCP, no HTTP.
    public var isObfuscatedTCPOnly = false
    /// Bit 3: a CDN data centre, with RSA keys of its own.
    public var isCDN = false
    /// Bit 4: a fixed address, to be used through proxies.
    public var isStatic = false
    /// Bit 5: no other port may be tried.
    public var isThisPortOnly = false
    /// The data centre's number.
    public var identifier: Int32
    /// The address, a literal.
    public var address: String
    /// The port.
    public var port: Int32
    /// Bit 10: a secret of 16 or more bytes to mix into the obfuscation.
    public var secret: [UInt8]?

    /// Makes an option without switches.
    public init(identifier: Int32, address: String, port: Int32, secret: [UInt8]? = nil) {
        self.identifier = identifier
        self.address = address
        self.port = port
        self.secret = secret
    }

    /// Reads the fields that follow the constructor; unknown switches are ignored.
    public init(fields reader: inout TLReader) throws(TLError) {
        let flags = try reader.readUInt32()
        self.identifier = try reader.readInt32()
        self.address = try reader.readString()
        self.port = try reader.readInt32()
        self.isIPv6 = flags & 1 << 0 != 0
        self.isMediaOnly = flags & 1 << 1 != 0
        self.isObfuscatedTCPOnly = flags & 1 << 2 != 0
        self.isCDN = flags & 1 << 3 != 0
        self.isStatic = flags & 1 << 4 != 0
        self.isThisPortOnly = flags & 1 << 5 != 0
        if flags & 1 << 10 != 0 { self.secret = try reader.readByteArray() }
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        var flags: UInt32 = 0
        if self.isIPv6 { flags |= 1 << 0 }
        if self.isMediaOnly { flags |= 1 << 1 }
        if self.isObfuscatedTCPOnly { flags |= 1 << 2 }
        if self.isCDN { flags |= 1 << 3 }
        if self.isStatic { flags |= 1 << 4 }
        if self.isThisPortOnly { flags |= 1 << 5 }
        if self.secret != nil { flags |= 1 << 10 }
        buffer.writeTLUInt32(flags)
        buffer.writeTLInt32(self.identifier)
        buffer.writeTLBytes(self.address)
        buffer.writeTLInt32(self.port)
        if let secret = self.secret { buffer.writeTLBytes(secret) }
    }
}
