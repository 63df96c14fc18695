// SPDX-License-Identifier: Apache-2.0

/// The phases of a connection, in their order.
public enum ConnectionPhase: String, Sendable, Hashable, CaseIterable, Codable {
    /// The TCP connection.
    case dial
    /// What the transport sends before the first payload.
    case transportHandshake = "transport handshake"
    /// The Diffie–Hellman key exchange, up to the server's parameters.
    case keyExchange = "key exchange"
    /// The authorization key: the client's parameters, the verdict, the derived key.
    case authorizationKey = "authorization key"
    /// The first encrypted answer; with a temporary key, its binding.
    case encryptedSession = "encrypted session"
    /// `initConnection` with the first query.
    case initialization = "init"
    /// Queries after the first.
    case use
}

/// One step of connecting that has ended well.
public struct ConnectionStep: Sendable, Hashable {
    /// Which step.
    public var phase: ConnectionPhase
    /// How long it took.
    public var duration: Duration
    /// Whether there was nothing to do, because saved state was used.
    public var isSkipped: Bool

    /// Makes a step.
    public init(phase: ConnectionPhase, duration: Duration, isSkipped: Bool = false) {
        self.phase = phase
        self.duration = duration
        self.isSkipped = isSkipped
    }

    /// The duration in milliseconds.
    public var milliseconds: Double {
        let (seconds, attoseconds) = self.duration.components
        return Double(seconds) * 1e3 + Double(attoseconds) / 1e15
    }
}
