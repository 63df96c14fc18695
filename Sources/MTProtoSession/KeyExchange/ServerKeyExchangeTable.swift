// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import MTProtoTransport
public import NIOCore
internal import Synchronization

/// The server's side of making authorization keys: all runs of a server, each found by its pair of nonces, so that the
/// steps of one run may come over different connections, and several runs over one.
///
/// Callable from any thread, and meant for a thread pool: a step computes for about a millisecond (RSA) or two (modular
/// exponentiation), outside of the lock. A run lives for ten minutes from its `req_pq`; a repeated query gets the
/// stored answer, and any incorrect query fails its run for good. The secrets of a run are overwritten when it ends.
///
/// A collision of key identifiers is answered by `dh_gen_fail`, not by `dh_gen_retry`: at that step the server could
/// not get another key by itself, since the client's half is final, and no client in use today survives a retry. After
/// `dh_gen_fail` they begin anew, and get a different key.
///
/// Specification: *Creating an Authorization Key*.
public final class ServerKeyExchangeTable: Sendable {
    /// What to answer when the identifier of a new key is in use already.
    public enum CollisionAnswer: Hashable, Sendable {
        /// `dh_gen_fail`: the client begins anew.
        case fail
        /// `dh_gen_retry`: the client chooses another exponent, at most five times. For tests of clients only.
        case retry
    }

    /// What a server accepts, and what it uses.
    public struct Configuration: Sendable {
        /// The RSA keys whose fingerprints are offered, in this order; at least one, of 2048 bits each.
        public var privateKeys: [RSAPrivateKey]
        /// The prime and the generator; by default those of Telegram, which some clients insist on.
        public var group = DiffieHellman.standardGroup
        /// Which data centres a client may mean; by default any.
        public var dataCenterPolicy = KeyExchangeDataCenterPolicy.any
        /// Whether inner data may come under the padding that preceded RSA_PAD; by default true, because current
        /// third-party clients send nothing else.
        public var acceptsLegacyPadding = true
        /// What a collision of key identifiers is answered with.
        public var collisionAnswer = CollisionAnswer.fail
        /// How many runs are remembered; 16 384 by default, which take at most about 20 MB.
        public var maximumRuns = 16_384
        /// How many runs of one source may be under way, that is between the second step and the verdict; 1024 by default,
        /// because many clients may be behind one address or one proxy. Beyond it, the source's oldest run gives way.
        public var maximumRunsPerSource = 1024
        /// How long a run may take, counted from its `req_pq`; ten minutes, as the protocol says.
        public var runLifetime = Duration.seconds(600)
        /// The longest life of a temporary key in seconds, whatever the client asks for; a week by default.
        public var maximumTemporaryKeyLifetime: Int32 = 604_800
        /// Where nonces, primes, exponents and padding come from.
        public var random = RandomSource.system
        /// Is told why a query was answered with a transport error or `dh_gen_fail`. Called on the thread that responds.
        public var reportRejection: (@Sendable (KeyExchangeError) -> Void)?

        /// Makes a configuration with the defaults.
        public init(privateKeys: [RSAPrivateKey]) {
            self.privateKeys = privateKeys
        }
    }

    /// What to do about a plaintext message.
    public enum Response: Sendable {
        /// Send this body as a plaintext message.
        case reply(ByteBuffer)
        /// Store the key, then say so by ``ServerKeyExchangeTable/confirm(_:_:at:)``, which returns what to send: this
        /// body if the key is stored. Until then the client's query is not answered, however often it is repeated.
        case replyAndStore(ByteBuffer, EstablishedKey)
        /// Send this transport error.
        case transportError(TransportErrorCode)
        /// Send nothing.
        case ignore
    }

    /// What became of a key that was to be stored.
    public enum Storage: Hashable, Sendable {
        /// It is stored.
        case stored
        /// Another key has its identifier.
        case identifierTaken
        /// The store failed.
        case failed
    }

    private let configuration: Configuration
    private let fingerprints: [UInt64]
    private let steps: ServerKeyExchangeSteps
    private let runs: Mutex<ServerKeyExchangeRuns>

    /// Makes an empty table. The group is validated here, once: some milliseconds for the default one, much longer for
    /// another.
    ///
    /// - Throws: ``KeyExchangeError/Reason/noPrivateKey`` or ``KeyExchangeError/Reason/unsafeGroup(_:)``.
    public init(configuration: Configuration) throws(KeyExchangeError) {
        guard !configuration.privateKeys.isEmpty else {
            throw KeyExchangeError(.setup, .noPrivateKey)
        }
        do {
            try DiffieHellman.validate(configuration.group, random: configuration.random)
        } catch {
            throw KeyExchangeError(.setup, .unsafeGroup(error))
        }
        let privateKeys = configuration.privateKeys.map { ($0.publicKey.fingerprint, $0) }
        self.configuration = configuration
        self.fingerprints = privateKeys.map(\.0)
        self.steps = ServerKeyExchangeSteps(
            configuration: configuration,
            privateKeys: Dictionary(privateKeys) { first, _ in first }
        )
        self.runs = Mutex(
            ServerKeyExchangeRuns(
                maximumCount: configuration.maximumRuns,
                maximumCountPerSource: configuration.maximumRunsPerSource,
                lifetimeNanoseconds: configuration.runLifetime.clampedNanoseconds
            )
        )
    }

