// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

/// The whole pipeline of a WebSocket on both ends: NIO's frame codec, the stream, the transport.
struct WebSocketTransportTests {
    /// One end.
    private struct End {
        let channel = EmbeddedChannel()

        init(_ role: Role, framing: Framing, random: RandomSource, maximumFrameLength: Int) throws {
            let pipeline = self.channel.pipeline.syncOperations
            try pipeline.addHandler(WebSocketFrameEncoder())
            try pipeline.addHandler(ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 20)))
            try pipeline.addHandler(
                WebSocketStreamHandler(role: role, maximumFrameLength: maximumFrameLength, random: random)
            )
            let transport =
                switch role {
                case .client:
                    try MTProtoTransportHandler(
                        client: .init(
                            framing: framing,
                            obfuscation: .init(dataCenter: DataCenterIdentifier(2)),
                            random: random
                        )
                    )
                case .server:
                    MTProtoTransportHandler(
                        server: .init(maximumPayloadLengthBeforeAuthorization: 1 << 20, random: random)
                    )
                }
            try pipeline.addHandler(transport)
            try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        }

        func send(_ payload: [UInt8]) throws {
            try self.channel.writeOutbound(TransportCommand.payload(.payload(payload), requestQuickAck: false))
        }

        /// Everything that left.
        func takeWire() throws -> [UInt8] {
            var bytes: [UInt8] = []
            while let buffer = try self.channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.bytes }
            return bytes
        }

        /// Reads bytes in pieces, and returns the payloads in them.
        func receive(_ bytes: [UInt8], random: RandomSource) throws -> [[UInt8]] {
            var rest = bytes[...]
            while !rest.isEmpty {
                let piece = rest.prefix(random.integer(in: 1...max(2, bytes.count / 8)))
                rest = rest.dropFirst(piece.count)
                try self.channel.writeInbound(ByteBuffer(bytes: piece))
            }
            var payloads: [[UInt8]] = []
            while let event = try self.channel.readInbound(as: TransportEvent.self) {
                if case .payload(let payload, _) = event { payloads.append(payload.bytes) }
            }
            return payloads
        }
    }

    @Test(
        "Payloads go both ways, however the connection cuts them",
        arguments: [Framing.abridged, .intermediate, .paddedIntermediate],
        [1, 2, 3, 4] as [UInt64]
    )
    func bothWays(framing: Framing, seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        let frameLength = [7, 100, 4096, 1 << 20][Int(seed - 1)]
        let client = try End(.client, framing: framing, random: random, maximumFrameLength: frameLength)
        let server = try End(.server, framing: framing, random: random, maximumFrameLength: frameLength)
        for round in 0..<6 {
            let payloads = (0..<3).map { _ in
                Payloads.encrypted(blocks: random.integer(in: 1...500), seed: random.integer())
            }
            for payload in payloads { try client.send(payload) }
            let received = try server.receive(client.takeWire(), random: random)
            #expect(received == payloads, "seed \(seed), round \(round)")
            for payload in payloads { try server.send(payload) }
            let answered = try client.receive(server.takeWire(), random: random)
            #expect(answered == payloads, "seed \(seed), round \(round)")
        }
        _ = try client.channel.finish()
        _ = try server.channel.finish()
    }

    /// Frames as someone else's client may cut them: any fragments, pings between them, empty ones.
    private static func foreignWire(_ stream: [UInt8], random: RandomSource) throws -> [UInt8] {
        let channel = EmbeddedChannel(handler: WebSocketFrameEncoder())
        var rest = stream[...]
        var isInsideMessage = false
        while !rest.isEmpty {
            if random.integer(in: 0...3) == 0 {
                let opcode: WebSocketOpcode = random.integer(in: 0...1) == 0 ? .ping : .pong
                let data = ByteBuffer(bytes: random.bytes(random.integer(in: 0...125)))
                let key = WebSocketMaskingKey(random.bytes(4))
                try channel.writeOutbound(WebSocketFrame(fin: true, opcode: opcode, maskKey: key, data: data))
            }
            let piece = rest.prefix(random.integer(in: 0...80))
            rest = rest.dropFirst(piece.count)
            let isEnd = random.integer(in: 0...1) == 0
            try channel.writeOutbound(
                WebSocketFrame(
                    fin: isEnd,
                    opcode: isInsideMessage ? .continuation : .binary,
                    maskKey: WebSocketMaskingKey(random.bytes(4)),
                    data: ByteBuffer(bytes: piece)
                )
            )
            isInsideMessage = !isEnd
        }
        var bytes: [UInt8] = []
        while let buffer = try channel.readOutbound(as: ByteBuffer.self) { bytes += buffer.bytes }
        _ = try channel.finish()
        return bytes
    }

    @Test("Frames split and join the block and the packets at any byte", arguments: 1...12 as ClosedRange<UInt64>)
    func foreignFrames(seed: UInt64) throws {
        let random = RandomSource.seeded(seed)
        let framing: Framing = [.abridged, .intermediate, .paddedIntermediate][Int(seed % 3)]
        var client = try TransportConnection(
            client: .init(framing: framing, obfuscation: .init(dataCenter: DataCenterIdentifier(2)), random: random)
        )
        var stream = client.takePreamble()?.bytes ?? []
        let payloads = (0..<5).map { _ in
            Payloads.encrypted(blocks: random.integer(in: 1...40), seed: random.integer())
        }
        for payload in payloads { stream += try client.send(ByteBuffer.payload(payload)).bytes }
        let server = try End(.server, framing: framing, random: random, maximumFrameLength: 1 << 20)
        let received = try server.receive(Self.foreignWire(stream, random: random), random: random)
        #expect(received == payloads, "seed \(seed)")
        _ = try server.channel.finish()
    }

    @Test(
        "A transport error crosses as a packet, and then as the reason",
        arguments: [TransportErrorCode.notFound, .flood]
    )
    func transportError(code: TransportErrorCode) throws {
        let random = RandomSource.seeded(9)
        let client = try End(.client, framing: .intermediate, random: random, maximumFrameLength: 1 << 20)
        let server = try End(.server, framing: .intermediate, random: random, maximumFrameLength: 1 << 20)
        try client.send(Payloads.requestPQ)
        #expect(try server.receive(client.takeWire(), random: random) == [Payloads.requestPQ])
        try server.channel.writeOutbound(TransportCommand.transportError(code))
        try server.channel.triggerUserOutboundEvent(WebSocketCloseReason(code)).wait()
        server.channel.close(mode: .output, promise: nil)
        let wire = try server.takeWire()
        #expect(wire.suffix(12) == [0x88, 0x0a, 0x03, 0xe8] + Array("    -\(code)".utf8))
        try client.channel.writeInbound(ByteBuffer(bytes: wire))
        guard case .transportError(let received) = try client.channel.readInbound(as: TransportEvent.self) else {
            Issue.record("no transport error")
            return
        }
        #expect(received == code)
        // The client answers the Close frame.
        #expect(try client.takeWire().prefix(2) == [0x88, 0x82])
        _ = try? client.channel.finish()
        _ = try? server.channel.finish()
    }
}
