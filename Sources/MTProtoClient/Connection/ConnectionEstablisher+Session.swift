// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

extension ConnectionEstablisher {
    /// Starts the session and waits for the first encrypted answer.
    ///
    /// - Parameters:
    ///   - keys: the keys.
    ///   - connection: what it runs on.
    ///   - keeping: who keeps the session when the connection is gone; nobody: it ends with the connection.
    mutating func startSession(
        keys: SessionKeys,
        on connection: DialedConnection,
        keeping: SessionKeeping = .none
    ) async throws -> EstablishedSession {
        self.begin(.encryptedSession)
        let configuration = self.configuration
        let current = keys.current
        let sessionIdentifier = configuration.random.integer(UInt64.self)
        let link = connection.link
        let driver = try await link.eventLoop.submit {
            let session = ClientSession(
                authorizationKey: current.authorizationKey,
                sessionIdentifier: sessionIdentifier,
                salts: current.salts,
                timeOffsetNanoseconds: current.timeOffsetNanoseconds,
                configuration: configuration.session,
                random: configuration.random
            )
            try keeping.admit()
            let driver: SessionDriver
            if let existing = keeping.driver {
                driver = existing.value
                driver.replaceSession(with: session, because: TemporaryKeyReplaced())
            } else {
                driver = SessionDriver(
                    session: session,
                    eventLoop: link.eventLoop,
                    application: configuration.application,
                    clock: configuration.clock,
                    logger: configuration.logger,
                    onStep: configuration.onStep
                )
            }
            keeping.adopt(driver)
            driver.attach(link.value)
            for probe in connection.probeSessions { driver.forgetOnServer(session: probe) }
            return NIOLoopBound(driver, eventLoop: link.eventLoop)
        }.get()
        if let temporary = keys.temporary, !keys.isTemporaryBound {
            try await self.bind(temporary, to: keys.permanent, driver, link)
        } else {
            try await self.awaitAnswer(driver, link)
        }
        self.end()
        self.begin(.use)
        return EstablishedSession(
            link: link,
            driver: driver,
            authorizationKeyIdentifier: current.authorizationKey.identifier,
            sessionIdentifier: sessionIdentifier
        )
    }

    /// Goes on with a session that an earlier connection left, and waits for its first answer.
    mutating func resumeSession(
        _ driver: NIOLoopBound<SessionDriver>,
        on connection: DialedConnection,
        admit: @escaping @Sendable () throws -> Void
    ) async throws {
        self.skipKeys()
        self.begin(.encryptedSession)
        let link = connection.link
        try await link.eventLoop.submit {
            try admit()
            driver.value.attach(link.value)
            for probe in connection.probeSessions { driver.value.forgetOnServer(session: probe) }
        }.get()
        try await self.awaitAnswer(driver, link)
        self.end()
        self.begin(.use)
    }

    private func awaitAnswer(_ driver: NIOLoopBound<SessionDriver>, _ link: LinkReference) async throws {
        let promise = link.eventLoop.makePromise(of: Duration.self)
        link.eventLoop.execute { driver.value.ping(promise) }
        _ = try await promise.futureResult.get(within: self.configuration.timeouts.session) { link.close() }
    }

    /// Makes another temporary key, while the session goes on under the one before.
    mutating func renewTemporaryKey(on connection: DialedConnection) async throws -> SavedConnection.Temporary {
        self.begin(.keyExchange)
        var verdictDuration: Duration = .zero
        let lifetime = self.configuration.keyLifetime
        return try await self.exchangeTemporaryKey(lifetime, on: connection, verdictDuration: &verdictDuration)
    }

    mutating func exchangeTemporaryKey(
        _ lifetime: KeyLifetime,
        on connection: DialedConnection,
        verdictDuration: inout Duration
    ) async throws -> SavedConnection.Temporary {
        let result = try await self.exchange(lifetime, on: connection, verdictDuration: &verdictDuration)
        guard let expiresAt = result.expiresAt else {
            throw MTProtoClientError(.keyExchange, phase: .authorizationKey, message: "temporary key without an end")
        }
        return SavedConnection.Temporary(
            session: SavedSession(result, at: self.configuration.clock.now()),
            expiresAt: expiresAt
        )
    }

    private func bind(
        _ temporary: SavedConnection.Temporary,
        to permanent: SavedSession,
        _ driver: NIOLoopBound<SessionDriver>,
        _ link: LinkReference
    ) async throws {
        let random = self.configuration.random
        let bound = link.eventLoop.flatSubmit { driver.value.bind(temporary, to: permanent, random: random) }
        try await bound.get(within: self.configuration.timeouts.session) { link.close() }
    }
}
