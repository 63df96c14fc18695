// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport
public import NIOCore

/// Opens byte streams: what a client, and the first hop of a ``Route``, run over.
///
/// The default is ``TCPDialer``. One of your own can use a library for a protocol that there is no ``Hop`` for, a Unix socket,
/// or streams within a test.
public protocol Dialer: Sendable {
    /// Opens a stream; called on the context's event loop.
    ///
    /// The client closes what it was told of by ``DialContext/willConnect(_:)`` when the time is over or the task is cancelled.
    /// What this returns late is closed, too, as is a channel that lives elsewhere.
    ///
    /// - Parameters:
    ///   - destination: where to: the target, or the first proxy of the route. A name need not be resolved here.
    ///   - context: where the channel has to live, and who wants to know of it.
    /// - Returns: an active channel on the context's event loop, which reads and writes `ByteBuffer`s. It does not read by
    ///   itself (`autoRead` off), so that no bytes come before there is a handler for them; the client turns that on.
    func dial(_ destination: SocketEndpoint, context: DialContext) -> EventLoopFuture<any Channel>
}

/// What a ``Dialer`` has to know of one dial.
public struct DialContext: Sendable {
    /// Where the channel has to live.
    public let eventLoop: any EventLoop
    /// How long the dial may take. The client sees to that as well.
    public let timeout: Duration
    private let register: @Sendable (any Channel) throws -> Void

    init(eventLoop: any EventLoop, timeout: Duration, register: @escaping @Sendable (any Channel) throws -> Void) {
        self.eventLoop = eventLoop
        self.timeout = timeout
        self.register = register
    }

    /// Says that there is a channel, which is not connected yet. To be called for every one that a dial makes, from any thread, so
    /// that it can be closed at any time. When the dial ends, all but the one that it returns are closed.
    ///
    /// - Throws: why the dial is over already. The channel is closed, and whatever the dial returns will be: fail with this.
    public func willConnect(_ channel: any Channel) throws {
        try self.register(channel)
    }
}
