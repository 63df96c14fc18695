// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

@testable import MTProtoClient

/// What ends a client that stays connected, and what it only waits for.
@Suite(.network, .timeLimit(.minutes(10)))
struct ServiceFailureTests {
    /// `-404` in the intermediate framing.
    private static let unknownKey: [UInt8] = [4, 0, 0, 0, 0x6c, 0xfe, 0xff, 0xff]

    @Test(
        "Whoever is on the way and says that the key is unknown ends a connection, and no more",
        arguments: [false, true]
    )
    func forgery(isTemporary: Bool) async throws {
        try await StayingClient.withServer { endpoint, responder in
            // The first connection is forged upon when it is ready, the second one at once.
            try await FaultyRelay.run(
                to: endpoint,
                faults: { number in
                    number == 1 ? WireFaults(.garbage(Self.unknownKey)) : WireFaults()
                }
            ) { relay in
                try await StayingClient.run(to: relay.endpoint) {
                    $0.keyLifetime = isTemporary ? .temporary(expiresIn: 86_400) : .permanent
                } _: { service in
                    try await StayingClient.ask(service, 0..<3)
                    let before = try #require(try await service.savedConnection())
                    service.keeper.execute { $0.driver?.fail(with: ReceivedTransportError(code: .notFound)) }
                    try await StayingClient.ask(service, 3..<6)
                    let after = try #require(try await service.savedConnection())
                    #expect(after.permanent.authorizationKey == before.permanent.authorizationKey)
                    #expect(after.temporary?.session.authorizationKey == before.temporary?.session.authorizationKey)
                }
            }
            #expect(responder.count == 6)
            #expect(responder.repeatedCount == 0)
        }
    }

    @Test("A permanent key that the server has lost is the end, and says so", arguments: TransportCase.carriers)
    func permanentKey(transport: TransportCase) async throws {
        let carrier = transport.transport
        let keys = InMemoryAuthorizationKeyStore()
        try await StayingClient.withServer(responder: CountingResponder()) {
            $0.authorizationKeys = keys
        } _: { server in
            try await FaultyRelay.run(to: server.endpoint(for: carrier), WireFaults()) { relay in
                let service = try MTProtoClientService(
                    target: .endpoint(relay.endpoint),
                    configuration: clientConfiguration {
                        $0.transport = carrier
                        $0.tls = server.tls
                        if !carrier.isStream { $0.timeouts.attempt = .seconds(1) }
                    }
                )
                async let end = clientError { try await service.run() }
                try await StayingClient.ask(service, 0..<3)
                let saved = try #require(try await service.savedConnection())
                _ = keys.remove(saved.permanent.authorizationKey.identifier)
                relay.channels.closeAll()
                let query = await clientError { _ = try await service.invoke(Queries.echo(number: 3)) }
                let error = await end
                #expect(error?.code == .authorizationKeyUnknown)
                #expect(error?.transportError == .notFound)
                #expect(error?.isRetryable == false)
                #expect(query?.code == .authorizationKeyUnknown)
                #expect(query?.delivery != .delivered)
                #expect(server.responder.count == 3)
            }
        }
    }

    @Test("A temporary key that the server has lost is replaced", arguments: TransportCase.carriers)
    func temporaryKey(transport: TransportCase) async throws {
        let carrier = transport.transport
        let keys = InMemoryAuthorizationKeyStore()
        try await StayingClient.withServer(responder: CountingResponder()) {
            $0.authorizationKeys = keys
        } _: { server in
            try await FaultyRelay.run(to: server.endpoint(for: carrier), WireFaults()) { relay in
                try await StayingClient.run(to: relay.endpoint) {
                    $0.transport = carrier
                    $0.tls = server.tls
                    $0.keyLifetime = .temporary(expiresIn: 86_400)
                    if !carrier.isStream { $0.timeouts.attempt = .seconds(1) }
                } _: { service in
                    for round: UInt32 in 0..<3 {
                        try await StayingClient.ask(service, round * 10..<round * 10 + 3)
                        let before = try #require(try await service.savedConnection()?.temporary)
                        _ = keys.remove(before.session.authorizationKey.identifier)
                        relay.channels.closeAll()
                        // Nothing was under way: the first query to come waits for the next key, or dies with this one.
                        _ = try? await service.invoke(Queries.echo(number: round * 10 + 5))
                        try await StayingClient.ask(service, round * 10 + 6..<round * 10 + 9)
                        let after = try #require(try await service.savedConnection()?.temporary)
                        #expect(after.session.authorizationKey != before.session.authorizationKey)
                    }
                }
            }
            #expect(server.responder.repeatedCount == 0)
        }
    }

