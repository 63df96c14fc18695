// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// One test for each way in which foreign bytes, or a caller, can break the framings' rules.
struct FramingErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let framing: Framing
        let role: Role
        let wire: String
        let code: FramingError.Code
        var limit = 1 << 20

        var testDescription: String { "\(self.framing) \(self.role) \(self.wire): \(self.code)" }
    }

    static let cases = [
        // No payload.
        Case(framing: .abridged, role: .client, wire: "00", code: .empty),
        Case(framing: .abridged, role: .server, wire: "00", code: .empty),
        Case(framing: .abridged, role: .server, wire: "80", code: .empty),
        Case(framing: .abridged, role: .server, wire: "7f000000", code: .empty),
        Case(framing: .intermediate, role: .client, wire: "00000000", code: .empty),
        Case(framing: .intermediate, role: .server, wire: "00000080", code: .empty),
        Case(framing: .full, role: .server, wire: "0c000000", code: .empty),
        // Not a multiple of 4.
        Case(framing: .intermediate, role: .client, wire: "29000000", code: .unaligned),
        Case(framing: .intermediate, role: .server, wire: "2a000080", code: .unaligned),
        Case(framing: .full, role: .client, wire: "35000000", code: .unaligned),
        Case(framing: .full, role: .server, wire: "12000000", code: .unaligned),
        // Above the limit, known from the header alone.
        Case(framing: .abridged, role: .server, wire: "7f010004", code: .oversized),
        Case(framing: .abridged, role: .client, wire: "7fffffff", code: .oversized),
        Case(framing: .abridged, role: .server, wire: "0b", code: .oversized, limit: 40),
        Case(framing: .intermediate, role: .client, wire: "04001000", code: .oversized),
        Case(framing: .intermediate, role: .server, wire: "ffffffff", code: .oversized),
        Case(framing: .paddedIntermediate, role: .client, wire: "10001000", code: .oversized),
        Case(framing: .paddedIntermediate, role: .server, wire: "ffffff7f", code: .oversized),
        Case(framing: .full, role: .client, wire: "10001000", code: .oversized),
        Case(framing: .full, role: .server, wire: "fcffff7f", code: .oversized),
        // Lengths of nothing.
        Case(framing: .full, role: .client, wire: "08000000", code: .invalidLength),
        Case(framing: .full, role: .server, wire: "00000000", code: .invalidLength),
        Case(framing: .full, role: .server, wire: "6cfeffff", code: .invalidLength),
        Case(framing: .full, role: .client, wire: "00000080", code: .invalidLength),
        Case(framing: .full, role: .server, wire: "10000000", code: .invalidLength),
        Case(framing: .abridged, role: .server, wire: "016cfeffff", code: .invalidLength),
        Case(framing: .intermediate, role: .server, wire: "040000006cfeffff", code: .invalidLength),
        // A word that is no error.
        Case(framing: .abridged, role: .client, wire: "0101000000", code: .invalidControlWord),
        Case(framing: .abridged, role: .client, wire: "0100000080", code: .invalidControlWord),
        Case(framing: .intermediate, role: .client, wire: "0400000000000000", code: .invalidControlWord),
        // Full framing's own checks; the first is known before the payload has arrived.
        Case(framing: .full, role: .server, wire: "6400000001000000", code: .wrongSequence),
        Case(framing: .full, role: .client, wire: "10000000000000006cfeffff0d2f4108", code: .wrongChecksum),
    ]

    @Test("Bytes that break a rule", arguments: Self.cases)
    func decode(_ item: Case) {
        var decoder = FrameDecoder(framing: item.framing, role: item.role, maximumPayloadLength: item.limit)
        var input = ByteBuffer(hex: item.wire)
        let error = #expect(throws: FramingError.self) { try decoder.decode(&input) }
        #expect(error?.code == item.code)
        #expect(error?.description.hasPrefix(item.code.description) == true)
    }

    @Test("Full framing: a repeated and a skipped sequence number")
    func sequence() throws {
        for skip in [0, 2] {
            var encoder = FrameEncoder(framing: .full, role: .client)
            var frames: [ByteBuffer] = []
            for _ in 0..<3 {
                var buffer = ByteBuffer.payload(Payloads.ping)
                try encoder.encode(&buffer)
                frames.append(buffer)
            }
            var decoder = FrameDecoder(framing: .full, role: .server, maximumPayloadLength: 1 << 20)
            var first = frames[0]
            _ = try decoder.decode(&first)
            let error = #expect(throws: FramingError.self) { try decoder.decode(&frames[skip]) }
            #expect(error?.code == .wrongSequence)
            #expect(error?.actual == Int64(skip))
            #expect(error?.expected == 1)
        }
    }

    @Test("Full framing: any flipped bit of a frame is noticed")
    func checksum() throws {
        var encoder = FrameEncoder(framing: .full, role: .client)
        var frame = ByteBuffer.payload(Payloads.ping)
        try encoder.encode(&frame)
        let wire = frame.bytes
        // Behind the length, whose errors have other forms.
        for position in 4..<wire.count {
            for bit in 0..<8 {
                var changed = wire
                changed[position] ^= 1 << UInt8(bit)
                var decoder = FrameDecoder(framing: .full, role: .server, maximumPayloadLength: 1 << 20)
                var input = ByteBuffer(bytes: changed)
                let error = #expect(throws: FramingError.self) { try decoder.decode(&input) }
                #expect(error?.code == (position < 8 ? .wrongSequence : .wrongChecksum))
            }
        }
    }

    @Test("Full framing: a word of a valid frame that is no error")
    func fullControlWord() {
        let content = hex("100000000000000001000000")
        let checksum = content.withUnsafeBytes { CRC32.checksum($0) }
        var input = ByteBuffer(bytes: content)
        input.writeInteger(checksum, endianness: .little)
        var decoder = FrameDecoder(framing: .full, role: .client, maximumPayloadLength: 1 << 20)
        let error = #expect(throws: FramingError.self) { try decoder.decode(&input) }
        #expect(error?.code == .invalidControlWord)
    }

    @Test("Full framing: fillers are skipped and use up no sequence number")
    func fillers() throws {
        var decoder = FrameDecoder(framing: .full, role: .client, maximumPayloadLength: 1 << 20)
        var input = ByteBuffer(hex: "04000000 04000000 10000000000000006cfeffff0d2f4107 04000000")
        #expect(try decoder.decode(&input) == .noOperation)
        #expect(try decoder.decode(&input) == .noOperation)
        #expect(try decoder.decode(&input) == .transportError(.notFound))
        #expect(try decoder.decode(&input) == .noOperation)
        #expect(try decoder.decode(&input) == .needMore(4))
    }

    @Test("Full framing: a client understands bare error words, three of which the real server was seen to send")
    func bareErrors() throws {
        var decoder = FrameDecoder(framing: .full, role: .client, maximumPayloadLength: 1 << 20)
        var input = ByteBuffer(hex: "53feffff 53feffff 53feffff")
        for _ in 0..<3 { #expect(try decoder.decode(&input) == .transportError(.flood)) }
    }

    @Test("Payloads that no framing can carry", arguments: Framing.allCases)
    func encode(framing: Framing) {
        for (count, code) in [(0, FramingError.Code.empty), (7, .unaligned), (90, .unaligned), (4, .invalidLength)] {
            var encoder = FrameEncoder(framing: framing, role: .client)
            var buffer = ByteBuffer.payload([UInt8](repeating: 1, count: count))
            let error = #expect(throws: FramingError.self) { try encoder.encode(&buffer) }
            #expect(error?.code == code)
            #expect(buffer.readableBytes == count)
        }
    }

    @Test("Only the abridged header has a limit that a test can afford")
    func encodeOversized() {
        var encoder = FrameEncoder(framing: .abridged, role: .client)
        var buffer = ByteBuffer(repeating: 1, count: 67_108_864)
        let error = #expect(throws: FramingError.self) { try encoder.encode(&buffer) }
        #expect(error?.code == .oversized)
        #expect(error?.expected == 67_108_860)
    }

    @Test("What only the other role sends", arguments: Framing.allCases)
    func wrongRole(framing: Framing) {
        var client = FrameEncoder(framing: framing, role: .client)
        let quickAck = #expect(throws: FramingError.self) { try client.encodeQuickAck(1) }
        #expect(quickAck?.code == .wrongRole)
        let transportError = #expect(throws: FramingError.self) { try client.encodeTransportError(.notFound) }
        #expect(transportError?.code == .wrongRole)

        var server = FrameEncoder(framing: framing, role: .server)
        var buffer = ByteBuffer.payload(Payloads.ping)
        let request = #expect(throws: FramingError.self) { try server.encode(&buffer, requestQuickAck: true) }
        #expect(request?.code == (framing == .full ? .quickAckUnsupported : .wrongRole))
        for code: Int32 in [0, -404, .min] {
            let error = #expect(throws: FramingError.self) {
                try server.encodeTransportError(TransportErrorCode(rawValue: code))
            }
            #expect(error?.code == .invalidControlWord)
        }
    }

    @Test("Full framing has no quick acknowledgements")
    func fullQuickAck() {
        var client = FrameEncoder(framing: .full, role: .client)
        var buffer = ByteBuffer.payload(Payloads.ping)
        let request = #expect(throws: FramingError.self) { try client.encode(&buffer, requestQuickAck: true) }
        #expect(request?.code == .quickAckUnsupported)
        var server = FrameEncoder(framing: .full, role: .server)
        let quickAck = #expect(throws: FramingError.self) { try server.encodeQuickAck(1) }
        #expect(quickAck?.code == .quickAckUnsupported)
    }
}
