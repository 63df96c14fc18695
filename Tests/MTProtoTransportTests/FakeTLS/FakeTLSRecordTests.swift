// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// `obfuscation.md` §10.5.
struct FakeTLSRecordTests {
    static let schedules: [SplitSchedule] = [.whole, .byteByByte, .random(seed: 4), .random(seed: 5)]

    /// Decodes reads, with the bytes of each at an index that is not 0.
    private static func decode(
        _ reads: [[UInt8]],
        with decoder: inout FakeTLSRecordDecoder,
        into stream: inout [UInt8]
    ) throws(FakeTLSError) {
        for read in reads {
            var bytes = ByteBuffer.payload(read, headroom: 3)
            defer { stream += bytes.bytes }
            try decoder.decode(&bytes)
        }
    }

    private static func stream(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        RandomSource.seeded(seed).bytes(count)
    }

    @Test("A client's first data: ChangeCipherSpec, and a record of 161 bytes")
    func firstData() {
        let data = Self.stream(161)
        var encoder = FakeTLSRecordEncoder(role: .client)
        var first = ByteBuffer.payload(data)
        encoder.encode(&first)
        #expect(first.bytes == hex("140303000101 17030300a1") + data)
        var second = ByteBuffer.payload([7])
        encoder.encode(&second)
        #expect(second.bytes == hex("1703030001 07"))
        var server = FakeTLSRecordEncoder(role: .server)
        var answer = ByteBuffer.payload([1, 2])
        server.encode(&answer)
        #expect(answer.bytes == hex("1703030002 0102"))
    }

    @Test("What fits one record stays where it is", arguments: [Role.client, .server])
    func inPlace(role: Role) {
        var encoder = FakeTLSRecordEncoder(role: role)
        var bytes = ByteBuffer.payload(Self.stream(2878), headroom: FakeTLSRecordEncoder.headroom)
        let address = bytes.withUnsafeReadableBytes { $0.baseAddress }
        encoder.encode(&bytes)
        let header = role == .client ? 11 : 5
        #expect(bytes.withUnsafeReadableBytes { $0.baseAddress.map { $0 + header } } == address)
        #expect(bytes.bytes.suffix(2878) == Self.stream(2878)[...])
        var tight = ByteBuffer(bytes: [1])
        encoder.encode(&tight)
        #expect(tight.bytes == hex("1703030001 01"))
    }

    @Test("No bytes make no record")
    func nothing() {
        var encoder = FakeTLSRecordEncoder(role: .client)
        var empty = ByteBuffer()
        encoder.encode(&empty)
        #expect(empty.readableBytes == 0)
        var first = ByteBuffer(bytes: [1])
        encoder.encode(&first)
        #expect(first.bytes == hex("140303000101 1703030001 01"))
    }

    struct Division: Sendable, CustomTestStringConvertible {
        let role: Role
        var maximum: Int?
        let count: Int
        let records: [Int]

        var testDescription: String { "\(self.role), \(self.maximum ?? 0), \(self.count)" }
    }

    static let divisions = [
        Division(role: .client, count: 2878, records: [2878]),
        Division(role: .client, count: 2879, records: [2878, 1]),
        Division(role: .client, count: 10_000, records: [2878, 2878, 2878, 1366]),
        Division(role: .server, count: 16_384, records: [16_384]),
        Division(role: .server, count: 70_000, records: [16_384, 16_384, 16_384, 16_384, 4464]),
        Division(role: .server, maximum: 1_000_000, count: 16_385, records: [16_384, 1]),
        Division(role: .client, maximum: 0, count: 65, records: [64, 1]),
        Division(role: .client, maximum: -1, count: 64, records: [64]),
        Division(role: .server, maximum: 1000, count: 2000, records: [1000, 1000]),
    ]

    @Test("What does not fit is divided, and put together again", arguments: Self.divisions, Self.schedules)
    func divides(division: Division, schedule: SplitSchedule) throws {
        let data = Self.stream(division.count)
        var encoder = FakeTLSRecordEncoder(role: division.role, maximumBodyLength: division.maximum)
        var bytes = ByteBuffer.payload(data)
        encoder.encode(&bytes)
        let wire = bytes.bytes
        var lengths: [Int] = []
        var rest = wire[(division.role == .client ? 6 : 0)...]
        while rest.count >= 5 {
            let length = Int(rest[rest.startIndex + 3]) << 8 | Int(rest[rest.startIndex + 4])
            #expect(rest.prefix(3) == [0x17, 3, 3])
            lengths.append(length)
            rest = rest.dropFirst(5 + length)
        }
        #expect(lengths == division.records && rest.isEmpty)
        var decoder = FakeTLSRecordDecoder()
        var decoded: [UInt8] = []
        try Self.decode(schedule.reads([wire]), with: &decoder, into: &decoded)
        #expect(decoded == data)
    }

