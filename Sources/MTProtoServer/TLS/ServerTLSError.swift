// SPDX-License-Identifier: Apache-2.0

/// Why a server's TLS cannot be set up. Names files, never what is in them.
public struct ServerTLSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case notConfigured, certificateUnreadable, keyUnreadable, keyMismatch, configurationRefused
            case invalidHost, certificateNotMade
        }

        private let kind: Kind

        /// ``ServerConfiguration/tlsAddresses`` are given without ``ServerConfiguration/tls``.
        public static let notConfigured = Code(kind: .notConfigured)
        /// The certificate chain is missing or is no PEM of certificates.
        public static let certificateUnreadable = Code(kind: .certificateUnreadable)
        /// The private key is missing or is no PEM of a private key.
        public static let keyUnreadable = Code(kind: .keyUnreadable)
        /// The private key is not the one of the first certificate.
        public static let keyMismatch = Code(kind: .keyMismatch)
        /// The TLS library refuses the configuration.
        public static let configurationRefused = Code(kind: .configurationRefused)
        /// A name is neither a host name nor an address.
        public static let invalidHost = Code(kind: .invalidHost)
        /// A self-signed certificate cannot be made.
        public static let certificateNotMade = Code(kind: .certificateNotMade)

        /// The code's name.
        public var description: String { self.kind.rawValue }
    }

    /// What is wrong.
    public let code: Code
    /// What it is about: a path, a host, or the words of the TLS library.
    public let details: String

    init(_ code: Code, _ details: String = "") {
        self.code = code
        self.details = details
    }

    /// The code and the details.
    public var description: String {
        self.details.isEmpty ? "\(self.code)" : "\(self.code): \(self.details)"
    }
}
