// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import NIOCore

/// The cipher of `encrypted_answer` and of the client's `encrypted_data`: AES-256-IGE under a key made of both nonces,
/// over SHA-1 ‖ object ‖ 0 to 15 random bytes.
///
/// Specification: *Creating an Authorization Key*, steps 5 and 6.
struct ExchangeCipher: Sendable, CustomStringConvertible {
    /// More than any valid value has: inner objects of 2048-bit numbers take at most 592 bytes.
    static let maximumLength = 4096

    private static let digestLength = 20
    private static let blockLength = 16

    private let cipher: AES256IGE

    /// - Parameter newNonce: 32 bytes.
    init(newNonce: [UInt8], serverNonce: Bytes16) {
        let serverNonce = serverNonce.array
        var first = sha1(newNonce, serverNonce).array
        var second = sha1(serverNonce, newNonce).array
        var third = sha1(newNonce, newNonce).array
        var bytes = first + second + third + newNonce.prefix(4)
        self.cipher = bytes.withUnsafeBytes { bytes in
            AES256IGE(
                key: Bytes32(UnsafeRawBufferPointer(rebasing: bytes[..<32])),
                initializationVector: Bytes32(UnsafeRawBufferPointer(rebasing: bytes[32..<64]))
            )
        }
        first.wipe()
        second.wipe()
        third.wipe()
        bytes.wipe()
    }

    /// Hash, object, padding; encrypted. A multiple of 16 bytes.
    func seal(_ object: some TLBoxed, random: RandomSource) -> [UInt8] {
        let data = Array(object.serialized().readableBytesView)
        let digest = sha1(data).array
        let padding = -(digest.count + data.count) & (Self.blockLength - 1)
        return self.encrypt(digest + data + random.bytes(padding))
    }

    /// Encrypts whole blocks.
    func encrypt(_ bytes: consuming [UInt8]) -> [UInt8] {
        bytes.withUnsafeMutableBytes { self.cipher.encrypt($0) }
        return bytes
    }

    /// Decrypts, parses and checks what ``seal(_:random:)`` makes: length, object, padding, hash, in this order.
    func open<Object: TLBoxed>(
        _ encrypted: [UInt8],
        as _: Object.Type,
        phase: KeyExchangeError.Phase
    ) throws(KeyExchangeError) -> Object {
        var bytes = encrypted
        guard bytes.count % Self.blockLength == 0, bytes.count > Self.digestLength, bytes.count <= Self.maximumLength
        else {
            throw KeyExchangeError(phase, .invalidEncryptedLength(bytes.count))
        }
        bytes.withUnsafeMutableBytes { self.cipher.decrypt($0) }
        defer { bytes.wipe() }
        let parsed: ParsedPrefix<Object>
        do {
            parsed = try ParsedPrefix(parsing: bytes[Self.digestLength...])
        } catch {
            throw KeyExchangeError(phase, .malformedInnerData)
        }
        let padding = bytes.count - Self.digestLength - parsed.length
        guard padding < Self.blockLength else {
            throw KeyExchangeError(phase, .excessivePadding(padding))
        }
        let object = Array(bytes[Self.digestLength..<Self.digestLength + parsed.length])
        guard constantTimeEquals(sha1(object).array, Array(bytes[..<Self.digestLength])) else {
            throw KeyExchangeError(phase, .innerHashMismatch)
        }
        return parsed.object
    }

    var description: String { "ExchangeCipher" }
}

/// An object at the beginning of some bytes, and how many of them it takes.
struct ParsedPrefix<Object: TLBoxed> {
    let object: Object
    let length: Int

    init(parsing bytes: some Collection<UInt8>) throws(TLError) {
        try self.init(parsing: ByteBuffer(bytes: bytes))
    }

    init(parsing buffer: ByteBuffer) throws(TLError) {
        var reader = TLReader(buffer)
        self.object = try Object.read(from: &reader)
        self.length = buffer.readableBytes - reader.remaining
    }
}