    @Test("The permanent key behind a temporary one is lost: the binding is refused, and that is the end")
    func permanentKeyOfTemporary() async throws {
        let keys = InMemoryAuthorizationKeyStore()
        try await StayingClient.withServer {
            $0.authorizationKeys = keys
        } _: { endpoint, _ in
            try await FaultyRelay.run(to: endpoint, WireFaults()) { relay in
                let service = try MTProtoClientService(
                    target: .endpoint(relay.endpoint),
                    configuration: clientConfiguration { $0.keyLifetime = .temporary(expiresIn: 86_400) }
                )
                async let end = clientError { try await service.run() }
                try await StayingClient.ask(service, 0..<3)
                let saved = try #require(try await service.savedConnection())
                _ = keys.remove(saved.permanent.authorizationKey.identifier)
                _ = keys.remove(try #require(saved.temporary).session.authorizationKey.identifier)
                relay.channels.closeAll()
                let error = await end
                #expect(error?.code == .rpcError)
                #expect(error?.phase == .encryptedSession)
                #expect(error?.rpcError?.code == 400)
            }
        }
    }

    /// `-429` in the intermediate framing.
    private static let flood: [UInt8] = [4, 0, 0, 0, 0x53, 0xfe, 0xff, 0xff]

    @Test("Too many: the pause is long in any case, also when the path changes")
    func flood() async throws {
        let starts = Mutex<[ContinuousClock.Instant]>([])
        let dialer = WatchedDialer {
            starts.withLock { $0.append(.now) }
            return nil
        }
        let machine = ReconnectMachine.Configuration(initialPause: .nanoseconds(1), maximumPause: .milliseconds(600))
        try await StayingClient.withServer { endpoint, responder in
            try await FaultyRelay.run(
                to: endpoint,
                faults: { number in
                    (1...2).contains(number) ? WireFaults(.garbage(Self.flood)) : WireFaults()
                }
            ) { relay in
                try await StayingClient.run(to: relay.endpoint, machine: machine) {
                    $0.dialer = dialer
                } _: { service in
                    try await StayingClient.ask(service, 0..<3)
                    relay.channels.closeAll()
                    try await eventually { starts.withLock { $0.count } >= 2 }
                    service.pathChanged()
                    try await StayingClient.ask(service, 3..<6)
                }
            }
            let times = starts.withLock { $0 }
            #expect(times.count >= 4)
            // Two were refused, each but perhaps the first, which the change of the path may have overtaken, has its pause.
            let pauses = zip(times, times.dropFirst()).map { $0.duration(to: $1) }
            #expect(pauses.count { $0 >= .milliseconds(300) } >= 1)
            #expect(responder.count == 6)
            #expect(responder.repeatedCount == 0)
        }
    }

    @Test("Errors of queries end nothing", arguments: [401, 406, 420, 500])
    func rpcErrors(code: Int32) async throws {
        let responder = CountingResponder { query in
            query == Queries.echo(number: 1) ? .error(code, "AUTH_KEY_DUPLICATED") : .result(query)
        }
        try await StayingClient.withServer(responder: responder) { server in
            try await StayingClient.run(to: server.plain) { service in
                try await StayingClient.ask(service, 0..<1)
                let error = await clientError { _ = try await service.invoke(Queries.echo(number: 1)) }
                #expect(error?.code == .rpcError)
                #expect(error?.rpcError?.code == code)
                try await StayingClient.ask(service, 2..<5)
                #expect(service.state == .ready || service.state == .updating || service.state == .connecting)
            }
            #expect(responder.repeatedCount == 0)
        }
    }

    @Test("A query knows what became of it when it fails")
    func delivery() async throws {
        let responder = CountingResponder { query in
            .asynchronous {
                // Until the connection or the server ends.
                try? await Task.sleep(for: .seconds(3_600))
                return .result(query)
            }
        }
        try await StayingClient.withServer(responder: responder) { server in
            let isDown = Mutex(false)
            let dialer = WatchedDialer { isDown.withLock { $0 } ? ENETUNREACH : nil }
            try await FaultyRelay.run(to: server.plain, WireFaults()) { relay in
                try await StayingClient.run(to: relay.endpoint) {
                    $0.dialer = dialer
                } _: { service in
                    let known = try service.send(Queries.echo(number: 1))
                    try await known.received()
                    let acknowledged = await clientError {
                        _ = try await service.invoke(Queries.echo(number: 2), timeout: .milliseconds(500))
                    }
                    #expect(acknowledged?.code == .timeout)
                    #expect(acknowledged?.delivery != .notDelivered)
                    isDown.withLock { $0 = true }
                    relay.channels.closeAll()
                    for await state in service.states where state == .waitingForNetwork { break }
                    let waiting = await clientError {
                        _ = try await service.invoke(Queries.echo(number: 3), timeout: .milliseconds(50))
                    }
                    #expect(waiting?.code == .timeout)
                    #expect(waiting?.delivery == .notDelivered)
                    let cancelled = Task { try await service.invoke(Queries.echo(number: 4)) }
                    cancelled.cancel()
                    let error = await clientError { _ = try await cancelled.value }
                    #expect(error?.code == .cancelled)
                    #expect(error?.delivery == .notDelivered)
                }
            }
            #expect(responder.count == 2)
        }
    }

    @Test("The machine has slept and the connection is gone without a sign: it is replaced at once")
    func sleep() async throws {
        let clock = ManualSessionClock()
        try await StayingClient.withServer {
            $0.clock = clock.clock
            $0.authorizationKeys = InMemoryAuthorizationKeyStore(clock: clock.clock)
        } _: { endpoint, responder in
            let seen = Mutex(0)
            let silence = Silence()
            try await FaultyRelay.run(
                to: endpoint,
                prepare: { try silence.watch($0) },
                sees: { _, _ in
                    seen.withLock { $0 += 1 }
                }
            ) { relay in
                try await StayingClient.run(to: relay.endpoint) {
                    $0.clock = clock.clock
                } _: { service in
                    try await StayingClient.ask(service, 0..<50, atOnce: 1)
                    silence.begin()
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await StayingClient.ask(service, 50..<100, atOnce: 1) }
                        // The first of these has no answer.
                        try await eventually { responder.count == 51 }
                        clock.skewWall(by: .seconds(3_600))
                        let before = seen.withLock { $0 }
                        service.keeper.execute { $0.readClocks() }
                        try await eventually { seen.withLock { $0 } > before }
                        clock.advance(by: .seconds(10))
                        try await group.waitForAll()
                    }
                }
            }
            #expect(responder.count == 100)
            #expect(responder.repeatedCount == 0)
        }
    }

    @Test("A connection that is silently dead is noticed by its pings, and replaced")
    func liveness() async throws {
        try await StayingClient.withServer { endpoint, responder in
            try await FaultyRelay.run(
                to: endpoint,
                faults: { number in
                    number == 0 ? WireFaults(toClient: .cut(.blackHole, after: 2_500)) : WireFaults()
                }
            ) { relay in
                try await StayingClient.run(to: relay.endpoint) {
                    // The round trip is known: a ping after two seconds, and one more without an answer.
                    $0.session.minimumPongTimeout = .zero
                } _: { service in
                    let start = ContinuousClock.now
                    try await StayingClient.ask(service, 0..<100, atOnce: 1)
                    #expect(start.duration(to: .now) > .seconds(3))
                    #expect(start.duration(to: .now) < .seconds(60))
                }
            }
            #expect(responder.count == 100)
            #expect(responder.repeatedCount == 0)
        }
    }
}
