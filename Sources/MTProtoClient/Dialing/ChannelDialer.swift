// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
internal import NIOCore

/// Opens the connections to one target by one route.
struct ChannelDialer: Sendable {
    /// The limit of one dial, and of what follows the hops until the connection can carry payloads.
    let attemptLimit: Duration
    private let chain: HopChain
    private let dialer: any Dialer
    private let hopLimit: Duration
    private let maximumPayloadLength: Int
    private let fakeTLS: FakeTLSFactory
    /// For a proxy that does not know the first one's hello.
    private let otherFakeTLS: FakeTLSFactory?
    private let tls: TLSLayer?
    /// TLS of the hops that are such, by their place in the route.
    private let hopTLS: [Int: TLSLayer]

    /// Makes a dialer. Reads trust roots where TLS is needed: not for event loops.
    ///
    /// - Throws: ``TLSFailure`` when the TLS configuration cannot be used, ``HopFailure`` with one when that of a hop cannot.
    init(chain: HopChain, configuration: ClientConfiguration) throws {
        self.chain = chain
        self.dialer = configuration.dialer
        self.attemptLimit = configuration.timeouts.attempt
        self.hopLimit = configuration.timeouts.hop
        self.maximumPayloadLength = configuration.maximumPayloadLength
        self.fakeTLS = FakeTLSFactory(configuration, configuration.fakeTLSProfile)
        self.otherFakeTLS = configuration.fakeTLSFallbackProfile.map { FakeTLSFactory(configuration, $0) }
        var hopTLS: [Int: TLSLayer] = [:]
        for step in chain.steps {
            guard case .tls(let serverName) = step.hop.kind else { continue }
            do {
                hopTLS[step.index] = try TLSLayer(
                    endpoint: step.destination,
                    serverName: serverName,
                    configuration: configuration.proxyTLS
                )
            } catch {
                throw HopFailure(index: step.index, hop: step.hop, cause: error)
            }
        }
        self.hopTLS = hopTLS
        let endpoint = chain.target.endpoint
        self.tls =
            endpoint.scheme.isSecure
            ? try TLSLayer(endpoint: endpoint.socket, configuration: configuration.tls) : nil
    }

