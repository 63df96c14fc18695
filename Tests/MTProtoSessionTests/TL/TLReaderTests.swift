// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

@Suite struct TLReaderTests {
    @Test(arguments: [
        (0, "00000000", 4), (1, "01", 4), (3, "03", 4), (4, "04", 8), (253, "fd", 256), (254, "fefe0000", 260),
        (255, "feff0000", 260), (256, "fe000100", 260), (0xff_ffff, "feffffff", 0x100_0004),
        (0x100_0000, "ff00000001000000", 0x100_0008),
    ])
    func byteStringsHaveTheRightHead(length: Int, head: String, total: Int) throws {
        var bytes = [UInt8](repeating: 0x64, count: length)
        bytes.replaceSubrange(..<min(3, length), with: Array("abc".utf8.prefix(length)))
        var buffer = ByteBuffer()
        buffer.writeTLBytes(bytes)
        #expect(buffer.readableBytes == total)
        #expect(buffer.prefix(head.utf8.count / 2).wireHex == head)
        let padding = total - head.utf8.count / 2 - length
        #expect(buffer.readableBytesView.suffix(padding).allSatisfy { $0 == 0 })
        var fromBuffer = ByteBuffer()
        fromBuffer.writeTLBytes(ByteBuffer(bytes: bytes))
        #expect(fromBuffer == buffer)
        var reader = TLReader(buffer)
        #expect(try reader.readByteArray() == bytes)
        #expect(reader.remaining == 0)
    }

    @Test(arguments: [("a", "01610000"), ("abc", "03616263"), ("abcd", "0461626364000000"), ("é", "02c3a900")])
    func stringsAreUTF8(text: String, wire: String) throws {
        var buffer = ByteBuffer()
        buffer.writeTLBytes(text)
        #expect(buffer.wireHex == wire)
        var reader = TLReader(buffer)
        #expect(try reader.readString() == text)
    }

    @Test func stringsThatAreNotUTF8AreRepaired() throws {
        var reader = TLReader(ByteBuffer(wireHex: "02c30000"))
        #expect(try reader.readString() == "\u{fffd}\0")
    }

    @Test func paddingIsNotLookedAt() throws {
        var reader = TLReader(ByteBuffer(wireHex: "0161ffff"))
        #expect(try reader.readString() == "a")
        #expect(reader.remaining == 0)
    }

