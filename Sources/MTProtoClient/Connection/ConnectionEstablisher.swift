// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// A session that runs on a link.
struct EstablishedSession: Sendable {
    let link: LinkReference
    let driver: NIOLoopBound<SessionDriver>
    let authorizationKeyIdentifier: UInt64
    let sessionIdentifier: UInt64
}

/// Takes a connection from the dial to the first encrypted answer, and keeps account of its steps.
struct ConnectionEstablisher {
    let chain: HopChain
    let dataCenter: DataCenterIdentifier
    private(set) var configuration: ClientConfiguration
    private let onPhase: @Sendable (ConnectionPhase) -> Void
    var steps: [ConnectionStep] = []
    var phase: ConnectionPhase = .dial
    /// Called when there is another permanent key.
    var onPermanentKey: @Sendable (SavedSession) -> Void = { _ in }
    /// Whether the server has answered anything.
    var hasAnswer = false
    private var phaseStart: ContinuousClock.Instant = .now
    /// The exchange whose first answer is here.
    var begun: BegunKeyExchange?

    /// - Parameter onPhase: called as each phase begins.
    init(
        chain: HopChain,
        dataCenter: DataCenterIdentifier,
        configuration: ClientConfiguration,
        onPhase: @escaping @Sendable (ConnectionPhase) -> Void = { _ in }
    ) {
        self.chain = chain
        self.dataCenter = dataCenter
        self.configuration = configuration
        self.onPhase = onPhase
    }

    var target: ResolvedTarget { self.chain.target }

    mutating func begin(_ phase: ConnectionPhase) {
        self.phase = phase
        self.phaseStart = .now
        self.onPhase(phase)
    }

    /// Tells the steps so far, and each one to come, which nobody has heard of yet.
    mutating func reportSteps(to listener: @escaping @Sendable (ConnectionStep) -> Void) {
        for step in self.steps { listener(step) }
        self.configuration.onStep = listener
    }

    mutating func end(isSkipped: Bool = false) {
        let step = ConnectionStep(
            phase: self.phase,
            duration: isSkipped ? .zero : self.phaseStart.duration(to: .now),
            isSkipped: isSkipped
        )
        self.steps.append(step)
        self.configuration.onStep(step)
    }

    // MARK: Dial

    /// Dials, passes the hops of the route, and puts the transport on the channel: TLS, the WebSocket, the framing, or HTTP.
    ///
    /// - Parameters:
    ///   - holder: has whatever is opened; closing it ends the dial.
    ///   - onServer: called when the proxies are passed.
    mutating func dial(
        _ holder: ConnectionHolder,
        onServer: @Sendable () -> Void = {}
    ) async throws -> DialedConnection {
        self.begin(.dial)
        if self.chain.dialedHop == nil { onServer() }
        let dialer: ChannelDialer
        do {
            dialer = try ChannelDialer(chain: self.chain, configuration: self.configuration)
        } catch {
            if !(error is HopFailure) { self.phase = .transportHandshake }
            throw error
        }
        let eventLoop = self.configuration.eventLoopGroup.next()
        let promise = eventLoop.makePromise(of: OpenStream.self)
        let linkPromise = eventLoop.makePromise(of: LinkReference.self)
        do {
            try holder.onClose { reason in
                Self.giveUp(promise, holder, because: reason)
                // Nobody waits until TLS has said goodbye.
                linkPromise.fail(reason)
            }
        } catch {
            promise.fail(error)
            linkPromise.fail(error)
            throw error
        }
        let makeLink = self.linkMaker(dialer)
        eventLoop.execute {
            dialer.connect(on: eventLoop) { try holder.hold($0) }.whenComplete { result in
                switch result {
                case .success(let stream):
                    if let reason = holder.reason {
                        // Nobody may be waiting any more.
                        stream.channel.close(promise: nil)
                        linkPromise.fail(reason)
                    } else {
                        // At once: the connection's end may have come already, with the last bytes of the last hop.
                        makeLink(stream).whenComplete { result in
                            if case .success(let link) = result, holder.reason != nil { link.close() }
                            linkPromise.completeWith(result)
                        }
                    }
                case .failure(let error):
                    linkPromise.fail(error)
                }
                promise.completeWith(result)
            }
        }
        do {
            let stream = try await promise.futureResult.get()
            // Several addresses may have been tried at once: this is the one that answered.
            try holder.keep(stream.channel)
        } catch {
            // There may be a link by now, which nobody else closes.
            linkPromise.futureResult.whenSuccess { $0.close() }
            throw error
        }
        onServer()
        self.end()
        self.begin(.transportHandshake)
        let link = try await linkPromise.futureResult.get()
        try holder.keep(link)
        self.end()
        let clock = self.configuration.clock
        let exchange = try await link.eventLoop.submit {
            NIOLoopBound(PlaintextExchange(link: link.value, clock: clock), eventLoop: link.eventLoop)
        }.get()
        return DialedConnection(link: link, exchange: exchange)
    }

