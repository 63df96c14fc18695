// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import Synchronization
import Testing

@testable import MTProtoServer

/// Who is told what, without connections.
struct ConnectionRegistryTests {
    private static let session = ServerSessionIdentifier(authorizationKey: 1, session: 2)

    /// What connections were told.
    private final class Log: Sendable {
        private let entries = Mutex<[String]>([])
        var values: [String] { self.entries.withLock { $0 } }

        func append(_ entry: String) { self.entries.withLock { $0.append(entry) } }

        func waker(_ carrier: UInt64) -> ConnectionRegistry.Waker {
            ConnectionRegistry.Waker(
                carrier: carrier,
                isWaiting: false,
                wake: { self.append("wake \(carrier)") },
                supersede: { self.append("supersede \(carrier) in turn \($0)") }
            )
        }
    }

    private static func registry(_ log: Log, _ carriers: [UInt64]) -> ConnectionRegistry {
        let registry = ConnectionRegistry(sessions: InMemorySessionStore(), random: .seeded(1))
        for carrier in carriers { registry.attach(log.waker(carrier), to: Self.session) }
        return registry
    }

    @Test("An older poll is told which of its connection's turns is meant")
    func turns() {
        let log = Log()
        let registry = Self.registry(log, [1, 2])
        registry.beginWaiting(1, for: Self.session, turn: 1, isPoll: true)
        registry.endWaiting(1, for: Self.session)
        registry.beginWaiting(1, for: Self.session, turn: 2, isPoll: true)
        #expect(log.values.isEmpty)
        registry.beginWaiting(2, for: Self.session, turn: 1, isPoll: true)
        #expect(log.values == ["supersede 1 in turn 2"])
    }

    @Test("A request that waits for its own answer supersedes nobody, and an update goes to the poll")
    func queries() {
        let log = Log()
        let registry = Self.registry(log, [1, 2])
        registry.beginWaiting(1, for: Self.session, turn: 1, isPoll: true)
        registry.beginWaiting(2, for: Self.session, turn: 1, isPoll: false)
        #expect(registry.wake(Self.session))
        #expect(log.values == ["wake 1"])
    }

    @Test("Who waits no more is not woken")
    func ended() {
        let log = Log()
        let registry = Self.registry(log, [1])
        registry.beginWaiting(1, for: Self.session, turn: 1, isPoll: true)
        registry.endWaiting(1, for: Self.session)
        #expect(!registry.wake(Self.session))
        #expect(log.values.isEmpty)
    }
}
