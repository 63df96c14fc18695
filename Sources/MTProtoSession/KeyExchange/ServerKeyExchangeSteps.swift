// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import NIOCore

/// The expensive parts of a run: pure functions of the query and the run, called without any lock.
///
/// One RSA private operation and one modular exponentiation in the first, one exponentiation in the second.
struct ServerKeyExchangeSteps: Sendable {
    enum Verdict: Sendable {
        /// With the answers for the case that the key is stored, and that it cannot be.
        case established(ByteBuffer, failure: ByteBuffer, EstablishedKey)
        case retry(ByteBuffer, ServerKeyExchangeSecrets)
        case refused(ByteBuffer, KeyExchangeError.Reason)
    }

    private static let maximumRetries = 5
    private static let rsaLength = 256

    let configuration: ServerKeyExchangeTable.Configuration
    let privateKeys: [UInt64: RSAPrivateKey]

    // MARK: req_DH_params → server_DH_params_ok

    func answer(
        _ query: RequestDHParameters,
        of run: ServerKeyExchangeRun,
        at now: SessionTime
    ) throws(KeyExchangeError) -> (ByteBuffer, ServerKeyExchangeSecrets) {
        guard ExchangeNumber.parse(query.p) == run.p, ExchangeNumber.parse(query.q) == run.q else {
            throw KeyExchangeError(.parameters, .wrongFactors)
        }
        guard let privateKey = self.privateKeys[query.fingerprint] else {
            throw KeyExchangeError(.parameters, .unknownFingerprint(query.fingerprint))
        }
        let (innerData, usedLegacyPadding) = try self.open(query.encryptedData, with: privateKey)
        try self.check(innerData, of: run)

        let newNonce = SecretBytes(innerData.newNonce.array)
        let (exponent, publicValue) = try ExchangeKeyMaker.makeExponent(
            group: self.configuration.group,
            random: self.configuration.random,
            phase: .parameters
        )
        let inner = ServerDHInnerData(
            nonce: run.key.nonce,
            serverNonce: run.key.serverNonce,
            generator: Int32(clamping: self.configuration.group.generator),
            prime: self.configuration.group.prime,
            publicValue: publicValue,
            serverTime: Int32(truncatingIfNeeded: now.wallSeconds)
        )
        let cipher = newNonce.withBytes { ExchangeCipher(newNonce: $0, serverNonce: run.key.serverNonce) }
        let answer = ServerDHParametersOK(
            nonce: run.key.nonce,
            serverNonce: run.key.serverNonce,
            encryptedAnswer: cipher.seal(inner, random: self.configuration.random)
        )
        let secrets = ServerKeyExchangeSecrets(
            newNonce: newNonce,
            exponent: exponent,
            dataCenter: innerData.dataCenter,
            expiresIn: innerData.expiresIn,
            usedLegacyPadding: usedLegacyPadding
        )
        return (answer.serialized(), secrets)
    }

    private func open(
        _ encryptedData: [UInt8],
        with privateKey: RSAPrivateKey
    ) throws(KeyExchangeError) -> (PQInnerData, usedLegacyPadding: Bool) {
        guard encryptedData.count == Self.rsaLength else {
            throw KeyExchangeError(.parameters, .invalidEncryptedLength(encryptedData.count))
        }
        guard var opened = try? RSAPadding.open(encryptedData, with: privateKey) else {
            throw KeyExchangeError(.parameters, .invalidPadding)
        }
        defer { opened.data.wipe() }
        let isLegacy = opened.scheme == .legacy
        guard !isLegacy || self.configuration.acceptsLegacyPadding else {
            throw KeyExchangeError(.parameters, .invalidPadding)
        }
        guard let parsed = try? ParsedPrefix<PQInnerData>(parsing: opened.data) else {
            // Whatever is not RSA_PAD looks like the legacy padding until its content is read.
            throw KeyExchangeError(.parameters, isLegacy ? .invalidPadding : .malformedInnerData)
        }
        if isLegacy {
            var object = Array(opened.data.prefix(parsed.length))
            defer { object.wipe() }
            guard constantTimeEquals(sha1(object).array, opened.legacyDigest ?? []) else {
                throw KeyExchangeError(.parameters, .invalidPadding)
            }
        }
        return (parsed.object, isLegacy)
    }

