// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// The client's half of the Diffie–Hellman exchange.
///
/// `set_client_DH_params#f5045f1f nonce:int128 server_nonce:int128 encrypted_data:string = Set_client_DH_params_answer`
///
/// Specification: *Creating an Authorization Key*.
public struct SetClientDHParameters: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = DHGenerationResult

    /// `set_client_DH_params`.
    public static let constructor: UInt32 = 0xf504_5f1f

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// The server's nonce, fresh per exchange.
    public var serverNonce: Bytes16

    /// ``ClientDHInnerData`` under AES-256-IGE, a multiple of 16 bytes.
    public var encryptedData: [UInt8]

    /// Makes the value from its fields.
    public init(nonce: Bytes16, serverNonce: Bytes16, encryptedData: [UInt8]) {
        self.nonce = nonce
        self.serverNonce = serverNonce
        self.encryptedData = encryptedData
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.nonce = try reader.readBytes16()
        self.serverNonce = try reader.readBytes16()
        self.encryptedData = try reader.readByteArray()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes16(self.nonce)
        buffer.writeTLBytes16(self.serverNonce)
        buffer.writeTLBytes(self.encryptedData)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> DHGenerationResult {
        try DHGenerationResult.read(from: &reader)
    }
}

/// The authorization key exists now.
///
/// `dh_gen_ok#3bcbf734 nonce:int128 server_nonce:int128 new_nonce_hash1:int128 = Set_client_DH_params_answer`
///
/// Specification: *Creating an Authorization Key*.
public struct DHGenerationOK: TLObject, Hashable {
    /// `dh_gen_ok`.
    public static let constructor: UInt32 = 0x3bcb_f734

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// The server's nonce, fresh per exchange.
    public var serverNonce: Bytes16

    /// new_nonce_hash1.
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

/// The key's identifier is taken; the client tries another secret.
///
/// `dh_gen_retry#46dc1fb9 nonce:int128 server_nonce:int128 new_nonce_hash2:int128 = Set_client_DH_params_answer`
///
/// Specification: *Creating an Authorization Key*.
public struct DHGenerationRetry: TLObject, Hashable {
    /// `dh_gen_retry`.
    public static let constructor: UInt32 = 0x46dc_1fb9

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// The server's nonce, fresh per exchange.
    public var serverNonce: Bytes16

    /// new_nonce_hash2.
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

/// The server refuses; the exchange starts anew.
///
/// `dh_gen_fail#a69dae02 nonce:int128 server_nonce:int128 new_nonce_hash3:int128 = Set_client_DH_params_answer`
///
/// Specification: *Creating an Authorization Key*.
public struct DHGenerationFail: TLObject, Hashable {
    /// `dh_gen_fail`.
    public static let constructor: UInt32 = 0xa69d_ae02

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// The server's nonce, fresh per exchange.
    public var serverNonce: Bytes16

    /// new_nonce_hash3.
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

/// The answer to ``SetClientDHParameters``.
///
/// Specification: *Creating an Authorization Key*.
public enum DHGenerationResult: TLBoxed, Hashable {
    /// The key is made.
    case ok(DHGenerationOK)
    /// The client must try again.
    case retry(DHGenerationRetry)
    /// The exchange failed.
    case fail(DHGenerationFail)

    /// Reads the constructor and then the fields of the case that it names.
    public static func read(from reader: inout TLReader) throws(TLError) -> Self {
        let constructor = try reader.readConstructor()
        switch constructor {
        case DHGenerationOK.constructor: return .ok(try DHGenerationOK(fields: &reader))
        case DHGenerationRetry.constructor: return .retry(try DHGenerationRetry(fields: &reader))
        case DHGenerationFail.constructor: return .fail(try DHGenerationFail(fields: &reader))
        default: throw .unexpectedConstructor(constructor)
        }
    }

    /// Writes the constructor and the fields.
    public func write(to buffer: inout ByteBuffer) {
        switch self {
        case .ok(let value): value.write(to: &buffer)
        case .retry(let value): value.write(to: &buffer)
        case .fail(let value): value.write(to: &buffer)
        }
    }
}
