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
    let target: ResolvedTarget
    let dataCenter: DataCenterIdentifier
    let configuration: ClientConfiguration
    private(set) var steps: [ConnectionStep] = []
    private(set) var phase: ConnectionPhase = .dial
    private var phaseStart: ContinuousClock.Instant = .now

    init(target: ResolvedTarget, dataCenter: DataCenterIdentifier, configuration: ClientConfiguration) {
        self.target = target
        self.dataCenter = dataCenter
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

    /// Dials, and puts the transport on the channel: TLS, the WebSocket, the framing, or HTTP.
    mutating func dial(_ holder: ConnectionHolder) async throws -> DialedConnection {
        self.begin(.dial)
        let dialer: ChannelDialer
        do {
            dialer = try ChannelDialer(endpoint: self.target.endpoint, configuration: self.configuration)
        } catch {
            self.phase = .transportHandshake
            throw error
        }
        let channel = try await dialer.connect(on: self.configuration.eventLoopGroup) { try holder.hold($0) }.get()
        // Several addresses may have been tried at once: this is the one that answered.
        try holder.keep(channel)
        self.end()
        self.begin(.transportHandshake)
        let link =
            if self.target.transport.framing == nil {
                try await self.makeHTTPLink(on: channel, dialer)
            } else {
                try await self.makeStreamLink(on: channel, dialer)
            }
        try holder.keep(link)
        self.end()
        let clock = self.configuration.clock
        let exchange = try await link.eventLoop.submit {
            NIOLoopBound(PlaintextExchange(link: link.value, clock: clock), eventLoop: link.eventLoop)
        }.get()
        return DialedConnection(link: link, exchange: exchange)
    }

    private func makeStreamLink(on channel: any Channel, _ dialer: ChannelDialer) async throws -> LinkReference {
        var transport = TransportConnection.ClientConfiguration(
            framing: self.target.transport.framing ?? .intermediate
        )
        if self.target.transport.isObfuscated {
            transport.obfuscation = .init(dataCenter: self.dataCenter, secret: nil)
        }
        transport.maximumPayloadLength = self.configuration.maximumPayloadLength
        transport.random = self.configuration.random
        let addLink: @Sendable (any Channel) throws -> NIOLoopBound<StreamLink> = { [transport] channel in
            let link = StreamLink(channel: channel, framing: transport.framing)
            let operations = channel.pipeline.syncOperations
            try operations.addHandler(try MTProtoTransportHandler(client: transport))
            try operations.addHandler(link)
            return NIOLoopBound(link, eventLoop: channel.eventLoop)
        }
        guard self.target.endpoint.isWebSocket else {
            return try await channel.eventLoop.submit { LinkReference(try addLink(channel).value) }.get()
        }
        let upgrade = WebSocketUpgrade(
            endpoint: self.target.endpoint,
            maximumPayloadLength: self.configuration.maximumPayloadLength,
            addLink: addLink
        )
        return try await channel.eventLoop.flatSubmit {
            dialer.secure(channel)
                .flatMap { upgrade.perform(on: channel) }
                .map { LinkReference($0.value) }
                .limited(to: dialer.attemptLimit, closing: channel)
        }.get()
    }

    private func makeHTTPLink(on channel: any Channel, _ dialer: ChannelDialer) async throws -> LinkReference {
        let configuration = HTTPLink.Configuration(
            queryConnectionCount: self.configuration.http.queryConnectionCount,
            pollWait: self.configuration.http.pollWait,
            responseMargin: self.configuration.http.responseMargin,
            redialLimit: self.configuration.timeouts.attempt
        )
        return try await channel.eventLoop.flatSubmit {
            dialer.makeHTTP(channel).map { connection in
                LinkReference(HTTPLink(first: connection.value, dialer: dialer, configuration: configuration))
            }
        }.get()
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
        let saved = self.usableSavedConnection?.permanent
        let permanent: SavedSession
        if let saved {
            permanent = saved
        } else {
            let result = try await self.exchange(.permanent, on: connection, verdictDuration: &verdictDuration)
            permanent = SavedSession(result, at: self.configuration.clock.now())
        }
        if let offset = permanent.timeOffsetNanoseconds {
            connection.synchronize(offsetNanoseconds: offset, isProven: saved == nil)
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
        guard let saved = self.configuration.savedConnection, saved.dataCenter == self.dataCenter else {
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
            dataCenter: self.dataCenter,
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
        let link = connection.link
        let sessionConfiguration = self.sessionConfiguration
        let driver = try await link.eventLoop.submit {
            let session = ClientSession(
                authorizationKey: current.authorizationKey,
                sessionIdentifier: sessionIdentifier,
                salts: current.salts,
                timeOffsetNanoseconds: current.timeOffsetNanoseconds,
                configuration: sessionConfiguration,
                random: configuration.random
            )
            let driver = SessionDriver(
                session: session,
                link: link.value,
                application: configuration.application,
                clock: configuration.clock,
                logger: configuration.logger,
                onStep: configuration.onStep
            )
            driver.start()
            return NIOLoopBound(driver, eventLoop: link.eventLoop)
        }.get()
        if let temporary = keys.temporary, !keys.isTemporaryBound {
            try await self.bind(temporary, to: keys.permanent, session: sessionIdentifier, link, driver)
        } else {
            let promise = link.eventLoop.makePromise(of: Duration.self)
            link.eventLoop.execute { driver.value.ping(promise) }
            _ = try await promise.futureResult.get(within: configuration.timeouts.session) { link.close() }
        }
        self.end()
        self.phase = .use
        return EstablishedSession(
            link: link,
            driver: driver,
            authorizationKeyIdentifier: current.authorizationKey.identifier,
            sessionIdentifier: sessionIdentifier
        )
    }

    /// Over HTTP no ping is needed: the poll shows whether the server is there. A ping that waits for its answer is no reason to
    /// give up the session: it may only have to go again, on another connection.
    private var sessionConfiguration: ClientSession.Configuration {
        var configuration = self.configuration.session
        if self.target.transport.framing == nil {
            configuration.keepAliveInterval = nil
            configuration.pongTimeout = max(configuration.pongTimeout, .seconds(3_600))
        }
        return configuration
    }

    private func bind(
        _ temporary: SavedConnection.Temporary,
        to permanent: SavedSession,
        session: UInt64,
        _ link: LinkReference,
        _ driver: NIOLoopBound<SessionDriver>
    ) async throws {
        let random = self.configuration.random
        let inner = BindAuthKeyInner(
            nonce: random.integer(Int64.self),
            temporaryKeyIdentifier: temporary.session.authorizationKey.identifier,
            permanentKeyIdentifier: permanent.authorizationKey.identifier,
            temporarySessionIdentifier: session,
            expiresAt: temporary.expiresAt
        )
        let promise = link.eventLoop.makePromise(of: ByteBuffer.self)
        link.eventLoop.execute {
            driver.value.invoke(result: promise) { messageIdentifier in
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
        let result = try await promise.futureResult.get(within: self.configuration.timeouts.session) { link.close() }
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
    let link: LinkReference
    let exchange: NIOLoopBound<PlaintextExchange>

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

/// The keys of a session: the permanent one and, with PFS, the temporary one.
struct SessionKeys {
    let permanent: SavedSession
    let temporary: SavedConnection.Temporary?
    let isTemporaryBound: Bool

    /// The one that encrypts.
    var current: SavedSession { self.temporary?.session ?? self.permanent }
}
