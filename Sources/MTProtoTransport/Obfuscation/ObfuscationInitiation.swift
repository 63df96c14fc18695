// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto

extension Obfuscation {
    /// What a client has to begin an obfuscated connection.
    public struct Initiation: ~Copyable, Sendable {
        /// The 64 bytes to send before anything else, once.
        public let header: [UInt8]
        /// The key streams for all that follows.
        public var obfuscation: Obfuscation

        /// The key streams, moved out.
        public consuming func takeObfuscation() -> Obfuscation {
            self.obfuscation
        }
    }

    /// How often a random payload is drawn before the source is given up. One in about 200 beginnings is forbidden.
    private static let maximumAttempts = 64

    /// Begins an obfuscated connection as a client.
    ///
    /// - Parameters:
    ///   - framing: The framing inside; it must be obfuscatable and the one that the secret demands.
    ///   - dataCenter: The data centre wanted, which a proxy routes by; without one the field stays random.
    ///   - secret: The secret of a proxy or data centre option.
    ///   - random: Draws the payload, 64 bytes a time.
    /// - Throws: ``ObfuscationError``.
    public static func initiate(
        framing: Framing,
        dataCenter: DataCenterIdentifier?,
        secret: ProxySecret?,
        random: RandomSource
    ) throws(ObfuscationError) -> Initiation {
        guard let tag = framing.obfuscationTag else { throw ObfuscationError(.framingNotObfuscatable) }
        guard framing == secret?.requiredFraming ?? framing else { throw ObfuscationError(.framingNotAllowedBySecret) }
        for _ in 0..<Self.maximumAttempts {
            var header = random.bytes(Self.headerLength)
            guard !header.withUnsafeBytes(TransportDetection.isForbiddenBeginning) else { continue }
            header.replaceSubrange(56..<60, with: tag)
            if let encoded = dataCenter?.encoded {
                header[60] = UInt8(truncatingIfNeeded: encoded)
                header[61] = UInt8(truncatingIfNeeded: encoded >> 8)
            }
            let keys = ObfuscationKeys(header: header, secret: secret)
            var outgoing = keys.clientToServer
            var encrypted = header
            encrypted.withUnsafeMutableBytes { outgoing.apply(to: $0) }
            header.replaceSubrange(56..<64, with: encrypted[56..<64])
            return Initiation(
                header: header,
                obfuscation: Obfuscation(outgoing: outgoing, incoming: keys.serverToClient)
            )
        }
        throw ObfuscationError(.randomnessExhausted)
    }
}