    @Test func numbersAreLittleEndian() throws {
        var buffer = ByteBuffer()
        buffer.writeTLInt32(-2)
        buffer.writeTLUInt32(0x0102_0304)
        buffer.writeTLInt64(-2)
        buffer.writeTLUInt64(0x0102_0304_0506_0708)
        buffer.writeTLDouble(1)
        buffer.writeTLBool(true)
        buffer.writeTLBool(false)
        buffer.writeTLVector([1, UInt64.max])
        #expect(
            buffer.wireHex == """
                feffffff04030201feffffffffffffff0807060504030201000000000000f03fb5757299379779bc\
                15c4b51c020000000100000000000000ffffffffffffffff
                """
        )
        var reader = TLReader(buffer)
        #expect(try reader.readInt32() == -2)
        #expect(reader.peekConstructor() == 0x0102_0304)
        #expect(try reader.readConstructor() == 0x0102_0304)
        #expect(try reader.readInt64() == -2)
        #expect(try reader.readUInt64() == 0x0102_0304_0506_0708)
        #expect(try reader.readDouble() == 1)
        #expect(try reader.readBool())
        #expect(try !reader.readBool())
        #expect(try reader.readUInt64Vector() == [1, .max])
        #expect(reader.remaining == 0)
        #expect(reader.peekConstructor() == nil)
    }

    @Test(arguments: [
        "04616263", "fd", "fe", "fe0000", "feffffff", "fe040000616263", "ff", "ff0400000000", "ffffffffffffffff",
        "ff000000ffffffff", "05", "01", "016100",
    ])
    func byteStringsBeyondTheEndAreRefused(wire: String) {
        var reader = TLReader(ByteBuffer(wireHex: wire))
        #expect(throws: TLError.self) { try reader.readBytes() }
    }

    @Test(arguments: ["ffffffff", "00000080", "ffffff7f", "03000000", "00000010"])
    func hostileCountsAreRefused(count: String) {
        let items = "0100000000000000 0200000000000000"
        var reader = TLReader(ByteBuffer(wireHex: "15c4b51c" + count + items))
        #expect(throws: TLError.self) { try reader.readUInt64Vector() }
        for head in ["dcf8f173" + count + items, "950850ae 0000000000000000 00000000" + count + items] {
            #expect(throws: TLError.self) { try MessageBody.parse(ByteBuffer(wireHex: head)) }
        }
        for method in ["f0b4c43d 15c4b51c" + count + items] {
            #expect(throws: TLError.self) { try QueryEnvelope.unwrap(ByteBuffer(wireHex: method)) }
        }
        #expect(throws: TLError.self) { try JSONValue(ByteBuffer(wireHex: "634744f7 15c4b51c" + count + items)) }
    }

    @Test func minimumItemSizeOfZeroIsHarmless() throws {
        var reader = TLReader(ByteBuffer(wireHex: "01000000"))
        #expect(throws: TLError.invalidCount(1)) { try reader.readBareVector(minimumItemSize: 0) }
    }

    @Test func vectorsNeedTheirConstructor() {
        var reader = TLReader(ByteBuffer(wireHex: "15c4b51d 00000000"))
        #expect(throws: TLError.unexpectedConstructor(0x1db5_c415)) { try reader.readUInt64Vector() }
        var bool = TLReader(ByteBuffer(wireHex: "39d3ed3f"))
        #expect(throws: TLError.unexpectedConstructor(True.constructor)) { try bool.readBool() }
    }

    @Test func slicesOfNegativeLengthAreRefused() {
        var reader = TLReader(ByteBuffer(wireHex: "00000000"))
        #expect(throws: TLError.invalidLength(-1)) { try reader.readSlice(length: -1) }
        #expect(throws: TLError.invalidLength(5)) { try reader.readSlice(length: 5) }
    }

    @Test func nestingIsBounded() throws {
        func nested(_ depth: Int) -> ByteBuffer {
            (0..<depth).reduce(JSONValue.null) { value, _ in .array([value]) }.serialized()
        }
        _ = try JSONValue(nested(16))
        #expect(throws: TLError.tooDeep) { try JSONValue(nested(17)) }
        var hostile = ByteBuffer()
        for _ in 0..<100_000 { hostile.writeImmutableBuffer(ByteBuffer(wireHex: "634744f7 15c4b51c 01000000")) }
        #expect(throws: TLError.tooDeep) { try JSONValue(hostile) }
    }

    @Test func depthIsGivenBack() throws {
        // Siblings do not add up.
        let value = JSONValue.array((0..<40).map { _ in .array([.object([])]) })
        #expect(try JSONValue(value.serialized()) == value)
    }

    @Test func smallElementsAreBounded() {
        let many = JSONValue.array(Array(repeating: .null, count: (1 << 16) + 1)).serialized()
        #expect(throws: TLError.limitExceeded(1 << 16)) { try JSONValue(many) }
    }

    @Test func descriptionsNameTheNumberAtFault() {
        #expect("\(TLError.unexpectedConstructor(0x0949_d9dc))" == "TL: unexpectedConstructor 0949d9dc")
        #expect("\(TLError.invalidLength(-4))" == "TL: invalidLength -4")
        #expect("\(TLError.invalidCount(7))" == "TL: invalidCount 7")
        #expect("\(TLError.limitExceeded(UInt64.max))" == "TL: limitExceeded \(Int64.max)")
        #expect("\(TLError.truncated)" == "TL: truncated")
    }
}
