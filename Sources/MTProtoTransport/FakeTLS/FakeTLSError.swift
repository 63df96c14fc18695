// SPDX-License-Identifier: Apache-2.0

/// Why a FakeTLS connection failed.
public struct FakeTLSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case notFakeTLSSecret, notTLS, alert, ordinaryTLSServer, unexpectedRecord, malformed, tooLong
        }

        private let kind: Kind

        /// The secret names no domain: it does not begin with `ee`.
        public static let notFakeTLSSecret = Code(kind: .notFakeTLSSecret)
        /// The peer's first bytes are no TLS record.
        public static let notTLS = Code(kind: .notTLS)
        /// The peer sent an alert; its description, of RFC 8446 section 6, is ``FakeTLSError/value``.
        public static let alert = Code(kind: .alert)
        /// A TLS server answered that does not know the secret. A proxy that does not recognise its client forwards it to such
        /// a server: because the secret is wrong, or the clock, or because the proxy is an old one that takes only
        /// ``FakeTLSHelloProfile/compact``; then another connection with that hello succeeds.
        public static let ordinaryTLSServer = Code(kind: .ordinaryTLSServer)
        /// A record of the type ``FakeTLSError/value`` came where it must not.
        public static let unexpectedRecord = Code(kind: .unexpectedRecord)
        /// A record has the wrong version, length or contents.
        public static let malformed = Code(kind: .malformed)
        /// The answer to the hello has more than ``FakeTLSServerReply/maximumHandshakeLength`` bytes before its data.
        public static let tooLong = Code(kind: .tooLong)

        /// The code's name.
        public var description: String {
            self.kind.rawValue
        }
    }

    /// What is wrong.
    public let code: Code
    /// The byte of the peer that says so, for the codes that name one.
    public let value: UInt8?

    init(_ code: Code, value: UInt8? = nil) {
        self.code = code
        self.value = value
    }

    /// A sentence for people.
    public var description: String {
        let value = self.value.map { " (\($0))" } ?? ""
        return switch self.code {
        case .notFakeTLSSecret: "the secret is not one of FakeTLS: those begin with ee and end with a domain"
        case .notTLS: "the peer does not speak TLS"
        case .alert: "the peer refused with a TLS alert\(value)"
        case .ordinaryTLSServer:
            "an ordinary TLS server answered, not the proxy: the secret may be wrong, or this machine's clock; or it is "
                + "an old proxy that takes only the compact hello"
        case .unexpectedRecord: "the peer sent a TLS record of an unexpected type\(value)"
        case .tooLong: "the peer's answer to the hello is too long"
        default: "the peer sent a malformed TLS record"
        }
    }
}
