// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import NIOHTTP1

/// Asks an HTTP proxy for a connection with `CONNECT`, says how that ended, and leaves together with NIO's handlers of HTTP.
///
/// What has come behind the proxy's agreement goes to the next handler right before the promise is kept: that handler has to hold
/// it back where it is for a later one. The bodies of refusals are dropped. All heads of an answer have 16,384 bytes at most.
///
/// Specification: RFC 9110 §9.3.6, RFC 7617.
public final class HTTPConnectHandler: ChannelInboundHandler, RemovableChannelHandler {
    /// Parts of the proxy's answer.
    public typealias InboundIn = HTTPClientResponsePart
    /// Parts of the request.
    public typealias OutboundOut = HTTPClientRequestPart

    private let head: HTTPRequestHead
    private let promise: EventLoopPromise<Void>
    private let splitter = HTTPHeadSplitter()
    private let encoder = HTTPRequestEncoder()
    private let decoder: ByteToMessageHandler<HTTPResponseDecoder>
    private var context: ChannelHandlerContext?
    private var hasStarted = false
    private var isOver = false

    private init(destination: SocketEndpoint, credentials: ProxyCredentials?, promise: EventLoopPromise<Void>) {
        var headers: HTTPHeaders = ["Host": "\(destination)"]
        if let credentials {
            headers.add(name: "Proxy-Authorization", value: "Basic \(credentials.basicAuthenticationText)")
        }
        self.head = HTTPRequestHead(version: .http1_1, method: .CONNECT, uri: "\(destination)", headers: headers)
        self.promise = promise
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 8 << 10
        limits.maxHeaderFieldCount = 100
        limits.maxHeaderListSize = HTTPHeadSplitter.maximumByteCount
        self.decoder = ByteToMessageHandler(
            HTTPResponseDecoder(
                leftOverBytesStrategy: .dropBytes,
                informationalResponseStrategy: .drop,
                limitConfiguration: limits
            )
        )
    }

    /// Puts everything that the request needs into a channel's pipeline, at its end; on its event loop. The request is sent when
    /// the channel is active.
    ///
    /// - Parameters:
    ///   - channel: the connection to the proxy.
    ///   - destination: whom the proxy has to connect to. IPv6 addresses are put in brackets.
    ///   - credentials: for the Basic scheme, in which a user has no colon.
    ///   - promise: kept when bytes go to the destination; fails with ``HTTPConnectError``, or with what the channel says.
    /// - Throws: what the channel says when it takes no handlers.
    public static func add(
        to channel: any Channel,
        destination: SocketEndpoint,
        credentials: ProxyCredentials? = nil,
        promise: EventLoopPromise<Void>
    ) throws {
        let handler = HTTPConnectHandler(destination: destination, credentials: credentials, promise: promise)
        let operations = channel.pipeline.syncOperations
        try operations.addHandler(handler.splitter)
        try operations.addHandler(handler.encoder)
        try operations.addHandler(handler.decoder)
        try operations.addHandler(handler)
    }

    /// Sends the request on an active channel.
    public func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { self.start(context) }
    }

    /// Sends the request.
    public func channelActive(context: ChannelHandlerContext) {
        self.start(context)
        context.fireChannelActive()
    }

    private func start(_ context: ChannelHandlerContext) {
        guard !self.hasStarted else { return }
        self.hasStarted = true
        context.write(self.wrapOutboundOut(.head(self.head)), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// Takes a head. A body behind a refusal tells nothing; one behind an agreement does not exist.
    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.isOver, case .head(let head) = self.unwrapInboundIn(data) else { return }
        guard 200..<300 ~= head.status.code else {
            return self.fail(with: HTTPConnectError(.refused, status: Int(clamping: head.status.code)))
        }
        self.isOver = true
        self.splitter.finish()
        // The decoder is at work right now, and leaves later; the bytes behind the head wait for that before it.
        let operations = context.pipeline.syncOperations
        let removals = [operations.removeHandler(self.encoder), operations.removeHandler(self.decoder)]
        EventLoopFuture.andAllComplete(removals, on: context.eventLoop).assumeIsolated().whenComplete { _ in
            guard let context = self.context else { return self.promise.fail(HTTPConnectError(.ended)) }
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
            self.splitter.leave()
            self.promise.succeed()
        }
    }

    /// Sees the end of the input.
    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { self.fail(with: HTTPConnectError(.ended)) }
        context.fireUserInboundEventTriggered(event)
    }

    /// Sees what is no HTTP.
    public func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case HTTPParserError.invalidEOFState: self.fail(with: HTTPConnectError(.ended))
        case is HTTPParserError, is NIOHTTPDecoderError: self.fail(with: HTTPConnectError(.malformed))
        default: self.fail(with: error)
        }
        context.fireErrorCaught(error)
    }

    /// Sees the end.
    public func channelInactive(context: ChannelHandlerContext) {
        self.fail(with: HTTPConnectError(.ended))
        context.fireChannelInactive()
    }

    /// Fails what has not ended.
    public func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        self.fail(with: ChannelError.ioOnClosedChannel)
    }

    private func fail(with error: any Error) {
        guard !self.isOver else { return }
        self.isOver = true
        self.promise.fail(error)
    }
}

@available(*, unavailable)
extension HTTPConnectHandler: Sendable {}
