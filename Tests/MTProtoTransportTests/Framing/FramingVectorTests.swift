// SPDX-License-Identifier: Apache-2.0

import MTProtoTransport
import NIOCore
import Testing

/// The vectors of `framing.md` §12.
struct FramingVectorTests {
    struct Frame: CustomTestStringConvertible, Sendable {
        let framing: Framing
        let isMarked: Bool
        let header: String
        var trailer = ""

        var testDescription: String { "\(self.framing) marked: \(self.isMarked)" }
    }

    static let frames = [
        Frame(framing: .abridged, isMarked: false, header: "16"),
        Frame(framing: .abridged, isMarked: true, header: "96"),
        Frame(framing: .intermediate, isMarked: false, header: "58000000"),
        Frame(framing: .intermediate, isMarked: true, header: "58000080"),
        Frame(framing: .paddedIntermediate, isMarked: false, header: "5d000000", trailer: "0102030405"),
        Frame(framing: .paddedIntermediate, isMarked: true, header: "5d000080", trailer: "0102030405"),
        Frame(framing: .full, isMarked: false, header: "6400000000000000", trailer: "7e721055"),
    ]

    @Test("12.1: the ping's frame", arguments: Self.frames)
    func ping(frame: Frame) throws {
        let wire = hex(frame.header) + Payloads.ping + hex(frame.trailer)

        var encoder = FrameEncoder(framing: frame.framing, role: .client)
        var buffer = ByteBuffer.payload(Payloads.ping)
        try encoder.encode(&buffer, requestQuickAck: frame.isMarked, padding: FramePadding([1, 2, 3, 4, 5]))
        #expect(buffer.bytes == wire)

        var decoder = FrameDecoder(framing: frame.framing, role: .server, maximumPayloadLength: 1 << 24)
        var input = ByteBuffer(bytes: wire)
        let expected = FrameDecodingResult.frame(ByteBuffer(bytes: Payloads.ping), quickAckRequested: frame.isMarked)
        #expect(try decoder.decode(&input) == expected)
        #expect(input.readableBytes == 0)
    }

    @Test("12.1: the second full frame has sequence number 1")
    func secondFullFrame() throws {
        var encoder = FrameEncoder(framing: .full, role: .client)
        var decoder = FrameDecoder(framing: .full, role: .server, maximumPayloadLength: 1 << 24)
        for header in ["6400000000000000", "6400000001000000"] {
            var buffer = ByteBuffer.payload(Payloads.ping)
            try encoder.encode(&buffer)
            let trailer = header.hasSuffix("01000000") ? "4f510a45" : "7e721055"
            #expect(buffer.bytes == hex(header) + Payloads.ping + hex(trailer))
            let expected = FrameDecodingResult.frame(ByteBuffer(bytes: Payloads.ping), quickAckRequested: false)
            #expect(try decoder.decode(&buffer) == expected)
        }
    }

    @Test(
        "12.1: quick acknowledgements",
        arguments: [
            (Framing.abridged, "fefd579e"),
            (.intermediate, "9e57fdfe"),
            (.paddedIntermediate, "08000000ffffffff9e57fdfe"),
        ]
    )
    func quickAck(framing: Framing, wire: String) throws {
        var encoder = FrameEncoder(framing: framing, role: .server)
        #expect(try encoder.encodeQuickAck(Payloads.pingToken, padding: FramePadding([])).bytes == hex(wire))

        var decoder = FrameDecoder(framing: framing, role: .client, maximumPayloadLength: 1 << 24)
        var input = ByteBuffer(hex: wire)
        #expect(try decoder.decode(&input) == .quickAck(Payloads.pingToken))
        #expect(input.readableBytes == 0)
    }

