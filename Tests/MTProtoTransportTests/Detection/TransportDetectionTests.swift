// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import Testing

/// The table of `framing.md` §9 and the inputs of §12.5.
struct TransportDetectionTests {
    static let table: [(String, TransportDetection)] = [
        // §12.5
        ("ef0a", .abridged), ("eeeeeeee28000000", .intermediate), ("dddddddd2d000000", .paddedIntermediate),
        ("34000000000000000000000000000000", .full), ("504f5354202f6170", .http), ("474554202f617069", .http),
        ("16030102000100", .tlsClientHello), ("0001020304050607", .needMore(64)),
        // As early as is safe.
        ("", .needMore(1)), ("ef", .abridged), ("ee", .needMore(4)), ("eeeeee", .needMore(4)),
        ("eeeeeeee", .intermediate), ("dd", .needMore(4)), ("dddddddd", .paddedIntermediate), ("48454144", .http),
        ("4f505449", .http), ("47455420", .http), ("504f53", .needMore(4)), ("16", .needMore(3)),
        ("1603", .needMore(3)), ("160301", .tlsClientHello), ("160301060001", .tlsClientHello),
        ("160302", .needMore(4)), ("1604", .needMore(4)), ("34000000", .needMore(8)),
        ("34000000000000", .needMore(8)), ("3400000000000000", .full),
        // Close to something.
        ("eeef", .needMore(4)), ("eeeeeeef", .needMore(8)), ("ddddddde", .needMore(8)), ("47455421", .needMore(8)),
        ("67657420", .needMore(8)), ("1603030200010203", .needMore(64)), ("3400000001000000", .needMore(64)),
        ("0000000001000000", .needMore(64)), ("00ef000001000000", .needMore(64)),
    ]

    @Test("First bytes", arguments: Self.table)
    func firstBytes(bytes: String, expected: TransportDetection) {
        #expect(TransportDetection.detect(hex(bytes)) == expected)
        #expect(hex(bytes).withUnsafeBytes { TransportDetection.detect($0) } == expected)
        #expect(TransportDetection.detect(AnySequence(hex(bytes))) == expected)
    }

    @Test("64 bytes without a meaning are an initialization payload")
    func obfuscated() {
        let bytes = (0..<80).map { UInt8($0) }
        for count in 8..<64 { #expect(TransportDetection.detect(bytes.prefix(count)) == .needMore(64)) }
        for count in 64...80 { #expect(TransportDetection.detect(bytes.prefix(count)) == .obfuscated) }
    }

    @Test("A verdict does not change when more bytes come, and no byte asked for is in vain")
    func stable() {
        let seed: UInt64 = 31
        let random = RandomSource.seeded(seed)
        let beginnings = Self.table.map { hex($0.0) } + (0..<500).map { _ in random.bytes(8) }
        for beginning in beginnings {
            let bytes = beginning + random.bytes(80 - beginning.count)
            var verdict: TransportDetection?
            for count in 0...bytes.count {
                let detection = TransportDetection.detect(bytes.prefix(count))
                if let verdict {
                    #expect(detection == verdict, "seed \(seed), \(bytes)")
                } else if case .needMore(let needed) = detection {
                    #expect(needed > count && needed <= 64, "seed \(seed), \(bytes)")
                } else {
                    verdict = detection
                }
            }
            #expect(verdict != nil, "seed \(seed), \(bytes)")
        }
    }
}
