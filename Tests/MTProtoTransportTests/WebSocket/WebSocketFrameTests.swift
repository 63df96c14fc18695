// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

/// The frames that are sent.
struct WebSocketFrameTests {
    private static let keyBytes: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]

    private static func stream(_ role: Role, maximumFrameLength: Int? = nil) -> WebSocketByteStream {
        WebSocketByteStream(role: role, maximumFrameLength: maximumFrameLength, random: .fixed(Self.keyBytes))
    }

    /// All frames of some bytes.
    private static func wire(_ stream: inout WebSocketByteStream, _ bytes: ByteBuffer) -> [[UInt8]] {
        var bytes = bytes
        var frames: [[UInt8]] = []
        while let frame = stream.takeFrame(from: &bytes) {
            frames.append(frame.bytes.bytes + (frame.data?.bytes ?? []))
        }
        return frames
    }

    @Test("The vectors of carriers.md §13")
    func vectors() throws {
        var client = Self.stream(.client)
        let data = RandomSource.seeded(1).bytes(156)
        let masked = data.enumerated().map { $1 ^ Self.keyBytes[$0 % 4] }
        #expect(Self.wire(&client, .payload(data)) == [hex("82fe009c") + Self.keyBytes + masked])
        var server = Self.stream(.server)
        #expect(Self.wire(&server, ByteBuffer(hex: "2b9de370b232f9bf")) == [hex("82082b9de370b232f9bf")])
        #expect(server.close(WebSocketCloseReason(.notFound))?.bytes == hex("880a03e8202020202d343034"))
        #expect(server.close() == nil)
        #expect(client.close()?.bytes == hex("8882") + Self.keyBytes + hex("3412"))
    }

    @Test("RFC 6455, section 5.7: pongs")
    func pongs() {
        var server = Self.stream(.server)
        #expect(server.pong(ByteBuffer(string: "Hello"))?.bytes == hex("8a0548656c6c6f"))
        var client = Self.stream(.client)
        #expect(client.pong(ByteBuffer(string: "Hello"))?.bytes == hex("8a8537fa213d7f9f4d5158"))
        #expect(client.pong(ByteBuffer())?.bytes == hex("8a8037fa213d"))
    }

    @Test("Nothing follows a Close frame")
    func afterClose() {
        var stream = Self.stream(.server)
        #expect(stream.close() != nil)
        #expect(stream.hasSentClose)
        #expect(stream.pong(ByteBuffer()) == nil)
        var bytes = ByteBuffer(bytes: [1])
        #expect(stream.takeFrame(from: &bytes) == nil)
        #expect(bytes.readableBytes == 1)
    }

    @Test(
        "NIO's decoder reads every length, from every kind of buffer",
        arguments: [1, 2, 125, 126, 127, 1024, 1025, 65535, 65536, 70000],
        [Role.client, .server]
    )
    func lengths(count: Int, role: Role) throws {
        let bytes = RandomSource.seeded(UInt64(count)).bytes(count)
        let shared = ByteBuffer(bytes: bytes)
        for buffer in [.payload(bytes), .payload(bytes, headroom: 3), shared] {
            var stream = Self.stream(role)
            let channel = EmbeddedChannel(handler: ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 20)))
            for frame in Self.wire(&stream, buffer) { try channel.writeInbound(ByteBuffer(bytes: frame)) }
            let frame = try #require(try channel.readInbound(as: WebSocketFrame.self))
            #expect(frame.fin && frame.opcode == .binary && (frame.maskKey != nil) == (role == .client))
            #expect(frame.unmaskedData.bytes == bytes)
            #expect(try channel.readInbound(as: WebSocketFrame.self) == nil)
            _ = try channel.finish()
        }
        #expect(shared.bytes == bytes)
    }

    @Test(
        "Room before the bytes takes the header: no byte moves",
        arguments: [10, 1000, 100_000],
        [Role.client, .server]
    )
    func inPlace(count: Int, role: Role) throws {
        var stream = Self.stream(role)
        var bytes = ByteBuffer.payload(
            RandomSource.seeded(4).bytes(count),
            headroom: TransportConnection.payloadHeadroom
        )
        let before = bytes.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
        let taken = stream.takeFrame(from: &bytes)
        let frame = try #require(taken)
        #expect(frame.data == nil)
        let start = frame.bytes.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
        #expect(start + frame.bytes.readableBytes - count == before)
    }

    @Test("A server's long data with another owner is not copied")
    func sharedServerData() throws {
        var stream = Self.stream(.server)
        let original = ByteBuffer(repeating: 7, count: 5000)
        var bytes = original
        let taken = stream.takeFrame(from: &bytes)
        let frame = try #require(taken)
        #expect(frame.bytes.bytes == hex("827e1388"))
        let address = frame.data?.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
        #expect(address == original.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) })
    }

    @Test("Long bytes are cut", arguments: [Role.client, .server])
    func pieces(role: Role) throws {
        var stream = Self.stream(role, maximumFrameLength: 100)
        let bytes = RandomSource.seeded(5).bytes(250)
        let frames = Self.wire(&stream, ByteBuffer(bytes: bytes))
        #expect(frames.count == 3)
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(WebSocketFrameDecoder()))
        for frame in frames { try channel.writeInbound(ByteBuffer(bytes: frame)) }
        var read: [[UInt8]] = []
        while let frame = try channel.readInbound(as: WebSocketFrame.self) { read.append(frame.unmaskedData.bytes) }
        #expect(read.map(\.count) == [100, 100, 50])
        #expect(read.flatMap { $0 } == bytes)
        _ = try channel.finish()
    }

    @Test("Each frame of a client has a key of its own")
    func keys() {
        var stream = WebSocketByteStream(role: .client, random: .seeded(6))
        var keys: Set<[UInt8]> = []
        for _ in 0..<200 {
            let frame = Self.wire(&stream, ByteBuffer(bytes: [0, 0, 0, 0]))
            keys.insert(Array(frame[0][2..<6]))
            #expect(frame[0][2..<6] == frame[0][6..<10])
        }
        #expect(keys.count == 200)
    }
}
