// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore
internal import Synchronization

extension ConnectionEstablisher {
    /// Whether there is no saved key to begin with.
    var needsKeyExchange: Bool { self.usableKeys == nil }

    /// Saved keys that need no exchange.
    private var usableKeys: SessionKeys? {
        let temporary = self.usableSavedTemporaryKey
        guard let permanent = self.usableSavedConnection?.permanent, !self.wantsTemporaryKey || temporary != nil else {
            return nil
        }
        return SessionKeys(permanent: permanent, temporary: temporary, isTemporaryBound: true)
    }

    /// Asks for the first answer of the key exchange that ``obtainKeys(on:)`` goes on with.
    mutating func beginKeyExchange(on connection: DialedConnection) async throws {
        self.begin(.keyExchange)
        let saved = self.usableSavedConnection?.permanent
        if let offset = saved?.timeOffsetNanoseconds {
            connection.synchronize(offsetNanoseconds: offset, isProven: false)
        }
        self.begun = try await self.begin(saved == nil ? .permanent : self.configuration.keyLifetime, on: connection)
    }

    /// The keys to work with: saved ones where they can still be used, new ones otherwise.
    mutating func obtainKeys(on connection: DialedConnection) async throws -> SessionKeys {
        if let keys = self.usableKeys {
            self.skipKeys()
            return keys
        }
        if self.begun == nil { try await self.beginKeyExchange(on: connection) }
        var verdictDuration: Duration = .zero
        let saved = self.usableSavedConnection?.permanent
        let permanent: SavedSession
        if let saved {
            permanent = saved
        } else {
            let result = try await self.exchange(.permanent, on: connection, verdictDuration: &verdictDuration)
            permanent = SavedSession(result, at: self.configuration.clock.now())
            self.onPermanentKey(permanent)
            if let offset = permanent.timeOffsetNanoseconds {
                connection.synchronize(offsetNanoseconds: offset, isProven: true)
            }
        }
        var temporary: SavedConnection.Temporary?
        if self.wantsTemporaryKey {
            temporary = try await self.exchangeTemporaryKey(
                self.configuration.keyLifetime,
                on: connection,
                verdictDuration: &verdictDuration
            )
        }
        let step = ConnectionStep(phase: .authorizationKey, duration: verdictDuration)
        self.steps.append(step)
        self.configuration.onStep(step)
        return SessionKeys(permanent: permanent, temporary: temporary, isTemporaryBound: false)
    }

    /// There are keys already.
    mutating func skipKeys() {
        for phase in [ConnectionPhase.keyExchange, .authorizationKey] {
            self.begin(phase)
            self.end(isSkipped: true)
        }
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

    /// One Diffie–Hellman exchange, from where it stands. Its arithmetic runs on the calling task, not on the event loop.
    mutating func exchange(
        _ lifetime: KeyLifetime,
        on connection: DialedConnection,
        verdictDuration: inout Duration
    ) async throws -> KeyExchangeResult {
        let begun: BegunKeyExchange
        if let first = self.begun {
            begun = first
            self.begun = nil
        } else {
            begun = try await self.begin(lifetime, on: connection)
        }
        var body = begun.next
        var verdictStart: ContinuousClock.Instant?
        while true {
            if begun.isAwaitingVerdict, verdictStart == nil {
                // With a temporary key there are two exchanges; the first one's time is the step's.
                if self.phase == .keyExchange {
                    self.end()
                    self.begin(.authorizationKey)
                }
                verdictStart = .now
            }
            let answer = try await connection.request(body, timeout: self.configuration.timeouts.keyExchangeStep)
            switch try begun.receive(answer, at: self.configuration.clock.now()) {
            case .send(let next):
                body = next
            case .ignored:
                throw MTProtoClientError(.keyExchange, phase: self.phase, message: "an answer came twice")
            case .finished(let result):
                if let verdictStart { verdictDuration += verdictStart.duration(to: .now) }
                return result
            }
        }
    }

    /// Asks for `resPQ`.
    private mutating func begin(_ lifetime: KeyLifetime, on connection: DialedConnection) async throws
        -> BegunKeyExchange
    {
        var exchange = ClientKeyExchange(
            publicKeys: self.configuration.publicKeys,
            dataCenter: self.dataCenter,
            lifetime: lifetime,
            random: self.configuration.random
        )
        let answer = try await connection.request(
            exchange.start(),
            timeout: self.configuration.timeouts.keyExchangeStep
        )
        self.hasAnswer = true
        guard case .send(let next) = try exchange.receive(answer, at: self.configuration.clock.now()) else {
            throw MTProtoClientError(.keyExchange, phase: self.phase, message: "an answer came twice")
        }
        return BegunKeyExchange(exchange, next: next)
    }

    // MARK: Probes

    /// Asks for a pong under the saved key, in a session of its own: what belongs to the real one must not be lost with a
    /// connection that another one overtakes.
    mutating func probe(_ connection: DialedConnection, as sessionIdentifier: UInt64) async throws {
        guard let keys = self.usableKeys else { return }
        self.begin(.encryptedSession)
        let configuration = self.configuration
        let link = connection.link
        // One question and its answer, no more.
        var rules = configuration.session
        rules.keepAliveInterval = nil
        rules.futureSaltCount = 0
        let pong = link.eventLoop.flatSubmit { [rules] in
            let session = ClientSession(
                authorizationKey: keys.current.authorizationKey,
                sessionIdentifier: sessionIdentifier,
                salts: keys.current.salts,
                timeOffsetNanoseconds: keys.current.timeOffsetNanoseconds,
                configuration: rules,
                random: configuration.random
            )
            let driver = SessionDriver(
                session: session,
                eventLoop: link.eventLoop,
                application: configuration.application,
                clock: configuration.clock,
                logger: configuration.logger,
                onStep: { _ in }
            )
            driver.attach(link.value)
            let promise = link.eventLoop.makePromise(of: Duration.self)
            driver.ping(promise)
            let bound = NIOLoopBound(driver, eventLoop: link.eventLoop)
            return promise.futureResult.always { _ in bound.value.leaveLink() }
        }
        _ = try await pong.get(within: configuration.timeouts.session) { link.close() }
    }
}

/// A key exchange that has its first answer.
final class BegunKeyExchange: Sendable {
    /// What to send next.
    let next: ByteBuffer
    private let exchange: Mutex<ClientKeyExchange>

    init(_ exchange: consuming ClientKeyExchange, next: ByteBuffer) {
        self.exchange = Mutex(exchange)
        self.next = next
    }

    var isAwaitingVerdict: Bool { self.exchange.withLock { $0.isAwaitingVerdict } }

    func receive(_ answer: ByteBuffer, at now: SessionTime) throws(KeyExchangeError) -> ClientKeyExchange.Action {
        try self.exchange.withLock { exchange throws(KeyExchangeError) in try exchange.receive(answer, at: now) }
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
