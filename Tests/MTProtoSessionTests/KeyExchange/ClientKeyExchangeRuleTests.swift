// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

@testable import MTProtoSession

/// Every check of the client: a server that breaks just one rule gets just that error.
@Suite struct ClientKeyExchangeRuleTests {
    /// A rule, how a server breaks it, and the error.
    struct Rule: Sendable, CustomTestStringConvertible {
        var name: String
        var expected: KeyExchangeError
        var changes: TamperingServer.Changes
        var server: @Sendable (inout TamperingServer) -> Void = { _ in }
        var verdict = ExchangeDigest.Verdict.ok

        var testDescription: String { self.name }

        init(
            _ name: String,
            _ phase: KeyExchangeError.Phase,
            _ reason: KeyExchangeError.Reason,
            verdict: ExchangeDigest.Verdict = .ok,
            _ change: (inout TamperingServer.Changes) -> Void = { _ in }
        ) {
            self.name = name
            self.expected = KeyExchangeError(phase, reason)
            self.changes = TamperingServer.Changes()
            self.verdict = verdict
            change(&self.changes)
        }

        /// The same rule at a server with other settings.
        func on(_ server: @escaping @Sendable (inout TamperingServer) -> Void) -> Rule {
            var rule = self
            rule.server = server
            return rule
        }
    }

    private static let otherNonce = Bytes16.random(.seeded(99))

    private static func unsafe(_ code: CryptoError.Code) -> KeyExchangeError.Reason {
        .unsafeGroup(CryptoError(code: code, message: ""))
    }

