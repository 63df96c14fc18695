// SPDX-License-Identifier: Apache-2.0

package import NIOCore

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif

/// When the kernel probes a silent TCP connection: after 30 s, every 30 s. The system's default is two hours.
package enum TCPKeepAlive {
    /// The socket options with their values, besides `SO_KEEPALIVE`; seconds.
    package static let options: [(option: ChannelOptions.Types.SocketOption, value: SocketOptionValue)] = [
        (.init(level: .tcp, name: idle), 30),
        (.init(level: .tcp, name: .init(rawValue: TCP_KEEPINTVL)), 30),
    ]

    #if canImport(Darwin)
    private static let idle = NIOBSDSocket.Option(rawValue: TCP_KEEPALIVE)
    #else
    private static let idle = NIOBSDSocket.Option(rawValue: TCP_KEEPIDLE)
    #endif
}
