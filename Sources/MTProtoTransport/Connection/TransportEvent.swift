// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// What a ``TransportConnection`` received.
public enum TransportEvent: Hashable, Sendable {
    /// Only servers, once, first: how the client speaks.
    case handshake(TransportHandshake)
    /// One payload, and whether the client asked for a quick acknowledgement (always `false` on a client).
    case payload(ByteBuffer, quickAckRequested: Bool)
    /// Only clients: the server confirmed the payload that this token belongs to. Unknown tokens are to be ignored.
    case quickAck(UInt32)
    /// Only clients: the server reports an error. Nothing authenticates it.
    case transportError(TransportErrorCode)
    /// Only servers: a payload begins that is longer than allowed before authorization, under the key with this identifier.
    ///
    /// Set ``TransportConnection/isAuthorized`` if the key is known: the payload follows when it has arrived. If it is
    /// still unset at the next call, ``TransportConnection/nextEvent()`` throws.
    case authorizationNeeded(keyIdentifier: UInt64)
    /// Only servers, once: the client speaks HTTP or TLS. Its bytes stay in the connection, which does nothing more;
    /// see ``TransportConnection/takeBufferedBytes()``.
    case foreign(TransportDetection)
}

/// How the two ends of a connection speak.
public struct TransportHandshake: Hashable, Sendable {
    /// The framing of both directions.
    public let framing: Framing
    /// Whether obfuscation runs under the framing.
    public let isObfuscated: Bool
    /// The data centre field of an obfuscated connection as it stood on the wire; `nil` without obfuscation.
    ///
    /// A client that connects directly may leave random bytes there. See ``DataCenterIdentifier/init(encoded:)``.
    public let dataCenter: Int16?
    /// On a server, the index of the secret that fitted, in ``TransportConnection/ServerConfiguration/secrets``.
    public let secretIndex: Int?

    /// Makes a description of a connection.
    public init(framing: Framing, isObfuscated: Bool, dataCenter: Int16? = nil, secretIndex: Int? = nil) {
        self.framing = framing
        self.isObfuscated = isObfuscated
        self.dataCenter = dataCenter
        self.secretIndex = secretIndex
    }
}