    /// 2^exponent as 256 bytes.
    private static func power(_ exponent: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 256)
        bytes[255 - exponent / 8] = 1 << (exponent % 8)
        return bytes
    }

    /// The prime minus a power of two, exponent a multiple of 8.
    private static func prime(minus exponent: Int, plus more: UInt8 = 0) -> [UInt8] {
        var bytes = DiffieHellman.knownPrime
        var index = 255 - exponent / 8
        while bytes[index] == 0 {
            bytes[index] = 0xff
            index -= 1
        }
        bytes[index] -= 1
        bytes[255] += more
        return bytes
    }

    static let productRules: [Rule] = [
        Rule("nonce", .product, .nonceMismatch) { $0.product = { $0.nonce = Self.otherNonce } },
        Rule("other constructor", .product, .unexpectedMessage(constructor: ServerDHParametersOK.constructor)) {
            $0.body = { _, body in body.setInteger(ServerDHParametersOK.constructor, at: 0, endianness: .little) }
        },
        Rule("empty body", .product, .unexpectedMessage(constructor: 0)) { $0.body = { _, body in body.clear() } },
        Rule("truncated", .product, .malformed) {
            $0.body = { _, body in body.moveWriterIndex(to: body.writerIndex - 1) }
        },
        Rule("unknown fingerprint", .product, .noKnownPublicKey(offered: [0x1234, 0x5678])) {
            $0.product = { $0.fingerprints = [0x1234, 0x5678] }
        },
        Rule("no fingerprint", .product, .noKnownPublicKey(offered: [])) { $0.product = { $0.fingerprints = [] } },
        Rule("offered fingerprints are bounded", .product, .noKnownPublicKey(offered: Array(repeating: 1, count: 16))) {
            $0.product = { $0.fingerprints = Array(repeating: 1, count: 4000) }
        },
        Rule("pq empty", .product, .productOutOfRange) { $0.product = { $0.product = [] } },
        Rule("pq = 1", .product, .productOutOfRange) { $0.product = { $0.product = [1] } },
        Rule("pq = 2^63", .product, .productOutOfRange) {
            $0.product = { $0.product = [0x80] + [0, 0, 0, 0, 0, 0, 0] }
        },
        Rule("pq of 9 bytes", .product, .productOutOfRange) {
            $0.product = { $0.product = Array(repeating: 1, count: 9) }
        },
        Rule("pq prime", .product, .productNotFactorable) {
            $0.product = { $0.product = ExchangeNumber.bytes(1_000_003) }
        },
        Rule("pq square", .product, .productNotFactorable) {
            $0.product = { $0.product = ExchangeNumber.bytes(1_000_003 * 1_000_003) }
        },
        Rule("pq of three primes", .product, .productNotFactorable) {
            $0.product = { $0.product = ExchangeNumber.bytes(1_000_003 * 1_000_033 * 7) }
        },
        Rule("pq even", .product, .productNotFactorable) {
            $0.product = { $0.product = ExchangeNumber.bytes(2 * 1_000_003) }
        },
    ]

    static let parametersRules: [Rule] = [
        Rule("nonce", .parameters, .nonceMismatch) { $0.parameters = { $0.nonce = Self.otherNonce } },
        Rule("server_nonce", .parameters, .serverNonceMismatch) {
            $0.parameters = { $0.serverNonce = Self.otherNonce }
        },
        Rule("other constructor", .parameters, .unexpectedMessage(constructor: 0x1234_5678)) {
            $0.body = { step, body in
                if step == 2 { body.setInteger(UInt32(0x1234_5678), at: 0, endianness: .little) }
            }
        },
        Rule("an answer too many", .parameters, .unexpectedMessage(constructor: ResultPQ.constructor)) {
            $0.body = { step, body in
                if step == 2 { body.setInteger(ResultPQ.constructor, at: 0, endianness: .little) }
            }
        },
        Rule("truncated", .parameters, .malformed) {
            $0.body = { step, body in
                if step == 2 { body.moveWriterIndex(to: body.writerIndex - 4) }
            }
        },
        Rule("encrypted length not of blocks", .parameters, .invalidEncryptedLength(591)) {
            $0.parameters = { $0.encryptedAnswer.removeLast() }
        },
        Rule("encrypted part empty", .parameters, .invalidEncryptedLength(0)) {
            $0.parameters = { $0.encryptedAnswer = [] }
        },
        Rule("encrypted part shorter than a hash", .parameters, .invalidEncryptedLength(16)) {
            $0.parameters = { $0.encryptedAnswer.removeLast(576) }
        },
        Rule("encrypted part too long", .parameters, .invalidEncryptedLength(4112)) {
            $0.parameters = { $0.encryptedAnswer = Array(repeating: 0, count: 4112) }
        },
        Rule("undecryptable", .parameters, .malformedInnerData) {
            $0.parameters = { $0.encryptedAnswer[0] ^= 1 }
        },
        Rule("inner constructor", .parameters, .malformedInnerData) { $0.plain = { $0.object[0] ^= 1 } },
        Rule("hash", .parameters, .innerHashMismatch) { $0.plain = { $0.digest[19] ^= 1 } },
        Rule("object that the hash does not cover", .parameters, .innerHashMismatch) {
            $0.plain = { $0.object[563] ^= 1 }
        },
        Rule("16 bytes of padding", .parameters, .excessivePadding(24)) {
            $0.plain = { $0.padding += Array(repeating: 0, count: 16) }
        },
        Rule("inner nonce", .parameters, .innerNonceMismatch) { $0.inner = { $0.nonce = Self.otherNonce } },
        Rule("inner server_nonce", .parameters, .innerServerNonceMismatch) {
            $0.inner = { $0.serverNonce = Self.otherNonce }
        },
        Rule("prime of 2047 bits", .parameters, Self.unsafe(.unsafePrime)) { $0.inner = { $0.prime[0] = 0x7f } },
        Rule("prime of 1024 bits", .parameters, Self.unsafe(.unsafePrime)) {
            $0.inner = { $0.prime.removeFirst(128) }
        },
        Rule("prime of 2056 bits", .parameters, Self.unsafe(.unsafePrime)) { $0.inner = { $0.prime = [1] + $0.prime } },
        Rule("prime empty", .parameters, Self.unsafe(.unsafePrime)) { $0.inner = { $0.prime = [] } },
        Rule("composite", .parameters, Self.unsafe(.unsafePrime)) {
            $0.inner = {
                $0.prime[100] ^= 0x10
                $0.generator = 4
            }
        },
        Rule("prime that is not safe", .parameters, Self.unsafe(.unsafePrime)) {
            $0.inner = {
                $0.prime = KeyExchangeVectors.bytes(KeyExchangeVectors.unsafePrime)
                $0.generator = 4
            }
        },
        Rule("genuine server_DH_params_fail", .parameters, .parametersRefused).on { $0.refusesParameters = true },
        Rule("server_DH_params_fail with another hash", .parameters, .newNonceHashMismatch).on {
            $0.refusesParameters = true
            $0.refusalHash = Self.otherNonce
        },
        Rule("server_DH_params_fail with another nonce", .parameters, .nonceMismatch) {
            $0.body = { step, body in
                if step == 2 { body.setInteger(UInt64(1), at: 4) }
            }
        }.on { $0.refusesParameters = true },
        Rule("server_DH_params_fail with another server_nonce", .parameters, .serverNonceMismatch) {
            $0.body = { step, body in
                if step == 2 { body.setInteger(UInt64(1), at: 20) }
            }
        }.on { $0.refusesParameters = true },
    ]

    static let generatorRules: [Rule] = [Int32.min, -3, 0, 1, 2, 5, 6, 8, Int32.max].map { generator in
        Rule("g = \(generator)", .parameters, Self.unsafe(.unsuitableGenerator)) {
            $0.inner = { $0.generator = generator }
        }
    }

    static let publicValues: [(String, [UInt8])] = [
        ("empty", []),
        ("0", [0]),
        ("1", [1]),
        ("2^1984 - 1", Array(repeating: 0xff, count: 248)),
        ("p - 2^1984 + 1", Self.prime(minus: 1984, plus: 1)),
        ("p - 1", Self.prime(minus: 0)),
        ("p", DiffieHellman.knownPrime),
        ("2^2048 - 1", Array(repeating: 0xff, count: 256)),
        ("2^2048", [1] + Array(repeating: 0, count: 256)),
    ]

    static let publicValueRules: [Rule] = Self.publicValues.map { name, value in
        Rule("g_a = \(name)", .parameters, .publicValueOutOfRange) { $0.inner = { $0.publicValue = value } }
    }

    static let verdictRules: [Rule] = [
        Rule("nonce", .verdict, .nonceMismatch) { $0.verdict = { $0.nonce = Self.otherNonce } },
        Rule("server_nonce", .verdict, .serverNonceMismatch) { $0.verdict = { $0.serverNonce = Self.otherNonce } },
        Rule("hash", .verdict, .newNonceHashMismatch) { $0.verdict = { $0.hash = Self.otherNonce } },
        Rule("other constructor", .verdict, .unexpectedMessage(constructor: 0x1234_5678)) {
            $0.body = { step, body in
                if step == 3 { body.setInteger(UInt32(0x1234_5678), at: 0, endianness: .little) }
            }
        },
        Rule("truncated", .verdict, .malformed) {
            $0.body = { step, body in
                if step == 3 { body.moveWriterIndex(to: body.writerIndex - 1) }
            }
        },
        Rule("dh_gen_retry turned into dh_gen_ok", .verdict, .newNonceHashMismatch, verdict: .retry) {
            $0.verdict = { $0.kind = .ok }
        },
        Rule("dh_gen_fail turned into dh_gen_ok", .verdict, .newNonceHashMismatch, verdict: .fail) {
            $0.verdict = { $0.kind = .ok }
        },
        Rule("dh_gen_ok turned into dh_gen_retry", .verdict, .newNonceHashMismatch) {
            $0.verdict = { $0.kind = .retry }
        },
        Rule("dh_gen_ok turned into dh_gen_fail", .verdict, .newNonceHashMismatch) {
            $0.verdict = { $0.kind = .fail }
        },
        Rule("genuine dh_gen_fail", .verdict, .refused, verdict: .fail),
        Rule("nonce of dh_gen_retry", .verdict, .nonceMismatch, verdict: .retry) {
            $0.verdict = { $0.nonce = Self.otherNonce }
        },
        Rule("server_nonce of dh_gen_retry", .verdict, .serverNonceMismatch, verdict: .retry) {
            $0.verdict = { $0.serverNonce = Self.otherNonce }
        },
        Rule("nonce of dh_gen_fail", .verdict, .nonceMismatch, verdict: .fail) {
            $0.verdict = { $0.nonce = Self.otherNonce }
        },
        Rule("server_nonce of dh_gen_fail", .verdict, .serverNonceMismatch, verdict: .fail) {
            $0.verdict = { $0.serverNonce = Self.otherNonce }
        },
    ]

    /// Runs an exchange of three answers.
    static func run(
        server: inout TamperingServer,
        verdict: ExchangeDigest.Verdict = .ok,
        dataCenter: DataCenterIdentifier? = DataCenterIdentifier(2),
        lifetime: KeyLifetime = .permanent
    ) throws -> Result<KeyExchangeResult?, KeyExchangeError> {
        var client = ClientKeyExchange(
            publicKeys: [.production, KeyExchangeFixtures.privateKey.publicKey],
            dataCenter: dataCenter,
            lifetime: lifetime,
            random: .seeded(5)
        )
        var answer = try server.answerProduct(client.start())
        for step in 1...3 {
            let action: ClientKeyExchange.Action
            do {
                action = try client.receive(answer, at: KeyExchangeFixtures.now)
            } catch {
                // Whatever was wrong, the value is of no use any more, and has nothing to send.
                let later: KeyExchangeError?
                do {
                    _ = try client.receive(answer, at: KeyExchangeFixtures.now)
                    later = nil
                } catch {
                    later = error
                }
                #expect(later == KeyExchangeError(.setup, .ended))
                #expect(client.resend() == nil)
                return .failure(error)
            }
            switch (action, step) {
            case (.send(let query), 1): answer = try server.answerParameters(query)
            case (.send(let query), 2): answer = try server.answerVerdict(query, verdict)
            default: return .success(action.result)
            }
        }
        return .success(nil)
    }

    static let allRules: [Rule] = [
        Self.productRules, Self.parametersRules, Self.generatorRules, Self.publicValueRules, Self.verdictRules,
    ].flatMap(\.self)

    @Test(arguments: Self.allRules)
    func brokenRule(_ rule: Rule) throws {
        var server = TamperingServer(changes: rule.changes)
        rule.server(&server)
        #expect(try Self.run(server: &server, verdict: rule.verdict) == .failure(rule.expected))
        #expect(!rule.expected.description.isEmpty)
    }

    /// Without a change the same peer is accepted, so that every rule above fails for its reason alone.
    @Test func honestServerIsAccepted() throws {
        var server = TamperingServer()
        let result = try Self.run(server: &server).get()
        #expect(result?.authorizationKey == server.key)
        #expect(server.paddingScheme == .current)
    }

    /// The allowed ends of the range of g_a pass its check: the exchange then fails only for the key, which the server
    /// cannot compute.
    @Test(arguments: [Self.power(1984), Self.prime(minus: 1984)])
    func endsOfTheRangePass(publicValue: [UInt8]) throws {
        var changes = TamperingServer.Changes()
        changes.inner = { $0.publicValue = publicValue }
        var server = TamperingServer(changes: changes)
        #expect(try Self.run(server: &server) == .failure(KeyExchangeError(.verdict, .newNonceHashMismatch)))
    }

    /// The other generators that are good for the prime, and up to 15 bytes of padding.
    @Test(arguments: [UInt32(3), 4, 7]) func goodGenerators(generator: UInt32) throws {
        var changes = TamperingServer.Changes()
        changes.plain = { $0.padding = Array(repeating: 7, count: 8) }
        var server = TamperingServer(changes: changes)
        server.group.generator = generator
        #expect(try Self.run(server: &server).get()?.authorizationKey == server.key)
    }

    /// What the client sends as inner data, for each lifetime, with and without a data centre.
    @Test(
        arguments: [
            (nil, KeyLifetime.permanent, nil, nil, PQInnerData.Variant.plain),
            (DataCenterIdentifier(2), .permanent, 2, nil, .dataCenter),
            (DataCenterIdentifier(4, isMedia: true), .permanent, -4, nil, .dataCenter),
            (
                DataCenterIdentifier(3, isTest: true), .temporary(expiresIn: 86_400), 10_003, 86_400,
                .temporaryDataCenter
            ),
            (nil, .temporary(expiresIn: 60), nil, 60, .temporary),
        ] as [(DataCenterIdentifier?, KeyLifetime, Int32?, Int32?, PQInnerData.Variant)]
    )
    func innerData(
        dataCenter: DataCenterIdentifier?,
        lifetime: KeyLifetime,
        encoded: Int32?,
        expiresIn: Int32?,
        variant: PQInnerData.Variant
    ) throws {
        var server = TamperingServer()
        let result = try Self.run(server: &server, dataCenter: dataCenter, lifetime: lifetime).get()
        #expect(server.innerData?.dataCenter == encoded)
        #expect(server.innerData?.expiresIn == expiresIn)
        #expect(server.innerData?.variant == variant)
        #expect(server.innerData?.p == ExchangeNumber.bytes(server.p))
        #expect(server.innerData?.q == ExchangeNumber.bytes(server.q))
        #expect(server.innerData?.nonce == result?.nonce)
        #expect(server.innerData?.serverNonce == result?.serverNonce)
        #expect(server.clientInner?.retryIdentifier == 0)
        #expect(result?.expiresAt == expiresIn.map { KeyExchangeFixtures.serverTime + $0 })
        #expect(result?.timeOffsetNanoseconds == -1_000_000_000)
        #expect(result?.description.contains("\(server.newNonce)") == false)
    }

    /// Seconds beyond the signed range are those after 2038, not before 1970; an end beyond it stays at the end.
    @Test func secondsAfter2038() throws {
        var changes = TamperingServer.Changes()
        changes.inner = { $0.serverTime = Int32(bitPattern: 4_000_000_000) }
        var server = TamperingServer(changes: changes)
        let result = try Self.run(server: &server, lifetime: .temporary(expiresIn: 10)).get()
        let now = KeyExchangeFixtures.now.wallNanoseconds
        #expect(result?.timeOffsetNanoseconds == 4_000_000_000_000_000_000 - now)
        #expect(result?.expiresAt == Int32.max)
    }
}
