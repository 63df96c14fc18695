// SPDX-License-Identifier: Apache-2.0

/// The user and password of an ordinary proxy. No description shows either.
///
/// Specification: RFC 1929; RFC 7617 for HTTP proxies.
public struct ProxyCredentials: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// The most bytes of either, 255.
    public static let maximumLength = 255

    /// 1 to 255 bytes of UTF-8. An HTTP proxy's has no colon and no control characters.
    public let username: String
    /// 0 to 255 bytes of UTF-8. A SOCKS5 proxy's has one at least, an HTTP proxy's no control characters.
    public let password: String

    /// Makes credentials.
    ///
    /// - Throws: ``ProxyCredentialsError`` when one has not the length that it must have.
    public init(username: String, password: String) throws(ProxyCredentialsError) {
        guard 1...Self.maximumLength ~= username.utf8.count else { throw .invalidUsername }
        guard password.utf8.count <= Self.maximumLength else { throw .invalidPassword }
        self.username = username
        self.password = password
    }

    /// That there are credentials, never which.
    public var description: String { "<credentials>" }

    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

/// Why a user or a password cannot be sent to a proxy.
public enum ProxyCredentialsError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The user has not 1 to 255 bytes of UTF-8.
    case invalidUsername
    /// The password has more than 255 bytes of UTF-8.
    case invalidPassword

    /// A sentence for people.
    public var description: String {
        switch self {
        case .invalidUsername: "a proxy's user has 1 to 255 bytes"
        case .invalidPassword: "a proxy's password has at most 255 bytes"
        }
    }
}
