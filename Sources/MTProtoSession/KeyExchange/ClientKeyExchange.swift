// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import MTProtoTransport
public import NIOCore

/// The client's side of making an authorization key: TL bodies in, TL bodies out, without sockets or timers.
///
/// The driver puts each body into a plaintext message, and calls ``receive(_:at:)`` with the body of each plaintext
/// message that arrives. That call factors a number or computes with 2048-bit integers, which takes milliseconds: keep
/// it off an event loop. When no answer comes in time, ``resend()`` gives the same bytes again. A transport error ends
/// the exchange: make a new value and start anew. So does every ``KeyExchangeError``; the connection should be closed,
/// too, and nothing of the exchange may be used.
///
/// `new_nonce` and the exponent are overwritten as soon as they are not needed any more.
///
/// Specification: *Creating an Authorization Key*; *Security Guidelines for Client Developers*.
public struct ClientKeyExchange: ~Copyable, Sendable {
    /// What to do after an answer.
    public enum Action: Sendable {
        /// Send this body as a plaintext message, then wait for its answer.
        case send(ByteBuffer)
        /// The key is made.
        case finished(KeyExchangeResult)
        /// A second answer to a query that was sent twice: keep waiting.
        case ignored
    }

    private enum State: Sendable {
        case ready
        /// `req_pq_multi` was sent; next ``awaitingParameters`` or ``ended``.
        case awaitingProduct
        /// `req_DH_params` was sent; next ``awaitingVerdict`` or ``ended``.
        case awaitingParameters(serverNonce: Bytes16, newNonce: SecretBytes)
        /// `set_client_DH_params` was sent; stays after a retry, next ``ended``.
        case awaitingVerdict(ClientKeyAttempt)
        case ended
    }

    private let publicKeys: [RSAPublicKey]
    private let dataCenter: DataCenterIdentifier?
    private let lifetime: KeyLifetime
    private let random: RandomSource
    private let maximumRetries: Int
    private let nonce: Bytes16
    private var state = State.ready
    private var lastQuery: ByteBuffer?
    /// How many second answers may still come: one for each query that was sent again.
    private var expectedDuplicates = 0

    /// Prepares an exchange; nothing is sent yet.
    ///
    /// - Parameters:
    ///   - publicKeys: The server's RSA keys that are trusted. The server's first choice among them is used.
    ///   - dataCenter: Where the connection leads, so that the server can tell a misdirected client; nil leaves it out
    ///     (the inner data then has the older form).
    ///   - lifetime: Permanent, or temporary with its seconds.
    ///   - random: Where nonces, padding and the exponent come from.
    ///   - maximumRetries: How often the server may ask for another exponent.
    public init(
        publicKeys: [RSAPublicKey],
        dataCenter: DataCenterIdentifier?,
        lifetime: KeyLifetime = .permanent,
        random: RandomSource = .system,
        maximumRetries: Int = 5
    ) {
        self.publicKeys = publicKeys
        self.dataCenter = dataCenter
        self.lifetime = lifetime
        self.random = random
        self.maximumRetries = maximumRetries
        self.nonce = Bytes16.random(random)
    }

    /// The first body to send, `req_pq_multi`, 20 bytes. Called again, it gives the same bytes and changes nothing.
    public mutating func start() -> ByteBuffer {
        let query = RequestPQMulti(nonce: self.nonce).serialized()
        if case .ready = self.state {
            self.state = .awaitingProduct
            self.lastQuery = query
        }
        return query
    }

    /// Whether only the server's verdict is missing: `set_client_DH_params` was sent.
    package var isAwaitingVerdict: Bool {
        if case .awaitingVerdict = self.state { true } else { false }
    }

    /// The bytes of the query that waits for its answer, to be sent again, unchanged, under a new message identifier.
    ///
    /// - Returns: nil before ``start()`` and after the end.
    public mutating func resend() -> ByteBuffer? {
        guard let query = self.lastQuery else { return nil }
        self.expectedDuplicates += 1
        return query
    }

    /// Takes the body of a plaintext message from the server.
    ///
    /// - Parameters:
    ///   - body: A TL object; bytes after it are ignored.
    ///   - now: The local clock, from which the offset of the server's is taken.
    /// - Throws: The first rule that the answer breaks. The exchange is over then, and every later call throws
    ///   ``KeyExchangeError/Reason/ended``.
    public mutating func receive(_ body: ByteBuffer, at now: SessionTime) throws(KeyExchangeError) -> Action {
        let action: Action
        do {
            action = try self.process(body, at: now)
        } catch {
            self.end()
            throw error
        }
        switch action {
        case .send(let query): self.lastQuery = query
        case .finished: self.end()
        case .ignored: break
        }
        return action
    }

