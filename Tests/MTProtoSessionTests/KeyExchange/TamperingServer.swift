// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore

@testable import MTProtoSession

/// A server of one run that is honest, except for what the test changes in one of its messages.
struct TamperingServer {
    /// `answer_with_hash` in its parts, before encryption.
    struct Plain {
        var digest: [UInt8]
        var object: [UInt8]
        var padding: [UInt8]
    }

    /// Changes to single messages.
    struct Changes: Sendable {
        var product: @Sendable (inout ResultPQ) -> Void = { _ in }
        var inner: @Sendable (inout ServerDHInnerData) -> Void = { _ in }
        var plain: @Sendable (inout Plain) -> Void = { _ in }
        var parameters: @Sendable (inout ServerDHParametersOK) -> Void = { _ in }
        /// Changes the verdict: its nonces and hash, whatever its kind.
        var verdict: @Sendable (inout Verdict) -> Void = { _ in }
        /// Changes the bytes of any answer, given the number of the step, from 1.
        var body: @Sendable (Int, inout ByteBuffer) -> Void = { _, _ in }
    }

    struct Verdict {
        var kind: ExchangeDigest.Verdict
        var nonce: Bytes16
        var serverNonce: Bytes16
        var hash: Bytes16
    }

    var changes = Changes()
    var p: UInt64 = 1_000_003
    var q: UInt64 = 1_000_033
    var group = DiffieHellman.standardGroup
    var refusesParameters = false
    var refusalHash: Bytes16?

    private(set) var nonce = Bytes16()
    private(set) var serverNonce = Bytes16()
    private(set) var newNonce: [UInt8] = []
    private(set) var innerData: PQInnerData?
    private(set) var paddingScheme: RSAPadding.Scheme?
    private(set) var clientInner: ClientDHInnerData?
    private(set) var key: AuthorizationKey?
    private var exponent: [UInt8] = []
    private let random = RandomSource.seeded(11)

    init(changes: Changes = Changes()) {
        self.changes = changes
    }

    mutating func answerProduct(_ body: ByteBuffer) throws -> ByteBuffer {
        self.nonce = try RequestPQMulti(body).nonce
        self.serverNonce = Bytes16.random(self.random)
        var answer = ResultPQ(
            nonce: self.nonce,
            serverNonce: self.serverNonce,
            product: ExchangeNumber.bytes(self.p * self.q),
            fingerprints: [0x1234, KeyExchangeFixtures.privateKey.publicKey.fingerprint]
        )
        self.changes.product(&answer)
        return self.changed(answer.serialized(), step: 1)
    }

    mutating func answerParameters(_ body: ByteBuffer) throws -> ByteBuffer {
        let query = try RequestDHParameters(body)
        let opened = try RSAPadding.open(query.encryptedData, with: KeyExchangeFixtures.privateKey)
        self.paddingScheme = opened.scheme
        let innerData = try ParsedPrefix<PQInnerData>(parsing: opened.data).object
        self.innerData = innerData
        self.newNonce = innerData.newNonce.array
        if self.refusesParameters {
            let hash = self.refusalHash ?? ExchangeDigest.refusalHash(self.newNonce)
            let answer = ServerDHParametersFail(nonce: self.nonce, serverNonce: self.serverNonce, newNonceHash: hash)
            return self.changed(answer.serialized(), step: 2)
        }
        self.exponent = self.random.bytes(256)
        var inner = ServerDHInnerData(
            nonce: self.nonce,
            serverNonce: self.serverNonce,
            generator: Int32(self.group.generator),
            prime: self.group.prime,
            publicValue: try DiffieHellman.publicValue(
                generator: self.group.generator,
                exponent: self.exponent,
                prime: self.group.prime
            ),
            serverTime: KeyExchangeFixtures.serverTime
        )
        self.changes.inner(&inner)
        let object = Array(inner.serialized().readableBytesView)
        let digest = sha1(object).array
        let padding = self.random.bytes(-(20 + object.count) & 15)
        var plain = Plain(digest: digest, object: object, padding: padding)
        self.changes.plain(&plain)
        var answer = ServerDHParametersOK(
            nonce: self.nonce,
            serverNonce: self.serverNonce,
            encryptedAnswer: self.cipher.encrypt(plain.digest + plain.object + plain.padding)
        )
        self.changes.parameters(&answer)
        return self.changed(answer.serialized(), step: 2)
    }

    mutating func answerVerdict(_ body: ByteBuffer, _ kind: ExchangeDigest.Verdict = .ok) throws -> ByteBuffer {
        let query = try SetClientDHParameters(body)
        let inner = try self.cipher.open(query.encryptedData, as: ClientDHInnerData.self, phase: .verdict)
        self.clientInner = inner
        let key = try AuthorizationKey(
            DiffieHellman.sharedSecret(base: inner.publicValue, exponent: self.exponent, prime: self.group.prime)
        )
        self.key = key
        var verdict = Verdict(
            kind: kind,
            nonce: self.nonce,
            serverNonce: self.serverNonce,
            hash: self.hash(kind)
        )
        self.changes.verdict(&verdict)
        return self.changed(Self.serialize(verdict), step: 3)
    }

    static func serialize(_ verdict: Verdict) -> ByteBuffer {
        switch verdict.kind {
        case .ok:
            DHGenerationOK(nonce: verdict.nonce, serverNonce: verdict.serverNonce, newNonceHash: verdict.hash)
                .serialized()
        case .retry:
            DHGenerationRetry(nonce: verdict.nonce, serverNonce: verdict.serverNonce, newNonceHash: verdict.hash)
                .serialized()
        case .fail:
            DHGenerationFail(nonce: verdict.nonce, serverNonce: verdict.serverNonce, newNonceHash: verdict.hash)
                .serialized()
        }
    }

    /// The genuine hash for a verdict on the last key.
    func hash(_ kind: ExchangeDigest.Verdict) -> Bytes16 {
        self.key.map { ExchangeDigest.newNonceHash(self.newNonce, kind, key: $0) } ?? Bytes16()
    }

    private var cipher: ExchangeCipher {
        ExchangeCipher(newNonce: self.newNonce, serverNonce: self.serverNonce)
    }

    private func changed(_ body: ByteBuffer, step: Int) -> ByteBuffer {
        var body = body
        self.changes.body(step, &body)
        return body
    }
}
