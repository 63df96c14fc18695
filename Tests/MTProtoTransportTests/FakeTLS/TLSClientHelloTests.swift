// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import Testing

struct TLSClientHelloTests {
    @Test("The vector's parts")
    func vector() throws {
        let hello = try #require(TLSClientHello(record: FakeTLSVectors.hello))
        #expect(hello.sessionIdentifier == (0x20...0x3f).map { UInt8($0) })
        #expect(hello.cipherSuites.prefix(2) == [0x0a0a, 0x1301])
        #expect(hello.cipherSuites.count == 16)
        #expect(hello.serverName == Array("example.com".utf8))
        #expect(hello.extensions.map(\.type).prefix(3) == [0x1a1a, 0, 0x17])
        #expect(hello.extensions.last?.type == 0x15)
        #expect(hello.extensions.last?.body == 304..<517)
    }

    @Test(
        "A changed byte of the layout is seen",
        arguments: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 43, 76, 77, 110, 111, 112, 113]
    )
    func changedByte(index: Int) {
        var record = FakeTLSVectors.hello
        record[index] ^= 1
        #expect(TLSClientHello(record: record) == nil)
    }

    @Test("Every beginning is too short, and bytes behind are too many")
    func lengths() {
        for count in 0..<FakeTLSVectors.hello.count {
            #expect(TLSClientHello(record: Array(FakeTLSVectors.hello.prefix(count))) == nil)
        }
        #expect(TLSClientHello(record: FakeTLSVectors.hello + [0]) == nil)
    }

    @Test("An extension that is there twice, and a broken name")
    func extensions() throws {
        let hello = try #require(TLSClientHello(record: FakeTLSVectors.hello))
        var doubled = FakeTLSVectors.hello
        let second = hello.extensions[2].body.lowerBound - 4
        doubled.replaceSubrange(second..<(second + 2), with: [0x1a, 0x1a])
        #expect(TLSClientHello(record: doubled) == nil)
        let name = hello.extensions[1].body
        // The length of the list, the type of the name, the length of the name.
        for index in [name.lowerBound + 1, name.lowerBound + 2, name.lowerBound + 4] {
            var broken = FakeTLSVectors.hello
            broken[index] ^= 1
            #expect(TLSClientHello(record: broken) == nil)
        }
    }
}
