// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
public import NIOCore

/// The two AES-256-CTR key streams under an obfuscated connection.
///
/// Obfuscation hides which protocol is spoken. It is no protection: without a secret the keys travel in clear in the
/// first 64 bytes, and with one they authenticate nothing.
///
/// Both key streams go on from byte to byte until the connection closes, so every byte must pass exactly once and in
/// order.
///
/// Specification: *MTProto transports*, transport obfuscation.
public struct Obfuscation: ~Copyable, Sendable {
    /// Bytes of the initialization payload that a client sends first.
    public static let headerLength = 64

    private var outgoing: AES256CTRStream
    private var incoming: AES256CTRStream

    init(outgoing: consuming AES256CTRStream, incoming: consuming AES256CTRStream) {
        self.outgoing = outgoing
        self.incoming = incoming
    }

    /// Encrypts the readable bytes in place; they are the next ones to send.
    public mutating func encrypt(_ buffer: inout ByteBuffer) {
        buffer.withUnsafeMutableReadableBytes { self.outgoing.apply(to: $0) }
    }

    /// Decrypts the readable bytes in place; they are the next ones received.
    public mutating func decrypt(_ buffer: inout ByteBuffer) {
        buffer.withUnsafeMutableReadableBytes { self.incoming.apply(to: $0) }
    }

    /// Decrypts the last `count` readable bytes in place; they are the next ones received.
    mutating func decrypt(last count: Int, of buffer: inout ByteBuffer) {
        buffer.withUnsafeMutableReadableBytes { bytes in
            self.incoming.apply(to: UnsafeMutableRawBufferPointer(rebasing: bytes.suffix(count)))
        }
    }
}

/// The keys of the two directions, as they stand in an initialization payload.
struct ObfuscationKeys {
    var clientToServerKey: Bytes32
    var clientToServerVector: Bytes16
    var serverToClientKey: Bytes32
    var serverToClientVector: Bytes16

    /// Derives the keys; `header` has 64 bytes, of which those behind offset 56 do not matter.
    init(header: [UInt8], secret: ProxySecret?) {
        // Offsets 8..<56 of the reversed payload are these bytes reversed.
        let reversed = Array(header[8..<56].reversed())
        self.clientToServerKey = Self.mix(header[8..<40], secret)
        self.clientToServerVector = Bytes16(header[40..<56]) ?? Bytes16()
        self.serverToClientKey = Self.mix(reversed[0..<32], secret)
        self.serverToClientVector = Bytes16(reversed[32..<48]) ?? Bytes16()
    }

    var clientToServer: AES256CTRStream {
        AES256CTRStream(key: self.clientToServerKey, initializationVector: self.clientToServerVector)
    }

    var serverToClient: AES256CTRStream {
        AES256CTRStream(key: self.serverToClientKey, initializationVector: self.serverToClientVector)
    }

    private static func mix(_ key: ArraySlice<UInt8>, _ secret: ProxySecret?) -> Bytes32 {
        guard let secret else { return Bytes32(key) ?? Bytes32() }
        let mixed = Array(key) + secret.key.array
        return mixed.withUnsafeBytes { sha256($0) }
    }
}
