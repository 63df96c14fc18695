// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

@testable import MTProtoSession

/// The official sample exchange, replayed with its random values; and the vectors under the test key.
@Suite struct SampleExchangeTests {
    typealias Vectors = KeyExchangeVectors

    private static func body(_ parts: String...) -> ByteBuffer {
        ByteBuffer(bytes: parts.flatMap { Vectors.bytes($0) })
    }

    private static func bytes(_ body: ByteBuffer?) -> [UInt8] {
        body.map { Array($0.readableBytesView) } ?? []
    }

    @Test func clientRepeatsTheSampleByteForByte() throws {
        var client = ClientKeyExchange(
            publicKeys: [.test, .production],
            dataCenter: DataCenterIdentifier(2),
            random: KeyExchangeFixtures.random([
                Vectors.bytes(Vectors.nonce),
                Vectors.bytes(Vectors.newNonce),
                Vectors.bytes(Vectors.innerDataPadding),
                Vectors.bytes(Vectors.exponent),
                Vectors.bytes(Vectors.clientPadding),
            ])
        )
        let start = client.start()
        #expect(Self.bytes(start) == Array(Vectors.bytes(Vectors.requestPQPayload).dropFirst(20)))

        // The sample's own encrypted_data hides a temporary key that is not published: everything around it is equal.
        let product = ByteBuffer(bytes: Vectors.bytes(Vectors.resultPQPayload).dropFirst(20))
        let parametersQuery = Self.bytes(try client.receive(product, at: KeyExchangeFixtures.now).query)
        let expectedQuery = Self.body(
            Vectors.requestDHHeader,
            Vectors.nonce,
            Vectors.serverNonce,
            "043c2357cf000000 0456bfb29f000000 85fd64de851d9dd0 fe000100",
            Vectors.encryptedData
        )
        let expectedBytes = Self.bytes(expectedQuery).dropFirst(20)
        #expect(parametersQuery.count == 320)
        #expect(parametersQuery.dropLast(256) == Array(expectedBytes.dropLast(256))[...])

        let parameters = Self.body(
            "5c07e8d0",
            Vectors.nonce,
            Vectors.serverNonce,
            "fe500200",
            Vectors.encryptedAnswer
        )
        let verdictQuery = try client.receive(parameters, at: KeyExchangeFixtures.now).query
        let expectedVerdictQuery = Self.body(
            "1f5f04f5",
            Vectors.nonce,
            Vectors.serverNonce,
            "fe500100",
            Vectors.clientEncryptedData
        )
        #expect(verdictQuery == expectedVerdictQuery)

        let verdict = Self.body("34f7cb3b", Vectors.nonce, Vectors.serverNonce, Vectors.newNonceHash1)
        let result = try #require(try client.receive(verdict, at: KeyExchangeFixtures.now).result)
        #expect(result.authorizationKey == (try AuthorizationKey(Vectors.bytes(Vectors.authorizationKey))))
        #expect(result.authorizationKey.identifier == Vectors.word(Vectors.keyIdentifier))
        #expect(result.salt == Vectors.word(Vectors.salt))
        #expect(result.timeOffsetNanoseconds == -1_000_000_000)
        #expect(result.expiresAt == nil)
    }

    @Test func derivedValuesAreTheSamples() throws {
        let key = try AuthorizationKey(Vectors.bytes(Vectors.authorizationKey))
        let newNonce = Vectors.bytes(Vectors.newNonce)
        let serverNonce = try Vectors.bytes16(Vectors.serverNonce)
        #expect(key.auxiliaryHash == Vectors.word(Vectors.auxiliaryHash))
        #expect(ExchangeDigest.newNonceHash(newNonce, .ok, key: key).array == Vectors.bytes(Vectors.newNonceHash1))
        #expect(ExchangeDigest.newNonceHash(newNonce, .retry, key: key).array == Vectors.bytes(Vectors.newNonceHash2))
        #expect(ExchangeDigest.newNonceHash(newNonce, .fail, key: key).array == Vectors.bytes(Vectors.newNonceHash3))
        #expect(
            ExchangeDigest.initialSalt(newNonce: newNonce, serverNonce: serverNonce) == Vectors.word(Vectors.salt)
        )
    }

    @Test func cipherHasTheSamplesKey() throws {
        let serverNonce = try Vectors.bytes16(Vectors.serverNonce)
        let cipher = ExchangeCipher(newNonce: Vectors.bytes(Vectors.newNonce), serverNonce: serverNonce)
        let expected = AES256IGE(
            key: try #require(Bytes32(Vectors.bytes(Vectors.temporaryKey))),
            initializationVector: try #require(Bytes32(Vectors.bytes(Vectors.temporaryVector)))
        )
        var bytes = [UInt8](0..<64)
        let sealed = cipher.encrypt(bytes)
        bytes.withUnsafeMutableBytes { expected.encrypt($0) }
        #expect(sealed == bytes)
        let inner = try cipher.open(
            Vectors.bytes(Vectors.encryptedAnswer),
            as: ServerDHInnerData.self,
            phase: .parameters
        )
        #expect(inner.generator == 3)
        #expect(inner.prime == Vectors.bytes(Vectors.prime))
        #expect(inner.publicValue == Vectors.bytes(Vectors.serverPublicValue))
        #expect(inner.serverTime == KeyExchangeFixtures.serverTime)
    }

    /// Both paddings of the vectors, through the server's step.
    @Test(arguments: [false, true]) func serverOpensTheVectors(isLegacy: Bool) throws {
        let run = ServerKeyExchangeRun(
            key: ServerKeyExchangeRun.Key(
                nonce: try Vectors.bytes16(Vectors.nonce),
                serverNonce: try Vectors.bytes16(Vectors.serverNonce)
            ),
            factors: (pq: 0x1460_E7D3_FA72_7791, p: 0x3C23_57CF, q: 0x56BF_B29F),
            createdAt: 0
        )
        let query = RequestDHParameters(
            nonce: run.key.nonce,
            serverNonce: run.key.serverNonce,
            p: Vectors.bytes("3c2357cf"),
            q: Vectors.bytes("56bfb29f"),
            fingerprint: Vectors.word(Vectors.keyFingerprint),
            encryptedData: Vectors.bytes(isLegacy ? Vectors.legacySealedWithKey : Vectors.sealedWithKey)
        )
        var configuration = ServerKeyExchangeTable.Configuration(privateKeys: [KeyExchangeFixtures.privateKey])
        configuration.random = .seeded(3)
        configuration.dataCenterPolicy = .oneOf([DataCenterIdentifier(2)])
        let steps = ServerKeyExchangeSteps(
            configuration: configuration,
            privateKeys: [Vectors.word(Vectors.keyFingerprint): KeyExchangeFixtures.privateKey]
        )
        let (answer, secrets) = try steps.answer(query, of: run, at: KeyExchangeFixtures.now)
        #expect(secrets.usedLegacyPadding == isLegacy)
        #expect(secrets.dataCenter == (isLegacy ? nil : 2))
        #expect(secrets.newNonce.withBytes { $0 } == Vectors.bytes(Vectors.newNonce))
        let cipher = ExchangeCipher(newNonce: Vectors.bytes(Vectors.newNonce), serverNonce: run.key.serverNonce)
        let sealed = try ServerDHParametersOK(answer).encryptedAnswer
        #expect(sealed.count == 592)
        let inner = try cipher.open(sealed, as: ServerDHInnerData.self, phase: .parameters)
        #expect(inner.serverTime == KeyExchangeFixtures.serverTime + 1)
    }
}
