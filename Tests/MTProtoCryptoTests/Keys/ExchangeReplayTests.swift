// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

/// The ciphers of the official sample exchange.
@Suite struct ExchangeReplayTests {
    private static var cipher: AES256IGE {
        let new = ExchangeVectors.newNonce
        let server = ExchangeVectors.serverNonce
        let first = sha1(new, server).array
        let second = sha1(server, new).array
        let third = sha1(new, new).array
        return AES256IGE(
            key: Bytes32(first + second[..<12])!,
            initializationVector: Bytes32(second[12...] + third + new[..<4])!
        )
    }

    @Test func temporaryCipher() {
        #expect(Self.cipher.key.hex == ExchangeVectors.temporaryKey)
        #expect(Self.cipher.initializationVector.hex == ExchangeVectors.temporaryVector)
    }

    @Test func serverAnswer() {
        let answer = Self.cipher.decrypted(ExchangeVectors.encryptedAnswer)
        #expect(hex(answer[..<20]) == "adddf2feb5e14f93ee8d3a5181f9d89a39e4439c")
        #expect(sha1(Array(answer[20..<584])).array == Array(answer[..<20]))
        #expect(hex(answer[584...]) == "7607b7374780e1c0")
        #expect(Array(answer[60 + 4..<60 + 260]) == ExchangeVectors.prime)
        #expect(Array(answer[320 + 4..<320 + 260]) == ExchangeVectors.serverPublicValue)
        #expect(hex(answer[580..<584]) == "fdc0ab65")
    }

    @Test func clientData() {
        var data = bytes("54b64366") + ExchangeVectors.nonce + ExchangeVectors.serverNonce
        data += bytes("0000000000000000fe000100") + ExchangeVectors.clientPublicValue
        let message = sha1(data).array + data + bytes("c320374a97c7bb863cff9f97")
        #expect(Self.cipher.encrypted(message) == ExchangeVectors.encryptedClientData)
        #expect(Self.cipher.decrypted(ExchangeVectors.encryptedClientData) == message)
    }

    @Test(arguments: [
        (1, "677f483bb89fd206b244a2d1ac38cb31"), (2, "5f76f126317168f0b0aa0f8a7cde8d52"),
        (3, "f0d720c06e826b5920c6020c882acbe6"),
    ])
    func verdictHash(number: UInt8, expected: String) throws {
        let key = try AuthorizationKey(ExchangeVectors.authorizationKey)
        let auxiliary = withUnsafeBytes(of: key.auxiliaryHash.littleEndian) { Array($0) }
        #expect(hex(sha1(ExchangeVectors.newNonce, [number], auxiliary).array[4...]) == expected)
    }
}
