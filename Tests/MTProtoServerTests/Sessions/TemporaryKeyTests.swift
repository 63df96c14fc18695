// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// Temporary keys and their binding.
@Suite(.network, .timeLimit(.minutes(10)))
struct TemporaryKeyTests {
    private static let boolTrue = ByteBuffer(tlBoolean: true)

    @Test("An unbound temporary key may ask for config and nearest DC only")
    func unbound() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession(.temporary(expiresIn: 3_600))
            _ = try Config(try await client.invoke(Queries.initialized(Queries.getConfig), in: &session))
            _ = try NearestDataCenter(try await client.invoke(HelpGetNearestDataCenter().serialized(), in: &session))
            let error = try RPCErrorMessage(try await client.invoke(Queries.initialized(Queries.echo()), in: &session))
            #expect(error == RPCErrorMessage(code: 401, message: "AUTH_KEY_PERM_EMPTY"))
            await client.close()
        }
    }

    @Test("Bound once, and again to the same key; the container's next calls are made under the bound key")
    func boundInContainer() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            let permanent = try await client.makeKey().authorizationKey
            var session = try await client.makeSession(.temporary(expiresIn: 3_600))
            let binding = session.binding(to: permanent)
            let call = session.message(Queries.initialized(Queries.echo()))
            try await client.send(session.seal(container: [binding, call]).payload)
            #expect(try await client.result(of: binding.identifier, in: session) == Self.boolTrue)
            #expect(try await client.result(of: call.identifier, in: session) == Queries.echo())
            let again = session.binding(to: permanent)
            try await client.send(session.seal(again).payload)
            #expect(try await client.result(of: again.identifier, in: session) == Self.boolTrue)
            await client.close()
        }
    }

    @Test("A binding to another key is refused: TEMP_AUTH_KEY_ALREADY_BOUND")
    func boundToAnother() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            let permanent = try await client.makeKey().authorizationKey
            let other = try await client.makeKey().authorizationKey
            var session = try await client.makeSession(.temporary(expiresIn: 3_600))
            let binding = session.binding(to: permanent)
            try await client.send(session.seal(binding).payload)
            #expect(try await client.result(of: binding.identifier, in: session) == Self.boolTrue)
            let second = session.binding(to: other)
            try await client.send(session.seal(second).payload)
            let error = try RPCErrorMessage(try await client.result(of: second.identifier, in: session))
            #expect(error == RPCErrorMessage(code: 400, message: "TEMP_AUTH_KEY_ALREADY_BOUND"))
            await client.close()
        }
    }

    @Test("Queries whose connections are gone count for the permanent key, whichever temporary key they came under")
    func detachedQueries() async throws {
        let gate = Gate()
        try await withServer {
            $0.limits.detachedQueriesPerKey = 1
        } respond: {
            HTTPSessionTests.echo(behind: gate)($0, $1)
        } _: { server, address in
            let client = try await RawClient(to: address)
            let permanent = try await client.makeKey().authorizationKey
            for count in 1...2 {
                var session = try await client.makeSession(.temporary(expiresIn: 3_600))
                let binding = session.binding(to: permanent)
                try await client.send(session.seal(binding).payload)
                #expect(try await client.result(of: binding.identifier, in: session) == Self.boolTrue)
                let requests = try await HTTPSessionTests.client(address)
                try await requests.send(session.seal(Queries.initialized(Queries.echo())).payload)
                try await eventually { gate.arrivals == count }
                try await requests.reset()
                try await eventually { server.connectionCount == 1 }
                #expect(gate.cancellations == count - 1)
            }
            await client.close()
            gate.open()
        }
    }

    @Test("A permanent key cannot be bound: TEMP_AUTH_KEY_EMPTY")
    func permanentCarrier() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            let permanent = try await client.makeKey().authorizationKey
            var session = try await client.makeSession()
            let binding = session.binding(to: permanent)
            try await client.send(session.seal(binding).payload)
            let error = try RPCErrorMessage(try await client.result(of: binding.identifier, in: session))
            #expect(error == RPCErrorMessage(code: 400, message: "TEMP_AUTH_KEY_EMPTY"))
            await client.close()
        }
    }

    /// Each breaks one thing that the server compares.
    static let changes: [(String, @Sendable (inout BindAuthKeyInner) -> Void)] = [
        ("nonce", { $0.nonce ^= 1 }),
        ("temporary key", { $0.temporaryKeyIdentifier ^= 1 }),
        ("permanent key", { $0.permanentKeyIdentifier ^= 1 }),
        ("session", { $0.temporarySessionIdentifier ^= 1 }),
        ("end", { $0.expiresAt -= 1 }),
    ]

    @Test("A binding that differs in one field is refused, and the key stays unbound", arguments: changes.indices)
    func wrongField(index: Int) async throws {
        let (name, change) = Self.changes[index]
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            let permanent = try await client.makeKey().authorizationKey
            var session = try await client.makeSession(.temporary(expiresIn: 3_600))
            let binding = session.binding(to: permanent, change: change)
            try await Self.expectRefusal(of: binding, in: &session, client, name)
            await client.close()
        }
    }

    @Test("A binding made for another message, with an unknown key, or with the wrong key is refused")
    func wrongCarrierOrKey() async throws {
        try await withDataCenter { dataCenter in
            let client = try await RawClient(to: dataCenter)
            let permanent = try await client.makeKey().authorizationKey
            var session = try await client.makeSession(.temporary(expiresIn: 3_600))
            let moved = session.binding(to: permanent, carriedAs: 0x65AB_C0FE_0000_0004)
            try await Self.expectRefusal(of: moved, in: &session, client, "message identifier")
            let unknown = session.binding(to: try RefusalTests.someKey().authorizationKey)
            try await Self.expectRefusal(of: unknown, in: &session, client, "unknown key")
            let itself = session.binding(to: session.key)
            try await Self.expectRefusal(of: itself, in: &session, client, "temporary key as permanent")
            await client.close()
        }
    }

    private static func expectRefusal(
        of binding: ContainedMessage,
        in session: inout RawSession,
        _ client: RawClient,
        _ name: String
    ) async throws {
        try await client.send(session.seal(binding).payload)
        let error = try RPCErrorMessage(try await client.result(of: binding.identifier, in: session))
        #expect(error == RPCErrorMessage(code: 400, message: "ENCRYPTED_MESSAGE_INVALID"), "\(name)")
        let call = try RPCErrorMessage(try await client.invoke(Queries.echo(), in: &session))
        #expect(call.message == "AUTH_KEY_PERM_EMPTY", "\(name)")
    }

    @Test(
        "A binding on one connection counts on the others of the same temporary key, also on those that used it before"
    )
    func bindingSeenByOtherConnections() async throws {
        try await withDataCenter { dataCenter in
            let first = try await RawClient(to: dataCenter)
            let permanent = try await first.makeKey().authorizationKey
            var session = try await first.makeSession(.temporary(expiresIn: 3_600))
            let second = try await RawClient(to: dataCenter)
            var other = session.sibling()
            _ = try Config(try await second.invoke(Queries.initialized(Queries.getConfig), in: &other))
            let binding = session.binding(to: permanent)
            try await first.send(session.seal(binding).payload)
            #expect(try await first.result(of: binding.identifier, in: session) == Self.boolTrue)
            #expect(try await second.invoke(Queries.echo(), in: &other) == Queries.echo())
            await first.close()
            await second.close()
        }
    }

    @Test("A temporary key is unknown after its end")
    func expired() async throws {
        let clock = ManualSessionClock(time: SessionClock.system.now())
        try await withDataCenter { configuration in
            configuration.server.clock = clock.clock
            configuration.server.authorizationKeys = InMemoryAuthorizationKeyStore(clock: clock.clock)
        } _: { dataCenter in
            let client = try await RawClient(to: dataCenter)
            var session = try await client.makeSession(.temporary(expiresIn: 60))
            session.clock = clock.clock
            try await client.ping(in: &session)
            clock.advance(by: .seconds(61))
            try await client.send(session.seal(Queries.echo()).payload)
            #expect(try await client.transportError() == .notFound)
            await client.close()
            let later = try await RawClient(to: dataCenter)
            try await later.send(session.seal(Queries.echo()).payload)
            #expect(try await later.transportError() == .notFound)
            await later.close()
        }
    }
}
