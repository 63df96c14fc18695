// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoTransport
import NIOCore

@testable import MTProtoSession

/// The key exchange as Telethon and Pyrogram do it: plain `p_q_inner_data` under the padding before RSA_PAD.
struct LegacyKeyExchange {
    let client: RawClient
    let random = RandomSource.system
    private(set) var product: [UInt8] = []
    private(set) var inner: ServerDHInnerData?

    init(_ client: RawClient) {
        self.client = client
    }

    /// - Parameter first: `req_pq` or `req_pq_multi`.
    mutating func run(first: (Bytes16) -> ByteBuffer) async throws -> KeyExchangeResult {
        let nonce = Bytes16.random(self.random)
        let newNonce = Bytes32.random(self.random)
        let answer = try ResultPQ(try await self.client.exchange(first(nonce)))
        self.product = answer.product
        let (p, q) = try PQFactorization.factor(ExchangeNumber.parse(answer.product) ?? 0)
        let data = PQInnerData(
            product: answer.product,
            p: ExchangeNumber.bytes(p),
            q: ExchangeNumber.bytes(q),
            nonce: nonce,
            serverNonce: answer.serverNonce,
            newNonce: newNonce,
            dataCenter: nil,
            expiresIn: nil
        )
        let parameters = RequestDHParameters(
            nonce: nonce,
            serverNonce: answer.serverNonce,
            p: ExchangeNumber.bytes(p),
            q: ExchangeNumber.bytes(q),
            fingerprint: TestKeys.publicKey.fingerprint,
            encryptedData: try RSAPadding.sealLegacy(
                Array(data.serialized().readableBytesView),
                with: TestKeys.publicKey,
                random: self.random
            )
        )
        let accepted = try ServerDHParametersOK(try await self.client.exchange(parameters.serialized()))
        return try await self.finish(accepted, nonce: nonce, newNonce: newNonce)
    }

    private mutating func finish(
        _ accepted: ServerDHParametersOK,
        nonce: Bytes16,
        newNonce: Bytes32
    ) async throws -> KeyExchangeResult {
        let cipher = ExchangeCipher(newNonce: newNonce.array, serverNonce: accepted.serverNonce)
        let inner = try cipher.open(accepted.encryptedAnswer, as: ServerDHInnerData.self, phase: .parameters)
        self.inner = inner
        let exponent = self.random.bytes(256)
        let key = try AuthorizationKey(
            DiffieHellman.sharedSecret(base: inner.publicValue, exponent: exponent, prime: inner.prime)
        )
        let publicValue = try DiffieHellman.publicValue(
            generator: UInt32(inner.generator),
            exponent: exponent,
            prime: inner.prime
        )
        let own = ClientDHInnerData(
            nonce: nonce,
            serverNonce: accepted.serverNonce,
            retryIdentifier: 0,
            publicValue: publicValue
        )
        let verdict = SetClientDHParameters(
            nonce: nonce,
            serverNonce: accepted.serverNonce,
            encryptedData: cipher.seal(own, random: self.random)
        )
        _ = try DHGenerationOK(try await self.client.exchange(verdict.serialized()))
        return KeyExchangeResult(
            authorizationKey: key,
            salt: 0,
            timeOffsetNanoseconds: 0,
            expiresAt: nil,
            nonce: nonce,
            serverNonce: accepted.serverNonce
        )
    }
}
