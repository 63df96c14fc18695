// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// The vectors of `obfuscation.md` §8.
struct ObfuscationVectorTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        var random = (0..<64).map { UInt8($0) }
        let framing: Framing
        let dataCenter: DataCenterIdentifier
        let secret: String?
        /// The 64 bytes on the wire.
        let header: String
        /// What the client sends next, plain and on the wire.
        let sent: [(plain: [UInt8], wire: String)]
        /// The first bytes that the server sends, plain and on the wire.
        let received: (plain: String, wire: String)

        var testDescription: String { self.name }
    }

    static let start = """
        000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
        202122232425262728292a2b2c2d2e2f3031323334353637
        """

    static let vectors = [
        Vector(
            name: "A: no secret, intermediate, DC 2",
            framing: .intermediate,
            dataCenter: DataCenterIdentifier(2),
            secret: nil,
            header: Self.start + "4618255e1c00fd5d",
            sent: [
                (
                    hex("58000000") + Payloads.ping,
                    """
                    6aa9c128b216c730b42b0ba2fc16e6ba38961d2fd71add954e5b5769e01632cf
                    cb3b91eb78051f00db5cde915abf1408e29c2cbbab850873b81f0204b9c56a96
                    cfa63d0b2fc047c8a2c9b0863e49bd9481c4f977c69f7dd17be44f9a
                    """
                )
            ],
            received: ("040000006cfeffff", "2b9de370b232f9bf")
        ),
        Vector(
            name: "B: plain secret, abridged, media DC 4",
            framing: .abridged,
            dataCenter: DataCenterIdentifier(4, isMedia: true),
            secret: "00112233445566778899aabbccddeeff",
            header: Self.start + "bd0f7267c17444b1",
            sent: [
                (
                    hex("16") + Payloads.ping,
                    """
                    8fe6b6a0cb7d6f0f8f8a79e1c0a009ca38a8cef2f22a6c6d9ab3af42a0a1cbfd
                    eadeed6da7efe1b637f115df979e42a7f238e43914f935de33e9b89921b47a50
                    ef88b1dfd0f80f6549a26298d7fbef6c9592cf730546f3d6d4
                    """
                )
            ],
            received: ("016cfeffff", "098d1320f5")
        ),
        Vector(
            name: "C: padded secret, padded intermediate, test DC 2",
            framing: .paddedIntermediate,
            dataCenter: DataCenterIdentifier(2, isTest: true),
            secret: "dd00112233445566778899aabbccddeeff",
            header: Self.start + "8f3d40552fac44b1",
            sent: [
                (
                    hex("5d000000") + Payloads.ping + hex("0102030405"),
                    """
                    c46c5102300c57e506f156aa908e6da22096faa392a472428c9db15d5fb6e1a2
                    c56c39e5f892dabcba69ee84407a8aad87f47c06f33d6324faab0d37ed4ad3e6
                    5eca4cf493e866795c92a69f06445bec139ac492ef7b2bf6d31784b73c32b803
                    fb
                    """
                )
            ],
            received: ("070000006cfeffff0a0b0c", "0fe1eddf668d13738f10ff")
        ),
        Vector(
            name: "gotd: padded intermediate, DC 2",
            random: hex(
                """
                f5768f50b731260a46be1027c2eeaa39350624f0b6da59eba56c81fe4510c2e0
                b61d3dd323ee02388633e3837a0c1c24fa6f29ccd724be6f416ff7b026f6cce6
                """
            ),
            framing: .paddedIntermediate,
            dataCenter: DataCenterIdentifier(2),
            secret: "8a96ef6e42a18c21837580cd1c91c5a8",
            header: """
                f5768f50b731260a46be1027c2eeaa39350624f0b6da59eba56c81fe4510c2e0
                b61d3dd323ee02388633e3837a0c1c24fa6f29ccd724be6fbea2dde16dc59dd2
                """,
            sent: [(Array("abcd".utf8), "ca7a8226")],
            received: ("61626364", "8f711982")
        ),
    ]

    @Test("The client's side", arguments: Self.vectors)
    func client(vector: Vector) throws {
        var initiation = try Obfuscation.initiate(
            framing: vector.framing,
            dataCenter: vector.dataCenter,
            secret: vector.secret.map { text throws in try ProxySecret(string: text) },
            random: .fixed(vector.random)
        )
        #expect(initiation.header == hex(vector.header))
        for (plain, wire) in vector.sent {
            var buffer = ByteBuffer(bytes: plain)
            initiation.obfuscation.encrypt(&buffer)
            #expect(buffer.bytes == hex(wire))
        }
        var buffer = ByteBuffer(hex: vector.received.wire)
        initiation.obfuscation.decrypt(&buffer)
        #expect(buffer.bytes == hex(vector.received.plain))
    }

    @Test("The server's side", arguments: Self.vectors)
    func server(vector: Vector) throws {
        let other = try ProxySecret(bytes: [UInt8](repeating: 1, count: 16))
        let secret = try vector.secret.map { text throws in try ProxySecret(string: text) }
        let accepted = Obfuscation.accept(hex(vector.header), secrets: [other, secret])
        guard var acceptance = accepted else {
            Issue.record("not accepted")
            return
        }
        #expect(acceptance.framing == vector.framing)
        #expect(acceptance.dataCenter == vector.dataCenter.encoded)
        #expect(acceptance.secretIndex == 1)
        for (plain, wire) in vector.sent {
            var buffer = ByteBuffer(hex: wire)
            acceptance.obfuscation.decrypt(&buffer)
            #expect(buffer.bytes == plain)
        }
        var buffer = ByteBuffer(hex: vector.received.plain)
        acceptance.obfuscation.encrypt(&buffer)
        #expect(buffer.bytes == hex(vector.received.wire))
    }

    @Test("A whole client connection, vector A")
    func connection() throws {
        let vector = Self.vectors[0]
        var client = try TransportConnection(
            client: .init(
                framing: .intermediate,
                obfuscation: .init(dataCenter: vector.dataCenter),
                random: .fixed(vector.random)
            )
        )
        #expect(client.takePreamble()?.bytes == hex(vector.header))
        #expect(client.takePreamble() == nil)
        #expect(try client.send(.payload(Payloads.ping)).bytes == hex(vector.sent[0].wire))
        client.receive(ByteBuffer(hex: vector.received.wire))
        #expect(try client.nextEvent() == .transportError(.notFound))

        var server = TransportConnection(server: .init())
        server.receive(ByteBuffer(hex: vector.header + vector.sent[0].wire))
        let handshake = TransportHandshake(framing: .intermediate, isObfuscated: true, dataCenter: 2, secretIndex: 0)
        #expect(try server.nextEvent() == .handshake(handshake))
        #expect(try server.nextEvent() == .payload(ByteBuffer(bytes: Payloads.ping), quickAckRequested: false))
        #expect(try server.sendTransportError(.notFound).bytes == hex(vector.received.wire))
    }
}