    private func check(_ innerData: PQInnerData, of run: ServerKeyExchangeRun) throws(KeyExchangeError) {
        guard innerData.nonce == run.key.nonce else {
            throw KeyExchangeError(.parameters, .innerNonceMismatch)
        }
        guard innerData.serverNonce == run.key.serverNonce else {
            throw KeyExchangeError(.parameters, .innerServerNonceMismatch)
        }
        guard ExchangeNumber.parse(innerData.product) == run.product,
            ExchangeNumber.parse(innerData.p) == run.p,
            ExchangeNumber.parse(innerData.q) == run.q
        else {
            throw KeyExchangeError(.parameters, .innerFactorsMismatch)
        }
        if let dataCenter = innerData.dataCenter, !self.configuration.dataCenterPolicy.accepts(dataCenter) {
            throw KeyExchangeError(.parameters, .wrongDataCenter(dataCenter))
        }
        if let expiresIn = innerData.expiresIn, expiresIn <= 0 {
            throw KeyExchangeError(.parameters, .invalidLifetime(expiresIn))
        }
    }

    // MARK: set_client_DH_params → verdict

    func answer(
        _ query: SetClientDHParameters,
        of run: ServerKeyExchangeRun,
        secrets: ServerKeyExchangeSecrets,
        at now: SessionTime,
        isKeyIdentifierInUse: (UInt64) -> Bool
    ) throws(KeyExchangeError) -> Verdict {
        let serverNonce = run.key.serverNonce
        let cipher = secrets.newNonce.withBytes { ExchangeCipher(newNonce: $0, serverNonce: serverNonce) }
        let inner = try cipher.open(query.encryptedData, as: ClientDHInnerData.self, phase: .verdict)
        guard inner.nonce == run.key.nonce else {
            throw KeyExchangeError(.verdict, .innerNonceMismatch)
        }
        guard inner.serverNonce == serverNonce else {
            throw KeyExchangeError(.verdict, .innerServerNonceMismatch)
        }
        guard inner.retryIdentifier == secrets.retryIdentifier else {
            throw KeyExchangeError(.verdict, .retryIdentifierMismatch)
        }
        guard let publicValue = ExchangeNumber.parse256(inner.publicValue),
            DiffieHellman.isValidPublicValue(publicValue, prime: self.configuration.group.prime)
        else {
            throw KeyExchangeError(.verdict, .publicValueOutOfRange)
        }
        let key = try ExchangeKeyMaker.makeKey(
            group: self.configuration.group,
            exponent: secrets.exponent,
            peerPublicValue: publicValue
        )
        // Zero in place of a key's identifier marks a plaintext message.
        if key.identifier == 0 || isKeyIdentifierInUse(key.identifier) {
            return self.answerCollision(run: run, secrets: secrets, key: key)
        }
        let createdAt = now.wallSeconds
        let lifetime = secrets.expiresIn.map { min($0, self.configuration.maximumTemporaryKeyLifetime) }
        let established = EstablishedKey(
            authorizationKey: key,
            initialSalt: secrets.newNonce.withBytes {
                ExchangeDigest.initialSalt(newNonce: $0, serverNonce: serverNonce)
            },
            createdAt: Int32(truncatingIfNeeded: createdAt),
            expiresAt: lifetime.map { Int32(truncatingIfNeeded: createdAt.addingClamped(Int64($0))) },
            dataCenter: secrets.dataCenter,
            usedLegacyPadding: secrets.usedLegacyPadding
        )
        let answer = DHGenerationOK(
            nonce: run.key.nonce,
            serverNonce: serverNonce,
            newNonceHash: self.hash(.ok, secrets, key)
        )
        return .established(
            answer.serialized(),
            failure: self.failure(of: run, secrets, key).serialized(),
            established
        )
    }

    private func answerCollision(
        run: ServerKeyExchangeRun,
        secrets: ServerKeyExchangeSecrets,
        key: AuthorizationKey
    ) -> Verdict {
        if self.configuration.collisionAnswer == .retry, secrets.retries < Self.maximumRetries {
            let answer = DHGenerationRetry(
                nonce: run.key.nonce,
                serverNonce: run.key.serverNonce,
                newNonceHash: self.hash(.retry, secrets, key)
            )
            var secrets = secrets
            secrets.retryIdentifier = key.auxiliaryHash
            secrets.retries += 1
            return .retry(answer.serialized(), secrets)
        }
        let answer = self.failure(of: run, secrets, key)
        return .refused(answer.serialized(), key.identifier == 0 ? .unusableKeyIdentifier : .refused)
    }

    private func failure(
        of run: ServerKeyExchangeRun,
        _ secrets: ServerKeyExchangeSecrets,
        _ key: AuthorizationKey
    ) -> DHGenerationFail {
        DHGenerationFail(
            nonce: run.key.nonce,
            serverNonce: run.key.serverNonce,
            newNonceHash: self.hash(.fail, secrets, key)
        )
    }

    private func hash(
        _ verdict: ExchangeDigest.Verdict,
        _ secrets: ServerKeyExchangeSecrets,
        _ key: AuthorizationKey
    ) -> Bytes16 {
        secrets.newNonce.withBytes { ExchangeDigest.newNonceHash($0, verdict, key: key) }
    }
}