    private mutating func end() {
        self.state = .ended
        self.lastQuery = nil
    }

    private mutating func process(_ body: ByteBuffer, at now: SessionTime) throws(KeyExchangeError) -> Action {
        switch self.state {
        case .ready:
            throw KeyExchangeError(.setup, .unexpectedMessage(constructor: body.exchangeConstructor))
        case .ended:
            throw KeyExchangeError(.setup, .ended)
        case .awaitingProduct:
            return try self.receiveProduct(body)
        case .awaitingParameters(let serverNonce, let newNonce):
            return try self.receiveParameters(body, serverNonce: serverNonce, newNonce: newNonce, at: now)
        case .awaitingVerdict(let attempt):
            return try self.receiveVerdict(body, attempt: attempt)
        }
    }

    // MARK: Step 1: resPQ → req_DH_params

    private mutating func receiveProduct(_ body: ByteBuffer) throws(KeyExchangeError) -> Action {
        guard body.exchangeConstructor == ResultPQ.constructor else {
            throw KeyExchangeError(.product, .unexpectedMessage(constructor: body.exchangeConstructor))
        }
        let answer = try body.parseExchangeMessage(ResultPQ.self, phase: .product)
        guard answer.nonce == self.nonce else {
            throw KeyExchangeError(.product, .nonceMismatch)
        }
        guard let key = self.chooseKey(answer.fingerprints) else {
            throw KeyExchangeError(.product, .noKnownPublicKey(offered: Array(answer.fingerprints.prefix(16))))
        }
        guard let product = ExchangeNumber.parse(answer.product), product > 1, product <= UInt64(Int64.max) else {
            throw KeyExchangeError(.product, .productOutOfRange)
        }
        let (p, q) = try Self.factor(product)
        let newNonce = SecretBytes(self.random.bytes(32))
        let innerData = PQInnerData(
            product: ExchangeNumber.bytes(product),
            p: p,
            q: q,
            nonce: self.nonce,
            serverNonce: answer.serverNonce,
            newNonce: newNonce.withBytes { Bytes32($0) } ?? Bytes32(),
            dataCenter: self.dataCenter.map { Int32($0.encoded) },
            expiresIn: self.lifetime.expiresIn
        )
        let query = RequestDHParameters(
            nonce: self.nonce,
            serverNonce: answer.serverNonce,
            p: p,
            q: q,
            fingerprint: key.fingerprint,
            encryptedData: try self.encrypt(innerData, with: key)
        )
        self.state = .awaitingParameters(serverNonce: answer.serverNonce, newNonce: newNonce)
        return .send(query.serialized())
    }

    /// The first of the server's keys that is trusted.
    private func chooseKey(_ fingerprints: [UInt64]) -> RSAPublicKey? {
        for fingerprint in fingerprints {
            if let key = self.publicKeys.first(where: { $0.fingerprint == fingerprint }) {
                return key
            }
        }
        return nil
    }

    private static func factor(_ product: UInt64) throws(KeyExchangeError) -> (p: [UInt8], q: [UInt8]) {
        guard let (p, q) = try? PQFactorization.factor(product),
            p > 1, p < q, ExchangeNumber.isProduct(product, of: p, and: q)
        else {
            throw KeyExchangeError(.product, .productNotFactorable)
        }
        return (ExchangeNumber.bytes(p), ExchangeNumber.bytes(q))
    }

    private func encrypt(_ innerData: PQInnerData, with key: RSAPublicKey) throws(KeyExchangeError) -> [UInt8] {
        var data = Array(innerData.serialized().readableBytesView)
        defer { data.wipe() }
        do {
            return try RSAPadding.seal(data, with: key, random: self.random)
        } catch {
            throw KeyExchangeError(.parameters, .encryptionFailed(error))
        }
    }

    // MARK: Step 2: server_DH_params_ok → set_client_DH_params

