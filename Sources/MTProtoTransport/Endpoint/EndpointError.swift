// SPDX-License-Identifier: Apache-2.0

/// Why a text is no endpoint, or no endpoint can be made of some parts.
public struct EndpointError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case unknownScheme, invalidHost, invalidPort, missingPort, invalidPath, unexpectedPart
            case plainWebSocketByName, noSuchDataCenter
        }

        private let kind: Kind

        /// The scheme is none of tcp, ws, wss, http, https.
        public static let unknownScheme = Code(kind: .unknownScheme)
        /// The host is empty, longer than 255 bytes, or holds characters that no host name or address has.
        public static let invalidHost = Code(kind: .invalidHost)
        /// The port is not a decimal number in 1...65535.
        public static let invalidPort = Code(kind: .invalidPort)
        /// There is no port, and the scheme has no default.
        public static let missingPort = Code(kind: .missingPort)
        /// The path is not `/api`, `/apiw`, `/apis` or `/apiws`, with or without `_test`, or not one of the scheme.
        public static let invalidPath = Code(kind: .invalidPath)
        /// There is a user, a query or a fragment.
        public static let unexpectedPart = Code(kind: .unexpectedPart)
        /// Telegram's host names serve WebSockets over TLS only.
        public static let plainWebSocketByName = Code(kind: .plainWebSocketByName)
        /// Telegram has no data centre of that number: 1 to 5, or 1 to 3 for tests.
        public static let noSuchDataCenter = Code(kind: .noSuchDataCenter)

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

    /// A sentence for people, with the remedy.
    public var description: String {
        switch self.code {
        case .unknownScheme: "unknown scheme: use tcp, ws, wss, http or https"
        case .invalidHost: "invalid host: use a name, an IPv4 address, or an IPv6 address in brackets"
        case .invalidPort: "invalid port: use a number from 1 to 65535"
        case .missingPort: "missing port: write host:port"
        case .invalidPath: "invalid path: use /api or /apiw for HTTP, /apis or /apiws for WebSocket, or these and _test"
        case .unexpectedPart: "an endpoint has no user, query or fragment"
        case .plainWebSocketByName: "Telegram's host names serve WebSockets over TLS only: use wss"
        default: "Telegram has no such data centre: use 1 to 5, or 1 to 3 in the test environment"
        }
    }
}
