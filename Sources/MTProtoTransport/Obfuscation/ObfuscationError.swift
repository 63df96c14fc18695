// SPDX-License-Identifier: Apache-2.0

/// Why an obfuscated connection could not be begun.
public struct ObfuscationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String { case framingNotObfuscatable, framingNotAllowedBySecret, randomnessExhausted }

        private let kind: Kind

        /// ``Framing/full`` has no tag that the initialization payload could carry.
        public static let framingNotObfuscatable = Code(kind: .framingNotObfuscatable)
        /// The secret demands another framing; see ``ProxySecret/requiredFraming``.
        public static let framingNotAllowedBySecret = Code(kind: .framingNotAllowedBySecret)
        /// The random source gave only forbidden beginnings: it is broken.
        public static let randomnessExhausted = Code(kind: .randomnessExhausted)

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

    /// The code's name.
    public var description: String {
        self.code.description
    }
}