    @Test("12.2: 128 bytes in a full frame")
    func fullFrame() throws {
        let payload = (0..<128).map { UInt8($0) }
        let wire = hex("8c00000000000000") + payload + hex("86739537")
        var encoder = FrameEncoder(framing: .full, role: .client)
        var buffer = ByteBuffer.payload(payload)
        try encoder.encode(&buffer)
        #expect(buffer.bytes == wire)
        for role in [Role.client, .server] {
            var decoder = FrameDecoder(framing: .full, role: role, maximumPayloadLength: 1 << 24)
            var input = ByteBuffer(bytes: wire)
            #expect(
                try decoder.decode(&input) == .frame(ByteBuffer(bytes: payload), quickAckRequested: false)
            )
        }
    }

    @Test("12.2: the checksum of a full frame without payload, which is not legal")
    func emptyFullFrame() {
        var decoder = FrameDecoder(framing: .full, role: .client, maximumPayloadLength: 1 << 24)
        var input = ByteBuffer(hex: "0c0000000000000026ca8d32")
        let error = #expect(throws: FramingError.self) { try decoder.decode(&input) }
        #expect(error?.code == .empty)
    }

    @Test(
        "8, 12.2: error 404",
        arguments: [
            (Framing.abridged, "016cfeffff", ""),
            (.intermediate, "040000006cfeffff", ""),
            (.paddedIntermediate, "040000006cfeffff", ""),
            (.paddedIntermediate, "070000006cfeffff0a0b0c", "0a0b0c"),
            (.full, "10000000000000006cfeffff0d2f4107", ""),
        ]
    )
    func transportError(framing: Framing, wire: String, padding: String) throws {
        var encoder = FrameEncoder(framing: framing, role: .server)
        #expect(try encoder.encodeTransportError(.notFound, padding: FramePadding(hex(padding))).bytes == hex(wire))
        var decoder = FrameDecoder(framing: framing, role: .client, maximumPayloadLength: 1 << 24)
        var input = ByteBuffer(hex: wire)
        #expect(try decoder.decode(&input) == .transportError(.notFound))
        #expect(input.readableBytes == 0)
    }

    @Test(
        "8: the words of the errors",
        arguments: [
            (TransportErrorCode.forbidden, "6dfeffff"), (.notFound, "6cfeffff"), (.flood, "53feffff"),
            (.invalidDataCenter, "44feffff"),
        ]
    )
    func errorWords(code: TransportErrorCode, word: String) throws {
        var encoder = FrameEncoder(framing: .intermediate, role: .server)
        #expect(try encoder.encodeTransportError(code).bytes == hex("04000000" + word))
    }

    struct Header: Sendable, CustomTestStringConvertible {
        let length: Int
        let abridged: [String]
        let intermediate: [String]

        var testDescription: String { "\(self.length)" }
    }

    static let headers = [
        Header(length: 40, abridged: ["0a", "8a"], intermediate: ["28000000", "28000080"]),
        Header(length: 504, abridged: ["7e", "fe"], intermediate: ["f8010000", "f8010080"]),
        Header(length: 508, abridged: ["7f7f0000", "ff7f0000"], intermediate: ["fc010000", "fc010080"]),
        Header(length: 65_536, abridged: ["7f004000", "ff004000"], intermediate: ["00000100", "00000180"]),
        Header(length: 1_044_480, abridged: ["7f00fc03", "ff00fc03"], intermediate: ["00f00f00", "00f00f80"]),
        Header(length: 67_108_860, abridged: ["7fffffff", "ffffffff"], intermediate: ["fcffff03", "fcffff83"]),
    ]

    @Test("12.3: headers", arguments: Self.headers)
    func header(header: Header) throws {
        for (framing, headers) in [(Framing.abridged, header.abridged), (.intermediate, header.intermediate)] {
            for (text, isMarked) in zip(headers, [false, true]) {
                let bytes = hex(text)
                var decoder = FrameDecoder(framing: framing, role: .server, maximumPayloadLength: header.length)
                var input = ByteBuffer(bytes: bytes)
                #expect(try decoder.decode(&input) == .needMore(bytes.count + header.length))
                guard header.length < 1 << 21 else { continue }
                var encoder = FrameEncoder(framing: framing, role: .client)
                var buffer = ByteBuffer.payload([UInt8](repeating: 7, count: header.length))
                try encoder.encode(&buffer, requestQuickAck: isMarked)
                #expect(Array(buffer.readableBytesView.prefix(bytes.count)) == bytes)
                #expect(buffer.readableBytes == bytes.count + header.length)
            }
        }
    }

    @Test("12.3: four bytes with a mark are no token for a server, and no legal payload")
    func fourBytes() {
        for (framing, texts) in [(Framing.abridged, ["01", "81"]), (.intermediate, ["04000000", "04000080"])] {
            for text in texts {
                var decoder = FrameDecoder(framing: framing, role: .server, maximumPayloadLength: 1 << 24)
                var input = ByteBuffer(hex: text)
                let error = #expect(throws: FramingError.self) { try decoder.decode(&input) }
                #expect(error?.code == .invalidLength)
            }
        }
    }

    @Test(
        "12.4: padded control packets",
        arguments: [
            ("9e57fdfe", FrameDecodingResult.quickAck(0xfefd_579e)),
            ("08000000ffffffff9e57fdfe", .quickAck(0xfefd_579e)),
            ("10000000ffffffff9e57fdfe0011223344556677", .quickAck(0xfefd_579e)),
            ("0b000000ffffffff9e57fdfea1a2a3", .quickAck(0xfefd_579e)),
            ("0400000000000000", .noOperation),
            ("0900000000000000a1a2a3a4a5", .noOperation),
            ("040000006cfeffff", .transportError(.notFound)),
            ("0700000053feffffa1a2a3", .transportError(.flood)),
        ]
    )
    func paddedControl(wire: String, expected: FrameDecodingResult) throws {
        for next in ["", "08000000ffffffff01020384"] {
            var decoder = FrameDecoder(framing: .paddedIntermediate, role: .client, maximumPayloadLength: 1 << 24)
            var input = ByteBuffer(hex: wire + next)
            #expect(try decoder.decode(&input) == expected)
            #expect(input.bytes == hex(next))
        }
    }
}
