// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// The rules of `framing.md` §4 and §5 that make the true payload out of a padded packet.
struct PaddedIntermediateFramingTests {
    static func packet(_ content: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(UInt32(content.count), endianness: .little)
        buffer.writeBytes(content)
        return buffer
    }

    static func decode(
        _ content: [UInt8],
        role: Role = .client,
        limit: Int = 1 << 24,
        key: UInt64? = nil
    ) throws(FramingError) -> FrameDecodingResult {
        var decoder = FrameDecoder(framing: .paddedIntermediate, role: role, maximumPayloadLength: limit)
        decoder.authorizationKeyIdentifier = key
        var buffer = Self.packet(content)
        let result = try decoder.decode(&buffer)
        #expect(buffer.readableBytes == 0)
        return result
    }

    @Test("An encrypted payload comes without any of its 0 to 15 bytes of padding", arguments: 0...15)
    func encrypted(padding: Int) throws {
        for blocks in [3, 4, 5, 17, 64] {
            let payload = Payloads.encrypted(blocks: blocks, seed: UInt64(padding))
            for role in [Role.client, .server] {
                let result = try Self.decode(payload + [UInt8](repeating: 0xff, count: padding), role: role)
                #expect(result == .frame(ByteBuffer(bytes: payload), quickAckRequested: false))
            }
        }
    }

    @Test("The length is not cut modulo 4", arguments: [4, 8, 12])
    func notModuloFour(padding: Int) throws {
        let result = try Self.decode(Payloads.ping + [UInt8](repeating: 9, count: padding))
        #expect(result == .frame(ByteBuffer(bytes: Payloads.ping), quickAckRequested: false))
    }

    @Test("A plaintext payload ends where it says, with any padding behind", arguments: [0, 1, 3, 15, 16, 63, 252])
    func plaintext(padding: Int) throws {
        for role in [Role.client, .server] {
            let result = try Self.decode(Payloads.requestPQ + [UInt8](repeating: 0xee, count: padding), role: role)
            #expect(result == .frame(ByteBuffer(bytes: Payloads.requestPQ), quickAckRequested: false))
        }
    }

    @Test("Padding inside a plaintext message's declared length is part of the payload")
    func plaintextInnerPadding() throws {
        let payload = Payloads.plaintext(body: 20 + 236)
        #expect(try Self.decode(payload + [1, 2]) == .frame(ByteBuffer(bytes: payload), quickAckRequested: false))
    }

    @Test("A plaintext message longer than its packet is refused")
    func plaintextTooLong() {
        for declared: [UInt8] in [[24, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0x80]] {
            var content = Payloads.requestPQ
            content.replaceSubrange(16..<20, with: declared)
            let error = #expect(throws: FramingError.self) { try Self.decode(content, role: .server) }
            #expect(error?.code == .messageLengthExceedsFrame)
            #expect(error?.expected == 20)
        }
    }

    @Test("A plaintext message whose length is no multiple of 4 comes in whole words, as in other framings")
    func plaintextUnaligned() throws {
        for declared: UInt8 in 17...19 {
            var payload = Payloads.requestPQ
            payload[16] = declared
            for padding in [0, 1, 4, 15] {
                let content = payload + [UInt8](repeating: 0xee, count: padding)
                #expect(try Self.decode(content) == .frame(ByteBuffer(bytes: payload), quickAckRequested: false))
            }
            // Nothing beyond the packet, whatever the rounding says.
            let short = Array(payload.prefix(20 + Int(declared)))
            #expect(try Self.decode(short) == .frame(ByteBuffer(bytes: short), quickAckRequested: false))
        }
    }

    @Test("An encrypted message has at least 72 bytes", arguments: [20, 24, 40, 71])
    func encryptedTooShort(length: Int) {
        let content = [UInt8](repeating: 3, count: length)
        for role in [Role.client, .server] {
            let error = #expect(throws: FramingError.self) { try Self.decode(content, role: role) }
            #expect(error?.code == .invalidLength)
        }
    }

    @Test("An error with long padding, 17 to 19 bytes", arguments: [17, 18, 19])
    func longError(length: Int) throws {
        let padding = [UInt8](repeating: 0x5a, count: length - 4)
        #expect(try Self.decode(hex("6cfeffff") + padding, key: 7) == .transportError(.notFound))
        #expect(try Self.decode(hex("ffffffff") + padding, key: 7) == .transportError(TransportErrorCode(rawValue: 1)))
        #expect(try Self.decode(hex("19fcffff") + padding) == .transportError(TransportErrorCode(rawValue: 999)))
        // −1000 and less, positive words, the current key's identifier, and eight zero bytes are none.
        let key: UInt64 = 0x5a5a_5a5a_ffff_fe6c
        let refused: [([UInt8], UInt64?)] = [
            (hex("18fcffff") + padding, nil), (hex("01000000") + padding, nil), (hex("00000080") + padding, nil),
            (hex("6cfeffff") + padding, key), ([UInt8](repeating: 0, count: length), nil),
        ]
        for (content, key) in refused {
            let error = #expect(throws: FramingError.self) { try Self.decode(content, key: key) }
            #expect(error?.code == .invalidLength)
        }
    }

