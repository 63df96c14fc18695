// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// Where a server listens.
public struct ListeningAddresses: Hashable, Sendable {
    /// The sockets without TLS, in the order of ``ServerConfiguration/addresses``.
    public let plain: [SocketAddress]
    /// The sockets with TLS, in the order of ``ServerConfiguration/tlsAddresses``.
    public let tls: [SocketAddress]
}
