// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// The client's side of a handshake that must end before the next layer may speak: with a SOCKS5 or HTTP proxy, or the
/// FakeTLS of an MTProxy.
///
/// A value without sockets. Write what ``start()`` gives, then call ``receive(_:)`` at once, with an empty buffer, after each
/// ``HopHandshakeAction/send(_:)``, and whenever bytes have arrived. So a handshake can end with a message of the client, such as
/// that of HAProxy's PROXY protocol.
///
/// Specification: none of its own; each handshake names the one that it follows.
public protocol HopHandshake: Sendable {
    /// What the handshake throws. A handshake that threw throws the same again.
    associatedtype Failure: Error

    /// The bytes to be written first. Call it once, before ``receive(_:)``.
    mutating func start() -> ByteBuffer

    /// Takes bytes of the peer.
    ///
    /// - Parameter received: All bytes that arrived and were not yet consumed, perhaps none. The handshake consumes its own, and
    ///   only when a message is whole; what is glued behind its last message stays for the next layer.
    /// - Returns: What to do next. After ``HopHandshakeAction/send(_:)`` call again, also if no bytes are left.
    /// - Throws: Why the hop failed; the connection must be closed.
    mutating func receive(_ received: inout ByteBuffer) throws(Failure) -> HopHandshakeAction
}

/// What a ``HopHandshake`` wants next.
public enum HopHandshakeAction: Hashable, Sendable {
    /// Wait until more bytes have arrived, and keep those that there are.
    case needsMoreBytes
    /// Write these bytes. Something must have been consumed: they answer a message.
    case send(ByteBuffer)
    /// The hop is passed. The bytes that are left belong to the next layer.
    case done
}
