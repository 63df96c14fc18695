// SPDX-License-Identifier: Apache-2.0

/// Why a SOCKS5 proxy did not connect to the destination.
///
/// Specification: RFC 1928, RFC 1929.
public struct SOCKS5Error: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case generalFailure, notAllowed, networkUnreachable, hostUnreachable, connectionRefused, timeToLiveExpired
            case commandNotSupported, addressTypeNotSupported, unassignedReply
            case noAcceptableMethod, unexpectedMethod, credentialsRefused, wrongVersion, malformed
            case emptyPassword, invalidDestination
        }

        private let kind: Kind

        /// Reply 1: the proxy failed.
        public static let generalFailure = Code(kind: .generalFailure)
        /// Reply 2: the proxy's rules forbid the destination.
        public static let notAllowed = Code(kind: .notAllowed)
        /// Reply 3: the proxy has no way to the destination's network.
        public static let networkUnreachable = Code(kind: .networkUnreachable)
        /// Reply 4: the proxy cannot reach the host, or not resolve its name.
        public static let hostUnreachable = Code(kind: .hostUnreachable)
        /// Reply 5: the destination refused the connection.
        public static let connectionRefused = Code(kind: .connectionRefused)
        /// Reply 6: the time to live of a packet ran out.
        public static let timeToLiveExpired = Code(kind: .timeToLiveExpired)
        /// Reply 7: the proxy does not connect.
        public static let commandNotSupported = Code(kind: .commandNotSupported)
        /// Reply 8: the proxy cannot use this kind of address.
        public static let addressTypeNotSupported = Code(kind: .addressTypeNotSupported)
        /// A reply that has no meaning, ``SOCKS5Error/value``.
        public static let unassignedReply = Code(kind: .unassignedReply)
        /// The proxy takes none of the offered ways to authenticate.
        public static let noAcceptableMethod = Code(kind: .noAcceptableMethod)
        /// The proxy chose a way to authenticate, ``SOCKS5Error/value``, that was not offered.
        public static let unexpectedMethod = Code(kind: .unexpectedMethod)
        /// The proxy refused user and password with ``SOCKS5Error/value``.
        public static let credentialsRefused = Code(kind: .credentialsRefused)
        /// A message does not begin with the version it must have, but with ``SOCKS5Error/value``: no SOCKS5 proxy.
        public static let wrongVersion = Code(kind: .wrongVersion)
        /// The credentials have no password, which SOCKS5 cannot say; nothing was sent.
        public static let emptyPassword = Code(kind: .emptyPassword)
        /// The destination has the port 0, to which nothing connects; nothing was sent.
        public static let invalidDestination = Code(kind: .invalidDestination)
        /// The address in the reply is of an unknown type, ``SOCKS5Error/value``.
        public static let malformed = Code(kind: .malformed)

        /// The code's name.
        public var description: String {
            self.kind.rawValue
        }
    }

    /// What is wrong.
    public let code: Code
    /// The byte of the proxy that says so; `nil` where ``code-swift.property`` tells it.
    public let value: UInt8?
    private let hadCredentials: Bool

    init(_ code: Code, value: UInt8? = nil, hadCredentials: Bool = false) {
        self.code = code
        self.value = value
        self.hadCredentials = hadCredentials
    }

    /// The error that a reply other than 0 stands for.
    init(reply: UInt8) {
        switch reply {
        case 1: self.init(.generalFailure)
        case 2: self.init(.notAllowed)
        case 3: self.init(.networkUnreachable)
        case 4: self.init(.hostUnreachable)
        case 5: self.init(.connectionRefused)
        case 6: self.init(.timeToLiveExpired)
        case 7: self.init(.commandNotSupported)
        case 8: self.init(.addressTypeNotSupported)
        default: self.init(.unassignedReply, value: reply)
        }
    }

    /// A sentence for people.
    public var description: String {
        let value = self.value.map { " (\($0))" } ?? ""
        return switch self.code {
        case .generalFailure: "the SOCKS5 proxy failed"
        case .notAllowed: "the SOCKS5 proxy's rules forbid the destination"
        case .networkUnreachable: "the SOCKS5 proxy cannot reach the destination's network"
        case .hostUnreachable: "the SOCKS5 proxy cannot reach the destination"
        case .connectionRefused: "the destination refused the SOCKS5 proxy's connection"
        case .timeToLiveExpired: "the SOCKS5 proxy's packets did not arrive: their time to live ran out"
        case .commandNotSupported: "the SOCKS5 proxy does not open connections"
        case .addressTypeNotSupported: "the SOCKS5 proxy cannot use this kind of address"
        case .unassignedReply: "the SOCKS5 proxy gave an unknown reply\(value)"
        case .noAcceptableMethod where self.hadCredentials:
            "the SOCKS5 proxy wants another way to authenticate than user and password"
        case .noAcceptableMethod: "the SOCKS5 proxy wants another way to authenticate: user and password may be missing"
        case .unexpectedMethod: "the SOCKS5 proxy chose a way to authenticate that was not offered\(value)"
        case .credentialsRefused: "the SOCKS5 proxy refused user and password\(value)"
        case .emptyPassword: "the user of a SOCKS5 proxy needs a password of 1 to 255 bytes"
        case .invalidDestination: "a SOCKS5 proxy cannot connect to the port 0"
        case .wrongVersion: "the peer is no SOCKS5 proxy: its version is wrong\(value)"
        default: "the SOCKS5 proxy's reply has an address of an unknown type\(value)"
        }
    }
}
