// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// What a ``FrameDecoder`` found at the front of its buffer.
public enum FrameDecodingResult: Hashable, Sendable {
    /// Nothing yet: so many bytes in all must be readable before another call can find more. Nothing was consumed.
    case needMore(Int)
    /// A payload, sharing the buffer's storage, without header, padding or checksum; and whether the client asked for
    /// a quick acknowledgement (always `false` on a client).
    case frame(ByteBuffer, quickAckRequested: Bool)
    /// Only servers: the frame is within ``FrameDecoder/maximumAuthorizedPayloadLength`` and above
    /// ``FrameDecoder/maximumPayloadLength``, and its payload begins with this identifier of a key. Nothing was consumed.
    case authorizationNeeded(keyIdentifier: UInt64)
    /// Only clients: the server confirmed the payload that this token belongs to.
    case quickAck(UInt32)
    /// Only clients: the server reports an error, unauthenticated.
    case transportError(TransportErrorCode)
    /// A filler without meaning was consumed.
    case noOperation
}
