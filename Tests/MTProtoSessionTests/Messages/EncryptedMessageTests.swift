// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

@testable import MTProtoSession

@Suite struct EncryptedMessageTests {
    private static let clientPayload = ByteBuffer(
        wireHex: """
            8ae7a271969a9b1fe1b454b19a30d9820eedd36e63cd4175e35f6a1c48404367
            f297efadead4a7674c5c3c9bb8f491cd3809f2dfcda42504e690aa2a6e039cdf
            4161f402719d1e64adda637c65d7fce3dff70235cada15cd
            """
    )
    private static let serverPayload = ByteBuffer(
        wireHex: """
            8ae7a271969a9b1f53af1918b782c9e2935cf3865803dab3d4441c5c68ee2a89
            c5fe02523662d0a1934e745f3e312866f8b8ed8a71713a5a18baa6eec287bfa4
            f20a06c0c1d752c57f86080dfaf55a24bf3195ac69846caa
            """
    )

    private func seal(
        bodyLength: Int,
        hint: Int? = nil,
        padding: MessagePadding = .minimal,
        direction: MessageDirection = .clientToServer
    ) throws -> (payload: ByteBuffer, quickAckToken: UInt32) {
        EncryptedMessage.seal(
            salt: 1,
            sessionIdentifier: 2,
            identifier: 4,
            sequenceNumber: 5,
            with: try MessageFixtures.key(),
            direction: direction,
            padding: padding,
            random: .seeded(1),
            bodyLength: hint ?? bodyLength
        ) { $0.writeRepeatingByte(0x5a, count: bodyLength) }
    }

    @Test func clientVector() throws {
        let key = try MessageFixtures.key()
        let ping = Ping(pingIdentifier: 0x1122_3344_5566_7788)
        // The minimum is 20 bytes here: 32 + 12 + 20 = 64.
        let sealed = EncryptedMessage.seal(
            salt: MessageFixtures.salt,
            sessionIdentifier: MessageFixtures.session,
            identifier: 0x65ab_c0fe_1234_5678,
            sequenceNumber: 0,
            with: key,
            direction: .clientToServer,
            padding: .minimal,
            random: MessageFixtures.counting(from: 0xa0),
            bodyLength: 12
        ) { ping.write(to: &$0) }
        #expect(sealed.payload.wireHex == Self.clientPayload.wireHex)
        #expect(sealed.quickAckToken == 0xfefd_579e)

        let message = try EncryptedMessage.open(Self.clientPayload, with: key, from: .clientToServer)
        #expect(message.salt == MessageFixtures.salt)
        #expect(message.sessionIdentifier == MessageFixtures.session)
        #expect(message.identifier == 0x65ab_c0fe_1234_5678)
        #expect(message.sequenceNumber == 0)
        #expect(try Ping(message.body) == ping)
        #expect(message.body.readableBytes == 12)
        #expect(message.quickAckToken == 0xfefd_579e)
        #expect(EncryptedMessage.authorizationKeyIdentifier(of: Self.clientPayload) == key.identifier)
    }

    @Test func serverVector() throws {
        let key = try MessageFixtures.key()
        let pong = Pong(messageIdentifier: 0x65ab_c0fe_1234_5678, pingIdentifier: 0x1122_3344_5566_7788)
        let sealed = EncryptedMessage.seal(
            salt: MessageFixtures.salt,
            sessionIdentifier: MessageFixtures.session,
            identifier: 0x65ab_c0fe_5a5a_5a59,
            sequenceNumber: 0,
            with: key,
            direction: .serverToClient,
            padding: .minimal,
            random: MessageFixtures.counting(from: 0xc0),
            bodyLength: 20
        ) { pong.write(to: &$0) }
        #expect(sealed.payload.wireHex == Self.serverPayload.wireHex)
        let message = try EncryptedMessage.open(Self.serverPayload, with: key, from: .serverToClient)
        #expect(try Pong(message.body) == pong)
        #expect(message.identifier == 0x65ab_c0fe_5a5a_5a59)
    }

    @Test func payloadsHaveRoomForTheLayersBelow() throws {
        for hint in [0, 100, 256, 4096] {
            let payload = try self.seal(bodyLength: 256, hint: hint).payload
            #expect(payload.readerIndex == TransportConnection.payloadHeadroom)
            #expect(payload.writableBytes >= TransportConnection.payloadTailroom)
        }
    }

    @Test func openWorksInPlace() throws {
        var payload = try self.seal(bodyLength: 256).payload
        let start = payload.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        let key = try MessageFixtures.key()
        let message = try EncryptedMessage.open(Self.take(&payload), with: key, from: .clientToServer)
        let body = message.body.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(body == start + 56)
    }

    private static func take(_ buffer: inout ByteBuffer) -> ByteBuffer {
        let taken = buffer
        buffer = ByteBuffer()
        return taken
    }

    @Test func openLeavesSharedBuffersAlone() throws {
        let payload = try self.seal(bodyLength: 64).payload
        let before = payload.wireHex
        _ = try EncryptedMessage.open(payload, with: try MessageFixtures.key(), from: .clientToServer)
        #expect(payload.wireHex == before)
    }

