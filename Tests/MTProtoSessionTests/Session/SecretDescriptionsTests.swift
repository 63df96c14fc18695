// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

/// Values that hold secrets show them neither printed nor dumped, alone or within others.
@Suite struct SecretDescriptionsTests {
    private static let secret: UInt64 = 0xABAB_ABAB_ABAB_ABAB
    private static let bytes = [UInt8](repeating: 0xAB, count: 32)

    private static func values() throws -> [any Sendable] {
        let body = ByteBuffer(bytes: Self.bytes)
        let key = try AuthorizationKey([UInt8](repeating: 0xAB, count: 256))
        let salt = FutureSalt(validSince: 1, validUntil: 2, salt: Self.secret)
        let badSalt = BadServerSalt(badIdentifier: 4, badSequenceNumber: 0, code: 48, newSalt: Self.secret)
        let created = NewSessionCreated(firstMessageIdentifier: 4, uniqueIdentifier: 5, salt: Self.secret)
        let nonce = try #require(Bytes16(Self.bytes.prefix(16)))
        let newNonce = try #require(Bytes32(Self.bytes))
        return [
            badSalt, MessageBody.badSalt(badSalt), created, [created], salt,
            FutureSalts(requestIdentifier: 4, now: 1, salts: [salt]),
            ServerSalt(validSince: 1, validUntil: 2, salt: Self.secret),
            ContainedMessage(identifier: 4, sequenceNumber: 1, body: body),
            EncryptedMessage(
                salt: Self.secret,
                sessionIdentifier: Self.secret,
                identifier: 4,
                sequenceNumber: 1,
                body: body,
                quickAckToken: 0
            ),
            ServerSaltSchedule(initialSalt: Self.secret, createdAt: 1, seed: newNonce),
            EstablishedKey(
                authorizationKey: key,
                initialSalt: Self.secret,
                createdAt: 1,
                expiresAt: nil,
                dataCenter: nil,
                usedLegacyPadding: false
            ),
            KeyExchangeResult(
                authorizationKey: key,
                salt: Self.secret,
                timeOffsetNanoseconds: 1,
                expiresAt: nil,
                nonce: nonce,
                serverNonce: nonce
            ),
            PQInnerData(
                product: Self.bytes,
                p: Self.bytes,
                q: Self.bytes,
                nonce: nonce,
                serverNonce: nonce,
                newNonce: newNonce,
                dataCenter: nil,
                expiresIn: nil
            ),
        ]
    }

    @Test func nothingIsShown() throws {
        for value in try Self.values() {
            var dumped = ""
            dump(value, to: &dumped)
            for text in ["\(value)", String(reflecting: value), dumped] {
                #expect(!text.contains("\(Self.secret)"), "\(type(of: value))")
                #expect(!text.lowercased().contains("abab"), "\(type(of: value))")
                #expect(!text.contains("171"), "\(type(of: value))")
            }
        }
    }

    @Test func whatIsNoSecretIsShown() {
        let notice = BadServerSalt(badIdentifier: 0x4C, badSequenceNumber: 0, code: 48, newSalt: Self.secret)
        #expect("\(notice)" == "BadServerSalt(message 0x4c, code 48)")
        let message = ContainedMessage(identifier: 0x4C, sequenceNumber: 3, body: ByteBuffer(bytes: Self.bytes))
        #expect("\(message)" == "ContainedMessage(0x4c, number 3, 32 bytes)")
        #expect("\(ServerSalt(validSince: 1, validUntil: 2, salt: Self.secret))" == "ServerSalt(1..<2)")
    }
}
