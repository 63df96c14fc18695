// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

@testable import MTProtoSession

/// Every check of the server: a client that breaks just one rule gets the transport error, and the log has the rule.
@Suite struct ServerKeyExchangeRuleTests {
    /// A rule, how a client breaks it, and the error.
    struct Rule: Sendable, CustomTestStringConvertible {
        var name: String
        var expected: KeyExchangeError
        var changes = TamperingClient.Changes()
        var configure: @Sendable (inout ServerKeyExchangeTable.Configuration) -> Void = { _ in }

        var testDescription: String { self.name }

        init(
            _ name: String,
            _ phase: KeyExchangeError.Phase,
            _ reason: KeyExchangeError.Reason,
            _ change: (inout TamperingClient.Changes) -> Void
        ) {
            self.name = name
            self.expected = KeyExchangeError(phase, reason)
            change(&self.changes)
        }

        /// The same rule at a server with other settings.
        func on(_ configure: @escaping @Sendable (inout ServerKeyExchangeTable.Configuration) -> Void) -> Rule {
            var rule = self
            rule.configure = configure
            return rule
        }
    }

    private static let otherNonce = Bytes16.random(.seeded(99))

    static let parametersRules: [Rule] = [
        Rule("nonce", .parameters, .unknownRun) { $0.parameters = { $0.nonce = Self.otherNonce } },
        Rule("server_nonce", .parameters, .unknownRun) { $0.parameters = { $0.serverNonce = Self.otherNonce } },
        Rule("truncated", .parameters, .malformed) {
            $0.body = { step, body in
                if step == 2 { body.moveWriterIndex(to: body.writerIndex - 1) }
            }
        },
        Rule("too short for nonces", .parameters, .malformed) {
            $0.body = { step, body in
                if step == 2 { body.moveWriterIndex(to: 20) }
            }
        },
        Rule("p", .parameters, .wrongFactors) { $0.parameters = { $0.p[0] ^= 1 } },
        Rule("q", .parameters, .wrongFactors) { $0.parameters = { $0.q[0] ^= 1 } },
        Rule("p and q swapped", .parameters, .wrongFactors) { $0.parameters = { swap(&$0.p, &$0.q) } },
        Rule("p of 9 bytes", .parameters, .wrongFactors) {
            $0.parameters = { $0.p = Array(repeating: 1, count: 5) + $0.p }
        },
        Rule("fingerprint", .parameters, .unknownFingerprint(77)) { $0.parameters = { $0.fingerprint = 77 } },
        Rule("encrypted data of 255 bytes", .parameters, .invalidEncryptedLength(255)) {
            $0.parameters = { $0.encryptedData.removeFirst() }
        },
        Rule("encrypted data empty", .parameters, .invalidEncryptedLength(0)) {
            $0.parameters = { $0.encryptedData = [] }
        },
        Rule("encrypted data above the modulus", .parameters, .invalidPadding) {
            $0.parameters = { $0.encryptedData = Array(repeating: 0xff, count: 256) }
        },
        Rule("encrypted data of something else", .parameters, .invalidPadding) { $0.padding = .garbage },
        Rule("RSA_PAD of something else", .parameters, .malformedInnerData) { $0.data = { $0[0] ^= 1 } },
        Rule("legacy padding with another hash", .parameters, .invalidPadding) { $0.padding = .legacyWithWrongHash },
        Rule("legacy padding of something else", .parameters, .invalidPadding) {
            $0.padding = .legacy
            $0.data = { $0[0] ^= 1 }
        },
        Rule("legacy padding, not accepted", .parameters, .invalidPadding) { $0.padding = .legacy }.on {
            $0.acceptsLegacyPadding = false
        },
        Rule("inner nonce", .parameters, .innerNonceMismatch) { $0.innerData = { $0.nonce = Self.otherNonce } },
        Rule("inner server_nonce", .parameters, .innerServerNonceMismatch) {
            $0.innerData = { $0.serverNonce = Self.otherNonce }
        },
        Rule("inner pq", .parameters, .innerFactorsMismatch) { $0.innerData = { $0.product[0] ^= 1 } },
        Rule("inner p", .parameters, .innerFactorsMismatch) { $0.innerData = { $0.p[0] ^= 1 } },
        Rule("inner q", .parameters, .innerFactorsMismatch) { $0.innerData = { $0.q[0] ^= 1 } },
        Rule("inner q of 9 bytes", .parameters, .innerFactorsMismatch) {
            $0.innerData = { $0.q = Array(repeating: 1, count: 9) }
        },
        Rule("lifetime of 0 s", .parameters, .invalidLifetime(0)) { $0.innerData = { $0.expiresIn = 0 } },
        Rule("lifetime below 0 s", .parameters, .invalidLifetime(.min)) { $0.innerData = { $0.expiresIn = .min } },
        Rule("data centre", .parameters, .wrongDataCenter(2)) { _ in }.on {
            $0.dataCenterPolicy = .oneOf([DataCenterIdentifier(1), DataCenterIdentifier(2, isTest: true)])
        },
    ]

