// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@Suite struct CRC32Tests {
    private static func bitwise(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(UInt32.max) { register, byte in
            (0..<8).reduce(register ^ UInt32(byte)) { value, _ in
                value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1
            }
        }
    }

    @Test(
        arguments: CryptoPath.available,
        [
            ("", 0 as UInt32), ("123456789", 0xCBF4_3926), ("a", 0xE8B7_BE43),
            ("The quick brown fox jumps over the lazy dog", 0x414F_A339),
        ]
    )
    func checkValues(path: CryptoPath, vector: (text: String, checksum: UInt32)) {
        let checksum = Array(vector.text.utf8).withUnsafeBytes { CRC32.checksum($0, path: path) }
        #expect(checksum == vector.checksum)
    }

    @Test(arguments: CryptoPath.available)
    func everyLength(path: CryptoPath) {
        let data = RandomSource.seeded(20).bytes(400)
        for length in 0...data.count {
            let part = Array(data[..<length])
            #expect(part.withUnsafeBytes { CRC32.checksum($0, path: path) } == Self.bitwise(part), "\(length) bytes")
        }
    }

    @Test(arguments: CryptoPath.available, 0..<30)
    func continuesAnywhere(path: CryptoPath, seed: Int) {
        let random = RandomSource.seeded(UInt64(seed))
        let data = random.bytes(random.integer(in: 0...3000))
        let cut = random.integer(in: 0...data.count)
        let checksum = data.withUnsafeBytes { bytes in
            let first = CRC32.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<cut]), path: path)
            return CRC32.checksum(UnsafeRawBufferPointer(rebasing: bytes[cut...]), continuing: first, path: path)
        }
        #expect(checksum == Self.bitwise(data))
    }

    @Test func nothingChangesNothing() {
        #expect(CRC32.checksum(UnsafeRawBufferPointer(start: nil, count: 0), continuing: 0x1234_5678) == 0x1234_5678)
    }
}