    /// How many runs are remembered.
    public var runCount: Int {
        self.runs.withLock { $0.count }
    }

    /// Forgets the runs that are past their lifetime, with their secrets. Every query does so too: only a server that
    /// gets none for long needs to call it.
    public func removeExpiredRuns(at now: SessionTime) {
        self.runs.withLock { $0.removeExpired(at: now.monotonicNanoseconds) }
    }

    /// Takes the body of a plaintext message from a client.
    ///
    /// - Parameters:
    ///   - body: A TL object of the exchange, or a `msgs_ack`, which is ignored; everything else is answered with 404.
    ///     Bytes after the object are ignored.
    ///   - now: The clock; its wall part is told to the client as the server's time.
    ///   - source: Who asks, such as an address without the port; see ``Configuration/maximumRunsPerSource``. Nil for no
    ///     such bound.
    ///   - isKeyIdentifierInUse: Whether a key with this identifier is stored already.
    public func respond(
        to body: ByteBuffer,
        at now: SessionTime,
        from source: String? = nil,
        isKeyIdentifierInUse: (UInt64) -> Bool = { _ in false }
    ) -> Response {
        switch body.exchangeConstructor {
        case RequestPQMulti.constructor, RequestPQ.constructor:
            self.begin(body, at: now, from: source)
        case RequestDHParameters.constructor:
            self.answerParameters(body, at: now)
        case SetClientDHParameters.constructor:
            self.answerVerdict(body, at: now, isKeyIdentifierInUse: isKeyIdentifierInUse)
        case MessagesAcknowledgement.constructor:
            .ignore
        case let constructor:
            self.reject(.product, .unexpectedMessage(constructor: constructor))
        }
    }

    // MARK: Steps

    private func begin(_ body: ByteBuffer, at now: SessionTime, from source: String?) -> Response {
        guard let nonce = body.getExchangeNonce() else {
            return self.reject(.product, .malformed)
        }
        let begun = self.runs.withLock { runs in
            runs.removeExpired(at: now.monotonicNanoseconds)
            return runs.begunRun(nonce: nonce)
        }
        if let begun {
            return .reply(self.makeResultPQ(begun))
        }
        let random = self.configuration.random
        let run = ServerKeyExchangeRun(
            key: ServerKeyExchangeRun.Key(nonce: nonce, serverNonce: Bytes16.random(random)),
            factors: PQFactorization.makeProduct(random),
            createdAt: now.monotonicNanoseconds,
            source: source
        )
        guard self.runs.withLock({ $0.insert(run) }) else {
            return self.reject(.product, .tooManyRuns)
        }
        return .reply(self.makeResultPQ(run))
    }

    private func makeResultPQ(_ run: ServerKeyExchangeRun) -> ByteBuffer {
        ResultPQ(
            nonce: run.key.nonce,
            serverNonce: run.key.serverNonce,
            product: ExchangeNumber.bytes(run.product),
            fingerprints: self.fingerprints
        ).serialized()
    }

    private func answerParameters(_ body: ByteBuffer, at now: SessionTime) -> Response {
        self.advance(body, RequestDHParameters.self, phase: .parameters, at: now) {
            query,
            run,
            _ throws(KeyExchangeError) in
            let (answer, secrets) = try self.steps.answer(query, of: run, at: now)
            return Outcome(
                response: .reply(answer),
                state: { .awaitingVerdict(query: $0, answer: answer, secrets: secrets) }
            )
        }
    }

    private func answerVerdict(
        _ body: ByteBuffer,
        at now: SessionTime,
        isKeyIdentifierInUse: (UInt64) -> Bool
    ) -> Response {
        self.advance(body, SetClientDHParameters.self, phase: .verdict, at: now) {
            query,
            run,
            secrets throws(KeyExchangeError) in
            guard let secrets else {
                throw KeyExchangeError(.verdict, .outOfOrder)
            }
            let verdict = try self.steps.answer(
                query,
                of: run,
                secrets: secrets,
                at: now,
                isKeyIdentifierInUse: isKeyIdentifierInUse
            )
            switch verdict {
            case .established(let answer, let failure, let key):
                return Outcome(
                    response: .replyAndStore(answer, key),
                    failure: failure,
                    // At work until the key is stored: a client must not count on a key that is not.
                    state: { .working(query: $0) }
                )
            case .retry(let answer, let secrets):
                return Outcome(
                    response: .reply(answer),
                    state: { .awaitingVerdict(query: $0, answer: answer, secrets: secrets) }
                )
            case .refused(let answer, let reason):
                self.configuration.reportRejection?(KeyExchangeError(.verdict, reason))
                return Outcome(response: .reply(answer), state: { .finished(query: $0, answer: answer) })
            }
        }
    }

