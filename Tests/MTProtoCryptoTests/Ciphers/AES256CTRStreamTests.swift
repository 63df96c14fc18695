// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@Suite struct AES256CTRStreamTests {
    /// Counter mode from its definition: IGE of one block with zeros around it is the block cipher itself.
    private static func reference(key: Bytes32, counter: Bytes16, data: [UInt8]) -> [UInt8] {
        let cipher = AES256IGE(key: key, initializationVector: Bytes32(), path: .portable)
        var counter = counter.array
        var result: [UInt8] = []
        for start in stride(from: 0, to: data.count, by: 16) {
            let keystream = cipher.encrypted(counter)
            result += zip(data[start..<min(start + 16, data.count)], keystream).map { $0 ^ $1 }
            for index in counter.indices.reversed() {
                counter[index] &+= 1
                if counter[index] != 0 {
                    break
                }
            }
        }
        return result
    }

    /// NIST SP 800-38A, F.5.5.
    @Test(arguments: CryptoPath.available)
    func standardVector(path: CryptoPath) {
        var stream = AES256CTRStream(
            key: bytes32("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"),
            initializationVector: bytes16("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"),
            path: path
        )
        let plaintext = bytes(
            """
            6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51
            30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710
            """
        )
        let expected = """
            601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5\
            2b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6
            """
        #expect(hex(stream.applied(to: plaintext)) == expected)
    }

    /// Lengths around every step of every path, at every offset of a block that an earlier call left begun.
    @Test(arguments: CryptoPath.available)
    func everyLengthAtEveryOffset(path: CryptoPath) {
        let random = RandomSource.seeded(11)
        let key = Bytes32.random(random)
        let counter = Bytes16.random(random)
        let data = random.bytes(700)
        let expected = Self.reference(key: key, counter: counter, data: data)
        for offset in 0..<17 {
            for length in [0, 1, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 400, 511, 512, 600] {
                var stream = AES256CTRStream(key: key, initializationVector: counter, path: path)
                let done =
                    stream.applied(to: Array(data[..<offset]))
                    + stream.applied(to: Array(data[offset..<offset + length]))
                    + stream.applied(to: Array(data[(offset + length)...]))
                #expect(done == expected, "offset \(offset), length \(length)")
            }
        }
    }

    @Test(arguments: CryptoPath.available, 0..<40)
    func randomChunks(path: CryptoPath, seed: Int) {
        let random = RandomSource.seeded(UInt64(seed))
        let key = Bytes32.random(random)
        let counter = Bytes16.random(random)
        let data = random.bytes(random.integer(in: 0...5000))
        let expected = Self.reference(key: key, counter: counter, data: data)
        var stream = AES256CTRStream(key: key, initializationVector: counter, path: path)
        var result: [UInt8] = []
        while result.count < data.count {
            let limit = [16, 64, 300, 2000].randomElement(with: random)
            let count = min(random.integer(in: 0...limit), data.count - result.count)
            result += stream.applied(to: Array(data[result.count..<result.count + count]))
        }
        #expect(result == expected)
    }

    /// The low half, and then the whole counter, wraps at each block of a wide step.
    @Test(arguments: CryptoPath.available, ["0011223344556677", "ffffffffffffffff"])
    func counterWraps(path: CryptoPath, high: String) {
        let random = RandomSource.seeded(12)
        let key = Bytes32.random(random)
        let data = random.bytes(1000)
        for blocksBefore in UInt64(0)..<40 {
            let low = withUnsafeBytes(of: (0 &- blocksBefore).bigEndian) { Array($0) }
            let counter = Bytes16(bytes(high) + low)!
            let expected = Self.reference(key: key, counter: counter, data: data)
            var whole = AES256CTRStream(key: key, initializationVector: counter, path: path)
            #expect(whole.applied(to: data) == expected, "\(blocksBefore) blocks before the wrap")
            var cut = AES256CTRStream(key: key, initializationVector: counter, path: path)
            let parts =
                cut.applied(to: Array(data[..<77])) + cut.applied(to: Array(data[77..<300]))
                + cut.applied(to: Array(data[300...]))
            #expect(parts == expected, "\(blocksBefore) blocks before the wrap, in parts")
        }
    }

    @Test(arguments: CryptoPath.available)
    func unalignedMemory(path: CryptoPath) {
        let random = RandomSource.seeded(13)
        let key = Bytes32.random(random)
        let data = random.bytes(333)
        let expected = Self.reference(key: key, counter: Bytes16(), data: data)
        for shift in 0..<16 {
            var memory = [UInt8](repeating: 0xAA, count: shift) + data + [0xBB]
            var stream = AES256CTRStream(key: key, initializationVector: Bytes16(), path: path)
            memory.withUnsafeMutableBytes { memory in
                stream.apply(to: UnsafeMutableRawBufferPointer(rebasing: memory[shift..<shift + data.count]))
            }
            #expect(Array(memory[shift..<shift + data.count]) == expected)
            #expect(memory.last == 0xBB)
            #expect(memory[..<shift].allSatisfy { $0 == 0xAA })
        }
    }

    @Test func nothingToDo() {
        var stream = AES256CTRStream(key: Bytes32(), initializationVector: Bytes16())
        stream.apply(to: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        var other = AES256CTRStream(key: Bytes32(), initializationVector: Bytes16())
        #expect(stream.applied(to: [1, 2, 3]) == other.applied(to: [1, 2, 3]))
    }
}

extension Array {
    fileprivate func randomElement(with random: RandomSource) -> Element {
        self[random.integer(in: 0...self.count - 1)]
    }
}