    @Test(arguments: [MessageDirection.clientToServer, .serverToClient])
    func everyBodyLengthComesBack(direction: MessageDirection) throws {
        let key = try MessageFixtures.key()
        for length in stride(from: 0, through: 2048, by: 4) {
            for padding in [MessagePadding.minimal, .sizeClasses, .random(maximumBlocks: 62)] {
                let sealed = try self.seal(bodyLength: length, padding: padding, direction: direction)
                let message = try EncryptedMessage.open(sealed.payload, with: key, from: direction)
                #expect(message.body == ByteBuffer(repeating: 0x5a, count: length))
                #expect(message.quickAckToken == sealed.quickAckToken)
                #expect(message.quickAckToken >> 31 == 1)
            }
        }
    }

    @Test func bodiesAreFilledUpToMultiplesOfFour() throws {
        let payload = try self.seal(bodyLength: 5).payload
        let message = try EncryptedMessage.open(payload, with: try MessageFixtures.key(), from: .clientToServer)
        #expect(message.body.wireHex == "5a5a5a5a5a000000")
    }

    // MARK: One broken rule at a time

    @Test func everyOtherLengthIsRefused() throws {
        let key = try MessageFixtures.key()
        let payload = try self.seal(bodyLength: 64).payload
        for length in 0..<payload.readableBytes {
            #expect(throws: MessageError.undecryptable, "\(length) bytes") {
                try EncryptedMessage.open(payload.prefix(length), with: key, from: .clientToServer)
            }
        }
        var longer = payload
        longer.writeRepeatingByte(0, count: 16)
        #expect(throws: MessageError.undecryptable) {
            try EncryptedMessage.open(longer, with: key, from: .clientToServer)
        }
    }

    @Test func everyChangedByteIsFound() throws {
        let key = try MessageFixtures.key()
        let payload = try self.seal(bodyLength: 16).payload
        for index in payload.readerIndex..<payload.writerIndex {
            var changed = payload
            let byte = changed.getInteger(at: index, as: UInt8.self) ?? 0
            changed.setInteger(byte ^ 1, at: index)
            #expect(throws: MessageError.undecryptable, "byte \(index)") {
                try EncryptedMessage.open(changed, with: key, from: .clientToServer)
            }
        }
    }

    @Test func otherKeysAndDirectionsAreRefused() throws {
        let payload = try self.seal(bodyLength: 16).payload
        let key = try MessageFixtures.key()
        let other = try MessageFixtures.otherKey()
        #expect(throws: MessageError.undecryptable) {
            try EncryptedMessage.open(payload, with: other, from: .clientToServer)
        }
        #expect(throws: MessageError.undecryptable) {
            try EncryptedMessage.open(payload, with: key, from: .serverToClient)
        }
        // Only the identifier in front says which key: with another one nothing may be accepted.
        var renamed = payload
        renamed.setInteger(other.identifier, at: renamed.readerIndex, endianness: .little)
        #expect(throws: MessageError.undecryptable) {
            try EncryptedMessage.open(renamed, with: key, from: .clientToServer)
        }
    }

    private func plaintext(length: Int32, bodyAndPadding: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeMultipleIntegers(UInt64(1), UInt64(2), UInt64(4), Int32(0), length, endianness: .little)
        buffer.writeRepeatingByte(7, count: bodyAndPadding)
        return buffer
    }

    @Test(arguments: [-1, -4, .min, 1, 2, 3, 13, 36, 1 << 20, .max, .max - 3] as [Int32])
    func wrongBodyLengthsAreRefused(length: Int32) throws {
        let payload = try MessageFixtures.seal(
            plaintext: self.plaintext(length: length, bodyAndPadding: 32),
            direction: .clientToServer
        )
        #expect(throws: MessageError.malformedLength) {
            try EncryptedMessage.open(payload, with: try MessageFixtures.key(), from: .clientToServer)
        }
    }

    @Test(
        arguments: [
            (32, 20, nil), (32, 24, .malformedPadding), (32, 32, .malformedPadding), (16, 4, nil),
            (16, 8, .malformedPadding), (1024, 0, nil), (1040, 16, nil), (1040, 12, .malformedPadding),
            (1040, 0, .malformedPadding), (4096, 3072, nil), (4096, 3068, .malformedPadding),
        ] as [(Int, Int32, MessageError?)]
    )
    func paddingIsBounded(bodyAndPadding: Int, length: Int32, error: MessageError?) throws {
        let payload = try MessageFixtures.seal(
            plaintext: self.plaintext(length: length, bodyAndPadding: bodyAndPadding),
            direction: .serverToClient
        )
        let key = try MessageFixtures.key()
        do throws(MessageError) {
            let message = try EncryptedMessage.open(payload, with: key, from: .serverToClient)
            #expect(error == nil)
            #expect(message.body.readableBytes == Int(length))
        } catch let thrown {
            #expect(thrown == error)
        }
    }

    @Test func randomPayloadsNeverTrap() throws {
        let seed: UInt64 = 0xe4c7
        let random = RandomSource.seeded(seed)
        let key = try MessageFixtures.key()
        for _ in 0..<300 {
            var payload = ByteBuffer()
            payload.writeTLUInt64(key.identifier)
            payload.writeBytes(random.bytes(random.integer(in: 0...200)))
            #expect(throws: MessageError.undecryptable, "seed \(seed)") {
                try EncryptedMessage.open(payload, with: key, from: .clientToServer)
            }
        }
    }

    @Test func keyIdentifierNeedsEightBytes() {
        #expect(EncryptedMessage.authorizationKeyIdentifier(of: ByteBuffer(wireHex: "01020304050607")) == nil)
        #expect(EncryptedMessage.authorizationKeyIdentifier(of: ByteBuffer(wireHex: "0100000000000000")) == 1)
    }
}
