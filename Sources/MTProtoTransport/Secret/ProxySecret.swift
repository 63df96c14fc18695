// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto

/// The secret of an MTProxy, or of a data centre option that asks for one.
///
/// Its 16-byte key is mixed into the obfuscation keys; its form says which framing must be used, and whether the
/// stream is wrapped in FakeTLS.
///
/// Specification: *MTProto transports*, transport obfuscation; *MTProxy*, secrets.
public struct ProxySecret: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// The forms of secrets.
    public enum Kind: Hashable, Sendable {
        /// 16 bytes: any framing that can be obfuscated.
        case plain
        /// `dd` and 16 bytes: only padded intermediate framing.
        case padded
        /// `ee`, 16 bytes and a domain: padded intermediate framing inside FakeTLS that names this domain.
        case fakeTLS(domain: String)
    }

    /// The longest domain that official clients accept, in bytes.
    public static let maximumDomainLength = 182

    /// The form.
    public let kind: Kind
    /// The 16 bytes that are mixed into the keys. Without the leading `dd` or `ee`, without the domain.
    public let key: Bytes16

    /// The framing that the secret demands, or `nil` when the client may choose.
    public var requiredFraming: Framing? {
        self.kind == .plain ? nil : .paddedIntermediate
    }

    /// Makes a secret of a form.
    ///
    /// - Throws: ``ProxySecretError`` with `invalidDomain` when a domain is empty, longer than 182 bytes, or holds anything
    ///   but ASCII letters, digits, `-`, `_` and `.`.
    public init(kind: Kind, key: Bytes16) throws(ProxySecretError) {
        if case .fakeTLS(let domain) = kind {
            guard 1...Self.maximumDomainLength ~= domain.utf8.count, domain.utf8.allSatisfy(Self.isOfDomain) else {
                throw ProxySecretError(.invalidDomain)
            }
        }
        self.kind = kind
        self.key = key
    }

    /// What a host name is made of. A secret is often pasted from a chat and its domain logged.
    private static func isOfDomain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// Reads the raw bytes of a secret.
    ///
    /// 17 bytes that begin with anything but `dd` are treated as a padded secret.
    ///
    /// - Throws: ``ProxySecretError``.
    public init(bytes: [UInt8]) throws(ProxySecretError) {
        let prefix = bytes.count == 16 ? 0 : 1
        guard bytes.count <= 17 + Self.maximumDomainLength else { throw ProxySecretError(.invalidLength) }
        guard bytes.count >= 16, let key = Bytes16(bytes[prefix..<(prefix + 16)]) else {
            throw ProxySecretError(.invalidLength)
        }
        switch bytes.count {
        case 16:
            try self.init(kind: .plain, key: key)
        case 17:
            try self.init(kind: .padded, key: key)
        default:
            guard bytes[0] == 0xee else { throw ProxySecretError(.unsupported) }
            guard let domain = String(validating: bytes[17...], as: UTF8.self) else {
                throw ProxySecretError(.invalidDomain)
            }
            try self.init(kind: .fakeTLS(domain: domain), key: key)
        }
    }

    /// Reads a secret as people write it: hexadecimal, base64url or base64, tried in this order, padding optional.
    ///
    /// - Throws: ``ProxySecretError``.
    public init(string: String) throws(ProxySecretError) {
        // Twice the longest secret bounds every encoding.
        guard string.utf8.count <= 2 * (17 + Self.maximumDomainLength) else { throw ProxySecretError(.invalidLength) }
        let text = Array(string.utf8)
        let decoded =
            Hexadecimal.bytes(string)
            ?? SecretText.decodeBase64(text, alphabet: .url)
            ?? SecretText.decodeBase64(text, alphabet: .standard)
        guard let bytes = decoded else { throw ProxySecretError(.invalidText) }
        try self.init(bytes: bytes)
    }

    /// The secret's raw bytes, with the leading `dd` or `ee` and the domain.
    public func rawBytes() -> [UInt8] {
        switch self.kind {
        case .plain: self.key.array
        case .padded: [0xdd] + self.key.array
        case .fakeTLS(let domain): [0xee] + self.key.array + Array(domain.utf8)
        }
    }

    /// The secret in hexadecimal.
    public func hexadecimalText() -> String {
        Hexadecimal.string(self.rawBytes())
    }

    /// The secret in base64url without padding.
    public func base64URLText() -> String {
        SecretText.encodeBase64URL(self.rawBytes())
    }

    /// The form, never the key.
    public var description: String {
        switch self.kind {
        case .plain: "plain secret"
        case .padded: "padded secret"
        case .fakeTLS(let domain): "FakeTLS secret for \(domain)"
        }
    }

    /// Shows the form, never the key.
    public var customMirror: Mirror {
        Mirror(self, children: ["kind": self.kind])
    }
}
