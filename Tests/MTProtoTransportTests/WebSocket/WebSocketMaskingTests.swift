// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import NIOWebSocket
import Testing

struct WebSocketMaskingTests {
    private static let key: WebSocketMaskingKey = [0x37, 0xfa, 0x21, 0x3d]

    @Test("RFC 6455, section 5.7: the masked text \"Hello\"")
    func vector() {
        var buffer = ByteBuffer(string: "Hello")
        WebSocketMasking.apply(Self.key, to: &buffer)
        #expect(buffer.bytes == hex("7f9f4d5158"))
        WebSocketMasking.apply(Self.key, to: &buffer)
        #expect(String(buffer: buffer) == "Hello")
    }

    @Test("Every length and every offset give what one byte after the other gives")
    func lengths() {
        let bytes = RandomSource.seeded(1).bytes(140)
        for count in 0...130 {
            for offset in 0...8 {
                for start in [0, 1, 3] {
                    var buffer = ByteBuffer(bytes: bytes[..<(start + count)])
                    buffer.moveReaderIndex(forwardBy: start)
                    WebSocketMasking.apply(Self.key, to: &buffer, at: offset)
                    let expected = (0..<count).map { bytes[start + $0] ^ Self.key[($0 + offset) % 4] }
                    #expect(buffer.bytes == expected, "\(count) bytes at \(offset), from index \(start)")
                }
            }
        }
    }

    @Test("Bytes with another owner stay as they are for that owner")
    func shared() {
        let bytes = RandomSource.seeded(2).bytes(1000)
        let original = ByteBuffer(bytes: bytes)
        var buffer = original
        WebSocketMasking.apply(Self.key, to: &buffer)
        #expect(original.bytes == bytes)
        #expect(buffer.bytes == bytes.enumerated().map { $1 ^ Self.key[$0 % 4] })
    }

    @Test("A buffer with one owner is masked in its own storage")
    func inPlace() {
        var buffer = ByteBuffer(bytes: RandomSource.seeded(3).bytes(1000))
        let before = buffer.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) }
        WebSocketMasking.apply(Self.key, to: &buffer)
        #expect(buffer.withUnsafeReadableBytes { Int(bitPattern: $0.baseAddress) } == before)
    }
}
