// SPDX-License-Identifier: Apache-2.0

/// Why a ``TransportConnection`` cannot be made, or failed.
public struct TransportConnectionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case framing, obfuscation, unrecognized, plainNotAllowed, framingNotAllowed, noHandshake, foreign, truncated
        }

        private let kind: Kind

        /// A frame broke the rules, or could not be written; see ``TransportConnectionError/framingError``.
        public static let framing = Code(kind: .framing)
        /// A client's connection cannot be obfuscated as asked; see ``TransportConnectionError/obfuscationError``.
        public static let obfuscation = Code(kind: .obfuscation)
        /// The first bytes make no sense, with any of the secrets. The peer must not be answered.
        public static let unrecognized = Code(kind: .unrecognized)
        /// The client speaks without obfuscation, which the configuration forbids.
        public static let plainNotAllowed = Code(kind: .plainNotAllowed)
        /// The client speaks a framing that the configuration forbids.
        public static let framingNotAllowed = Code(kind: .framingNotAllowed)
        /// A server cannot send before it knows how the client speaks.
        public static let noHandshake = Code(kind: .noHandshake)
        /// The client does not speak MTProto; see ``TransportEvent/foreign(_:)``. Sending is impossible, and receiving
        /// fails when more bytes wait than a payload may have before authorization.
        public static let foreign = Code(kind: .foreign)
        /// The stream ended inside a frame or a handshake.
        public static let truncated = Code(kind: .truncated)

        /// The code's name.
        public var description: String {
            self.kind.rawValue
        }
    }

    /// What is wrong.
    public let code: Code
    /// The cause, with the code `framing`.
    public let framingError: FramingError?
    /// The cause, with the code `obfuscation`.
    public let obfuscationError: ObfuscationError?

    init(_ code: Code) {
        self.code = code
        self.framingError = nil
        self.obfuscationError = nil
    }

    init(_ error: FramingError) {
        self.code = .framing
        self.framingError = error
        self.obfuscationError = nil
    }

    init(_ error: ObfuscationError) {
        self.code = .obfuscation
        self.framingError = nil
        self.obfuscationError = error
    }

    /// The code and its cause.
    public var description: String {
        if let framingError { return "\(self.code): \(framingError)" }
        if let obfuscationError { return "\(self.code): \(obfuscationError)" }
        return "\(self.code)"
    }
}