    /// Ends the wait for a dial whose holder was closed. Channels that were closed say themselves at which hop; a name that is
    /// being looked up, or a dialer of somebody else's, need not notice.
    private static func giveUp(
        _ promise: EventLoopPromise<OpenStream>,
        _ holder: ConnectionHolder,
        because reason: any Error
    ) {
        guard holder.hasChannels else { return promise.fail(reason) }
        let timer = promise.futureResult.eventLoop.scheduleTask(in: linkClosingTime) { promise.fail(reason) }
        promise.futureResult.whenComplete { _ in timer.cancel() }
    }

    /// What makes the link of a stream, on the stream's event loop.
    private func linkMaker(_ dialer: ChannelDialer) -> @Sendable (OpenStream) -> EventLoopFuture<LinkReference> {
        self.target.transport.isStream ? self.streamLinkMaker(dialer) : self.httpLinkMaker(dialer)
    }

    private func streamLinkMaker(_ dialer: ChannelDialer) -> @Sendable (OpenStream) -> EventLoopFuture<LinkReference> {
        let builder = StreamLinkBuilder(
            chain: self.chain,
            dataCenter: self.dataCenter,
            configuration: self.configuration
        )
        guard self.target.endpoint.isWebSocket else {
            return { stream in
                builder.build(on: stream)
                    .map { LinkReference($0.value) }
                    .limited(to: dialer.attemptLimit, closing: stream.channel)
            }
        }
        let upgrade = WebSocketUpgrade(
            endpoint: self.target.endpoint,
            maximumPayloadLength: self.configuration.maximumPayloadLength,
            addLink: { builder.add(to: $0) }
        )
        return { stream in
            dialer.secure(stream)
                .flatMap { upgrade.perform(on: $0) }
                .map { LinkReference($0.value) }
                .limited(to: dialer.attemptLimit, closing: stream.channel)
        }
    }

    private func httpLinkMaker(_ dialer: ChannelDialer) -> @Sendable (OpenStream) -> EventLoopFuture<LinkReference> {
        let configuration = HTTPLink.Configuration(
            queryConnectionCount: self.configuration.http.queryConnectionCount,
            pollWait: self.configuration.http.pollWait,
            responseMargin: self.configuration.http.responseMargin,
            redialLimit: self.configuration.timeouts.attempt
        )
        return { stream in
            dialer.makeHTTP(stream).map { connection in
                LinkReference(HTTPLink(first: connection.value, dialer: dialer, configuration: configuration))
            }
        }
    }
}

/// A dialed connection before its session.
struct DialedConnection: Sendable {
    let link: LinkReference
    let exchange: NIOLoopBound<PlaintextExchange>
    /// The sessions in which pongs were asked for, to be forgotten by the server.
    var probeSessions: [UInt64] = []

    func request(_ body: ByteBuffer, timeout: Duration) async throws -> ByteBuffer {
        let exchange = self.exchange
        return try await self.link.eventLoop.flatSubmit {
            exchange.value.request(body, timeout: TimeAmount(timeout))
        }.get()
    }

    /// The requests to come know the server's time: server time minus local time.
    func synchronize(offsetNanoseconds offset: Int64, isProven: Bool) {
        let exchange = self.exchange
        self.link.eventLoop.execute { exchange.value.synchronize(offsetNanoseconds: offset, isProven: isProven) }
    }
}
