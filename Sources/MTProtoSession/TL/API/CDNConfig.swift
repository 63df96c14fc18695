// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Asks for the RSA keys of the CDN data centres.
///
/// `help.getCdnConfig#52029342 = CdnConfig`
///
/// Specification: *TL schema of the API*.
public struct HelpGetCDNConfig: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = CDNConfig

    /// `help.getCdnConfig`.
    public static let constructor: UInt32 = 0x5202_9342

    /// Makes the value; it has no fields.
    public init() {}

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {}

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {}

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> CDNConfig {
        try CDNConfig.read(from: &reader)
    }
}

/// An RSA key of a CDN data centre.
///
/// `cdnPublicKey#c982eaba dc_id:int public_key:string = CdnPublicKey`
///
/// Specification: *TL schema of the API*.
public struct CDNPublicKey: TLObject, Hashable {
    /// `cdnPublicKey`.
    public static let constructor: UInt32 = 0xc982_eaba

    /// The data centre.
    public var dataCenter: Int32

    /// The key, PEM.
    public var publicKey: String

    /// Makes the value from its fields.
    public init(dataCenter: Int32, publicKey: String) {
        self.dataCenter = dataCenter
        self.publicKey = publicKey
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.dataCenter = try reader.readInt32()
        self.publicKey = try reader.readString()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLInt32(self.dataCenter)
        buffer.writeTLBytes(self.publicKey)
    }
}

/// The answer to ``HelpGetCDNConfig``.
///
/// `cdnConfig#5725e40a public_keys:Vector<CdnPublicKey> = CdnConfig`
///
/// Specification: *TL schema of the API*.
public struct CDNConfig: TLObject, Hashable {
    /// `cdnConfig`.
    public static let constructor: UInt32 = 0x5725_e40a

    /// The keys.
    public var publicKeys: [CDNPublicKey]

    /// Makes the value from its fields.
    public init(publicKeys: [CDNPublicKey]) {
        self.publicKeys = publicKeys
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.publicKeys = try reader.readVector(of: CDNPublicKey.self)
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLVector(self.publicKeys)
    }
}
