// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

/// The worked obfuscated connections, at the level of the key streams. Origin of the last: gotd's published vector.
@Suite struct ObfuscationKeystreamTests {
    struct Connection: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var key: String
        var vector: String
        var initial: String
        /// The AES-CTR of the last 8 bytes of the 64, which are sent.
        var encryptedTail: String
        var plaintext: String
        var ciphertext: String
        var receivingKey: String
        var receivingVector: String
        var received: String
        var receivedPlaintext: String
    }

    private static let payload = """
        8ae7a271969a9b1fe1b454b19a30d9820eedd36e63cd4175e35f6a1c48404367
        f297efadead4a7674c5c3c9bb8f491cd3809f2dfcda42504e690aa2a6e039cdf
        4161f402719d1e64adda637c65d7fce3dff70235cada15cd
        """

    private static let start = """
        000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
        202122232425262728292a2b2c2d2e2f3031323334353637
        """

    static let connections = [
        Connection(
            testDescription: "no secret, intermediate",
            key: "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2021222324252627",
            vector: "28292a2b2c2d2e2f3031323334353637",
            initial: Self.start + "eeeeeeee02003e3f",
            encryptedTail: "4618255e1c00fd5d",
            plaintext: "58000000" + Self.payload,
            ciphertext: """
                6aa9c128b216c730b42b0ba2fc16e6ba38961d2fd71add954e5b5769e01632cf
                cb3b91eb78051f00db5cde915abf1408e29c2cbbab850873b81f0204b9c56a96
                cfa63d0b2fc047c8a2c9b0863e49bd9481c4f977c69f7dd17be44f9a
                """,
            receivingKey: "37363534333231302f2e2d2c2b2a292827262524232221201f1e1d1c1b1a1918",
            receivingVector: "17161514131211100f0e0d0c0b0a0908",
            received: "2b9de370b232f9bf",
            receivedPlaintext: "040000006cfeffff"
        ),
        Connection(
            testDescription: "secret, abridged",
            key: "28ddb6447216c5f55106259f1c7ba64bfe69909197bc20253466cfa42715f29c",
            vector: "28292a2b2c2d2e2f3031323334353637",
            initial: Self.start + "efefefeffcff3e3f",
            encryptedTail: "bd0f7267c17444b1",
            plaintext: "16" + Self.payload,
            ciphertext: """
                8fe6b6a0cb7d6f0f8f8a79e1c0a009ca38a8cef2f22a6c6d9ab3af42a0a1cbfd
                eadeed6da7efe1b637f115df979e42a7f238e43914f935de33e9b89921b47a50
                ef88b1dfd0f80f6549a26298d7fbef6c9592cf730546f3d6d4
                """,
            receivingKey: "c95a3c8c663a4e2daff3469561805825e7be010c4fcb691415b93145b640c9f3",
            receivingVector: "17161514131211100f0e0d0c0b0a0908",
            received: "098d1320f5",
            receivedPlaintext: "016cfeffff"
        ),
        Connection(
            testDescription: "dd secret, padded intermediate",
            key: "28ddb6447216c5f55106259f1c7ba64bfe69909197bc20253466cfa42715f29c",
            vector: "28292a2b2c2d2e2f3031323334353637",
            initial: Self.start + "dddddddd12273e3f",
            encryptedTail: "8f3d40552fac44b1",
            plaintext: "5d000000" + Self.payload + "0102030405",
            ciphertext: """
                c46c5102300c57e506f156aa908e6da22096faa392a472428c9db15d5fb6e1a2
                c56c39e5f892dabcba69ee84407a8aad87f47c06f33d6324faab0d37ed4ad3e6
                5eca4cf493e866795c92a69f06445bec139ac492ef7b2bf6d31784b73c32b803
                fb
                """,
            receivingKey: "c95a3c8c663a4e2daff3469561805825e7be010c4fcb691415b93145b640c9f3",
            receivingVector: "17161514131211100f0e0d0c0b0a0908",
            received: "0fe1eddf668d13738f10ff",
            receivedPlaintext: "070000006cfeffff0a0b0c"
        ),
    ]

    @Test(arguments: CryptoPath.available, Self.connections)
    func workedConnection(path: CryptoPath, connection: Connection) {
        var sending = AES256CTRStream(
            key: bytes32(connection.key),
            initializationVector: bytes16(connection.vector),
            path: path
        )
        let initial = sending.applied(to: bytes(connection.initial))
        #expect(hex(initial[56...]) == connection.encryptedTail)
        #expect(sending.applied(to: bytes(connection.plaintext)) == bytes(connection.ciphertext))
        var receiving = AES256CTRStream(
            key: bytes32(connection.receivingKey),
            initializationVector: bytes16(connection.receivingVector),
            path: path
        )
        #expect(receiving.applied(to: bytes(connection.received)) == bytes(connection.receivedPlaintext))
    }

    @Test func wholeInitialBlock() {
        var stream = AES256CTRStream(
            key: bytes32(Self.connections[0].key),
            initializationVector: bytes16(Self.connections[0].vector)
        )
        let expected = """
            061ea5a02f48e35029da73f780a033f9528ca6113b7f1043c185e07def9d0d55\
            63784879ab3903ed2ccc7d6ed8fdcb44f55ad2454dd421324618255e1c00fd5d
            """
        #expect(hex(stream.applied(to: bytes(Self.connections[0].initial))) == expected)
    }

    @Test func publishedVector() {
        let secret = bytes("8a96ef6e42a18c21837580cd1c91c5a8")
        var initial = bytes(
            """
            f5768f50b731260a46be1027c2eeaa39350624f0b6da59eba56c81fe4510c2e0
            b61d3dd323ee02388633e3837a0c1c24fa6f29ccd724be6f416ff7b026f6cce6
            """
        )
        initial.replaceSubrange(56..<62, with: bytes("dddddddd0200"))
        let backwards = Array(initial[8..<56].reversed())
        var sending = AES256CTRStream(
            key: sha256(Array(initial[8..<40]), secret),
            initializationVector: Bytes16(initial[40..<56])!
        )
        var receiving = AES256CTRStream(
            key: sha256(Array(backwards[..<32]), secret),
            initializationVector: Bytes16(backwards[32...])!
        )
        #expect(hex(sending.applied(to: initial)[56...]) == "bea2dde16dc59dd2")
        #expect(hex(sending.applied(to: Array("abcd".utf8))) == "ca7a8226")
        #expect(hex(receiving.applied(to: Array("abcd".utf8))) == "8f711982")
    }
}
