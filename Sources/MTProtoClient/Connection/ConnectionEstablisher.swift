// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore
internal import NIOPosix

/// A session that runs on a channel.
struct EstablishedSession: Sendable {
    let channel: any Channel
    let handler: NIOLoopBound<ClientSessionHandler>
    let authorizationKeyIdentifier: UInt64
    let sessionIdentifier: UInt64
}

/// Takes a connection from the dial to the first encrypted answer, and keeps account of its steps.
struct ConnectionEstablisher {
    let target: ConnectionTarget
    let configuration: ClientConfiguration
    private(set) var steps: [ConnectionStep] = []
    private(set) var phase: ConnectionPhase = .dial
    private var phaseStart: ContinuousClock.Instant = .now

    init(target: ConnectionTarget, configuration: ClientConfiguration) {
        self.target = target
        self.configuration = configuration
    }

    private mutating func begin(_ phase: ConnectionPhase) {
        self.phase = phase
        self.phaseStart = .now
    }

    private mutating func end(isSkipped: Bool = false) {
        let step = ConnectionStep(
            phase: self.phase,
            duration: isSkipped ? .zero : self.phaseStart.duration(to: .now),
            isSkipped: isSkipped
        )
        self.steps.append(step)
        self.configuration.onStep(step)
    }

    // MARK: Dial

