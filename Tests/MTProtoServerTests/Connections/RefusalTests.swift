// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// What a server refuses, and how.
@Suite(.network, .timeLimit(.minutes(10)))
struct RefusalTests {
    @Test("An unknown authorization key is a 404 and the end", arguments: TransportCase.all)
    func unknownKey(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter, transport.options())
            var session = RawSession(try Self.someKey())
            try await client.send(session.seal(Queries.echo()).payload)
            #expect(try await client.transportError() == .notFound)
            #expect(try await client.eventsUntilClosed().isEmpty)
            await client.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A wrong message key under a known key is a 404 and the end", arguments: [false, true])
    func wrongMessageKey(isFirst: Bool) async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            if !isFirst { try await client.ping(in: &session) }
            var payload = session.seal(Queries.echo()).payload
            payload.setInteger(
                UInt8(0x55) ^ (payload.getInteger(at: payload.readerIndex + 12) ?? 0),
                at: payload.readerIndex + 12
            )
            try await client.send(payload)
            #expect(try await client.transportError() == .notFound)
            #expect(try await client.eventsUntilClosed().isEmpty)
            await client.close()
        }
    }

    static let malformedPayloads: [(String, ByteBuffer)] = [
        ("8 bytes", ByteBuffer(repeating: 1, count: 8)),
        ("a plaintext header that is cut short", ByteBuffer(repeating: 0, count: 16)),
        ("a plaintext longer than its packet", ByteBuffer(bytes: [UInt8](repeating: 0, count: 16) + [255, 0, 0, 0])),
        ("a plaintext of negative length", ByteBuffer(bytes: [UInt8](repeating: 0, count: 16) + [255, 255, 255, 255])),
        ("an unknown plaintext method", Plaintext.regular(Queries.getConfig)),
        ("an encrypted message without a block", ByteBuffer(repeating: 9, count: 24)),
    ]

    @Test("Malformed payloads are a 404 and the end", arguments: malformedPayloads)
    func malformedPayload(name: String, payload: ByteBuffer) async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            try await client.send(payload)
            #expect(try await client.transportError() == .notFound)
            #expect(try await client.eventsUntilClosed().isEmpty)
            await client.close()
        }
    }

    @Test("TLS where none is spoken and bytes that are nothing are closed without an answer")
    func foreignProtocols() async throws {
        try await withDataCenter { dataCenter in
            let openings: [[UInt8]] = [
                [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01],
                RandomSource.seeded(4).bytes(64),
                [0xEE, 0xEE, 0xEE, 0xEE, 0xFF, 0xFF, 0xFF, 0x7F],
                [0xEF, 0x00],
                [0xEE, 0xEE, 0xEE, 0xEE, 0x05, 0, 0, 0, 1, 2, 3, 4, 5],
                [0x0C, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
            ]
            for opening in openings {
                var bytes = try await ByteConnection(to: dataCenter.addresses[0])
                try await bytes.write(ByteBuffer(bytes: opening))
                #expect(await bytes.read() == nil, "\(opening)")
                await bytes.close()
            }
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("Several req_pq on one connection are separate runs")
    func severalRuns() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            let first = try ResultPQ(try await client.exchange(RequestPQMulti(nonce: .random(.system)).serialized()))
            let second = try ResultPQ(try await client.exchange(RequestPQMulti(nonce: .random(.system)).serialized()))
            #expect(first.serverNonce != second.serverNonce)
            let keys = [
                try await client.makeKey(), try await client.makeKey(.temporary(expiresIn: 60)),
                try await client.makeKey(),
            ]
            #expect(Set(keys.map(\.authorizationKey.identifier)).count == 3)
            for key in keys {
                var session = RawSession(key)
                try await client.ping(in: &session)
            }
            await client.close()
        }
    }

    @Test("A wrong nonce is a 404, and the run stays refused on another connection")
    func wrongNonce() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            let nonce = Bytes16.random(.system)
            let answer = try ResultPQ(try await client.exchange(RequestPQMulti(nonce: nonce).serialized()))
            let wrong = RequestDHParameters(
                nonce: nonce,
                serverNonce: answer.serverNonce,
                p: [0, 0, 0, 3],
                q: [0, 0, 0, 5],
                fingerprint: TestKeys.publicKey.fingerprint,
                encryptedData: [UInt8](repeating: 1, count: 256)
            )
            try await client.send(Plaintext.regular(wrong.serialized()))
            #expect(try await client.transportError() == .notFound)
            await client.close()
            let other = try await RawClient(to: dataCenter)
            try await other.send(Plaintext.regular(wrong.serialized()))
            #expect(try await other.transportError() == .notFound)
            await other.close()
        }
    }

    @Test("A key for another data centre is a 444")
    func wrongDataCenter() async throws {
        try await withDataCenter { configuration in
            configuration.server.dataCenter = DataCenterIdentifier(2)
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter)
            do {
                _ = try await client.makeKey(dataCenter: DataCenterIdentifier(2, isTest: true))
                Issue.record("the exchange was accepted")
            } catch let error as RawClient.Unexpected {
                #expect(error.event == .transportError(.invalidDataCenter))
            }
            await client.close()
        }
    }

    @Test("More key exchange steps at once than allowed are a 429")
    func keyExchangeFlood() async throws {
        try await withDataCenter { configuration in
            configuration.server.limits.pendingKeyExchangeSteps = 0
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter)
            try await client.send(Plaintext.regular(RequestPQMulti(nonce: .random(.system)).serialized()))
            #expect(try await client.transportError() == .flood)
            await client.close()
        }
    }

    @Test("A payload of more than 64 KiB may be a connection's first if its key is known", arguments: TransportCase.all)
    func longFirstPayload(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            let large = Queries.echo(100 * 1_024)
            let maker = try await RawClient(to: dataCenter)
            var session = try await maker.makeSession()
            await maker.close()
            let client = try await RawClient(to: dataCenter, transport.options())
            #expect(try await client.invoke(large, in: &session) == large)
            await client.close()

            let stranger = try await RawClient(to: dataCenter, transport.options())
            var unknown = RawSession(try Self.someKey())
            try await stranger.send(unknown.seal(large).payload)
            #expect(try await stranger.eventsUntilClosed() == [.transportError(.notFound)])
            await stranger.close()
        }
    }

    @Test("A payload of more than 64 KiB without a key ends the connection", arguments: TransportCase.all)
    func longPlaintext(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter, transport.options())
            try await client.send(Plaintext.regular(ByteBuffer(repeating: 0, count: 1 << 17)))
            #expect(try await client.eventsUntilClosed().isEmpty)
            await client.close()
        }
    }

    @Test("A large payload right behind the first small one, in the same bytes, is taken")
    func largePayloadBehindTheFirst() async throws {
        try await withDataCenter { dataCenter in
            let maker = try await RawClient(to: dataCenter)
            var session = try await maker.makeSession()
            await maker.close()
            let client = try await RawClient(to: dataCenter)
            let large = Queries.echo(100 * 1_024)
            let small = session.seal(Ping(pingIdentifier: 3).serialized(), isContentRelated: false)
            let query = session.seal(large)
            var bytes = try client.frame(small.payload)
            bytes.writeImmutableBuffer(try client.frame(query.payload))
            try await client.write(bytes)
            #expect(try await client.result(of: query.identifier, in: session) == large)
            await client.close()
        }
    }

    static func someKey() throws -> KeyExchangeResult {
        KeyExchangeResult(
            authorizationKey: try AuthorizationKey(RandomSource.seeded(77).bytes(256)),
            salt: 0,
            timeOffsetNanoseconds: 0,
            expiresAt: nil,
            nonce: Bytes16(),
            serverNonce: Bytes16()
        )
    }
}
