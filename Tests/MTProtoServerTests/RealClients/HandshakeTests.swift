// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoTransport
import NIOCore
import Testing

@testable import MTProtoSession

/// What real clients do in the handshake; each test is a line of the list of observations.
@Suite(.network, .timeLimit(.minutes(10)))
struct RealClientHandshakeTests {
    @Test("Both RSA paddings and both forms of the inner data are accepted", arguments: [true, false])
    func bothRSAPaddings(isLegacy: Bool) async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session: RawSession
            if isLegacy {
                var exchange = LegacyKeyExchange(client)
                session = RawSession(try await exchange.run { RequestPQMulti(nonce: $0).serialized() })
                // Telethon and Pyrogram do not know the salt.
                try await client.send(
                    session.seal(Ping(pingIdentifier: 9).serialized(), isContentRelated: false).payload
                )
                session.salt = try await client.message(in: session) { body, _ in
                    guard case .badSalt(let notice) = body else { return nil }
                    return notice.newSalt
                }
            } else {
                session = try await client.makeSession()
            }
            try await client.ping(in: &session)
            await client.close()
        }
    }

    @Test("req_pq is answered like req_pq_multi")
    func requestPQ() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var exchange = LegacyKeyExchange(client)
            _ = try await exchange.run { RequestPQ(nonce: $0).serialized() }
            await client.close()
        }
    }

    @Test("An aborted handshake is normal: losers of a race leave nothing behind")
    func abortedHandshakes() async throws {
        try await withDataCenter { dataCenter in
            for count in 0..<12 {
                let client = try await RawClient(
                    to: dataCenter,
                    TransportCase.all[count % TransportCase.all.count].options()
                )
                if count.isMultiple(of: 2) {
                    _ = try await client.exchange(RequestPQMulti(nonce: .random(.system)).serialized())
                }
                await client.close()
            }
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession()
            try await client.ping(in: &session)
            await client.close()
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test(
        "Plaintext messages with identifier 0 and padding inside of the length (TDLib, Desktop), or behind it (MadelineProto)"
    )
    func plaintextPadding() async throws {
        try await withDataCenter { dataCenter in
            for form in [Plaintext.paddedInside, Plaintext.paddedBehind] {
                let client = try await RawClient(to: dataCenter)
                var session = RawSession(try await client.makeKey(form: form))
                try await client.ping(in: &session)
                await client.close()
            }
        }
    }

    @Test("A plaintext msgs_ack (Android) is ignored at every step")
    func plaintextAcknowledgement() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            let acknowledgement = MessagesAcknowledgement(identifiers: [0x65AB_C0FE_0000_0001]).serialized()
            let result = try await client.makeKey(between: { client in
                try await client.send(Plaintext.regular(acknowledgement))
            })
            try await client.send(Plaintext.regular(acknowledgement))
            var session = RawSession(result)
            try await client.ping(in: &session)
            await client.close()
        }
    }

    @Test("dh_gen_retry is never sent: a taken key identifier is a dh_gen_fail")
    func neverRetries() async throws {
        try await withDataCenter { configuration in
            configuration.server.authorizationKeys = FullStore()
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter)
            await #expect(throws: KeyExchangeError(.verdict, .refused)) { try await client.makeKey() }
            await client.close()
        }
    }

    @Test("Telegram's own prime, and a product below 2^63 (Pyrogram)")
    func primeAndProduct() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var exchange = LegacyKeyExchange(client)
            _ = try await exchange.run { RequestPQMulti(nonce: $0).serialized() }
            #expect(exchange.inner?.prime == DiffieHellman.knownPrime)
            #expect(exchange.product.count <= 8)
            #expect((exchange.product.first ?? 0xFF) < 0x80)
            await client.close()
        }
    }

    @Test("A key outlives its connection (Pyrogram closes after the handshake)")
    func keyOutlivesConnection() async throws {
        try await withDataCenter { dataCenter in
            let first = try await RawClient(to: dataCenter)
            var session = try await first.makeSession()
            await first.close()
            let second = try await RawClient(
                to: dataCenter,
                TransportCase(framing: .abridged, isObfuscated: true).options()
            )
            try await second.ping(in: &session)
            await second.close()
        }
    }

    @Test("The DC field of an obfuscated header is ignored (Telethon and Pyrogram send random bytes)")
    func randomDataCenterField() async throws {
        try await withDataCenter { configuration in
            configuration.server.dataCenter = DataCenterIdentifier(2)
        } _: { dataCenter in
            let others = [
                DataCenterIdentifier(9_871), DataCenterIdentifier(4, isTest: true),
                DataCenterIdentifier(203, isMedia: true),
            ]
            for other in others {
                var options = RawClient.Options()
                options.obfuscation = .init(dataCenter: other)
                let client = try await RawClient(to: dataCenter, options)
                _ = try await client.exchange(RequestPQMulti(nonce: .random(.system)).serialized())
                await client.close()
            }
        }
    }
}

/// A store in which every identifier is taken.
private struct FullStore: AuthorizationKeyStore {
    func record(for identifier: UInt64) -> AuthorizationKeyRecord? { nil }
    func insert(_ record: AuthorizationKeyRecord) -> Bool { false }
    func remove(_ identifier: UInt64) -> [UInt64] { [] }
    func bind(temporary: UInt64, to permanent: UInt64) -> AuthorizationKeyBinding { .unknownKey }
    func setLayer(_ layer: Int32, for identifier: UInt64) {}
}