    /// Dials, and puts the transport on the channel.
    mutating func dial(_ holder: ChannelHolder) async throws -> DialedConnection {
        self.begin(.dial)
        let transport = try self.transportConfiguration()
        let clock = self.configuration.clock
        var bootstrap = ClientBootstrap(group: self.configuration.eventLoopGroup)
            .connectTimeout(TimeAmount(self.configuration.timeouts.attempt))
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try holder.hold(channel) }
            }
        for (option, value) in TCPKeepAlive.options {
            bootstrap = bootstrap.channelOption(option, value: value)
        }
        let channel =
            try await bootstrap
            .connect(host: self.target.endpoint.host, port: self.target.endpoint.port)
            .get()
        // Several addresses may have been tried at once: this is the one that answered.
        try holder.keep(channel)
        self.end()
        self.begin(.transportHandshake)
        let exchange = try await channel.eventLoop.submit {
            let handler = KeyExchangeHandler(clock: clock)
            let operations = channel.pipeline.syncOperations
            try operations.addHandler(try MTProtoTransportHandler(client: transport))
            try operations.addHandler(handler)
            return NIOLoopBound(handler, eventLoop: channel.eventLoop)
        }.get()
        self.end()
        return DialedConnection(channel: channel, exchange: exchange)
    }

    private func transportConfiguration() throws -> TransportConnection.ClientConfiguration {
        let transport = self.configuration.transport
        guard !transport.isObfuscated || transport.framing.isObfuscatable else {
            throw MTProtoClientError(
                .invalidConfiguration,
                phase: .transportHandshake,
                message: "the \(transport.framing.rawValue) framing cannot be obfuscated"
            )
        }
        var configuration = TransportConnection.ClientConfiguration(framing: transport.framing)
        if transport.isObfuscated {
            configuration.obfuscation = .init(dataCenter: self.target.dataCenter, secret: nil)
        }
        configuration.maximumPayloadLength = self.configuration.maximumPayloadLength
        configuration.random = self.configuration.random
        return configuration
    }

    // MARK: Keys

    /// The keys to work with: saved ones where they can still be used, new ones otherwise.
    mutating func obtainKeys(on connection: DialedConnection) async throws -> SessionKeys {
        self.begin(.keyExchange)
        let savedTemporary = self.usableSavedTemporaryKey
        if let permanent = self.usableSavedConnection?.permanent, !self.wantsTemporaryKey || savedTemporary != nil {
            self.end(isSkipped: true)
            self.begin(.authorizationKey)
            self.end(isSkipped: true)
            return SessionKeys(permanent: permanent, temporary: savedTemporary, isTemporaryBound: true)
        }
        var verdictDuration: Duration = .zero
        let permanent: SavedSession
        if let saved = self.usableSavedConnection?.permanent {
            permanent = saved
        } else {
            let result = try await self.exchange(.permanent, on: connection, verdictDuration: &verdictDuration)
            permanent = SavedSession(result, at: self.configuration.clock.now())
        }
        var temporary: SavedConnection.Temporary?
        if self.wantsTemporaryKey {
            let lifetime = self.configuration.keyLifetime
            let result = try await self.exchange(lifetime, on: connection, verdictDuration: &verdictDuration)
            guard let expiresAt = result.expiresAt else {
                throw MTProtoClientError(
                    .keyExchange,
                    phase: .authorizationKey,
                    message: "temporary key without an end"
                )
            }
            temporary = .init(
                session: SavedSession(result, at: self.configuration.clock.now()),
                expiresAt: expiresAt
            )
        }
        let step = ConnectionStep(phase: .authorizationKey, duration: verdictDuration)
        self.steps.append(step)
        self.configuration.onStep(step)
        return SessionKeys(permanent: permanent, temporary: temporary, isTemporaryBound: false)
    }

    private var wantsTemporaryKey: Bool {
        if case .temporary = self.configuration.keyLifetime { return true }
        return false
    }

    private var usableSavedConnection: SavedConnection? {
        guard let saved = self.configuration.savedConnection, saved.dataCenter == self.target.dataCenter else {
            return nil
        }
        return saved
    }

    /// A saved temporary key that has at least a minute to live.
    private var usableSavedTemporaryKey: SavedConnection.Temporary? {
        guard self.wantsTemporaryKey, let temporary = self.usableSavedConnection?.temporary else { return nil }
        let offset = temporary.session.timeOffsetNanoseconds ?? 0
        let now = (self.configuration.clock.now().wallNanoseconds &+ offset) / 1_000_000_000
        return Int64(temporary.expiresAt) > now + 60 ? temporary : nil
    }

    /// One Diffie–Hellman exchange. Its arithmetic runs on the calling task, not on the event loop.
    private mutating func exchange(
        _ lifetime: KeyLifetime,
        on connection: DialedConnection,
        verdictDuration: inout Duration
    ) async throws -> KeyExchangeResult {
        var exchange = ClientKeyExchange(
            publicKeys: self.configuration.publicKeys,
            dataCenter: self.target.dataCenter,
            lifetime: lifetime,
            random: self.configuration.random
        )
        var body = exchange.start()
        var verdictStart: ContinuousClock.Instant?
        while true {
            let answer = try await connection.request(body, timeout: self.configuration.timeouts.keyExchangeStep)
            switch try exchange.receive(answer, at: self.configuration.clock.now()) {
            case .send(let next):
                body = next
                if exchange.isAwaitingVerdict, verdictStart == nil {
                    // With a temporary key there are two exchanges; the first one's time is the step's.
                    if self.phase == .keyExchange {
                        self.end()
                        self.phase = .authorizationKey
                    }
                    verdictStart = .now
                }
            case .ignored:
                throw MTProtoClientError(.keyExchange, phase: self.phase, message: "an answer came twice")
            case .finished(let result):
                if let verdictStart { verdictDuration += verdictStart.duration(to: .now) }
                return result
            }
        }
    }

    // MARK: Session

    /// Starts the session and waits for the first encrypted answer.
    mutating func startSession(keys: SessionKeys, on connection: DialedConnection) async throws -> EstablishedSession {
        self.begin(.encryptedSession)
        let configuration = self.configuration
        let current = keys.current
        let sessionIdentifier = configuration.random.integer(UInt64.self)
        let channel = connection.channel
        let exchange = connection.exchange
        let handler = try await channel.eventLoop.submit {
            let session = ClientSession(
                authorizationKey: current.authorizationKey,
                sessionIdentifier: sessionIdentifier,
                salts: current.salts,
                timeOffsetNanoseconds: current.timeOffsetNanoseconds,
                configuration: configuration.session,
                random: configuration.random
            )
            let handler = ClientSessionHandler(
                session: session,
                application: configuration.application,
                clock: configuration.clock,
                logger: configuration.logger,
                onStep: configuration.onStep
            )
            let operations = channel.pipeline.syncOperations
            try operations.addHandler(handler, position: .after(exchange.value))
            operations.removeHandler(exchange.value, promise: nil)
            return NIOLoopBound(handler, eventLoop: channel.eventLoop)
        }.get()
        if let temporary = keys.temporary, !keys.isTemporaryBound {
            try await self.bind(temporary, to: keys.permanent, session: sessionIdentifier, channel, handler)
        } else {
            let promise = channel.eventLoop.makePromise(of: Duration.self)
            channel.eventLoop.execute { handler.value.ping(promise) }
            _ = try await promise.futureResult.get(within: configuration.timeouts.session, on: channel)
        }
        self.end()
        self.phase = .use
        return EstablishedSession(
            channel: channel,
            handler: handler,
            authorizationKeyIdentifier: current.authorizationKey.identifier,
            sessionIdentifier: sessionIdentifier
        )
    }

    private func bind(
        _ temporary: SavedConnection.Temporary,
        to permanent: SavedSession,
        session: UInt64,
        _ channel: any Channel,
        _ handler: NIOLoopBound<ClientSessionHandler>
    ) async throws {
        let random = self.configuration.random
        let inner = BindAuthKeyInner(
            nonce: random.integer(Int64.self),
            temporaryKeyIdentifier: temporary.session.authorizationKey.identifier,
            permanentKeyIdentifier: permanent.authorizationKey.identifier,
            temporarySessionIdentifier: session,
            expiresAt: temporary.expiresAt
        )
        let promise = channel.eventLoop.makePromise(of: ByteBuffer.self)
        channel.eventLoop.execute {
            handler.value.invoke(result: promise) { messageIdentifier in
                BindTemporaryAuthKey(
                    permanentKeyIdentifier: inner.permanentKeyIdentifier,
                    nonce: inner.nonce,
                    expiresAt: inner.expiresAt,
                    encryptedMessage: TemporaryKeyBinding.makeEncryptedMessage(
                        inner: inner,
                        permanentKey: permanent.authorizationKey,
                        messageIdentifier: messageIdentifier,
                        random: random
                    )
                ).serialized()
            }
        }
        let result = try await promise.futureResult.get(within: self.configuration.timeouts.session, on: channel)
        guard result == ByteBuffer(tlBoolean: true) else {
            throw MTProtoClientError(
                .keyExchange,
                phase: .encryptedSession,
                message: "the server did not bind the temporary key"
            )
        }
    }
}

/// A dialed connection before its session.
struct DialedConnection: Sendable {
    let channel: any Channel
    let exchange: NIOLoopBound<KeyExchangeHandler>

    func request(_ body: ByteBuffer, timeout: Duration) async throws -> ByteBuffer {
        let eventLoop = self.channel.eventLoop
        let exchange = self.exchange
        return try await eventLoop.flatSubmit {
            exchange.value.request(body, timeout: TimeAmount(timeout), on: eventLoop)
        }.get()
    }
}

/// The keys of a session: the permanent one and, with PFS, the temporary one.
struct SessionKeys {
    let permanent: SavedSession
    let temporary: SavedConnection.Temporary?
    let isTemporaryBound: Bool

    /// The one that encrypts.
    var current: SavedSession { self.temporary?.session ?? self.permanent }
}
