// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto

extension Obfuscation {
    /// What a server learned from a client's initialization payload.
    public struct Acceptance: ~Copyable, Sendable {
        /// The framing inside.
        public let framing: Framing
        /// The data centre field as it stood there, signed. Clients that connect directly may leave random bytes in
        /// it: a data centre ignores it, a proxy routes by it. See ``DataCenterIdentifier/init(encoded:)``.
        public let dataCenter: Int16
        /// The index of the secret that fitted.
        public let secretIndex: Int
        /// The key streams for all that follows.
        public var obfuscation: Obfuscation

        /// The key streams, moved out.
        public consuming func takeObfuscation() -> Obfuscation {
            self.obfuscation
        }
    }

    /// Accepts an obfuscated connection as a server.
    ///
    /// - Parameters:
    ///   - header: The first 64 bytes of the connection.
    ///   - secrets: The secrets to try, in order; `nil` among them stands for a connection without a secret.
    /// - Returns: `nil` when there are not 64 bytes, or no secret makes sense of them, or the framing is not the one
    ///   that the fitting secret demands. The peer must then not be answered.
    public static func accept(_ header: [UInt8], secrets: [ProxySecret?]) -> Acceptance? {
        guard header.count == Self.headerLength else { return nil }
        for (index, secret) in secrets.enumerated() {
            let keys = ObfuscationKeys(header: header, secret: secret)
            var incoming = keys.clientToServer
            var decrypted = header
            decrypted.withUnsafeMutableBytes { incoming.apply(to: $0) }
            let tag = decrypted[56..<60].reversed().reduce(0) { $0 << 8 | UInt32($1) }
            guard let framing = Framing(obfuscationTag: tag), framing == secret?.requiredFraming ?? framing else {
                continue
            }
            return Acceptance(
                framing: framing,
                dataCenter: Int16(bitPattern: UInt16(decrypted[61]) << 8 | UInt16(decrypted[60])),
                secretIndex: index,
                obfuscation: Obfuscation(outgoing: keys.serverToClient, incoming: incoming)
            )
        }
        return nil
    }
}
