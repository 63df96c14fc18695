// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import MTProtoServer
import MTProtoSession
import NIOCore
import Synchronization

/// A store as processes share one: every session is bytes between two changes, the answers come later and from another
/// thread, and each change runs twice, as it does when somebody else was faster.
final class SerializingSessionStore: SessionStore {
    struct Unavailable: Error {}

    private struct State {
        var sessions: [ServerSessionIdentifier: Data] = [:]
        /// The highest identifiers of sessions that were removed, by their keys.
        var floors: [UInt64: UInt64] = [:]
        var wakers: [ServerSessionIdentifier: [UInt64: @Sendable () -> Void]] = [:]
        var isUnavailable = false
        var isSuspended = false
        var pendingCount = 0
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "sessions")

    /// Whether operations fail.
    var isUnavailable: Bool {
        get { self.state.withLock { $0.isUnavailable } }
        set { self.state.withLock { $0.isUnavailable = newValue } }
    }

    /// How many operations wait.
    var pendingCount: Int { self.state.withLock { $0.pendingCount } }
    var subscriberCount: Int { self.state.withLock { $0.wakers.values.reduce(0) { $0 + $1.count } } }
    var count: Int { self.state.withLock { $0.sessions.count } }

    /// Keeps operations waiting until ``resume()``.
    func suspend() { self.setSuspended(true) }
    func resume() { self.setSuspended(false) }

    private func setSuspended(_ isSuspended: Bool) {
        self.state.withLock { state in
            guard state.isSuspended != isSuspended else { return }
            state.isSuspended = isSuspended
            if isSuspended { self.queue.suspend() } else { self.queue.resume() }
        }
    }

    /// A session as it is saved.
    func session(_ identifier: ServerSessionIdentifier) throws -> ServerSession? {
        try self.state.withLock { try $0.sessions[identifier].map(Self.decode) }
    }

    func change<Result: Sendable>(
        _ identifier: ServerSessionIdentifier,
        on eventLoop: any EventLoop,
        makingIfMissing make: (@Sendable (ServerSessionIdentifier) -> ServerSession)?,
        _ change: @escaping @Sendable (inout ServerSession) -> Result
    ) -> SessionStoreResult<Result?> {
        self.run(on: eventLoop) { state in
            let floor = state.floors[identifier.authorizationKey] ?? 0
            func made() throws -> Data? {
                guard var session = make?(identifier) else { return nil }
                session.raiseFloor(to: floor)
                return try Self.encode(session)
            }
            guard let saved = try state.sessions[identifier] ?? made() else { return nil }
            // The first run comes to nothing.
            var session = try Self.decode(saved)
            _ = change(&session)
            session = try Self.decode(saved)
            let result = change(&session)
            state.sessions[identifier] = try Self.encode(session)
            return result
        }
    }

    func remove(_ identifier: ServerSessionIdentifier, on eventLoop: any EventLoop) -> SessionStoreResult<Bool> {
        self.run(on: eventLoop) { try Self.remove(identifier, from: &$0) }
    }

    func removeAll(ofKey authorizationKey: UInt64, on eventLoop: any EventLoop) -> SessionStoreResult<Void> {
        self.run(on: eventLoop) { state in
            for identifier in state.sessions.keys where identifier.authorizationKey == authorizationKey {
                _ = try Self.remove(identifier, from: &state)
            }
        }
    }

    private static func remove(_ identifier: ServerSessionIdentifier, from state: inout State) throws -> Bool {
        guard let saved = state.sessions.removeValue(forKey: identifier) else { return false }
        let key = identifier.authorizationKey
        state.floors[key] = max(state.floors[key] ?? 0, try Self.decode(saved).highestReceivedIdentifier ?? 0)
        return true
    }

    func subscribe(
        to identifier: ServerSessionIdentifier,
        as subscriber: UInt64,
        _ wake: @escaping @Sendable () -> Void
    ) {
        self.state.withLock { $0.wakers[identifier, default: [:]][subscriber] = wake }
    }

    func unsubscribe(_ subscriber: UInt64, from identifier: ServerSessionIdentifier) {
        self.state.withLock { $0.wakers[identifier]?[subscriber] = nil }
    }

    func wake(_ identifier: ServerSessionIdentifier) {
        self.queue.async {
            let wakers = self.state.withLock { $0.wakers[identifier].map { Array($0.values) } ?? [] }
            for wake in wakers { wake() }
        }
    }

    private func run<Value: Sendable>(
        on eventLoop: any EventLoop,
        _ operation: @escaping @Sendable (inout State) throws -> Value
    ) -> SessionStoreResult<Value> {
        let promise = eventLoop.makePromise(of: Value.self)
        self.state.withLock { $0.pendingCount += 1 }
        self.queue.async {
            let result = Swift.Result<Value, any Error> {
                try self.state.withLock { state in
                    state.pendingCount -= 1
                    if state.isUnavailable { throw Unavailable() }
                    return try operation(&state)
                }
            }
            promise.completeWith(result)
        }
        return .later(promise.futureResult)
    }

    private static func encode(_ session: ServerSession) throws -> Data {
        try JSONEncoder().encode(session)
    }

    private static func decode(_ data: Data) throws -> ServerSession {
        try JSONDecoder().decode(ServerSession.self, from: data)
    }
}
