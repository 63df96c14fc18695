// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import NIOCore

/// A key that the client has computed and the server has not confirmed yet.
///
/// The exponent ends with the computation: only the key and what a retry needs remain.
struct ClientKeyAttempt: Sendable {
    let serverNonce: Bytes16
    /// `set_client_DH_params`.
    let query: ByteBuffer
    let retries: Int

    private let nonce: Bytes16
    private let newNonce: SecretBytes
    private let group: DiffieHellman.Group
    private let serverPublicValue: [UInt8]
    private let key: AuthorizationKey
    private let timeOffsetNanoseconds: Int64
    private let expiresAt: Int32?
    /// The `new_nonce_hash2` of the earlier attempts.
    private let retryHashes: [Bytes16]

    /// Opens and checks the server's answer, then makes the first key. The nonces of `answer` are checked already.
    init(
        answer: ServerDHParametersOK,
        newNonce: SecretBytes,
        lifetime: KeyLifetime,
        random: RandomSource,
        at now: SessionTime
    ) throws(KeyExchangeError) {
        let cipher = newNonce.withBytes { ExchangeCipher(newNonce: $0, serverNonce: answer.serverNonce) }
        let inner = try cipher.open(answer.encryptedAnswer, as: ServerDHInnerData.self, phase: .parameters)
        guard inner.nonce == answer.nonce else {
            throw KeyExchangeError(.parameters, .innerNonceMismatch)
        }
        guard inner.serverNonce == answer.serverNonce else {
            throw KeyExchangeError(.parameters, .innerServerNonceMismatch)
        }
        let group = DiffieHellman.Group(
            prime: Array(inner.prime.drop { $0 == 0 }),
            generator: UInt32(exactly: inner.generator) ?? 0
        )
        do {
            try DiffieHellman.validate(group, random: random)
        } catch {
            throw KeyExchangeError(.parameters, .unsafeGroup(error))
        }
        guard let publicValue = ExchangeNumber.parse256(inner.publicValue),
            DiffieHellman.isValidPublicValue(publicValue, prime: group.prime)
        else {
            throw KeyExchangeError(.parameters, .publicValueOutOfRange)
        }
        // The wire's seconds are signed, but none are before 1970: read so, they last until 2106.
        let serverSeconds = Int64(UInt32(bitPattern: inner.serverTime))
        try self.init(
            nonce: answer.nonce,
            serverNonce: answer.serverNonce,
            newNonce: newNonce,
            group: group,
            serverPublicValue: publicValue,
            timeOffsetNanoseconds: serverSeconds * 1_000_000_000 &- now.wallNanoseconds,
            expiresAt: lifetime.expiresIn.map { Int32(clamping: serverSeconds + Int64($0)) },
            retryIdentifier: 0,
            retryHashes: [],
            random: random
        )
    }

    private init(
        nonce: Bytes16,
        serverNonce: Bytes16,
        newNonce: SecretBytes,
        group: DiffieHellman.Group,
        serverPublicValue: [UInt8],
        timeOffsetNanoseconds: Int64,
        expiresAt: Int32?,
        retryIdentifier: UInt64,
        retryHashes: [Bytes16],
        random: RandomSource
    ) throws(KeyExchangeError) {
        let (publicValue, key) = try ExchangeKeyMaker.makeKey(
            group: group,
            peerPublicValue: serverPublicValue,
            random: random
        )
        let inner = ClientDHInnerData(
            nonce: nonce,
            serverNonce: serverNonce,
            retryIdentifier: retryIdentifier,
            publicValue: publicValue
        )
        // Made again instead of kept: what is kept must be wiped.
        let cipher = newNonce.withBytes { ExchangeCipher(newNonce: $0, serverNonce: serverNonce) }
        let query = SetClientDHParameters(
            nonce: nonce,
            serverNonce: serverNonce,
            encryptedData: cipher.seal(inner, random: random)
        )
        self.nonce = nonce
        self.serverNonce = serverNonce
        self.query = query.serialized()
        self.retries = retryHashes.count
        self.newNonce = newNonce
        self.group = group
        self.serverPublicValue = serverPublicValue
        self.key = key
        self.timeOffsetNanoseconds = timeOffsetNanoseconds
        self.expiresAt = expiresAt
        self.retryHashes = retryHashes
    }

    /// The next attempt, with another exponent, naming this one's key as rejected.
    func makeRetry(random: RandomSource) throws(KeyExchangeError) -> ClientKeyAttempt {
        try ClientKeyAttempt(
            nonce: self.nonce,
            serverNonce: self.serverNonce,
            newNonce: self.newNonce,
            group: self.group,
            serverPublicValue: self.serverPublicValue,
            timeOffsetNanoseconds: self.timeOffsetNanoseconds,
            expiresAt: self.expiresAt,
            retryIdentifier: self.key.auxiliaryHash,
            retryHashes: self.retryHashes + [self.hash(.retry)],
            random: random
        )
    }

    /// Whether the hash is the one with which an earlier attempt was rejected.
    func wasAlreadyRetried(_ hash: Bytes16) -> Bool {
        self.retryHashes.contains { $0.isEqualInConstantTime(to: hash) }
    }

    /// Checks the `new_nonce_hash` of a verdict, which proves that the server has the same key.
    func check(_ hash: Bytes16, is verdict: ExchangeDigest.Verdict) throws(KeyExchangeError) {
        guard self.hash(verdict).isEqualInConstantTime(to: hash) else {
            throw KeyExchangeError(.verdict, .newNonceHashMismatch)
        }
    }

    func makeResult() throws(KeyExchangeError) -> KeyExchangeResult {
        guard self.key.identifier != 0 else {
            throw KeyExchangeError(.verdict, .unusableKeyIdentifier)
        }
        return KeyExchangeResult(
            authorizationKey: self.key,
            salt: self.newNonce.withBytes {
                ExchangeDigest.initialSalt(newNonce: $0, serverNonce: self.serverNonce)
            },
            timeOffsetNanoseconds: self.timeOffsetNanoseconds,
            expiresAt: self.expiresAt,
            nonce: self.nonce,
            serverNonce: self.serverNonce
        )
    }

    private func hash(_ verdict: ExchangeDigest.Verdict) -> Bytes16 {
        self.newNonce.withBytes { ExchangeDigest.newNonceHash($0, verdict, key: self.key) }
    }
}