    // MARK: Common course of both steps

    /// What a step made: the response, and the run's next state, given the query's digest.
    private struct Outcome {
        let response: Response
        var failure: ByteBuffer?
        let state: (Bytes32) -> ServerKeyExchangeRun.State
    }

    /// Claims the run under the lock, computes without it, stores the outcome under it.
    private func advance<Query: TLObject>(
        _ body: ByteBuffer,
        _: Query.Type,
        phase: KeyExchangeError.Phase,
        at now: SessionTime,
        compute: (Query, ServerKeyExchangeRun, ServerKeyExchangeSecrets?) throws(KeyExchangeError) -> Outcome
    ) -> Response {
        guard let nonce = body.getExchangeNonce(), let serverNonce = body.getExchangeServerNonce() else {
            return self.reject(phase, .malformed)
        }
        let key = ServerKeyExchangeRun.Key(nonce: nonce, serverNonce: serverNonce)
        guard let query = try? ParsedPrefix<Query>(parsing: body) else {
            return self.fail(key, nil, KeyExchangeError(phase, .malformed), at: now)
        }
        // What follows the object is padding, and may differ when a query is repeated.
        let digest = sha256(Array(body.readableBytesView.prefix(query.length)))
        let claimed = self.runs.withLock { runs in
            runs.update(key, at: now.monotonicNanoseconds) { run in
                let claim = run.claim(digest, phase: phase)
                return (run, claim)
            }
        }
        guard let (run, claim) = claimed else {
            return self.reject(phase, .unknownRun)
        }
        switch claim {
        case .repeatAnswer(let answer):
            return .reply(answer)
        case .repeatError(let code):
            self.configuration.reportRejection?(KeyExchangeError(phase, .runFailed))
            return .transportError(code)
        case .ignore:
            return .ignore
        case .reject(let reason):
            return self.reject(phase, reason)
        case .work(let secrets):
            do {
                let outcome = try compute(query.object, run, secrets)
                let state = outcome.state(digest)
                let isCurrent = self.runs.withLock { runs in
                    runs.update(key, at: now.monotonicNanoseconds) { $0.complete(digest, with: state) }
                }
                guard isCurrent == true else { return self.reject(phase, .runFailed) }
                guard case .replyAndStore(let answer, var established) = outcome.response,
                    let failure = outcome.failure
                else { return outcome.response }
                established.ticket = .init(run: key, query: digest, success: answer, failure: failure)
                return .replyAndStore(answer, established)
            } catch {
                return self.fail(key, digest, error, at: now)
            }
        }
    }

    // MARK: Storing

    /// Ends a run whose key was handed out to be stored.
    ///
    /// - Parameters:
    ///   - key: The key of ``Response/replyAndStore(_:_:)``.
    ///   - storage: What became of it.
    ///   - now: The clock.
    /// - Returns: What to send: `dh_gen_ok`, or `dh_gen_fail` when the identifier was taken; a transport error when the
    ///   store failed or the run is over.
    public func confirm(_ key: EstablishedKey, _ storage: Storage, at now: SessionTime) -> Response {
        guard let ticket = key.ticket else { return self.reject(.verdict, .unknownRun) }
        let answer: ByteBuffer
        switch storage {
        case .stored:
            answer = ticket.success
        case .identifierTaken:
            answer = ticket.failure
        case .failed:
            let error = KeyExchangeError(.verdict, .runFailed)
            return self.fail(ticket.run, ticket.query, error, at: now)
        }
        let isCurrent = self.runs.withLock { runs in
            runs.update(ticket.run, at: now.monotonicNanoseconds) {
                $0.complete(ticket.query, with: .finished(query: ticket.query, answer: answer))
            }
        }
        guard isCurrent == true else { return self.reject(.verdict, .runFailed) }
        if storage == .identifierTaken {
            self.configuration.reportRejection?(KeyExchangeError(.verdict, .refused))
        }
        return .reply(answer)
    }

    private func fail(
        _ key: ServerKeyExchangeRun.Key,
        _ query: Bytes32?,
        _ error: KeyExchangeError,
        at now: SessionTime
    ) -> Response {
        let code = error.reason.transportError
        self.runs.withLock { runs in
            _ = runs.update(key, at: now.monotonicNanoseconds) { $0.fail(query, code) }
        }
        return self.reject(error.phase, error.reason)
    }

    private func reject(_ phase: KeyExchangeError.Phase, _ reason: KeyExchangeError.Reason) -> Response {
        self.configuration.reportRejection?(KeyExchangeError(phase, reason))
        return .transportError(reason.transportError)
    }
}
