// SPDX-License-Identifier: Apache-2.0

import Crypto
import MTProtoCrypto
import Testing

@Suite struct HashesTests {
    @Test func knownAnswers() {
        #expect(sha1(Array("abc".utf8)).hex == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(
            sha256(Array("abc".utf8)).hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
        #expect(sha1([]).hex == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
    }

    @Test(arguments: 0..<20)
    func partsAreOneSequence(seed: Int) {
        let random = RandomSource.seeded(UInt64(seed))
        let data = random.bytes(random.integer(in: 0...500))
        let cut = random.integer(in: 0...data.count)
        let parts = (Array(data[..<cut]), Array(data[cut...]))
        #expect(sha1(parts.0, parts.1).array == Array(Insecure.SHA1.hash(data: data)))
        #expect(sha256(parts.0, parts.1).array == Array(SHA256.hash(data: data)))
        let pointers = parts.0.withUnsafeBytes { first in
            parts.1.withUnsafeBytes { second in (sha1(first, second), sha256(first, second)) }
        }
        #expect(pointers.0 == sha1(data))
        #expect(pointers.1 == sha256(data))
    }
}