    /// Dials, and passes the hops; on the event loop given.
    ///
    /// - Parameters:
    ///   - eventLoop: where the connection runs.
    ///   - willConnect: gets each channel that tries, several when a name has several addresses; its errors end the dial.
    /// - Returns: the stream to the target. It is closed when a hop fails, and ``HopFailure`` is the error.
    func connect(
        on eventLoop: any EventLoop,
        _ willConnect: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<OpenStream> {
        self.connect(self.fakeTLS, on: eventLoop, willConnect).flatMapError { error in
            guard let other = self.otherFakeTLS, let failure = error as? HopFailure,
                let cause = failure.cause as? FakeTLSError, cause.mayBeProfile
            else { return eventLoop.makeFailedFuture(error) }
            return self.connect(other, on: eventLoop, willConnect).flatMapErrorThrowing { second in
                // What the proxy has shown says more than that another connection did not come about.
                throw (second as? HopFailure)?.cause is FakeTLSError ? second : error
            }
        }
    }

    private func connect(
        _ fakeTLS: FakeTLSFactory,
        on eventLoop: any EventLoop,
        _ willConnect: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<OpenStream> {
        self.dial(on: eventLoop, willConnect).flatMapErrorThrowing { error in
            guard let (index, hop) = self.chain.dialedHop, !(error is DialerViolation) else { throw error }
            throw HopFailure(index: index, hop: hop, cause: error)
        }.flatMap { channel in
            self.pass(self.chain.steps[...], OpenStream(channel: channel), fakeTLS)
        }
    }

    private func dial(
        on eventLoop: any EventLoop,
        _ willConnect: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        let channels = DialingChannels(willConnect)
        let limit = TimeAmount(self.attemptLimit)
        let promise = eventLoop.makePromise(of: (any Channel).self)
        let isOver = NIOLoopBoundBox(false, eventLoop: eventLoop)
        let timer = eventLoop.scheduleTask(in: limit) {
            isOver.value = true
            channels.end(because: ClientTimeout(limit: limit))
            promise.fail(ClientTimeout(limit: limit))
        }
        let context = DialContext(eventLoop: eventLoop, timeout: self.attemptLimit) { try channels.add($0) }
        self.dialer.dial(self.chain.dialed, context: context).hop(to: eventLoop).whenComplete { result in
            timer.cancel()
            do {
                let channel = try result.get()
                // The dialer may not have told of it, or not have minded that nobody wants it any more.
                try channels.end(with: channel)
                guard channel.eventLoop === eventLoop else {
                    channel.close(promise: nil)
                    throw DialerViolation.foreignEventLoop
                }
                promise.succeed(channel)
            } catch {
                channels.end(because: error)
                if !isOver.value { promise.fail(error) }
            }
        }
        return promise.futureResult
    }

    // MARK: Hops

    private func pass(
        _ steps: ArraySlice<HopChain.Step>,
        _ stream: OpenStream,
        _ fakeTLS: FakeTLSFactory
    ) -> EventLoopFuture<OpenStream> {
        guard let step = steps.first else { return stream.channel.eventLoop.makeSucceededFuture(stream) }
        return self.perform(step, on: stream, fakeTLS)
            .limited(to: self.hopLimit, closing: stream.channel)
            .flatMapErrorThrowing { error in
                throw HopFailure(index: step.index, hop: step.hop, cause: error)
            }
            .flatMap { self.pass(steps.dropFirst(), $0, fakeTLS) }
    }

    private func perform(
        _ step: HopChain.Step,
        on stream: OpenStream,
        _ fakeTLS: FakeTLSFactory
    ) -> EventLoopFuture<OpenStream> {
        let channel = stream.channel
        if let tls = self.hopTLS[step.index] { return tls.secure(stream) }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let gate = HopGate()
        let behind = OpenStream(channel: channel, gate: gate)
        do {
            try Self.addHandshake(of: step, to: channel, fakeTLS, promise)
            try channel.pipeline.syncOperations.addHandler(gate)
            stream.release()
        } catch {
            promise.fail(error)
        }
        return promise.futureResult.flatMapThrowing {
            if case .mtproxy = step.hop.kind {
                try channel.pipeline.syncOperations.addHandler(FakeTLSRecordHandler(step))
            }
            return behind
        }
    }

    /// Puts what speaks to the proxy into the pipeline.
    private static func addHandshake(
        of step: HopChain.Step,
        to channel: any Channel,
        _ fakeTLS: FakeTLSFactory,
        _ promise: EventLoopPromise<Void>
    ) throws {
        switch step.hop.kind {
        case .socks5(_, let credentials):
            let handshake = try SOCKS5Handshake(destination: step.destination, credentials: credentials)
            try Self.add(handshake, to: channel, promise)
        case .httpConnect(_, let credentials):
            try HTTPConnectHandler.add(
                to: channel,
                destination: step.destination,
                credentials: credentials,
                promise: promise
            )
        case .mtproxy(_, let secret):
            try Self.add(try fakeTLS.makeHandshake(secret: secret), to: channel, promise)
        case .custom(_, _, let custom):
            try Self.add(try custom.connector.makeHandshake(to: step.destination), to: channel, promise)
        case .tls:
            // Each one has its layer.
            promise.fail(ChannelError.inappropriateOperationForState)
        }
    }

    private static func add(
        _ handshake: some HopHandshake,
        to channel: any Channel,
        _ promise: EventLoopPromise<Void>
    ) throws {
        try channel.pipeline.syncOperations.addHandler(HopHandshakeHandler(handshake, promise))
    }

    // MARK: The target

    /// Puts TLS on a stream where the endpoint has it, and waits for its handshake; on the stream's event loop.
    func secure(_ stream: OpenStream) -> EventLoopFuture<OpenStream> {
        guard let tls = self.tls else { return stream.channel.eventLoop.makeSucceededFuture(stream) }
        return tls.secure(stream)
    }

    /// Opens a connection for HTTP requests; on the event loop given.
    ///
    /// - Throws: in the future, also ``ClientTimeout`` when TLS takes longer than a dial may.
    func openHTTP(
        on eventLoop: any EventLoop,
        _ willConnect: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<NIOLoopBound<HTTPConnection>> {
        self.connect(on: eventLoop, willConnect).flatMap { stream in
            self.makeHTTP(stream)
        }
    }

    /// Makes a stream one for HTTP requests; on its event loop.
    func makeHTTP(_ stream: OpenStream) -> EventLoopFuture<NIOLoopBound<HTTPConnection>> {
        self.secure(stream).flatMapThrowing { stream in
            let connection = try HTTPConnection.add(
                to: stream.channel,
                endpoint: self.chain.target.endpoint,
                maximumPayloadLength: self.maximumPayloadLength
            )
            stream.release()
            return NIOLoopBound(connection, eventLoop: stream.channel.eventLoop)
        }.limited(to: self.attemptLimit, closing: stream.channel)
    }
}

extension EventLoopFuture where Value: Sendable {
    /// The same with a time limit, after which the channel is closed; and it is closed when the future fails. The channel's end
    /// is the future's at the latest.
    func limited(to limit: Duration, closing channel: any Channel) -> EventLoopFuture<Value> {
        let limit = TimeAmount(limit)
        let promise = self.eventLoop.makePromise(of: Value.self)
        let timer = self.eventLoop.scheduleTask(in: limit) { promise.fail(ClientTimeout(limit: limit)) }
        self.cascade(to: promise)
        // What waits for the peer knows better, and comes before; but foreign code may wait for ever.
        channel.closeFuture.hop(to: self.eventLoop).whenComplete { _ in promise.fail(ConnectionClosedByPeer()) }
        promise.futureResult.whenComplete { result in
            timer.cancel()
            if case .failure = result { channel.close(promise: nil) }
        }
        return promise.futureResult
    }
}
