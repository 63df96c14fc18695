// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore

@testable import MTProtoSession

/// A client of one run that is honest, except for what the test changes in one of its messages.
struct TamperingClient {
    typealias Plain = TamperingServer.Plain

    enum Padding: Sendable {
        case current
        case legacy
        /// Legacy with a hash of something else.
        case legacyWithWrongHash
        /// Not RSA of anything.
        case garbage
    }

    /// Changes to single messages.
    struct Changes: Sendable {
        var padding = Padding.current
        var innerData: @Sendable (inout PQInnerData) -> Void = { _ in }
        /// Replaces the serialized inner data.
        var data: @Sendable (inout [UInt8]) -> Void = { _ in }
        var parameters: @Sendable (inout RequestDHParameters) -> Void = { _ in }
        var inner: @Sendable (inout ClientDHInnerData) -> Void = { _ in }
        var plain: @Sendable (inout Plain) -> Void = { _ in }
        var verdict: @Sendable (inout SetClientDHParameters) -> Void = { _ in }
        /// Changes the bytes of any query, given the number of the step, from 1.
        var body: @Sendable (Int, inout ByteBuffer) -> Void = { _, _ in }
    }

    var changes: Changes
    var dataCenter: Int32?
    var expiresIn: Int32?
    let nonce: Bytes16
    private(set) var serverNonce = Bytes16()
    private(set) var newNonce = Bytes32()
    private(set) var key: AuthorizationKey?
    private(set) var serverInner: ServerDHInnerData?
    private let random: RandomSource

    init(changes: Changes = Changes(), dataCenter: Int32? = 2, expiresIn: Int32? = nil, seed: UInt64 = 21) {
        self.changes = changes
        self.dataCenter = dataCenter
        self.expiresIn = expiresIn
        self.random = .seeded(seed)
        self.nonce = Bytes16.random(self.random)
    }

    func requestProduct() -> ByteBuffer {
        self.changed(RequestPQMulti(nonce: self.nonce).serialized(), step: 1)
    }

    mutating func requestParameters(_ body: ByteBuffer) throws -> ByteBuffer {
        let answer = try ResultPQ(body)
        self.serverNonce = answer.serverNonce
        self.newNonce = Bytes32.random(self.random)
        let (p, q) = try PQFactorization.factor(ExchangeNumber.parse(answer.product) ?? 0)
        var innerData = PQInnerData(
            product: answer.product,
            p: ExchangeNumber.bytes(p),
            q: ExchangeNumber.bytes(q),
            nonce: self.nonce,
            serverNonce: self.serverNonce,
            newNonce: self.newNonce,
            dataCenter: self.dataCenter,
            expiresIn: self.expiresIn
        )
        self.changes.innerData(&innerData)
        var data = Array(innerData.serialized().readableBytesView)
        self.changes.data(&data)
        var query = RequestDHParameters(
            nonce: self.nonce,
            serverNonce: self.serverNonce,
            p: ExchangeNumber.bytes(p),
            q: ExchangeNumber.bytes(q),
            fingerprint: KeyExchangeFixtures.privateKey.publicKey.fingerprint,
            encryptedData: try self.seal(data)
        )
        self.changes.parameters(&query)
        return self.changed(query.serialized(), step: 2)
    }

    private func seal(_ data: [UInt8]) throws -> [UInt8] {
        let key = KeyExchangeFixtures.privateKey.publicKey
        switch self.changes.padding {
        case .current:
            return try RSAPadding.seal(data, with: key, random: self.random)
        case .legacy:
            return try RSAPadding.sealLegacy(data, with: key, random: self.random)
        case .legacyWithWrongHash:
            let wrong = sha1([1, 2, 3]).array
            return try key.rawEncrypt([0] + wrong + data + self.random.bytes(235 - data.count))
        case .garbage:
            return [0x11] + self.random.bytes(255)
        }
    }

    mutating func requestVerdict(_ body: ByteBuffer, retryIdentifier: UInt64 = 0) throws -> ByteBuffer {
        let answer = try ServerDHParametersOK(body)
        let inner = try self.cipher.open(answer.encryptedAnswer, as: ServerDHInnerData.self, phase: .parameters)
        self.serverInner = inner
        let exponent = self.random.bytes(256)
        let generator = UInt32(inner.generator)
        self.key = try AuthorizationKey(
            DiffieHellman.sharedSecret(base: inner.publicValue, exponent: exponent, prime: inner.prime)
        )
        var clientInner = ClientDHInnerData(
            nonce: self.nonce,
            serverNonce: self.serverNonce,
            retryIdentifier: retryIdentifier,
            publicValue: try DiffieHellman.publicValue(generator: generator, exponent: exponent, prime: inner.prime)
        )
        self.changes.inner(&clientInner)
        let object = Array(clientInner.serialized().readableBytesView)
        let padding = self.random.bytes(-(20 + object.count) & 15)
        var plain = Plain(digest: sha1(object).array, object: object, padding: padding)
        self.changes.plain(&plain)
        var query = SetClientDHParameters(
            nonce: self.nonce,
            serverNonce: self.serverNonce,
            encryptedData: self.cipher.encrypt(plain.digest + plain.object + plain.padding)
        )
        self.changes.verdict(&query)
        return self.changed(query.serialized(), step: 3)
    }

    /// The genuine hash for a verdict on the last key.
    func hash(_ kind: ExchangeDigest.Verdict) -> Bytes16 {
        self.key.map { ExchangeDigest.newNonceHash(self.newNonce.array, kind, key: $0) } ?? Bytes16()
    }

    private var cipher: ExchangeCipher {
        ExchangeCipher(newNonce: self.newNonce.array, serverNonce: self.serverNonce)
    }

    private func changed(_ body: ByteBuffer, step: Int) -> ByteBuffer {
        var body = body
        self.changes.body(step, &body)
        return body
    }
}
