// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// Proves the factorization and carries the encrypted inner data.
///
/// `req_DH_params#d712e4be nonce:int128 server_nonce:int128 p:string q:string public_key_fingerprint:long
/// encrypted_data:string = Server_DH_Params`
///
/// Specification: *Creating an Authorization Key*.
public struct RequestDHParameters: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = ServerDHParameters

    /// `req_DH_params`.
    public static let constructor: UInt32 = 0xd712_e4be

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// The server's nonce, fresh per exchange.
    public var serverNonce: Bytes16

    /// The smaller factor, big endian, normally 4 bytes.
    public var p: [UInt8]

    /// The larger factor, big endian, normally 4 bytes.
    public var q: [UInt8]

    /// The fingerprint of the RSA key used.
    public var fingerprint: UInt64

    /// 256 bytes: ``PQInnerData`` under RSA.
    public var encryptedData: [UInt8]

    /// Makes the value from its fields.
    public init(
        nonce: Bytes16,
        serverNonce: Bytes16,
        p: [UInt8],
        q: [UInt8],
        fingerprint: UInt64,
        encryptedData: [UInt8]
    ) {
        self.nonce = nonce
        self.serverNonce = serverNonce
        self.p = p
        self.q = q
        self.fingerprint = fingerprint
        self.encryptedData = encryptedData
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.nonce = try reader.readBytes16()
        self.serverNonce = try reader.readBytes16()
        self.p = try reader.readByteArray()
        self.q = try reader.readByteArray()
        self.fingerprint = try reader.readUInt64()
        self.encryptedData = try reader.readByteArray()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes16(self.nonce)
        buffer.writeTLBytes16(self.serverNonce)
        buffer.writeTLBytes(self.p)
        buffer.writeTLBytes(self.q)
        buffer.writeTLUInt64(self.fingerprint)
        buffer.writeTLBytes(self.encryptedData)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> ServerDHParameters {
        try ServerDHParameters.read(from: &reader)
    }
}

/// The server's half of the Diffie–Hellman exchange.
///
/// `server_DH_params_ok#d0e8075c nonce:int128 server_nonce:int128 encrypted_answer:string = Server_DH_Params`
///
/// Specification: *Creating an Authorization Key*.
public struct ServerDHParametersOK: TLObject, Hashable {
    /// `server_DH_params_ok`.
    public static let constructor: UInt32 = 0xd0e8_075c

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// The server's nonce, fresh per exchange.
    public var serverNonce: Bytes16

    /// ``ServerDHInnerData`` under AES-256-IGE, a multiple of 16 bytes.
    public var encryptedAnswer: [UInt8]

    /// Makes the value from its fields.
    public init(nonce: Bytes16, serverNonce: Bytes16, encryptedAnswer: [UInt8]) {
        self.nonce = nonce
        self.serverNonce = serverNonce
        self.encryptedAnswer = encryptedAnswer
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.nonce = try reader.readBytes16()
        self.serverNonce = try reader.readBytes16()
        self.encryptedAnswer = try reader.readByteArray()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes16(self.nonce)
        buffer.writeTLBytes16(self.serverNonce)
        buffer.writeTLBytes(self.encryptedAnswer)
    }
}

/// A refusal; official servers no longer send it.
///
/// `server_DH_params_fail#79cb045d nonce:int128 server_nonce:int128 new_nonce_hash:int128 = Server_DH_Params`
///
/// Specification: *Creating an Authorization Key*.
public struct ServerDHParametersFail: TLObject, Hashable {
    /// `server_DH_params_fail`.
    public static let constructor: UInt32 = 0x79cb_045d

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// The server's nonce, fresh per exchange.
    public var serverNonce: Bytes16

    /// The low 128 bits of the SHA-1 of the new nonce.
    public var newNonceHash: Bytes16

    /// Makes the value from its fields.
    public init(nonce: Bytes16, serverNonce: Bytes16, newNonceHash: Bytes16) {
        self.nonce = nonce
        self.serverNonce = serverNonce
        self.newNonceHash = newNonceHash
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.nonce = try reader.readBytes16()
        self.serverNonce = try reader.readBytes16()
        self.newNonceHash = try reader.readBytes16()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes16(self.nonce)
        buffer.writeTLBytes16(self.serverNonce)
        buffer.writeTLBytes16(self.newNonceHash)
    }
}

/// The answer to ``RequestDHParameters``.
///
/// Specification: *Creating an Authorization Key*.
public enum ServerDHParameters: TLBoxed, Hashable {
    /// The exchange goes on.
    case ok(ServerDHParametersOK)
    /// The server refuses.
    case fail(ServerDHParametersFail)

    /// Reads the constructor and then the fields of the case that it names.
    public static func read(from reader: inout TLReader) throws(TLError) -> Self {
        let constructor = try reader.readConstructor()
        switch constructor {
        case ServerDHParametersOK.constructor: return .ok(try ServerDHParametersOK(fields: &reader))
        case ServerDHParametersFail.constructor: return .fail(try ServerDHParametersFail(fields: &reader))
        default: throw .unexpectedConstructor(constructor)
        }
    }

    /// Writes the constructor and the fields.
    public func write(to buffer: inout ByteBuffer) {
        switch self {
        case .ok(let value): value.write(to: &buffer)
        case .fail(let value): value.write(to: &buffer)
        }
    }
}
