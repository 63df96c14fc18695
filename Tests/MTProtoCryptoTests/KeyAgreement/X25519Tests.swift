// SPDX-License-Identifier: Apache-2.0

import Crypto
import MTProtoCrypto
import Testing

@Suite struct X25519Tests {
    /// Computed with another implementation of RFC 7748.
    @Test(arguments: [
        (
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
            "8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f"
        ),
        (
            "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "847c0d2c375234f365e660955187a3735a0f7613d1609d3a6a4d8c53aeaa5a22"
        ),
    ])
    func knownAnswers(privateKey: String, publicKey: String) throws {
        let privateKey = try #require(Bytes32(Hexadecimal.bytes(privateKey) ?? []))
        #expect(X25519.publicKey(privateKey: privateKey).hex == publicKey)
    }

    @Test func theSameAsSwiftCrypto() throws {
        for seed in 0..<20 as Range<UInt64> {
            let privateKey = Bytes32.random(.seeded(seed))
            let other = try Curve25519.KeyAgreement.PrivateKey(rawRepresentation: privateKey.array)
            #expect(X25519.publicKey(privateKey: privateKey).array == Array(other.publicKey.rawRepresentation))
        }
    }
}
