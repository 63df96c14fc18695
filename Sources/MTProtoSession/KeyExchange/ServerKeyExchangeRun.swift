// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoTransport
internal import NIOCore

/// One run at the server, from `resPQ` to the verdict. A pure value: what a query may do now, and what it did.
struct ServerKeyExchangeRun: Sendable {
    /// What names a run.
    struct Key: Hashable, Sendable {
        let nonce: Bytes16
        let serverNonce: Bytes16
    }

    enum State: Sendable {
        /// `resPQ` was sent; next ``working``, ``failed``.
        case awaitingParameters
        /// A thread computes the answer to the query with this digest; next ``awaitingVerdict``, ``finished``, ``failed``.
        case working(query: Bytes32)
        /// `server_DH_params_ok` or `dh_gen_retry` was sent; next ``working``, ``failed``.
        case awaitingVerdict(query: Bytes32, answer: ByteBuffer, secrets: ServerKeyExchangeSecrets)
        /// `dh_gen_ok` or `dh_gen_fail` was sent; next ``failed``. No secrets are left.
        case finished(query: Bytes32, answer: ByteBuffer)
        /// Every further query is incorrect. No secrets are left.
        case failed(query: Bytes32?, TransportErrorCode)
    }

    /// What a query meets.
    enum Claim: Sendable {
        /// Compute the answer; the run waits for it.
        case work(ServerKeyExchangeSecrets?)
        /// The query was answered before: the same answer again.
        case repeatAnswer(ByteBuffer)
        /// The query failed the run before: the same error again.
        case repeatError(TransportErrorCode)
        /// The query is a late copy of one that needs no answer any more, or of one that is being answered.
        case ignore
        /// The query is incorrect, and the run has failed.
        case reject(KeyExchangeError.Reason)
    }

    let key: Key
    let product: UInt64
    let p: UInt64
    let q: UInt64
    /// Monotonic nanoseconds of the `req_pq`.
    let createdAt: Int64
    /// Who asked for the run.
    let source: String?
    private(set) var state = State.awaitingParameters
    /// Digests of the queries before the last one answered; their answers are forgotten.
    private var earlierQueries: [Bytes32] = []

    init(key: Key, factors: (pq: UInt64, p: UInt64, q: UInt64), createdAt: Int64, source: String? = nil) {
        self.key = key
        self.product = factors.pq
        self.p = min(factors.p, factors.q)
        self.q = max(factors.p, factors.q)
        self.createdAt = createdAt
        self.source = source
    }

    /// Takes a query by the digest of its bytes.
    mutating func claim(_ query: Bytes32, phase: KeyExchangeError.Phase) -> Claim {
        switch self.state {
        case .awaitingParameters:
            guard phase == .parameters else { return self.reject(query, .outOfOrder) }
            self.state = .working(query: query)
            return .work(nil)
        case .working(let current):
            return current == query ? .ignore : self.reject(query, .differingQuery)
        case .awaitingVerdict(let last, let answer, let secrets):
            if last == query { return .repeatAnswer(answer) }
            if self.earlierQueries.contains(query) { return .ignore }
            guard phase == .verdict else { return self.reject(query, .differingQuery) }
            self.earlierQueries.append(last)
            self.state = .working(query: query)
            return .work(secrets)
        case .finished(let last, let answer):
            if last == query { return .repeatAnswer(answer) }
            if self.earlierQueries.contains(query) { return .ignore }
            return self.reject(query, .differingQuery)
        case .failed(let failing, let code):
            return failing == query ? .repeatError(code) : .reject(.runFailed)
        }
    }

    /// Ends the work on a query. False if the run failed meanwhile, so that the answer must not be given.
    mutating func complete(_ query: Bytes32, with next: State) -> Bool {
        guard case .working(query) = self.state else { return false }
        self.state = next
        return true
    }

    /// Makes every further query incorrect. Secrets end here.
    mutating func fail(_ query: Bytes32?, _ code: TransportErrorCode) {
        if case .failed = self.state { return }
        self.state = .failed(query: query, code)
        self.earlierQueries = []
    }

    private mutating func reject(_ query: Bytes32, _ reason: KeyExchangeError.Reason) -> Claim {
        self.fail(query, reason.transportError)
        return .reject(reason)
    }
}

/// What a run remembers between `server_DH_params_ok` and the verdict.
struct ServerKeyExchangeSecrets: Sendable {
    let newNonce: SecretBytes
    let exponent: SecretBytes
    let dataCenter: Int32?
    let expiresIn: Int32?
    let usedLegacyPadding: Bool
    /// The `retry_id` that the next query must have: 0 at the first attempt.
    var retryIdentifier: UInt64 = 0
    var retries = 0
}

extension KeyExchangeError.Reason {
    /// What the server answers to a query that breaks this rule.
    var transportError: TransportErrorCode {
        switch self {
        case .wrongDataCenter: .invalidDataCenter
        case .tooManyRuns: .flood
        default: .notFound
        }
    }
}
