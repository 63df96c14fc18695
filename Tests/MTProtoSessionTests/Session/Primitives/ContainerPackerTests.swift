// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import NIOCore
import Testing

@Suite("Container packing")
struct ContainerPackerTests {
    private func message(_ identifier: UInt64, byteCount: Int) -> OutgoingMessage {
        OutgoingMessage(identifier: identifier, sequenceNumber: 1, body: ByteBuffer(repeating: 7, count: byteCount))
    }

    @Test("One message stays bare")
    func bare() {
        var packer = ContainerPacker()
        packer.append(self.message(4, byteCount: 8))
        var buffer = ByteBuffer()
        packer.write(to: &buffer)
        #expect(!packer.isContainer)
        #expect(packer.byteCount == 8)
        #expect(buffer == ByteBuffer(repeating: 7, count: 8))
    }

    @Test("Two messages are the container of the protocol page")
    func vector() {
        var packer = ContainerPacker()
        packer.append(
            OutgoingMessage(
                identifier: 0x65AB_C0FE_1234_5678,
                sequenceNumber: 0,
                body: ByteBuffer(bytes: [0xEC, 0x77, 0xBE, 0x7A, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11])
            )
        )
        packer.append(
            OutgoingMessage(
                identifier: 0x65AB_C0FE_1234_567C,
                sequenceNumber: 1,
                body: ByteBuffer(bytes: [0x6B, 0x18, 0xF9, 0xC4])
            )
        )
        var buffer = ByteBuffer()
        packer.write(to: &buffer)
        #expect(packer.isContainer)
        #expect(packer.byteCount == 56)
        #expect(
            buffer.readableBytesView.elementsEqual([
                0xDC, 0xF8, 0xF1, 0x73, 2, 0, 0, 0,
                0x78, 0x56, 0x34, 0x12, 0xFE, 0xC0, 0xAB, 0x65, 0, 0, 0, 0, 12, 0, 0, 0,
                0xEC, 0x77, 0xBE, 0x7A, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,
                0x7C, 0x56, 0x34, 0x12, 0xFE, 0xC0, 0xAB, 0x65, 1, 0, 0, 0, 4, 0, 0, 0,
                0x6B, 0x18, 0xF9, 0xC4,
            ])
        )
    }

    @Test("A result gets its rpc_result around it")
    func result() {
        var packer = ContainerPacker()
        packer.append(
            OutgoingMessage(
                identifier: 1,
                sequenceNumber: 1,
                body: ByteBuffer(bytes: [1, 2, 3, 4]),
                resultOf: 0x65AB_C0FE_1234_567C
            )
        )
        var buffer = ByteBuffer()
        packer.write(to: &buffer)
        #expect(packer.byteCount == 16)
        #expect(
            buffer.readableBytesView.elementsEqual(
                [0x01, 0x6D, 0x5C, 0xF3, 0x7C, 0x56, 0x34, 0x12, 0xFE, 0xC0, 0xAB, 0x65, 1, 2, 3, 4]
            )
        )
    }

    @Test("A repeated message travels in a container alone")
    func wrapped() {
        var packer = ContainerPacker()
        packer.append(self.message(4, byteCount: 8), inContainer: true)
        #expect(packer.isContainer)
        #expect(packer.byteCount == 32)
    }

    @Test("1020 messages fit and no more")
    func count() {
        var packer = ContainerPacker()
        var identifier: UInt64 = 0
        while packer.hasRoom(forByteCount: 4) {
            identifier += 4
            packer.append(self.message(identifier, byteCount: 4))
        }
        #expect(packer.count == 1020)
        packer.removeAll()
        #expect(packer.isEmpty && packer.byteCount == 0 && packer.hasRoom(forByteCount: 1))
    }

    @Test("32 KiB fit and no more, unless a message is alone")
    func bytes() {
        var packer = ContainerPacker()
        #expect(packer.hasRoom(forByteCount: 1 << 24))
        packer.append(self.message(4, byteCount: 16_364))
        // 8 for the container, 16 for each message.
        #expect(packer.hasRoom(forByteCount: 32_768 - 8 - 16 - 16_364 - 16))
        #expect(!packer.hasRoom(forByteCount: 32_768 - 8 - 16 - 16_364 - 16 + 4))
        packer.append(self.message(8, byteCount: 16_364))
        #expect(packer.byteCount == 32_768)
        #expect(!packer.hasRoom(forByteCount: 0))
    }
}
