// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// The first message of a key exchange.
///
/// `req_pq_multi#be7e8ef1 nonce:int128 = ResPQ`
///
/// Specification: *Creating an Authorization Key*.
public struct RequestPQMulti: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = ResultPQ

    /// `req_pq_multi`.
    public static let constructor: UInt32 = 0xbe7e_8ef1

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// Makes the value from its fields.
    public init(nonce: Bytes16) {
        self.nonce = nonce
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.nonce = try reader.readBytes16()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes16(self.nonce)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> ResultPQ {
        try ResultPQ.read(from: &reader)
    }
}

/// The older spelling of ``RequestPQMulti``, still sent by some clients.
///
/// `req_pq#60469778 nonce:int128 = ResPQ`
///
/// Specification: *Creating an Authorization Key*.
public struct RequestPQ: TLMethod, Hashable {
    /// What the peer answers with.
    public typealias Result = ResultPQ

    /// `req_pq`.
    public static let constructor: UInt32 = 0x6046_9778

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// Makes the value from its fields.
    public init(nonce: Bytes16) {
        self.nonce = nonce
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.nonce = try reader.readBytes16()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes16(self.nonce)
    }

    /// Reads the answer.
    public static func readResult(_ reader: inout TLReader) throws(TLError) -> ResultPQ {
        try ResultPQ.read(from: &reader)
    }
}

/// The answer to ``RequestPQMulti``: a number to factor, and the RSA keys to choose from.
///
/// `resPQ#05162463 nonce:int128 server_nonce:int128 pq:string server_public_key_fingerprints:Vector<long> = ResPQ`
///
/// Specification: *Creating an Authorization Key*.
public struct ResultPQ: TLObject, Hashable {
    /// `resPQ`.
    public static let constructor: UInt32 = 0x0516_2463

    /// The client's nonce, fresh per exchange.
    public var nonce: Bytes16

    /// The server's nonce, fresh per exchange.
    public var serverNonce: Bytes16

    /// pq, big endian, normally 8 bytes: the product of two odd primes, at most 2^63 − 1.
    public var product: [UInt8]

    /// The fingerprints of the server's RSA keys.
    public var fingerprints: [UInt64]

    /// Makes the value from its fields.
    public init(nonce: Bytes16, serverNonce: Bytes16, product: [UInt8], fingerprints: [UInt64]) {
        self.nonce = nonce
        self.serverNonce = serverNonce
        self.product = product
        self.fingerprints = fingerprints
    }

    /// Reads the fields that follow the constructor.
    public init(fields reader: inout TLReader) throws(TLError) {
        self.nonce = try reader.readBytes16()
        self.serverNonce = try reader.readBytes16()
        self.product = try reader.readByteArray()
        self.fingerprints = try reader.readUInt64Vector()
    }

    /// Writes the fields that follow the constructor.
    public func writeFields(to buffer: inout ByteBuffer) {
        buffer.writeTLBytes16(self.nonce)
        buffer.writeTLBytes16(self.serverNonce)
        buffer.writeTLBytes(self.product)
        buffer.writeTLVector(self.fingerprints)
    }
}
