// SPDX-License-Identifier: Apache-2.0
import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore

/// What both ends know in these runs: the attacker has the key, so that inputs reach what lies behind the message key.
enum FuzzKeys {
    static let authorizationKey: AuthorizationKey = {
        guard let key = try? AuthorizationKey((0..<256).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 3) }) else {
            preconditionFailure("256 bytes are a key")
        }
        return key
    }()

    /// Encrypts a whole plaintext as it is; its length is cut to a multiple of 16.
    static func encrypt(_ plaintext: [UInt8], _ direction: MessageDirection) -> ByteBuffer {
        var plaintext = Array(plaintext.prefix(plaintext.count & ~15))
        let derived = plaintext.withUnsafeBytes {
            MessageKey.derive(authorizationKey: self.authorizationKey, plaintext: $0, direction: direction)
        }
        let cipher = MessageKey.cipher(
            authorizationKey: self.authorizationKey,
            messageKey: derived.messageKey,
            direction: direction
        )
        plaintext.withUnsafeMutableBytes { cipher.encrypt($0) }
        var payload = ByteBuffer()
        payload.writeInteger(self.authorizationKey.identifier, endianness: .little)
        payload.writeBytes(derived.messageKey.array)
        payload.writeBytes(plaintext)
        return payload
    }

    /// A well-formed message around a hostile body, with identifiers that the input chooses.
    static func message(
        salt: UInt64,
        session: UInt64,
        identifier: UInt64,
        sequenceNumber: Int32,
        body: [UInt8],
        _ direction: MessageDirection
    ) -> ByteBuffer {
        var plaintext = ByteBuffer()
        plaintext.writeInteger(salt, endianness: .little)
        plaintext.writeInteger(session, endianness: .little)
        plaintext.writeInteger(identifier, endianness: .little)
        plaintext.writeInteger(sequenceNumber, endianness: .little)
        let body = Array(body.prefix(body.count & ~3))
        plaintext.writeInteger(UInt32(body.count), endianness: .little)
        plaintext.writeBytes(body)
        let padding = 12 + (16 - (plaintext.readableBytes + 12) % 16) % 16
        plaintext.writeRepeatingByte(0x33, count: padding)
        return self.encrypt(Array(plaintext.readableBytesView), direction)
    }
}

func fuzzPlaintextMessage(_ input: inout FuzzInput) {
    let bytes = input.rest()
    if let message = try? PlaintextMessage(parsing: ByteBuffer.shifted(bytes)) {
        precondition(message.body.readableBytes + 20 <= bytes.count, "a body longer than its payload")
        let again = try? PlaintextMessage(parsing: message.serialized())
        precondition(again?.identifier == message.identifier && again?.body == message.body, "written and read differ")
    }
}

func fuzzEncryptedMessage(_ input: inout FuzzInput) {
    let control = input.byte()
    let direction: MessageDirection = control & 1 == 0 ? .clientToServer : .serverToClient
    let rest = input.rest()
    let payload = control & 2 == 0 ? ByteBuffer.shifted(rest) : FuzzKeys.encrypt(rest, direction)
    _ = EncryptedMessage.authorizationKeyIdentifier(of: payload)
    guard let message = try? EncryptedMessage.open(payload, with: FuzzKeys.authorizationKey, from: direction) else {
        return
    }
    precondition(control & 2 != 0, "a payload that nobody encrypted was opened")
    let padding = rest.count & ~15 - 32 - message.body.readableBytes
    precondition(padding >= 12 && padding <= 1024, "padding out of range was accepted")
    precondition(message.body.readableBytes % 4 == 0, "an unaligned body was accepted")
}