    static let verdictRules: [Rule] = [
        Rule("nonce", .verdict, .unknownRun) { $0.verdict = { $0.nonce = Self.otherNonce } },
        Rule("server_nonce", .verdict, .unknownRun) { $0.verdict = { $0.serverNonce = Self.otherNonce } },
        Rule("truncated", .verdict, .malformed) {
            $0.body = { step, body in
                if step == 3 { body.moveWriterIndex(to: body.writerIndex - 1) }
            }
        },
        Rule("encrypted length not of blocks", .verdict, .invalidEncryptedLength(335)) {
            $0.verdict = { $0.encryptedData.removeLast() }
        },
        Rule("encrypted part empty", .verdict, .invalidEncryptedLength(0)) { $0.verdict = { $0.encryptedData = [] } },
        Rule("encrypted part too long", .verdict, .invalidEncryptedLength(8192)) {
            $0.verdict = { $0.encryptedData = Array(repeating: 0, count: 8192) }
        },
        Rule("undecryptable", .verdict, .malformedInnerData) { $0.verdict = { $0.encryptedData[0] ^= 1 } },
        Rule("hash", .verdict, .innerHashMismatch) { $0.plain = { $0.digest[0] ^= 1 } },
        Rule("16 bytes of padding", .verdict, .excessivePadding(28)) {
            $0.plain = { $0.padding += Array(repeating: 0, count: 16) }
        },
        Rule("inner nonce", .verdict, .innerNonceMismatch) { $0.inner = { $0.nonce = Self.otherNonce } },
        Rule("inner server_nonce", .verdict, .innerServerNonceMismatch) {
            $0.inner = { $0.serverNonce = Self.otherNonce }
        },
        Rule("retry_id", .verdict, .retryIdentifierMismatch) { $0.inner = { $0.retryIdentifier = 1 } },
    ]

    static let publicValues: [(String, [UInt8])] = [
        ("empty", []),
        ("1", [1]),
        ("2^1984 - 1", Array(repeating: 0xff, count: 248)),
        ("p - 1", DiffieHellman.knownPrime.dropLast() + [0x5a]),
        ("p", DiffieHellman.knownPrime),
        ("2^2048", [1] + Array(repeating: 0, count: 256)),
    ]

    static let publicValueRules: [Rule] = Self.publicValues.map { name, value in
        Rule("g_b = \(name)", .verdict, .publicValueOutOfRange) { $0.inner = { $0.publicValue = value } }
    }