    @Test("Control words that mean nothing are refused")
    func invalidControl() {
        // −1 without a token, a positive word, and the word whose negation overflows.
        for content in ["ffffffff", "ffffffff010203", "01000000", "00000080", "000000800000000000000000"] {
            let error = #expect(throws: FramingError.self) { try Self.decode(hex(content)) }
            #expect(error?.code == .invalidControlWord)
        }
    }

    @Test("A server receives no control packets", arguments: [4, 8, 12, 16, 19])
    func serverControl(length: Int) {
        for byte: UInt8 in [0x00, 0xff, 0x01] {
            let error = #expect(throws: FramingError.self) {
                try Self.decode([UInt8](repeating: byte, count: length), role: .server)
            }
            #expect(error?.code == .invalidLength)
        }
    }

    @Test("Packets of fewer than 4 bytes are refused", arguments: [0, 1, 2, 3])
    func tooShort(length: Int) {
        for role in [Role.client, .server] {
            let error = #expect(throws: FramingError.self) {
                try Self.decode([UInt8](repeating: 0, count: length), role: role)
            }
            #expect(error?.code == (length == 0 ? .empty : .invalidLength))
        }
    }

    @Test("The limit counts the payload, and no padding")
    func limit() throws {
        let payload = Payloads.encrypted(blocks: 4)
        let padding = [UInt8](repeating: 0, count: 15)
        #expect(
            try Self.decode(payload + padding, limit: 88)
                == .frame(ByteBuffer(bytes: payload), quickAckRequested: false)
        )
        let error = #expect(throws: FramingError.self) { try Self.decode(payload, limit: 87) }
        #expect(error?.code == .oversized)
        #expect(error?.expected == 87)
        // Beyond limit and padding, the header alone is enough.
        var decoder = FrameDecoder(framing: .paddedIntermediate, role: .server, maximumPayloadLength: 88)
        var header = ByteBuffer(hex: "68000000")
        let early = #expect(throws: FramingError.self) { try decoder.decode(&header) }
        #expect(early?.code == .oversized)
    }

    @Test("A client pads with 0 to 15 bytes, a server with 0 to 3, each of them often")
    func paddingLengths() throws {
        for (role, maximum) in [(Role.client, 15), (.server, 3)] {
            var encoder = FrameEncoder(framing: .paddedIntermediate, role: role, random: .seeded(11))
            #expect(encoder.maximumPadding == maximum)
            var seen: [Int: Int] = [:]
            for _ in 0..<3200 {
                var buffer = ByteBuffer.payload(Payloads.ping)
                try encoder.encode(&buffer)
                seen[buffer.readableBytes - 4 - Payloads.ping.count, default: 0] += 1
            }
            #expect(seen.keys.sorted() == Array(0...maximum))
            #expect(seen.values.allSatisfy { $0 > 3200 / (maximum + 1) / 2 })
        }
    }

    @Test("A server's control packets stay short enough for every client")
    func controlLengths() throws {
        var encoder = FrameEncoder(framing: .paddedIntermediate, role: .server, random: .seeded(12))
        encoder.maximumPadding = 99
        #expect(encoder.maximumPadding == 15)
        var decoder = FrameDecoder(framing: .paddedIntermediate, role: .client, maximumPayloadLength: 1 << 20)
        for _ in 0..<500 {
            var quickAck = try encoder.encodeQuickAck(Payloads.pingToken)
            #expect(12...19 ~= quickAck.readableBytes)
            #expect(try decoder.decode(&quickAck) == .quickAck(Payloads.pingToken))
            var error = try encoder.encodeTransportError(.flood)
            #expect(8...11 ~= error.readableBytes)
            #expect(try decoder.decode(&error) == .transportError(.flood))
        }
    }

    @Test("What a receiver could not tell from its padding is not sent")
    func unpaddable() {
        var short = Payloads.requestPQ
        short[16] = 24
        var unaligned = Payloads.requestPQ
        unaligned[16] = 18
        // What is behind the declared length would be lost.
        let long = Payloads.requestPQ + [0, 0, 0, 0]
        let payloads = [
            [UInt8](repeating: 1, count: 16), [UInt8](repeating: 1, count: 56), [UInt8](repeating: 1, count: 76), short,
            unaligned, long,
        ]
        for payload in payloads {
            var encoder = FrameEncoder(framing: .paddedIntermediate, role: .client)
            var buffer = ByteBuffer.payload(payload)
            let error = #expect(throws: FramingError.self) { try encoder.encode(&buffer) }
            #expect(error?.code == .unpaddable)
            #expect(buffer.bytes == payload)
        }
    }
}
