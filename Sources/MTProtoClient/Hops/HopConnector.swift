// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport

/// What a ``Hop`` of your own says to its proxy.
public protocol HopConnector: Sendable {
    /// Makes the handshake of one connection. Behind it, bytes pass the proxy as they are; a protocol that changes them needs a
    /// ``Dialer``.
    ///
    /// A handshake may end without an answer, as `receive` is called once behind `start`. One that sends without having consumed
    /// anything, or leaves more than 128 KiB unconsumed, fails with ``MTProtoClientError/Code/proxyProtocol``.
    ///
    /// - Parameter destination: where the proxy has to connect to: the next proxy, or the target.
    /// - Throws: why that cannot be. An ``MTProtoClientError`` is the connect's, with this hop; of any other error that is not
    ///   one of the proxies' only the type is told, with ``MTProtoClientError/Code/inputOutput``, and a service tries again.
    func makeHandshake(to destination: SocketEndpoint) throws -> any HopHandshake
}