    @Test(arguments: Self.parametersRules + Self.verdictRules + Self.publicValueRules)
    func brokenRule(_ rule: Rule) throws {
        let log = RejectionLog()
        let table = try KeyExchangeFixtures.makeTable(rejections: log, configure: rule.configure)
        let now = KeyExchangeFixtures.now
        var client = TamperingClient(changes: rule.changes)
        let product = try #require(table.respond(to: client.requestProduct(), at: now).body)
        var query = try client.requestParameters(product)
        var response = table.respond(to: query, at: now)
        if rule.expected.phase == .verdict {
            query = try client.requestVerdict(try #require(response.body))
            response = table.respond(to: query, at: now)
        }
        let isWrongDataCenter = rule.expected.reason == .wrongDataCenter(2)
        let code = isWrongDataCenter ? TransportErrorCode.invalidDataCenter : .notFound
        #expect(response.errorCode == code)
        #expect(log.all == [rule.expected])

        // The run stays failed: the same query again, and a correct one, get errors, too.
        guard rule.expected.reason != .unknownRun else { return }
        let isTooShort = rule.name == "too short for nonces"
        if !isTooShort, rule.expected.reason != .malformed {
            #expect(table.respond(to: query, at: now).errorCode == code)
            #expect(log.last == KeyExchangeError(rule.expected.phase, .runFailed))
        }
        client.changes = TamperingClient.Changes()
        let correct = try client.requestParameters(product)
        #expect(isTooShort || table.respond(to: correct, at: now).errorCode == .notFound)
        #expect(isTooShort || log.last == KeyExchangeError(.parameters, .runFailed))
    }

    /// Without a change the same peer is accepted, under both paddings and with all four forms of inner data.
    @Test(arguments: [TamperingClient.Padding.current, .legacy], [nil, 2, -2] as [Int32?])
    func honestClientIsAccepted(padding: TamperingClient.Padding, dataCenter: Int32?) throws {
        for expiresIn: Int32? in [nil, 3600, .max] {
            let log = RejectionLog()
            let table = try KeyExchangeFixtures.makeTable(rejections: log) {
                $0.dataCenterPolicy = .oneOf([DataCenterIdentifier(2)])
            }
            let now = KeyExchangeFixtures.now
            var client = TamperingClient(dataCenter: dataCenter, expiresIn: expiresIn)
            client.changes.padding = padding
            client.changes.body = { _, body in body.writeRepeatingByte(0x5a, count: 99) }
            let product = try #require(table.respond(to: client.requestProduct(), at: now).body)
            let parameters = try #require(table.respond(to: client.requestParameters(product), at: now).body)
            let response = table.respond(to: try client.requestVerdict(parameters), at: now.later(by: 5))
            let key = try #require(response.establishedKey)
            let createdAt = KeyExchangeFixtures.serverTime + 6
            #expect(client.serverInner?.serverTime == KeyExchangeFixtures.serverTime + 1)
            #expect(key.authorizationKey == client.key)
            #expect(key.createdAt == createdAt)
            // A week is the longest life by default.
            #expect(key.expiresAt == expiresIn.map { createdAt + min($0, 604_800) })
            #expect(key.dataCenter == dataCenter)
            #expect(key.usedLegacyPadding == (padding == .legacy))
            let salt = ExchangeDigest.initialSalt(newNonce: client.newNonce.array, serverNonce: client.serverNonce)
            #expect(key.initialSalt == salt)
            let body = try #require(response.body)
            #expect(try DHGenerationOK(body).newNonceHash == client.hash(.ok))
            #expect(log.all.isEmpty)
        }
    }

    @Test(
        arguments: [
            (KeyExchangeDataCenterPolicy.any, 2, true),
            (.any, .min, true),
            (.oneOf([]), 2, false),
            (.oneOf([DataCenterIdentifier(2)]), 2, true),
            (.oneOf([DataCenterIdentifier(2)]), -2, true),
            (.oneOf([DataCenterIdentifier(2, isMedia: true)]), 2, true),
            (.oneOf([DataCenterIdentifier(2)]), 10_002, false),
            (.oneOf([DataCenterIdentifier(2)]), -10_002, false),
            (.oneOf([DataCenterIdentifier(2, isTest: true)]), 10_002, true),
            (.oneOf([DataCenterIdentifier(2, isTest: true)]), -10_002, true),
            (.oneOf([DataCenterIdentifier(2, isTest: true)]), 2, false),
            (.oneOf([DataCenterIdentifier(2)]), 1, false),
            (.oneOf([DataCenterIdentifier(2)]), 0, false),
            (.oneOf([DataCenterIdentifier(2)]), .min, false),
            (.oneOf([DataCenterIdentifier(2)]), .max, false),
            (.oneOf([DataCenterIdentifier(1), DataCenterIdentifier(3)]), 3, true),
        ] as [(KeyExchangeDataCenterPolicy, Int32, Bool)]
    )
    func dataCenterPolicy(policy: KeyExchangeDataCenterPolicy, encoded: Int32, isAccepted: Bool) {
        #expect(policy.accepts(encoded) == isAccepted)
    }

    /// Numbers with leading zeros are the same numbers.
    @Test func leadingZerosAreAccepted() throws {
        let table = try KeyExchangeFixtures.makeTable()
        let now = KeyExchangeFixtures.now
        var client = TamperingClient()
        client.changes.parameters = {
            $0.p = [0, 0, 0, 0] + $0.p
            $0.q = [0] + $0.q
        }
        client.changes.inner = { $0.publicValue = [0, 0] + $0.publicValue }
        let product = try #require(table.respond(to: client.requestProduct(), at: now).body)
        let parameters = try #require(table.respond(to: client.requestParameters(product), at: now).body)
        let response = table.respond(to: try client.requestVerdict(parameters), at: now)
        #expect(response.establishedKey?.authorizationKey == client.key)
    }

    @Test func misconfigurationIsAnError() {
        #expect(throws: KeyExchangeError(.setup, .noPrivateKey)) {
            try ServerKeyExchangeTable(configuration: ServerKeyExchangeTable.Configuration(privateKeys: []))
        }
        let error = CryptoError(code: .unsuitableGenerator, message: "")
        #expect(throws: KeyExchangeError(.setup, .unsafeGroup(error))) {
            try KeyExchangeFixtures.makeTable {
                $0.group = DiffieHellman.Group(prime: DiffieHellman.knownPrime, generator: 2)
            }
        }
    }
}
