// SPDX-License-Identifier: Apache-2.0

/// An MTProto transport protocol: how one payload is delimited on a byte stream.
///
/// The raw value is the name used on the command line and in saved configurations.
///
/// Specification: *MTProto transports*.
public enum Framing: String, CaseIterable, Hashable, Sendable, Codable {
    /// One or four bytes of header that count 4-byte words.
    case abridged
    /// Four bytes of header that count bytes.
    case intermediate
    /// As ``intermediate``, with 0 to 15 random bytes behind each payload.
    case paddedIntermediate = "padded"
    /// Length, sequence number, payload and CRC-32: 12 bytes around each payload, no quick acknowledgements.
    case full

    /// The bytes a client sends once before its first frame when the connection is not obfuscated: 1, 4 or 0 bytes.
    public var tag: [UInt8] {
        switch self {
        case .abridged: [0xef]
        case .intermediate: [0xee, 0xee, 0xee, 0xee]
        case .paddedIntermediate: [0xdd, 0xdd, 0xdd, 0xdd]
        case .full: []
        }
    }

    /// Whether the framing can run under obfuscation. ``full`` has no tag that the initialization payload could carry.
    public var isObfuscatable: Bool {
        self != .full
    }

    /// Whether a client can ask for, and a server send, quick acknowledgements. ``full`` has no form for them.
    public var supportsQuickAcknowledgement: Bool {
        self != .full
    }

    /// The four bytes at offset 56 of the obfuscation's initialization payload; `nil` for ``full``.
    package var obfuscationTag: [UInt8]? {
        switch self {
        case .abridged: [0xef, 0xef, 0xef, 0xef]
        case .intermediate: [0xee, 0xee, 0xee, 0xee]
        case .paddedIntermediate: [0xdd, 0xdd, 0xdd, 0xdd]
        case .full: nil
        }
    }

    /// The framing that four bytes at offset 56 of a decrypted initialization payload name, or `nil`.
    package init?(obfuscationTag word: UInt32) {
        switch word {
        case 0xefef_efef: self = .abridged
        case 0xeeee_eeee: self = .intermediate
        case 0xdddd_dddd: self = .paddedIntermediate
        default: return nil
        }
    }
}
