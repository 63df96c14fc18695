// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// What a handler writes to an ``MTProtoTransportHandler``.
public enum TransportCommand: Hashable, Sendable {
    /// Send a payload; on a client perhaps with the wish for a quick acknowledgement.
    case payload(ByteBuffer, requestQuickAck: Bool)
    /// Only servers: confirm the payload that this token belongs to. Does nothing where the framing has no form for it.
    case quickAck(UInt32)
    /// Only servers: report an error.
    case transportError(TransportErrorCode)
    /// Nothing to send: the peer has shown that it holds the authorization key with this identifier.
    case setAuthorized(keyIdentifier: UInt64)
}
