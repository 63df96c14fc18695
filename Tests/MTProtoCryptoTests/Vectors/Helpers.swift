// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Synchronization

/// The bytes of hexadecimal digits; white space between them is ignored.
func bytes(_ digits: String) -> [UInt8] {
    Hexadecimal.bytes(digits.filter { !$0.isWhitespace })!
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
    Hexadecimal.string(bytes)
}

func bytes16(_ digits: String) -> Bytes16 {
    Bytes16(bytes(digits))!
}

func bytes32(_ digits: String) -> Bytes32 {
    Bytes32(bytes(digits))!
}

extension RandomSource {
    /// Gives out the bytes of a script, then zeros.
    static func scripted(_ script: [UInt8]) -> RandomSource {
        let rest = Script(script)
        return RandomSource { buffer in rest.fill(buffer) }
    }

    private final class Script: Sendable {
        private let rest: Mutex<ArraySlice<UInt8>>

        init(_ script: [UInt8]) {
            self.rest = Mutex(script[...])
        }

        func fill(_ buffer: UnsafeMutableRawBufferPointer) {
            self.rest.withLock { rest in
                for index in buffer.indices {
                    buffer[index] = rest.popFirst() ?? 0
                }
            }
        }
    }
}

extension AES256CTRStream {
    /// The next bytes of the stream applied to a copy.
    mutating func applied(to bytes: [UInt8]) -> [UInt8] {
        var copy = bytes
        copy.withUnsafeMutableBytes { self.apply(to: $0) }
        return copy
    }
}

extension AES256IGE {
    func encrypted(_ bytes: [UInt8]) -> [UInt8] {
        var copy = bytes
        self.encrypt(&copy)
        return copy
    }

    func decrypted(_ bytes: [UInt8]) -> [UInt8] {
        var copy = bytes
        self.decrypt(&copy)
        return copy
    }
}
