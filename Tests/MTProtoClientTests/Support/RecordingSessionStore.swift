// SPDX-License-Identifier: Apache-2.0

import MTProtoServer
import MTProtoSession
import NIOCore
import Synchronization

/// Sessions in memory, and which ones there were.
final class RecordingSessionStore: SessionStore {
    private struct State {
        var made: Set<UInt64> = []
        var removed: Set<UInt64> = []
    }

    private let base = InMemorySessionStore()
    private let state = Mutex(State())

    /// The sessions that there were.
    var made: Set<UInt64> { self.state.withLock { $0.made } }
    /// Those that were removed.
    var removed: Set<UInt64> { self.state.withLock { $0.removed } }
    /// How many there are.
    var count: Int { self.base.statistics?.sessionCount ?? 0 }

    func change<Result: Sendable>(
        _ identifier: ServerSessionIdentifier,
        on eventLoop: any EventLoop,
        makingIfMissing make: (@Sendable (ServerSessionIdentifier) -> ServerSession)?,
        _ change: @escaping @Sendable (inout ServerSession) -> Result
    ) -> SessionStoreResult<Result?> {
        let result = self.base.change(identifier, on: eventLoop, makingIfMissing: make, change)
        if make != nil { self.state.withLock { _ = $0.made.insert(identifier.session) } }
        return result
    }

    func remove(_ identifier: ServerSessionIdentifier, on eventLoop: any EventLoop) -> SessionStoreResult<Bool> {
        defer { self.state.withLock { _ = $0.removed.insert(identifier.session) } }
        return self.base.remove(identifier, on: eventLoop)
    }

    func removeAll(ofKey authorizationKey: UInt64, on eventLoop: any EventLoop) -> SessionStoreResult<Void> {
        self.base.removeAll(ofKey: authorizationKey, on: eventLoop)
    }

    func subscribe(
        to identifier: ServerSessionIdentifier,
        as subscriber: UInt64,
        _ wake: @escaping @Sendable () -> Void
    ) {
        self.base.subscribe(to: identifier, as: subscriber, wake)
    }

    func unsubscribe(_ subscriber: UInt64, from identifier: ServerSessionIdentifier) {
        self.base.unsubscribe(subscriber, from: identifier)
    }

    func wake(_ identifier: ServerSessionIdentifier) {
        self.base.wake(identifier)
    }
}
