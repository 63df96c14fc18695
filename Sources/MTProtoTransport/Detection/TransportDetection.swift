// SPDX-License-Identifier: Apache-2.0

/// What the first bytes of an accepted connection say about what the client speaks.
///
/// Specification: *MTProto transports*; the values an obfuscated client must avoid are the ones told apart here.
public enum TransportDetection: Hashable, Sendable {
    /// Not decided: so many bytes in all are needed for the next step.
    case needMore(Int)
    /// The tag `ef` of ``Framing/abridged``, 1 byte to consume.
    case abridged
    /// The tag `eeeeeeee` of ``Framing/intermediate``, 4 bytes to consume.
    case intermediate
    /// The tag `dddddddd` of ``Framing/paddedIntermediate``, 4 bytes to consume.
    case paddedIntermediate
    /// The first frame of ``Framing/full``, known by its sequence number 0; nothing to consume.
    case full
    /// An HTTP request (`GET`, `POST`, `HEAD`, `OPTIONS`), also one that asks for a WebSocket; nothing to consume.
    case http
    /// A TLS ClientHello record, real or of FakeTLS; nothing to consume.
    case tlsClientHello
    /// None of the others: the first 64 bytes can only be the initialization payload of an obfuscated connection.
    case obfuscated

    /// Decides from the bytes received so far, as early as is safe.
    ///
    /// - Parameter bytes: The first bytes of the connection; more than 64 are never looked at.
    public static func detect(_ bytes: UnsafeRawBufferPointer) -> TransportDetection {
        guard let first = bytes.first else { return .needMore(1) }
        if first == 0xef { return .abridged }
        if bytes.starts(with: Self.tlsRecord) { return .tlsClientHello }
        guard bytes.count >= 4 else {
            return .needMore(Self.tlsRecord.starts(with: bytes) ? 3 : 4)
        }
        switch Self.word(bytes, at: 0) {
        case 0xeeee_eeee: return .intermediate
        case 0xdddd_dddd: return .paddedIntermediate
        case Self.post, Self.head, Self.get, Self.options: return .http
        default: break
        }
        guard bytes.count >= 8 else { return .needMore(8) }
        if Self.word(bytes, at: 4) == 0 { return .full }
        return bytes.count >= Obfuscation.headerLength ? .obfuscated : .needMore(Obfuscation.headerLength)
    }

    /// Decides from the bytes received so far; see ``detect(_:)-(UnsafeRawBufferPointer)``.
    public static func detect(_ bytes: some Sequence<UInt8>) -> TransportDetection {
        if let decided = bytes.withContiguousStorageIfAvailable({ Self.detect(UnsafeRawBufferPointer($0)) }) {
            return decided
        }
        return Array(bytes.prefix(Obfuscation.headerLength)).withUnsafeBytes { Self.detect($0) }
    }

    /// Whether a connection that begins with these 8 bytes would be taken for something other than an obfuscated one.
    ///
    /// This is wider than ``detect(_:)-(UnsafeRawBufferPointer)``: `PVrG` means nothing to any server known, but
    /// some clients avoid it.
    package static func isForbiddenBeginning(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 8 else { return true }
        if case .needMore(Obfuscation.headerLength) = Self.detect(UnsafeRawBufferPointer(rebasing: bytes.prefix(8))) {
            return Self.word(bytes, at: 0) == Self.reserved
        }
        return true
    }

    private static let tlsRecord: [UInt8] = [0x16, 0x03, 0x01]
    private static let post: UInt32 = 0x5453_4f50
    private static let head: UInt32 = 0x4441_4548
    private static let get: UInt32 = 0x2054_4547
    private static let options: UInt32 = 0x4954_504f
    /// The bytes `PVrG`.
    private static let reserved: UInt32 = 0x4772_5650

    private static func word(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
