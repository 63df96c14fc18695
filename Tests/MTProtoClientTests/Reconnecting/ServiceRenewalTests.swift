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

/// Temporary keys that are renewed while queries go on. The clocks of client and server run, and jump when the test says so.
@Suite(.network, .timeLimit(.minutes(10)))
struct ServiceRenewalTests {
    private static let life: Int64 = 86_400

    private final class Workload: Sendable {
        /// The number of the last query.
        let asked = Atomic<UInt32>(0)
        let inFlight = Atomic(0)
        let isPaused = Atomic(false)
        let isOver = Atomic(false)

        /// Does something while no query is under way.
        func pause(_ body: () -> Void) async throws {
            self.isPaused.store(true, ordering: .sequentiallyConsistent)
            try await eventually { self.inFlight.load(ordering: .sequentiallyConsistent) == 0 }
            body()
            self.isPaused.store(false, ordering: .sequentiallyConsistent)
        }

        /// Queries one after the other.
        func ask(_ service: MTProtoClientService) async throws {
            while !self.isOver.load(ordering: .relaxed) {
                self.inFlight.add(1, ordering: .sequentiallyConsistent)
                guard !self.isPaused.load(ordering: .sequentiallyConsistent) else {
                    self.inFlight.subtract(1, ordering: .sequentiallyConsistent)
                    try await Task.sleep(for: .milliseconds(1))
                    continue
                }
                let query = Queries.echo(number: self.asked.add(1, ordering: .relaxed).newValue)
                let answer = try await service.invoke(query)
                self.inFlight.subtract(1, ordering: .sequentiallyConsistent)
                #expect(answer == query)
            }
        }
    }

    /// Runs a service whose queries never cease, while `body` sees to the time.
    private static func run(
        _ transport: ClientTransport,
        _ body:
            @escaping @Sendable (MTProtoClientService, ShiftedClock, Workload, RunningWireListener) async throws -> Void
    ) async throws {
        let clock = ShiftedClock()
        try await StayingClient.withServer(responder: CountingResponder()) {
            $0.clock = clock.clock
            $0.authorizationKeys = InMemoryAuthorizationKeyStore(clock: clock.clock)
        } _: { server in
            let work = Workload()
            try await FaultyRelay.run(to: server.endpoint(for: transport), WireFaults()) { relay in
                try await StayingClient.run(to: relay.endpoint) {
                    $0.clock = clock.clock
                    $0.transport = transport
                    $0.tls = server.tls
                    $0.keyLifetime = .temporary(expiresIn: Int32(Self.life))
                    if !transport.isStream { $0.timeouts.attempt = .seconds(1) }
                } _: { service in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<2 { group.addTask { try await work.ask(service) } }
                        defer { work.isOver.store(true, ordering: .relaxed) }
                        try await eventually { work.asked.load(ordering: .relaxed) >= 20 }
                        try await body(service, clock, work, relay)
                        let last = work.asked.load(ordering: .relaxed)
                        try await eventually { work.asked.load(ordering: .relaxed) >= last + 20 }
                        work.isOver.store(true, ordering: .relaxed)
                        try await group.waitForAll()
                    }
                }
            }
            #expect(server.responder.count == Int(work.asked.load(ordering: .relaxed)))
            #expect(server.responder.repeatedCount == 0)
        }
    }

    private static func key(of service: MTProtoClientService) async throws -> UInt64? {
        try await service.savedConnection()?.temporary?.session.authorizationKey.identifier
    }

    /// Waits until the session runs under another key.
    private static func awaitChange(_ service: MTProtoClientService, from before: UInt64?) async throws {
        while true {
            let key = try await Self.key(of: service)
            guard key == nil || key == before else { return }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    @Test("Queries without a pause, over one renewal after the other", arguments: TransportCase.carriers)
    func busy(transport: TransportCase) async throws {
        try await Self.run(transport.transport) { service, clock, work, relay in
            var keys: Set<UInt64> = []
            for _ in 0..<4 {
                let before = try #require(try await Self.key(of: service))
                keys.insert(before)
                // Ids of messages under way would be of yesterday.
                try await work.pause { clock.advance(by: .seconds(Self.life * 93 / 100)) }
                service.keeper.execute { $0.renew() }
                try await Self.awaitChange(service, from: before)
            }
            #expect(keys.count == 4)
        }
    }

    @Test("A connection that ends while keys are exchanged", arguments: [TransportCase.carriers[0]])
    func cut(transport: TransportCase) async throws {
        try await Self.run(transport.transport) { service, clock, work, relay in
            for _ in 0..<6 {
                let before = try #require(try await Self.key(of: service))
                try await work.pause { clock.advance(by: .seconds(Self.life * 93 / 100)) }
                service.keeper.execute { $0.renew() }
                relay.channels.closeAll()
                while true {
                    let key = try await Self.key(of: service)
                    if key != nil, key != before { break }
                    try await Task.sleep(for: .milliseconds(2))
                    service.keeper.execute { $0.renew() }
                }
            }
        }
    }

    @Test("A key that has ended while the machine slept: the next query goes under another one")
    func ended() async throws {
        let clock = ShiftedClock()
        try await StayingClient.withServer {
            $0.clock = clock.clock
            $0.authorizationKeys = InMemoryAuthorizationKeyStore(clock: clock.clock)
        } _: { endpoint, responder in
            try await StayingClient.run(to: endpoint) {
                $0.clock = clock.clock
                $0.keyLifetime = .temporary(expiresIn: Int32(Self.life))
            } _: { service in
                var keys: Set<UInt64?> = []
                for round: UInt32 in 0..<4 {
                    try await StayingClient.ask(service, round * 10..<round * 10 + 5)
                    keys.insert(try await Self.key(of: service))
                    clock.skewWall(by: .seconds(2 * Self.life))
                }
                #expect(keys.count == 4)
            }
            #expect(responder.count == 20)
            #expect(responder.repeatedCount == 0)
        }
    }
}
