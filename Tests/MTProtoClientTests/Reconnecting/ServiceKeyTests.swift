// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

@testable import MTProtoClient

/// What becomes of keys that the server does not take, and of those that were hard to come by.
@Suite(.network, .timeLimit(.minutes(10)))
struct ServiceKeyTests {
    /// Refuses a query so many times because the key is not bound.
    private static func responder(refusing query: ByteBuffer, times: Int) -> CountingResponder {
        let left = Mutex(times)
        return CountingResponder { asked in
            guard asked == query else { return .result(asked) }
            let isRefused = left.withLock { left in
                left -= 1
                return left >= 0
            }
            return isRefused ? .error(401, "AUTH_KEY_PERM_EMPTY") : .result(asked)
        }
    }

    @Test("A temporary key that is not bound any more is replaced, and the query asked again")
    func unbound() async throws {
        let query = Queries.echo(number: 5)
        try await StayingClient.withServer(responder: Self.responder(refusing: query, times: 1)) { server in
            try await StayingClient.run(to: server.plain) {
                $0.keyLifetime = .temporary(expiresIn: 86_400)
            } _: { service in
                try await StayingClient.ask(service, 0..<3)
                let before = try #require(try await service.savedConnection())
                #expect(try await service.invoke(query) == query)
                let after = try #require(try await service.savedConnection())
                #expect(after.permanent.authorizationKey == before.permanent.authorizationKey)
                #expect(after.temporary?.session.authorizationKey != before.temporary?.session.authorizationKey)
                try await StayingClient.ask(service, 10..<13)
            }
            #expect(server.responder.executions.withLock { $0[query] } == 2)
        }
    }

    @Test("A query that is refused under the next key as well is the caller's; so is one under a permanent key")
    func unboundForGood() async throws {
        for (lifetime, count) in [(KeyLifetime.temporary(expiresIn: 86_400), 2), (.permanent, 1)] {
            let query = Queries.echo(number: 5)
            try await StayingClient.withServer(responder: Self.responder(refusing: query, times: .max)) { server in
                try await StayingClient.run(to: server.plain) {
                    $0.keyLifetime = lifetime
                } _: { service in
                    let error = await clientError { _ = try await service.invoke(query) }
                    #expect(error?.rpcError?.code == 401)
                    try await StayingClient.ask(service, 10..<13)
                }
                #expect(server.responder.executions.withLock { $0[query] } == count)
            }
        }
    }

    @Test("A permanent key stays when the temporary one cannot be had")
    func permanentKeyStays() async throws {
        let keys = InMemoryAuthorizationKeyStore()
        try await StayingClient.withServer {
            $0.authorizationKeys = keys
        } _: { endpoint, _ in
            // The first exchange gets through, the second one does not.
            try await FaultyRelay.run(
                to: endpoint,
                faults: { number in
                    number == 0 ? WireFaults(toServer: .cut(.reset, after: 1_100)) : WireFaults()
                }
            ) { relay in
                try await StayingClient.run(to: relay.endpoint) {
                    $0.keyLifetime = .temporary(expiresIn: 86_400)
                } _: { service in
                    try await StayingClient.ask(service, 0..<3)
                }
            }
            // One of each kind.
            #expect(keys.count == 2)
        }
    }
}
