// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

@Suite struct GzipTests {
    private static let acknowledgement = MessagesAcknowledgement(
        identifiers: Array(repeating: 0x65ab_c0fe_5a5a_5a59, count: 32)
    )
    /// ``acknowledgement``, packed elsewhere.
    private static let packed = ByteBuffer(
        wireHex: """
            a1cf72302b1f8b08000000000002038bdc722d49f4c8561905060686c8a8a8a8
            7f0756a78e541a000d797cf30c010000
            """
    )
    private static let stream = GzipTests.packed.getSlice(at: 5, length: 43) ?? ByteBuffer()
    /// "abc" in zlib's format.
    private static let zlib = ByteBuffer(wireHex: "789c4b4c4a0600024d0127")

    @Test func foreignGzipIsRead() throws {
        #expect(Self.packed.readableBytes == 48)
        let body = try GzipPacked(Self.packed).unpacked()
        #expect(body.readableBytes == 268)
        #expect(try MessagesAcknowledgement(body) == Self.acknowledgement)
    }

    @Test func zlibIsRead() throws {
        #expect(String(buffer: try Gzip.inflate(Self.zlib, maximumLength: 3)) == "abc")
        #expect(String(buffer: try Gzip.inflate(Self.zlib, maximumLength: .max)) == "abc")
    }

    @Test(arguments: [0, 1, 4, 255, 256, 1000, 65_535, 65_536, 300_000]) func packsAndUnpacks(length: Int) throws {
        let random = ByteBuffer(bytes: RandomSource.seeded(UInt64(length)).bytes(length))
        let zeros = ByteBuffer(repeating: 0, count: length)
        for body in [random, zeros] {
            let stream = Gzip.deflate(body)
            #expect(stream.prefix(2).wireHex == "1f8b")
            #expect(try Gzip.inflate(stream, maximumLength: length) == body)
        }
    }

    @Test func sameBytesGiveTheSameStream() {
        let body = Self.acknowledgement.serialized()
        #expect(Gzip.deflate(body) == Gzip.deflate(body))
    }

    @Test func limitIsExact() throws {
        let stream = Gzip.deflate(ByteBuffer(repeating: 7, count: 1000))
        #expect(try Gzip.inflate(stream, maximumLength: 1000).readableBytes == 1000)
        for limit in [999, 1, 0] {
            #expect(throws: TLError.limitExceeded(limit)) { try Gzip.inflate(stream, maximumLength: limit) }
        }
        #expect(throws: TLError.limitExceeded(-1)) { try Gzip.inflate(stream, maximumLength: -1) }
    }

    @Test func bombsAreStopped() throws {
        let bomb = GzipPacked(compressing: ByteBuffer(repeating: 0, count: (1 << 24) + 4))
        #expect(bomb.packedData.readableBytes < 20_000)
        #expect(throws: TLError.limitExceeded(1 << 24)) { try bomb.unpacked() }
        var limits = TLLimits()
        limits.maximumUnpackedLength = 1 << 10
        #expect(throws: TLError.limitExceeded(1 << 10)) { try MessageBody.parse(bomb.serialized(), limits: limits) }
        #expect(throws: TLError.limitExceeded(1 << 10)) { try QueryEnvelope.unwrap(bomb.serialized(), limits: limits) }
    }

    @Test func everyTruncationIsRefused() {
        for whole in [Self.stream, Self.zlib] {
            for length in 0..<whole.readableBytes {
                #expect(throws: TLError.invalidCompression, "\(length) bytes") {
                    try Gzip.inflate(whole.prefix(length), maximumLength: 1000)
                }
            }
        }
    }

    @Test func bytesBehindTheStreamAreRefused() {
        for whole in [Self.stream, Self.zlib] {
            var longer = whole
            longer.writeInteger(UInt8(0))
            #expect(throws: TLError.invalidCompression) { try Gzip.inflate(longer, maximumLength: 1000) }
        }
    }

    @Test func changedChecksumIsRefused() {
        for whole in [Self.stream, Self.zlib] {
            var changed = whole
            changed.setInteger(UInt8(0x55), at: changed.writerIndex - (whole == Self.zlib ? 1 : 5))
            #expect(throws: TLError.invalidCompression) { try Gzip.inflate(changed, maximumLength: 1000) }
        }
    }

    @Test(arguments: ["", "00", "1f", "78", "1f8c", "7800", "deadbeef", "1f8b0900000000000203"])
    func otherBytesAreRefused(wire: String) {
        #expect(throws: TLError.invalidCompression) {
            try Gzip.inflate(ByteBuffer(wireHex: wire), maximumLength: 1000)
        }
    }

    @Test func randomChangesNeverTrap() {
        let seed: UInt64 = 0x6a7a
        let random = RandomSource.seeded(seed)
        for _ in 0..<500 {
            var changed = Self.stream
            for _ in 0..<random.integer(in: 1...4) {
                let index = random.integer(in: changed.readerIndex...changed.writerIndex - 1)
                changed.setInteger(random.integer(UInt8.self), at: index)
            }
            if let body = try? Gzip.inflate(changed, maximumLength: 1000) {
                #expect(body.readableBytes <= 1000, "seed \(seed)")
            }
        }
    }

    @Test func nestingIsRefused() {
        let nested = GzipPacked(compressing: Self.packed)
        #expect(throws: TLError.nestedCompression) { try nested.unpacked() }
        #expect(throws: TLError.nestedCompression) { try MessageBody.parse(nested.serialized()) }
        #expect(throws: TLError.nestedCompression) { try QueryEnvelope.unwrap(nested.serialized()) }
    }

    @Test func unwrapLeavesOtherObjectsAlone() throws {
        let body = Self.acknowledgement.serialized()
        #expect(try GzipPacked.unwrap(body) == body)
        #expect(try GzipPacked.unwrap(Self.packed) == body)
        #expect(try GzipPacked.unwrap(ByteBuffer()) == ByteBuffer())
    }
}
