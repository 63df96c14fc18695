// SPDX-License-Identifier: Apache-2.0

/// Why an HTTP proxy did not make a connection.
///
/// Specification: RFC 9110 §9.3.6.
public struct HTTPConnectError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case refused, ended, malformed
        }

        private let kind: Kind

        /// The proxy answered with ``HTTPConnectError/status``, which is not one of success.
        public static let refused = Code(kind: .refused)
        /// The connection ended before the answer was there.
        public static let ended = Code(kind: .ended)
        /// The answer is not HTTP, or longer than 16,384 bytes: no HTTP proxy.
        public static let malformed = Code(kind: .malformed)

        /// The code's name.
        public var description: String {
            self.kind.rawValue
        }
    }

    /// What is wrong.
    public let code: Code
    /// The status of a refusal, such as 407 where credentials are missing or wrong.
    public let status: Int?

    init(_ code: Code, status: Int? = nil) {
        self.code = code
        self.status = status
    }

    /// Whether it is about credentials, missing or wrong: 407, and 401, which some proxies say instead.
    public var isAboutCredentials: Bool {
        self.status == 407 || self.status == 401
    }

    /// A sentence for people.
    public var description: String {
        switch self.code {
        case .refused: "the HTTP proxy refused with status \(self.status ?? 0)"
        case .ended: "the connection to the HTTP proxy ended"
        default: "the peer is no HTTP proxy: its answer is not HTTP, or too long"
        }
    }
}
