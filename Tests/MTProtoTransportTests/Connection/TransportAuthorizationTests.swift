// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

/// The two limits of a server: for strangers, and for those who name a key that is known.
struct TransportAuthorizationTests {
    private static let configuration = TransportConnection.ServerConfiguration(
        maximumPayloadLengthBeforeAuthorization: 1000,
        maximumPayloadLength: 1624
    )

    /// A server that has seen the handshake, and what a client sends it.
    private static func server(_ payload: [UInt8], framing: Framing) throws -> (server: Handed, frame: [UInt8]) {
        var client = try TransportConnection(client: .init(framing: framing, random: .seeded(3)))
        var server = TransportConnection(server: Self.configuration)
        let small = try client.send(.payload(Payloads.encrypted(blocks: 10)))
        server.receive(small)
        _ = try server.nextEvent()
        _ = try server.nextEvent()
        return (Handed(server), try client.send(.payload(payload)).bytes)
    }

    /// Carries a connection in a tuple.
    private final class Handed {
        var connection: TransportConnection
        init(_ connection: consuming TransportConnection) { self.connection = connection }
    }

    @Test("Before authorization a long payload's key is asked for as soon as it is there", arguments: Framing.allCases)
    func asked(framing: Framing) throws {
        let large = Payloads.encrypted(blocks: 100)
        let identifier = try #require(
            ByteBuffer(bytes: large).getInteger(at: 0, endianness: .little, as: UInt64.self)
        )
        for isKnown in [true, false] {
            let (server, frame) = try Self.server(large, framing: framing)
            let header = framing == .full ? 8 : 4
            for byte in frame.prefix(header + 7) {
                server.connection.receive(ByteBuffer(bytes: [byte]))
                #expect(try server.connection.nextEvent() == nil)
            }
            server.connection.receive(ByteBuffer(bytes: [frame[header + 7]]))
            #expect(try server.connection.nextEvent() == .authorizationNeeded(keyIdentifier: identifier))
            guard isKnown else {
                let error = #expect(throws: TransportConnectionError.self) { try server.connection.nextEvent() }
                #expect(error?.framingError?.code == .oversized)
                #expect(error?.framingError?.expected == 1000)
                continue
            }
            server.connection.isAuthorized = true
            #expect(try server.connection.nextEvent() == nil)
            server.connection.receive(ByteBuffer(bytes: frame.dropFirst(header + 8)))
            #expect(try server.connection.nextEvent() == .payload(ByteBuffer(bytes: large), quickAckRequested: false))
        }
    }

    @Test("Nobody is asked about a payload without a key, or above the higher limit", arguments: Framing.allCases)
    func refused(framing: Framing) throws {
        for (payload, isAuthorized) in [
            (Payloads.plaintext(body: 1200), false), (Payloads.encrypted(blocks: 101), false),
            (Payloads.encrypted(blocks: 101), true),
        ] {
            let (server, frame) = try Self.server(payload, framing: framing)
            server.connection.isAuthorized = isAuthorized
            server.connection.receive(ByteBuffer(bytes: frame))
            let error = #expect(throws: TransportConnectionError.self) { try server.connection.nextEvent() }
            #expect(error?.framingError?.code == .oversized)
            #expect(error?.framingError?.expected == (isAuthorized ? 1624 : 1000))
        }
    }

    @Test("After authorization nobody is asked", arguments: Framing.allCases)
    func authorized(framing: Framing) throws {
        let large = Payloads.encrypted(blocks: 100)
        let (server, frame) = try Self.server(large, framing: framing)
        server.connection.isAuthorized = true
        server.connection.authorizationKeyIdentifier = 5
        server.connection.receive(ByteBuffer(bytes: frame))
        #expect(try server.connection.nextEvent() == .payload(ByteBuffer(bytes: large), quickAckRequested: false))
    }
}
