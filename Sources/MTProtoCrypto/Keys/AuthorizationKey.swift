// SPDX-License-Identifier: Apache-2.0

internal import CMTProtoCrypto

/// The 2048-bit secret that a client and a server share after a key exchange.
///
/// Copies share one piece of memory, which is wiped with the last of them.
///
/// Specification: *Creating an Authorization Key*; *Mobile Protocol: Detailed Description*.
public struct AuthorizationKey: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The size of a key: 256 bytes.
    public static let byteCount = 256

    private let storage: Storage
    /// The 64 lower-order bits of the key's SHA-1, as the eight bytes on the wire read in little endian.
    public let identifier: UInt64
    /// The 64 higher-order bits of the key's SHA-1, as the eight bytes on the wire read in little endian.
    public let auxiliaryHash: UInt64

    /// Creates a key from its bytes.
    ///
    /// - Parameter bytes: 256 bytes, big endian, with leading zeros where the number is short.
    /// - Throws: ``CryptoError`` with ``CryptoError/Code/invalidLength`` for any other number of bytes.
    public init(_ bytes: some Collection<UInt8>) throws(CryptoError) {
        guard bytes.count == Self.byteCount else {
            throw CryptoError(.invalidLength, "an authorization key has 256 bytes, not \(bytes.count)")
        }
        let storage = Storage(bytes)
        let digest = storage.withUnsafeBytes { sha1($0) }
        self.storage = storage
        self.identifier = digest.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 12, as: UInt64.self))
        }
        self.auxiliaryHash = digest.withUnsafeBytes {
            UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self))
        }
    }

    /// Calls `body` with the 256 bytes, which are valid during the call only.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try self.storage.withUnsafeBytes(body)
    }

    /// Compares all bytes in constant time.
    public static func == (left: Self, right: Self) -> Bool {
        left.withUnsafeBytes { left in
            right.withUnsafeBytes { right in constantTimeEquals(left, right) }
        }
    }

    /// Hashes the identifier.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.identifier)
    }

    /// The identifier, not the key.
    public var description: String { "AuthorizationKey(identifier: \(self.identifier))" }

    /// Decodes a string of 512 hexadecimal digits.
    ///
    /// - Throws: `DecodingError` if there is no such string.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let bytes = Hexadecimal.bytes(try container.decode(String.self)), bytes.count == Self.byteCount else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "expected 256 bytes in hexadecimal"
            )
        }
        try self.init(bytes)
    }

    /// Encodes the key, a secret, as a string of 512 hexadecimal digits.
    ///
    /// - Throws: What the encoder throws.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.withUnsafeBytes { Hexadecimal.string($0) })
    }
}

extension AuthorizationKey {
    /// The bytes of a key: written once, read by many, wiped at the end.
    private final class Storage: Sendable {
        private nonisolated(unsafe) let buffer: UnsafeMutableRawBufferPointer

        init(_ bytes: some Collection<UInt8>) {
            self.buffer = .allocate(byteCount: AuthorizationKey.byteCount, alignment: 16)
            self.buffer.copyBytes(from: bytes)
        }

        deinit {
            cmtp_wipe(self.buffer.baseAddress, self.buffer.count)
            self.buffer.deallocate()
        }

        func withUnsafeBytes<Result, Failure: Error>(
            _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
        ) throws(Failure) -> Result {
            defer { withExtendedLifetime(self) {} }
            return try body(UnsafeRawBufferPointer(self.buffer))
        }
    }
}
