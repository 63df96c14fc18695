// SPDX-License-Identifier: Apache-2.0
import Crypto
import CryptoExtras

/// The shape of much protocol code: every layer takes an array and returns a new one, and the keystream is made from
/// single blocks because the one-shot CTR at hand keeps no state.
struct ArrayStyleKeystream {
    private let key: SymmetricKey
    private var counter: [UInt8]
    private var block: [UInt8] = []
    private var used = 16

    init(key: [UInt8], initializationVector: [UInt8]) {
        self.key = SymmetricKey(data: key)
        self.counter = initializationVector
    }

    mutating func apply(_ input: [UInt8]) throws -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(input.count)
        for byte in input {
            if self.used == 16 {
                self.block = self.counter
                try AES.permute(&self.block, key: self.key)
                self.used = 0
                for index in self.counter.indices.reversed() {
                    self.counter[index] &+= 1
                    if self.counter[index] != 0 { break }
                }
            }
            output.append(byte ^ self.block[self.used])
            self.used += 1
        }
        return output
    }
}

enum ArrayStyleFraming {
    static func encode(_ payload: [UInt8], padding: Int) -> [UInt8] {
        let length = UInt32(payload.count + padding)
        var frame = (0..<4).map { UInt8(truncatingIfNeeded: length >> UInt32($0 * 8)) }
        frame += payload
        frame += [UInt8](repeating: 0, count: padding)
        return frame
    }

    static func decode(_ bytes: [UInt8]) -> [UInt8] {
        let length = (0..<4).reduce(0) { $0 | Int(bytes[$1]) << ($1 * 8) }
        let payload = Array(bytes[4..<4 + length])
        return Array(payload[..<(length - length % 4)])
    }
}
