// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// What every framing's codec promises, and mistakes seen in other implementations.
struct FrameCodecTests {
    @Test("A frame is made in the payload's own storage", arguments: Framing.allCases)
    func encodeInPlace(framing: Framing) throws {
        var encoder = FrameEncoder(framing: framing, role: .client)
        var buffer = ByteBuffer.payload(Payloads.ping)
        let before = buffer.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
        try encoder.encode(&buffer)
        let after = buffer.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
        #expect(1...FrameEncoder.headerCapacity ~= before - after)
    }

    @Test("Without headroom the payload is copied, and the frame is the same", arguments: Framing.allCases)
    func encodeWithoutHeadroom(framing: Framing) throws {
        for headroom in 0...9 {
            var encoder = FrameEncoder(framing: framing, role: .client, random: .seeded(3))
            var reference = FrameEncoder(framing: framing, role: .client, random: .seeded(3))
            var buffer = ByteBuffer.payload(Payloads.ping, headroom: headroom, tailroom: 0)
            var expected = ByteBuffer.payload(Payloads.ping)
            try encoder.encode(&buffer)
            try reference.encode(&expected)
            #expect(buffer == expected)
        }
    }

    @Test("A payload shares the storage of the received bytes", arguments: Framing.allCases)
    func decodeInPlace(framing: Framing) throws {
        var encoder = FrameEncoder(framing: framing, role: .client)
        var buffer = ByteBuffer.payload(Payloads.ping)
        try encoder.encode(&buffer)
        var decoder = FrameDecoder(framing: framing, role: .server, maximumPayloadLength: 1 << 20)
        let received = buffer.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
        guard case .frame(let payload, _) = try decoder.decode(&buffer) else {
            Issue.record("no frame")
            return
        }
        let start = payload.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
        #expect(1...8 ~= start - received)
    }

    @Test(
        "A decoder says how many bytes it needs, and consumes nothing before they are there",
        arguments: Framing.allCases
    )
    func needMore(framing: Framing) throws {
        for role in [Role.client, .server] {
            for payload in [Payloads.ping, Payloads.requestPQ, Payloads.encrypted(blocks: 40)] {
                var encoder = FrameEncoder(framing: framing, role: .client, random: .seeded(4))
                var frame = ByteBuffer.payload(payload)
                try encoder.encode(&frame)
                let wire = frame.bytes
                var decoder = FrameDecoder(framing: framing, role: role, maximumPayloadLength: 1 << 20)
                for count in 0..<wire.count {
                    var input = ByteBuffer(bytes: wire.prefix(count))
                    guard case .needMore(let needed) = try decoder.decode(&input) else {
                        Issue.record("\(count) of \(wire.count) bytes were enough")
                        return
                    }
                    #expect(count < needed && needed <= wire.count)
                    #expect(input.readableBytes == count)
                }
                var input = ByteBuffer(bytes: wire)
                let expected = FrameDecodingResult.frame(ByteBuffer(bytes: payload), quickAckRequested: false)
                #expect(try decoder.decode(&input) == expected)
            }
        }
    }

    /// RuslanUC/mtproto tests the top bit of the first byte, which misfires for 128...255 (mod 256).
    @Test("Intermediate: the mark is the top bit of the whole word", arguments: [Role.client, .server])
    func markIsInFourthByte(role: Role) throws {
        for length in stride(from: 128, through: 252, by: 4) {
            var decoder = FrameDecoder(framing: .intermediate, role: role, maximumPayloadLength: 1 << 20)
            var input = ByteBuffer()
            input.writeInteger(UInt32(length), endianness: .little)
            input.writeBytes([UInt8](repeating: 5, count: length))
            let expected = ByteBuffer(repeating: 5, count: length)
            #expect(try decoder.decode(&input) == .frame(expected, quickAckRequested: false))
        }
    }

    /// grammers takes every word with the top bit for an error.
    @Test("Abridged: a token is no error, whatever its value")
    func abridgedTokens() throws {
        for token: UInt32 in [0x8000_0000, 0xffff_ffff, 0xffff_fe6c, 0x9e57_fdfe, 0xff00_0001] {
            var encoder = FrameEncoder(framing: .abridged, role: .server)
            var decoder = FrameDecoder(framing: .abridged, role: .client, maximumPayloadLength: 1 << 20)
            var input = try encoder.encodeQuickAck(token)
            #expect(try decoder.decode(&input) == .quickAck(token))
        }
    }

    /// RuslanUC/mtproto negates the word instead of setting its top bit.
    @Test(
        "A token's top bit is set, the others are kept",
        arguments: [Framing.abridged, .intermediate, .paddedIntermediate]
    )
    func tokenMark(framing: Framing) throws {
        for token: UInt32 in [0, 1, 0x7efd_579e, 0xfefd_579e] {
            var encoder = FrameEncoder(framing: framing, role: .server)
            var decoder = FrameDecoder(framing: framing, role: .client, maximumPayloadLength: 1 << 20)
            var input = try encoder.encodeQuickAck(token)
            #expect(try decoder.decode(&input) == .quickAck(token | 0x8000_0000))
        }
    }

    /// An older official text has (length / 2) + 128.
    @Test("Abridged: the longest short header with a mark is fe, not a long one")
    func abridgedBoundary() throws {
        var decoder = FrameDecoder(framing: .abridged, role: .server, maximumPayloadLength: 1 << 20)
        var input = ByteBuffer(bytes: [0xfe] + [UInt8](repeating: 1, count: 504))
        #expect(try decoder.decode(&input) == .frame(ByteBuffer(repeating: 1, count: 504), quickAckRequested: true))
    }

    @Test("Abridged: an over-long header is tolerated")
    func abridgedOverlong() throws {
        var decoder = FrameDecoder(framing: .abridged, role: .server, maximumPayloadLength: 1 << 20)
        var input = ByteBuffer(bytes: hex("7f0a0000") + Payloads.requestPQ)
        let expected = FrameDecodingResult.frame(ByteBuffer(bytes: Payloads.requestPQ), quickAckRequested: false)
        #expect(try decoder.decode(&input) == expected)
    }

    @Test("A limit may change between frames", arguments: Framing.allCases)
    func changingLimit(framing: Framing) throws {
        var encoder = FrameEncoder(framing: framing, role: .client)
        var frame = ByteBuffer.payload(Payloads.ping)
        try encoder.encode(&frame)
        var decoder = FrameDecoder(framing: framing, role: .server, maximumPayloadLength: 40)
        var input = frame
        let error = #expect(throws: FramingError.self) { try decoder.decode(&input) }
        #expect(error?.code == .oversized)
        decoder.maximumPayloadLength = 88
        #expect(
            try decoder.decode(&frame) == .frame(ByteBuffer(bytes: Payloads.ping), quickAckRequested: false)
        )
    }
}