    @Test("The longest record, an empty one, and ChangeCipherSpec anywhere", arguments: Self.schedules)
    func tolerates(schedule: SplitSchedule) throws {
        let data = Self.stream(65_535)
        let wire =
            hex("140303000101 140303000101") + FakeTLSVectors.record(0x17, []) + FakeTLSVectors.record(0x17, data)
            + hex("140303000101") + FakeTLSVectors.record(0x17, [1]) + FakeTLSVectors.record(0x17, [])
            + FakeTLSVectors.record(0x17, [2, 3])
        var decoder = FakeTLSRecordDecoder()
        var decoded: [UInt8] = []
        try Self.decode(schedule.reads([wire]), with: &decoder, into: &decoded)
        #expect(decoded == data + [1, 2, 3])
    }

    @Test("The first record of a read is not moved, and a partial one passed on")
    func noCopies() throws {
        var decoder = FakeTLSRecordDecoder()
        var bytes = ByteBuffer(bytes: FakeTLSVectors.record(0x17, Self.stream(500)).dropLast(100))
        let address = bytes.withUnsafeReadableBytes { $0.baseAddress }
        let shared = bytes
        let before = bytes.bytes
        try decoder.decode(&bytes)
        #expect(bytes.bytes == Array(Self.stream(500).prefix(400)))
        #expect(bytes.withUnsafeReadableBytes { $0.baseAddress } == address.map { $0 + 5 })
        #expect(shared.bytes == before)
        var rest = ByteBuffer(bytes: Self.stream(500).suffix(100) + hex("17"))
        try decoder.decode(&rest)
        #expect(rest.bytes == Array(Self.stream(500).suffix(100)))
    }

    @Test("Who else holds the buffer keeps its bytes")
    func sharedBuffer() throws {
        var decoder = FakeTLSRecordDecoder()
        var bytes = ByteBuffer(hex: "1703030002 0102 1703030002 0304")
        let shared = bytes
        try decoder.decode(&bytes)
        #expect(bytes.bytes == [1, 2, 3, 4])
        #expect(shared.bytes == hex("1703030002 0102 1703030002 0304"))
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        let wire: String
        let code: FakeTLSError.Code
        var value: UInt8?

        var testDescription: String { self.wire }
    }

    static let refusals = [
        Refusal(wire: "16", code: .unexpectedRecord, value: 0x16),
        Refusal(wire: "48", code: .unexpectedRecord, value: 0x48),
        Refusal(wire: "1702", code: .malformed), Refusal(wire: "170301", code: .malformed),
        Refusal(wire: "1403030000", code: .malformed), Refusal(wire: "1403030002", code: .malformed),
        Refusal(wire: "140303000100", code: .malformed), Refusal(wire: "1503030001", code: .malformed),
        Refusal(wire: "15030300020100", code: .alert, value: 0),
        Refusal(wire: "1503030002022f", code: .alert, value: 47),
    ]

    @Test("Each refusal is its own error, stays, and spares what came before", arguments: Self.refusals, Self.schedules)
    func refuses(refusal: Refusal, schedule: SplitSchedule) throws {
        let wire = hex("1703030003 010203 1703030001 04") + hex(refusal.wire)
        var decoder = FakeTLSRecordDecoder()
        var decoded: [UInt8] = []
        let error = #expect(throws: FakeTLSError.self) {
            try Self.decode(schedule.reads([wire]), with: &decoder, into: &decoded)
        }
        #expect(error?.code == refusal.code)
        #expect(error?.value == refusal.value)
        #expect(decoded == [1, 2, 3, 4])
        var more = ByteBuffer(hex: "1703030001 05")
        let failure = try #require(error)
        #expect(throws: failure) { try decoder.decode(&more) }
        #expect(more.readableBytes == 0)
    }
}
