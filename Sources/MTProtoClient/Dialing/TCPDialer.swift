// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport
public import NIOCore
public import NIOPosix

/// Dials by TCP. A name's IPv6 and IPv4 addresses are tried side by side, as RFC 8305 has it.
public struct TCPDialer: Dialer {
    /// Makes the resolver of one dial.
    public typealias ResolverFactory = @Sendable (any EventLoop) -> any Resolver & Sendable

    private let makeResolver: ResolverFactory?

    /// Makes a dialer.
    ///
    /// - Parameter resolver: makes what looks names up, and is asked for addresses as well: tests map both to loopback. `nil`
    ///   takes the system's.
    public init(resolver: ResolverFactory? = nil) {
        self.makeResolver = resolver
    }

    /// Connects; see ``Dialer/dial(_:context:)``.
    ///
    /// - Returns: a channel that NIO made; the future fails with NIO's errors.
    public func dial(_ destination: SocketEndpoint, context: DialContext) -> EventLoopFuture<any Channel> {
        guard var bootstrap = ClientBootstrap(validatingGroup: context.eventLoop) else {
            return context.eventLoop.makeFailedFuture(DialerViolation.foreignEventLoop)
        }
        bootstrap = bootstrap.connectTimeout(TimeAmount(context.timeout))
            .resolver(self.makeResolver?(context.eventLoop))
            .channelOption(.autoRead, value: false)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try context.willConnect(channel) }
            }
        for (option, value) in TCPKeepAlive.options {
            bootstrap = bootstrap.channelOption(option, value: value)
        }
        return bootstrap.connect(host: destination.host, port: destination.port)
    }
}

/// A dialer does not do what it has to, or cannot.
enum DialerViolation: Error {
    /// Channels cannot live on the event loop given, or one lives on another.
    case foreignEventLoop
}
