// SPDX-License-Identifier: Apache-2.0

/// Why a text is no link or URL of a proxy. Names the part that is wrong and never shows its value.
public struct ProxyLinkError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String { case tooLong, unknownForm, missing, repeated, invalid, invalidEncoding, unexpected }

        private let kind: Kind

        /// The text has more than 4096 bytes.
        public static let tooLong = Code(kind: .tooLong)
        /// The text is neither a link nor a URL of a proxy.
        public static let unknownForm = Code(kind: .unknownForm)
        /// A part that must be there is not, or is empty.
        public static let missing = Code(kind: .missing)
        /// A part is there twice.
        public static let repeated = Code(kind: .repeated)
        /// A part has a value that it cannot have.
        public static let invalid = Code(kind: .invalid)
        /// A part is not percent-encoded UTF-8.
        public static let invalidEncoding = Code(kind: .invalidEncoding)
        /// A URL has a path, a query or a fragment.
        public static let unexpected = Code(kind: .unexpected)

        /// The code's name.
        public var description: String {
            self.kind.rawValue
        }
    }

    /// The parts of links and URLs.
    ///
    /// The raw value is what people call it.
    public enum Part: String, Hashable, Sendable, CaseIterable {
        /// The proxy's host.
        case server
        /// The proxy's port.
        case port
        /// The secret of an MTProxy.
        case secret
        /// The user of an ordinary proxy.
        case user
        /// The password of an ordinary proxy.
        case password
        /// The path of a URL, and what is behind it.
        case path
    }

    /// What is wrong.
    public let code: Code
    /// With which part, where it is one.
    public let part: Part?
    /// What is wrong with the secret, when ``part`` is ``Part/secret`` and it could be decoded.
    public let secretError: ProxySecretError?

    init(_ code: Code, part: Part? = nil, secretError: ProxySecretError? = nil) {
        self.code = code
        self.part = part
        self.secretError = secretError
    }

    /// A sentence for people.
    public var description: String {
        let part = self.part?.rawValue ?? "text"
        return switch self.code {
        case .tooLong: "a link of a proxy has at most \(ProxySpecification.maximumTextLength) bytes"
        case .unknownForm:
            "not a proxy: use tg://proxy?…, tg://socks?…, the same under https://t.me/, socks5://… or http://…"
        case .missing: "the proxy's \(part) is missing"
        case .repeated: "the proxy's \(part) is given twice"
        case .invalidEncoding: "the proxy's \(part) is not percent-encoded UTF-8"
        case .unexpected: "a proxy's URL ends with the port"
        default: "the proxy's \(part) is not valid" + (self.secretError.map { ": \($0)" } ?? "")
        }
    }
}
