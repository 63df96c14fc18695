// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@Suite struct MessageKeyTests {
    struct Message: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var direction: MessageDirection
        var plaintext: String
        var large: String
        var key: String
        var vector: String
        var payload: String
    }

    static let messages = [
        Message(
            testDescription: "ping, client to server",
            direction: .clientToServer,
            plaintext: """
                522fb2fff026a7fe000102030405060778563412fec0ab65000000000c000000
                ec77be7a8877665544332211a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3
                """,
            large: "9e57fdfe497baa3be1b454b19a30d9820eedd36e63cd4175e49a44f67f9b11e4",
            key: "a283514fe928484bfbfcecf2573ee17fff9a194410a96162fe309dcb99c88e4b",
            vector: "30afd70794102055a90e022c42d9b4ea1a287d21e7c33c0181e0e0919bc91899",
            payload: """
                8ae7a271969a9b1fe1b454b19a30d9820eedd36e63cd4175e35f6a1c48404367
                f297efadead4a7674c5c3c9bb8f491cd3809f2dfcda42504e690aa2a6e039cdf
                4161f402719d1e64adda637c65d7fce3dff70235cada15cd
                """
        ),
        Message(
            testDescription: "pong, server to client",
            direction: .serverToClient,
            plaintext: """
                522fb2fff026a7fe0001020304050607595a5a5afec0ab650000000014000000
                c573773478563412fec0ab658877665544332211c0c1c2c3c4c5c6c7c8c9cacb
                """,
            large: "384932d4bb52c55d53af1918b782c9e2935cf3865803dab3f55de8cb893bd9ac",
            key: "d60ee31db48b915a5e0eab01a9e41271230c1996f9a74ad36ca92767f171e799",
            vector: "e4c9a44ce3e931a2bffa2937345dd898ea01bf82e44f6c1e969daed822f61e3f",
            payload: """
                8ae7a271969a9b1f53af1918b782c9e2935cf3865803dab3d4441c5c68ee2a89
                c5fe02523662d0a1934e745f3e312866f8b8ed8a71713a5a18baa6eec287bfa4
                f20a06c0c1d752c57f86080dfaf55a24bf3195ac69846caa
                """
        ),
    ]

    private let key: AuthorizationKey

    init() throws {
        self.key = try AuthorizationKey(ExchangeVectors.authorizationKey)
    }

    @Test(arguments: CryptoPath.available, Self.messages)
    func workedMessage(path: CryptoPath, message: Message) {
        let plaintext = bytes(message.plaintext)
        let payload = bytes(message.payload)
        let derived = plaintext.withUnsafeBytes {
            MessageKey.derive(authorizationKey: self.key, plaintext: $0, direction: message.direction)
        }
        #expect(derived.messageKey.array == Array(bytes(message.large)[8..<24]))
        #expect(derived.messageKey.array == Array(payload[8..<24]))
        let cipher = MessageKey.cipher(
            authorizationKey: self.key,
            messageKey: derived.messageKey,
            direction: message.direction,
            path: path
        )
        #expect(cipher.key.hex == message.key)
        #expect(cipher.initializationVector.hex == message.vector)
        #expect(cipher.encrypted(plaintext) == Array(payload[24...]))
        #expect(cipher.decrypted(Array(payload[24...])) == plaintext)
    }

    @Test func quickAckToken() {
        let derived = bytes(Self.messages[0].plaintext).withUnsafeBytes {
            MessageKey.derive(authorizationKey: self.key, plaintext: $0, direction: .clientToServer)
        }
        #expect(derived.quickAckToken == 0xFEFD_579E)
    }

    @Test func quickAckTokenAlwaysHasItsTopBit() {
        for number in UInt8(0)..<32 {
            let derived = [number].withUnsafeBytes {
                MessageKey.derive(authorizationKey: self.key, plaintext: $0, direction: .clientToServer)
            }
            #expect(derived.quickAckToken & 0x8000_0000 != 0)
        }
    }

    /// The half of the key that the derivation must not touch may be anything.
    @Test func lowerHalfTakesNoPart() throws {
        var other = ExchangeVectors.authorizationKey
        for index in 128..<256 {
            other[index] ^= 0xFF
        }
        let otherKey = try AuthorizationKey(other)
        for direction in MessageDirection.allCases {
            let messageKey = Bytes16.random(.seeded(4))
            let one = MessageKey.cipher(authorizationKey: self.key, messageKey: messageKey, direction: direction)
            let two = MessageKey.cipher(authorizationKey: otherKey, messageKey: messageKey, direction: direction)
            #expect(one.key == two.key)
            #expect(one.initializationVector == two.initializationVector)
        }
    }

    /// The binding of a temporary key, encrypted as in MTProto 1.0.
    @Test func bindingMessage() {
        let plaintext = ExchangeVectors.bindingPlaintext
        let messageKey = plaintext.withUnsafeBytes { MessageKey.deriveVersion1(plaintextWithoutPadding: $0) }
        #expect(sha1(plaintext).hex == "c92724010743b068d952ca9e784a15208e4e19be")
        #expect(messageKey.hex == "0743b068d952ca9e784a15208e4e19be")
        #expect(Array(plaintext[32...]) == ExchangeVectors.bindingInner)
        let cipher = MessageKey.cipherVersion1(
            authorizationKey: self.key,
            messageKey: messageKey,
            direction: .clientToServer
        )
        #expect(cipher.key.hex == "557d9bacb0294661a3a91b5cd584f864500bcd7a5340dabb9986f6b679bcf945")
        #expect(cipher.initializationVector.hex == "e9e2824859c1cb513644cdce1e53339c10bfbc2cd2249c7f53aebaa08f52a76e")
        let encrypted =
            bytes("8ae7a271969a9b1f") + messageKey.array
            + cipher.encrypted(plaintext + bytes("5051525354555657"))
        #expect(encrypted == ExchangeVectors.bindingEncrypted)
    }

    @Test func versionOneDependsOnDirection() {
        let messageKey = Bytes16.random(.seeded(5))
        let ciphers = MessageDirection.allCases.map {
            MessageKey.cipherVersion1(authorizationKey: self.key, messageKey: messageKey, direction: $0)
        }
        #expect(ciphers[0].key != ciphers[1].key)
        #expect(ciphers[0].initializationVector != ciphers[1].initializationVector)
    }
}
