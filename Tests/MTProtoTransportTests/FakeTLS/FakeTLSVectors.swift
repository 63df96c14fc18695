// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore

/// The vector of `obfuscation.md` §10.8.
enum FakeTLSVectors {
    static let secretText = "ee00112233445566778899aabbccddeeff6578616d706c652e636f6d"
    static let unixTime: Int64 = 1_705_754_877

    static func secret() throws -> ProxySecret {
        try ProxySecret(string: Self.secretText)
    }

    static let random = hex("02e9ec286b293ba9a257378e7ef5f15baa778a330c0e6e231526f0090b59e481")

    static let hello =
        hex(
            """
            1603010200010001fc030302e9ec286b293ba9a257378e7ef5f15baa778a330c
            0e6e231526f0090b59e48120202122232425262728292a2b2c2d2e2f30313233
            3435363738393a3b3c3d3e3f00200a0a130113021303c02bc02fc02cc030cca9
            cca8c013c014009c009d002f0035010001931a1a000000000010000e00000b65
            78616d706c652e636f6d00170000ff01000100000a000a00082a2a001d001700
            18000b00020100002300000010000e000c02683208687474702f312e31000500
            050100000000000d001200100403080404010503080505010806060100120000
            0033002b00292a2a000100001d0020404142434445464748494a4b4c4d4e4f50
            5152535455565758595a5b5c5d5e5f002d00020101002b0007063a3a03040303
            001b00030200024a4a000100001500d5
            """
        ) + [UInt8](repeating: 0, count: 213)

    static let serverRandom = hex("be7d62472bcbe2b0481b06564d536544f7c4d04a12178069e6a9d36a9610f2c9")

    static let flight = hex(
        """
        160303007a020000760303be7d62472bcbe2b0481b06564d536544f7c4d04a12
        178069e6a9d36a9610f2c920202122232425262728292a2b2c2d2e2f30313233
        3435363738393a3b3c3d3e3f130100002e00330024001d002060616263646566
        6768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f002b0002030414
        03030001011703030040808182838485868788898a8b8c8d8e8f909192939495
        969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5
        b6b7b8b9babbbcbdbebf
        """
    )

    /// Gives what the vector's hello holds where chance decides: reserved values, then the session identifier.
    static func source() -> RandomSource {
        let counter = Counter()
        let grease: [UInt8] = [0x05, 0x11, 0x12, 0x4f, 0x20, 0x3f, 0x3a, 0x50] + [UInt8](repeating: 0, count: 8)
        return RandomSource { target in
            let bytes = counter.next() == 0 ? grease : (0..<32).map { 0x20 + $0 }
            for index in target.indices { target[index] = bytes[index % bytes.count] }
        }
    }

    /// The older hello with the vector's public key, which no random bytes lead to.
    static func profile() throws -> FakeTLSHelloProfile {
        let key = Hexadecimal.string((0x40...0x5f).map { UInt8($0) })
        let lines = FakeTLSHelloProfile.compact.text.split(separator: "\n").map { line in
            line.contains("x25519") ? "bytes \(key)" : String(line)
        }
        return try FakeTLSHelloProfile(text: lines.joined(separator: "\n"))
    }

    /// A proxy's answer of these records, with its digest in place.
    static func flight(
        _ records: [[UInt8]],
        answering random: Bytes32,
        key: Bytes16
    ) throws -> [UInt8] {
        var flight = ByteBuffer(bytes: records.flatMap { $0 })
        guard let digest = FakeTLSDigest.serverRandom(for: flight, answering: random, key: key) else {
            throw SetupError()
        }
        flight.setBytes(digest.array, at: flight.readerIndex + 11)
        return flight.bytes
    }

    /// A record.
    static func record(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
        [type, 3, 3, UInt8(body.count >> 8), UInt8(body.count & 255)] + body
    }

    /// The three records of the vector's answer.
    static let records = [Array(flight[..<127]), Array(flight[127..<133]), Array(flight[133...])]
}
