// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@Suite struct AES256IGETests {
    @Test(arguments: CryptoPath.available)
    func knownAnswer(path: CryptoPath) {
        let counting = Bytes32((0..<32).map { UInt8($0) })!
        let cipher = AES256IGE(key: counting, initializationVector: counting, path: path)
        let ciphertext = cipher.encrypted(counting.array)
        #expect(hex(ciphertext) == "e28112a53e5c89c7b1ea8071c133699fd4e86b26c4bac9fc5af1ab8ce27a44a4")
        #expect(cipher.decrypted(ciphertext) == counting.array)
    }

    /// Block by block after the definition, each block a message of its own.
    @Test(arguments: CryptoPath.available, 0..<30)
    func chaining(path: CryptoPath, seed: Int) {
        let random = RandomSource.seeded(UInt64(seed))
        let key = Bytes32.random(random)
        let vector = Bytes32.random(random)
        let plaintext = random.bytes(16 * random.integer(in: 1...40))
        var expected: [UInt8] = []
        var previous = vector.array
        for start in stride(from: 0, to: plaintext.count, by: 16) {
            let block = Array(plaintext[start..<start + 16])
            let single = AES256IGE(key: key, initializationVector: Bytes32(previous)!, path: .portable)
            expected += single.encrypted(block)
            previous = Array(expected.suffix(16)) + block
        }
        let cipher = AES256IGE(key: key, initializationVector: vector, path: path)
        #expect(cipher.encrypted(plaintext) == expected)
        #expect(cipher.decrypted(expected) == plaintext)
    }

    @Test(arguments: CryptoPath.available.filter { $0 != .portable }, 0..<30)
    func pathsAgree(path: CryptoPath, seed: Int) {
        let random = RandomSource.seeded(UInt64(1000 + seed))
        let key = Bytes32.random(random)
        let vector = Bytes32.random(random)
        let message = random.bytes(16 * random.integer(in: 1...300))
        let one = AES256IGE(key: key, initializationVector: vector, path: path)
        let other = AES256IGE(key: key, initializationVector: vector, path: .portable)
        #expect(one.encrypted(message) == other.encrypted(message))
        #expect(one.decrypted(message) == other.decrypted(message))
    }

    @Test(arguments: CryptoPath.available)
    func emptyAndUnaligned(path: CryptoPath) {
        let cipher = AES256IGE(key: Bytes32(), initializationVector: Bytes32(), path: path)
        cipher.encrypt(UnsafeMutableRawBufferPointer(start: nil, count: 0))
        cipher.decrypt(UnsafeMutableRawBufferPointer(start: nil, count: 0))
        let message = RandomSource.seeded(1).bytes(48)
        let expected = cipher.encrypted(message)
        for shift in 1..<16 {
            var memory = [UInt8](repeating: 0xAA, count: shift) + message + [0xBB]
            memory.withUnsafeMutableBytes {
                cipher.encrypt(UnsafeMutableRawBufferPointer(rebasing: $0[shift..<shift + 48]))
            }
            #expect(Array(memory[shift..<shift + 48]) == expected)
            #expect(memory.last == 0xBB)
        }
    }

    @Test func noKeyInDescriptions() {
        let key = Bytes32.random(.seeded(3))
        let text = "\(AES256IGE(key: key, initializationVector: key))"
        #expect(text == "AES256IGE")
        var dumped = ""
        dump(AES256IGE(key: key, initializationVector: key), to: &dumped)
        #expect(dumped.split(separator: "\n").count == 1)
    }
}