    private mutating func receiveParameters(
        _ body: ByteBuffer,
        serverNonce: Bytes16,
        newNonce: SecretBytes,
        at now: SessionTime
    ) throws(KeyExchangeError) -> Action {
        switch body.exchangeConstructor {
        case ServerDHParametersOK.constructor:
            let answer = try body.parseExchangeMessage(ServerDHParametersOK.self, phase: .parameters)
            try self.check(answer.nonce, answer.serverNonce, serverNonce, phase: .parameters)
            let attempt = try ClientKeyAttempt(
                answer: answer,
                newNonce: newNonce,
                lifetime: self.lifetime,
                random: self.random,
                at: now
            )
            self.state = .awaitingVerdict(attempt)
            return .send(attempt.query)
        case ServerDHParametersFail.constructor:
            let answer = try body.parseExchangeMessage(ServerDHParametersFail.self, phase: .parameters)
            try self.check(answer.nonce, answer.serverNonce, serverNonce, phase: .parameters)
            let hash = newNonce.withBytes { ExchangeDigest.refusalHash($0) }
            guard hash.isEqualInConstantTime(to: answer.newNonceHash) else {
                throw KeyExchangeError(.parameters, .newNonceHashMismatch)
            }
            throw KeyExchangeError(.parameters, .parametersRefused)
        default:
            return try self.ignoreDuplicate(body, phase: .parameters)
        }
    }

    // MARK: Step 3: the verdict

    private mutating func receiveVerdict(
        _ body: ByteBuffer,
        attempt: ClientKeyAttempt
    ) throws(KeyExchangeError) -> Action {
        let constructor = body.exchangeConstructor
        let verdicts = [DHGenerationOK.constructor, DHGenerationRetry.constructor, DHGenerationFail.constructor]
        guard verdicts.contains(constructor) else {
            return try self.ignoreDuplicate(body, phase: .verdict)
        }
        switch try body.parseExchangeMessage(DHGenerationResult.self, phase: .verdict) {
        case .ok(let answer):
            try self.check(answer.nonce, answer.serverNonce, attempt.serverNonce, phase: .verdict)
            try attempt.check(answer.newNonceHash, is: .ok)
            return .finished(try attempt.makeResult())
        case .retry(let answer):
            try self.check(answer.nonce, answer.serverNonce, attempt.serverNonce, phase: .verdict)
            if self.expectedDuplicates > 0, attempt.wasAlreadyRetried(answer.newNonceHash) {
                self.expectedDuplicates -= 1
                return .ignored
            }
            try attempt.check(answer.newNonceHash, is: .retry)
            guard attempt.retries < self.maximumRetries else {
                throw KeyExchangeError(.verdict, .tooManyRetries(self.maximumRetries))
            }
            let next = try attempt.makeRetry(random: self.random)
            self.state = .awaitingVerdict(next)
            return .send(next.query)
        case .fail(let answer):
            try self.check(answer.nonce, answer.serverNonce, attempt.serverNonce, phase: .verdict)
            try attempt.check(answer.newNonceHash, is: .fail)
            throw KeyExchangeError(.verdict, .refused)
        }
    }

    // MARK: Common checks

    private func check(
        _ nonce: Bytes16,
        _ serverNonce: Bytes16,
        _ expectedServerNonce: Bytes16,
        phase: KeyExchangeError.Phase
    ) throws(KeyExchangeError) {
        guard nonce == self.nonce else {
            throw KeyExchangeError(phase, .nonceMismatch)
        }
        guard serverNonce == expectedServerNonce else {
            throw KeyExchangeError(phase, .serverNonceMismatch)
        }
    }

    /// A query that was sent twice may be answered twice, the second time when a later answer is awaited. Nothing of
    /// such an answer is used, and no more of them pass than queries were sent again.
    private mutating func ignoreDuplicate(
        _ body: ByteBuffer,
        phase: KeyExchangeError.Phase
    ) throws(KeyExchangeError) -> Action {
        let constructor = body.exchangeConstructor
        let isEarlierAnswer =
            switch constructor {
            case ResultPQ.constructor: true
            case ServerDHParametersOK.constructor: phase == .verdict
            default: false
            }
        guard isEarlierAnswer, self.expectedDuplicates > 0 else {
            throw KeyExchangeError(phase, .unexpectedMessage(constructor: constructor))
        }
        guard body.getExchangeNonce() == self.nonce else {
            throw KeyExchangeError(phase, .nonceMismatch)
        }
        self.expectedDuplicates -= 1
        return .ignored
    }
}
