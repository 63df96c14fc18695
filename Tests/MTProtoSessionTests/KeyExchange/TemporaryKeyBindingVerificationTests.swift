// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@testable import MTProtoSession

/// The server's checks before it binds a temporary key.
@Suite struct TemporaryKeyBindingVerificationTests {
    private static let permanentKey: AuthorizationKey? = try? AuthorizationKey(
        KeyExchangeVectors.bytes(KeyExchangeVectors.authorizationKey)
    )

    /// The values of the protocol's binding vector.
    struct Scene: Sendable {
        var call = BindTemporaryAuthKey(
            permanentKeyIdentifier: 0x1f9b_9a96_71a2_e78a,
            nonce: 0x0102_0304_0506_0708,
            expiresAt: 1_705_841_277,
            encryptedMessage: []
        )
        var inner = BindAuthKeyInner(
            nonce: 0x0102_0304_0506_0708,
            temporaryKeyIdentifier: 0x1817_1615_1413_1211,
            permanentKeyIdentifier: 0x1f9b_9a96_71a2_e78a,
            temporarySessionIdentifier: 0x0706_0504_0302_0100,
            expiresAt: 1_705_841_277
        )
        var innerMessageIdentifier: UInt64 = 0x65ab_c100_0000_0004
        var opens = true
        var verification = TemporaryKeyBindingVerification(
            carryingKey: TemporaryKeyBindingVerification.CarryingKey(
                identifier: 0x1817_1615_1413_1211,
                expiresAt: 1_705_841_300,
                boundTo: nil
            ),
            sessionIdentifier: 0x0706_0504_0302_0100,
            messageIdentifier: 0x65ab_c100_0000_0004
        )
        var now: Int64 = 1_705_754_878

        func verify() throws(TemporaryKeyBindingError) -> Int32 {
            let opened = TemporaryKeyBindingVerification.Opened(
                inner: self.inner,
                messageIdentifier: self.innerMessageIdentifier
            )
            return try self.verification.verify(self.call, opened: self.opens ? opened : nil, at: self.now)
        }
    }

    struct Rule: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var error: TemporaryKeyBindingError
        var change: @Sendable (inout Scene) -> Void
    }

    static let rules = [
        Rule(testDescription: "does not open", error: .encryptedMessageInvalid) { $0.opens = false },
        Rule(testDescription: "nonce", error: .encryptedMessageInvalid) { $0.inner.nonce += 1 },
        Rule(testDescription: "nonce of the call", error: .encryptedMessageInvalid) { $0.call.nonce += 1 },
        Rule(testDescription: "temp_auth_key_id", error: .encryptedMessageInvalid) {
            $0.inner.temporaryKeyIdentifier += 1
        },
        Rule(testDescription: "carrying key", error: .encryptedMessageInvalid) {
            $0.verification.carryingKey.identifier += 1
        },
        Rule(testDescription: "perm_auth_key_id", error: .encryptedMessageInvalid) {
            $0.inner.permanentKeyIdentifier += 1
        },
        Rule(testDescription: "perm_auth_key_id of the call", error: .encryptedMessageInvalid) {
            $0.call.permanentKeyIdentifier += 1
        },
        Rule(testDescription: "temp_session_id", error: .encryptedMessageInvalid) {
            $0.inner.temporarySessionIdentifier += 1
        },
        Rule(testDescription: "session", error: .encryptedMessageInvalid) { $0.verification.sessionIdentifier += 1 },
        Rule(testDescription: "expires_at", error: .encryptedMessageInvalid) { $0.inner.expiresAt += 1 },
        Rule(testDescription: "expires_at of the call", error: .encryptedMessageInvalid) { $0.call.expiresAt += 1 },
        Rule(testDescription: "msg_id", error: .encryptedMessageInvalid) { $0.innerMessageIdentifier += 4 },
        Rule(testDescription: "message of the call", error: .encryptedMessageInvalid) {
            $0.verification.messageIdentifier += 4
        },
        Rule(testDescription: "expired", error: .encryptedMessageInvalid) { $0.now = 1_705_841_277 },
        Rule(testDescription: "key expired", error: .encryptedMessageInvalid) {
            $0.verification.carryingKey.expiresAt = 1_705_754_878
        },
        Rule(testDescription: "bound to another key", error: .alreadyBound) {
            $0.verification.carryingKey.boundTo = 1
        },
        Rule(testDescription: "permanent key", error: .notTemporary) { $0.verification.carryingKey.expiresAt = nil },
    ]

    @Test(arguments: Self.rules) func brokenRule(_ rule: Rule) {
        var scene = Scene()
        rule.change(&scene)
        #expect(throws: rule.error) { try scene.verify() }
    }

    @Test func endIsTheEarlierOne() throws {
        var scene = Scene()
        #expect(try scene.verify() == 1_705_841_277)
        scene.verification.carryingKey.expiresAt = 1_705_841_200
        #expect(try scene.verify() == 1_705_841_200)
    }

    @Test func bindingAgainToTheSameKeyIsAllowed() throws {
        var scene = Scene()
        scene.verification.carryingKey.boundTo = scene.call.permanentKeyIdentifier
        #expect(try scene.verify() == 1_705_841_277)
    }

    /// Made, opened and verified with the key of the sample exchange.
    @Test func wholeBinding() throws {
        var scene = Scene()
        let key = try #require(Self.permanentKey)
        scene.call.encryptedMessage = TemporaryKeyBinding.makeEncryptedMessage(
            inner: scene.inner,
            permanentKey: key,
            messageIdentifier: scene.innerMessageIdentifier,
            random: .seeded(1)
        )
        let (inner, messageIdentifier) = try TemporaryKeyBinding.open(scene.call.encryptedMessage, permanentKey: key)
        let opened = TemporaryKeyBindingVerification.Opened(inner: inner, messageIdentifier: messageIdentifier)
        #expect(try scene.verification.verify(scene.call, opened: opened, at: scene.now) == 1_705_841_277)
    }

    @Test func errorsHaveTheTextsOfTheProtocol() {
        let texts = ["ENCRYPTED_MESSAGE_INVALID", "TEMP_AUTH_KEY_ALREADY_BOUND", "TEMP_AUTH_KEY_EMPTY"]
        #expect(TemporaryKeyBindingError.allCases.map(\.description) == texts)
        #expect(TemporaryKeyBindingError.code == 400)
    }
}
