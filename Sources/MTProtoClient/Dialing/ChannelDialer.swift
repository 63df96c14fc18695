// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Opens the connections to one endpoint.
struct ChannelDialer: Sendable {
    let endpoint: Endpoint
    /// The limit of one dial, and of what follows until the connection can carry payloads.
    let attemptLimit: Duration
    let maximumPayloadLength: Int
    private let tls: NIOSSLContext?

    /// Makes a dialer. Reads trust roots where TLS is needed: not for event loops.
    ///
    /// - Throws: ``TLSFailure`` when the TLS configuration cannot be used.
    init(endpoint: Endpoint, configuration: ClientConfiguration) throws(TLSFailure) {
        self.endpoint = endpoint
        self.attemptLimit = configuration.timeouts.attempt
        self.maximumPayloadLength = configuration.maximumPayloadLength
        guard endpoint.scheme.isSecure else {
            self.tls = nil
            return
        }
        do {
            self.tls = try NIOSSLContext(configuration: configuration.tls)
        } catch {
            throw TLSFailure(cause: error, isConfiguration: true)
        }
    }

    /// Connects by TCP.
    ///
    /// - Parameters:
    ///   - group: where the connection runs.
    ///   - willConnect: gets each channel that tries, several when the name has several addresses; its errors end the dial.
    func connect(
        on group: any EventLoopGroup,
        _ willConnect: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        var bootstrap = ClientBootstrap(group: group)
            .connectTimeout(TimeAmount(self.attemptLimit))
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try willConnect(channel) }
            }
        for (option, value) in TCPKeepAlive.options {
            bootstrap = bootstrap.channelOption(option, value: value)
        }
        return bootstrap.connect(host: self.endpoint.socket.host, port: self.endpoint.socket.port)
    }

    /// Puts TLS on a connected channel where the endpoint has it, and waits for its handshake; on the channel's event loop.
    func secure(_ channel: any Channel) -> EventLoopFuture<Void> {
        guard let tls = self.tls else { return channel.eventLoop.makeSucceededVoidFuture() }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        do {
            // An address cannot be asked for by name; the certificate is checked against it all the same.
            let name = self.endpoint.socket.isAddress ? nil : self.endpoint.socket.host
            let operations = channel.pipeline.syncOperations
            try operations.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
            try operations.addHandler(TLSHandshakeHandler(promise))
        } catch {
            promise.fail(error is ChannelError ? error : TLSFailure(cause: error))
        }
        return promise.futureResult
    }

    /// Opens a connection for HTTP requests; on the event loop given.
    ///
    /// - Throws: in the future, also ``ClientTimeout`` when TLS takes longer than a dial may.
    func openHTTP(
        on eventLoop: any EventLoop,
        _ willConnect: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<NIOLoopBound<HTTPConnection>> {
        self.connect(on: eventLoop, willConnect).flatMap { channel in
            self.makeHTTP(channel)
        }
    }

    /// Makes a connected channel one for HTTP requests; on its event loop.
    func makeHTTP(_ channel: any Channel) -> EventLoopFuture<NIOLoopBound<HTTPConnection>> {
        self.secure(channel).flatMapThrowing {
            let connection = try HTTPConnection.add(
                to: channel,
                endpoint: self.endpoint,
                maximumPayloadLength: self.maximumPayloadLength
            )
            return NIOLoopBound(connection, eventLoop: channel.eventLoop)
        }.limited(to: self.attemptLimit, closing: channel)
    }
}

extension EventLoopFuture where Value: Sendable {
    /// The same with a time limit, after which the channel is closed; and it is closed when the future fails.
    func limited(to limit: Duration, closing channel: any Channel) -> EventLoopFuture<Value> {
        let limit = TimeAmount(limit)
        let promise = self.eventLoop.makePromise(of: Value.self)
        let timer = self.eventLoop.scheduleTask(in: limit) { promise.fail(ClientTimeout(limit: limit)) }
        self.cascade(to: promise)
        promise.futureResult.whenComplete { result in
            timer.cancel()
            if case .failure = result { channel.close(promise: nil) }
        }
        return promise.futureResult
    }
}
