// SPDX-License-Identifier: Apache-2.0

/// Why bytes or text are no secret. Never says anything of the secret's content.
public struct ProxySecretError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String { case invalidText, invalidLength, unsupported, invalidDomain }

        private let kind: Kind

        /// The text is neither hexadecimal nor base64, with either alphabet.
        public static let invalidText = Code(kind: .invalidText)
        /// Fewer than 16 bytes, or far too many.
        public static let invalidLength = Code(kind: .invalidLength)
        /// 18 bytes or more that do not begin with `ee`.
        public static let unsupported = Code(kind: .unsupported)
        /// The domain of a FakeTLS secret is empty, longer than 182 bytes, or not a host name in ASCII.
        public static let invalidDomain = Code(kind: .invalidDomain)

        /// The code's name.
        public var description: String {
            self.kind.rawValue
        }
    }

    /// What is wrong.
    public let code: Code

    init(_ code: Code) {
        self.code = code
    }

    /// A sentence for people.
    public var description: String {
        switch self.code {
        case .invalidText: "the secret is neither hexadecimal nor base64"
        case .invalidLength: "a secret has 16 bytes, 17 with a leading dd, or more with a leading ee"
        case .unsupported: "a secret of more than 17 bytes begins with ee"
        default: "the domain in the secret is not valid"
        }
    }
}
