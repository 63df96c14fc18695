// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// How real clients write bytes; each test is a line of the list of observations.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct RealClientTransportTests {
    @Test("Padded intermediate: 0 to 15 bytes of padding are taken from clients")
    func clientPadding() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(
                to: dataCenter,
                TransportCase(framing: .paddedIntermediate, isObfuscated: false).options()
            )
            var session = try await client.makeSession()
            for padding in 0...15 {
                let ping = session.seal(Ping(pingIdentifier: Int64(padding)).serialized(), isContentRelated: false)
                var frame = ByteBuffer(integer: UInt32(ping.payload.readableBytes + padding), endianness: .little)
                frame.writeImmutableBuffer(ping.payload)
                frame.writeBytes(RandomSource.system.bytes(padding))
                try await client.write(frame)
                try await client.pong(Int64(padding), in: session)
            }
            await client.close()
        }
    }

    @Test(
        "Padded intermediate: towards clients at most 3 bytes (Telethon strips length mod 4); quick acks at most 15 in all"
    )
    func serverPadding() async throws {
        try await withDataCenter { dataCenter in
            var bytes = try await ByteConnection(to: dataCenter.addresses[0])
            let maker = try await RawClient(to: dataCenter)
            var session = try await maker.makeSession()
            await maker.close()
            try await bytes.write(ByteBuffer(repeating: 0xDD, count: 4))
            var received = ByteBuffer()
            var lengths: [Int] = []
            for number: Int64 in 1...24 {
                let ping = session.seal(Ping(pingIdentifier: number).serialized(), isContentRelated: false)
                var frame = ByteBuffer(integer: UInt32(ping.payload.readableBytes) | 1 << 31, endianness: .little)
                frame.writeImmutableBuffer(ping.payload)
                try await bytes.write(frame)
            }
            while lengths.count(where: { $0 < 12 }) < 24 || lengths.count < 25 {
                var next = try #require(await bytes.read())
                received.writeBuffer(&next)
                while let length = received.getInteger(at: received.readerIndex, endianness: .little, as: UInt32.self),
                    received.readableBytes >= Int(length) + 4
                {
                    received.moveReaderIndex(forwardBy: 4 + Int(length))
                    lengths.append(Int(length))
                }
            }
            for length in lengths {
                // A quick ack is ffffffff and the token with at most 3 bytes; a message is 24 + 16n with at most 3.
                #expect(length < 12 || (length - 24) % 16 <= 3)
                #expect(length >= 12 || (8...11).contains(length))
            }
            #expect(lengths.count { $0 < 12 } == 24)
            await bytes.close()
        }
    }

    @Test("The header, a length, a frame arrive byte by byte or in small pieces", arguments: TransportCase.all)
    func smallPieces(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            for length in [1, 7] {
                let client = try await RawClient(to: dataCenter, transport.options(pieceLength: length))
                var session = try await client.makeSession()
                try await client.ping(in: &session)
                #expect(try await client.invoke(Queries.echo(200), in: &session) == Queries.echo(200))
                await client.close()
            }
        }
    }

    @Test("Many frames arrive at once", arguments: TransportCase.all)
    func manyFramesAtOnce(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            let maker = try await RawClient(to: dataCenter)
            var session = try await maker.makeSession()
            await maker.close()
            let client = try await RawClient(to: dataCenter, transport.options())
            var bytes = ByteBuffer()
            var identifiers: [UInt64] = []
            for number in 0..<100 {
                let query = session.seal(Queries.echo(16, fill: UInt8(number)))
                bytes.writeImmutableBuffer(try client.frame(query.payload))
                identifiers.append(query.identifier)
            }
            try await client.write(bytes)
            for (number, identifier) in identifiers.enumerated() {
                let result = try await client.result(of: identifier, in: session)
                #expect(result == Queries.echo(16, fill: UInt8(number)))
            }
            await client.close()
        }
    }

    @Test(
        "Time limits are not shorter than the clients' own (iOS 12–20 s and silence of 30 minutes, Android 40 s, Desktop 8 s)"
    )
    func defaultTimeouts() {
        let timeouts = ServerConfiguration.Timeouts()
        #expect(timeouts.handshake > .seconds(40))
        #expect(timeouts.idle > .minutes(30))
        #expect(timeouts.partialFrame > .seconds(40))
        #expect(timeouts.stalledWrite > .seconds(40))
    }

    @Test("A quick ack is answered in the framing's form", arguments: TransportCase.all)
    func quickAcks(transport: TransportCase) async throws {
        guard transport.framing != .full else { return }
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter, transport.options())
            var session = try await client.makeSession()
            let query = session.seal(Queries.echo())
            try await client.send(query.payload, quickAck: true)
            #expect(try await client.event() == .quickAck(query.quickAckToken))
            #expect(try await client.result(of: query.identifier, in: session) == Queries.echo())
            // A message that is rejected gets none.
            session.salt ^= 1
            try await client.send(session.seal(Queries.echo()).payload, quickAck: true)
            guard case .payload = try await client.event() else {
                Issue.record("expected bad_server_salt only")
                return
            }
            await client.close()
        }
    }
}
