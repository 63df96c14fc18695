// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// What the server encrypts into ``ServerDHParametersOK``.
///
/// `server_DH_inner_data#b5890dba nonce:int128 server_nonce:int128 g:int dh_prime:string g_a:string server_time:int =
/// Server_DH_inner_data`
///
/// Specification: *Creating an Authorization Key*.
public struct ServerDHInnerData: TLObject, Hashable {
    /// `server_DH_inner_data`.
    public static let constructor: UInt32 = 0xb589_0dba

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// The server's nonce, fresh per exchange.
    public var serverNonce: Bytes16

    /// g, 2…7.
    public var generator: Int32

    /// dh_prime, big endian, 256 bytes.
    public var prime: [UInt8]

    /// g_a, big endian, at most 256 bytes.
    public var publicValue: [UInt8]

    /// The server's clock, seconds since 1970.
    public var serverTime: Int32

    /// Makes the value from its fields.
    public init(
        nonce: Bytes16,
        serverNonce: Bytes16,
        generator: Int32,
        prime: [UInt8],
        publicValue: [UInt8],
        serverTime: Int32
    ) {
        self.nonce = nonce
        self.serverNonce = serverNonce
        self.generator = generator
        self.prime = prime
        self.publicValue = publicValue
        self.serverTime = serverTime
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.nonce = try reader.readBytes16()
        self.serverNonce = try reader.readBytes16()
        self.generator = try reader.readInt32()
        self.prime = try reader.readByteArray()
        self.publicValue = try reader.readByteArray()
        self.serverTime = try reader.readInt32()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes16(self.nonce)
        buffer.writeTLBytes16(self.serverNonce)
        buffer.writeTLInt32(self.generator)
        buffer.writeTLBytes(self.prime)
        buffer.writeTLBytes(self.publicValue)
        buffer.writeTLInt32(self.serverTime)
    }
}

/// What the client encrypts into ``SetClientDHParameters``.
///
/// `client_DH_inner_data#6643b654 nonce:int128 server_nonce:int128 retry_id:long g_b:string = Client_DH_Inner_Data`
///
/// Specification: *Creating an Authorization Key*.
public struct ClientDHInnerData: TLObject, Hashable {
    /// `client_DH_inner_data`.
    public static let constructor: UInt32 = 0x6643_b654

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// The server's nonce, fresh per exchange.
    public var serverNonce: Bytes16

    /// 0 at the first attempt, else the auxiliary hash of the key that was rejected.
    public var retryIdentifier: UInt64

    /// g_b, big endian, at most 256 bytes.
    public var publicValue: [UInt8]

    /// Makes the value from its fields.
    public init(nonce: Bytes16, serverNonce: Bytes16, retryIdentifier: UInt64, publicValue: [UInt8]) {
        self.nonce = nonce
        self.serverNonce = serverNonce
        self.retryIdentifier = retryIdentifier
        self.publicValue = publicValue
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.nonce = try reader.readBytes16()
        self.serverNonce = try reader.readBytes16()
        self.retryIdentifier = try reader.readUInt64()
        self.publicValue = try reader.readByteArray()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes16(self.nonce)
        buffer.writeTLBytes16(self.serverNonce)
        buffer.writeTLUInt64(self.retryIdentifier)
        buffer.writeTLBytes(self.publicValue)
    }
}
