// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore

/// A session store whose answers that come later are counted until what follows on them is done.
struct CountedSessionStore: SessionStore {
    private let store: any SessionStore
    private let work: PendingWork

    init(_ store: any SessionStore, _ work: PendingWork) {
        self.store = store
        self.work = work
    }

    func change<Result: Sendable>(
        _ identifier: ServerSessionIdentifier,
        on eventLoop: any EventLoop,
        makingIfMissing make: (@Sendable (ServerSessionIdentifier) -> ServerSession)?,
        _ change: @escaping @Sendable (inout ServerSession) -> Result
    ) -> SessionStoreResult<Result?> {
        self.counted(self.store.change(identifier, on: eventLoop, makingIfMissing: make, change))
    }

    func remove(_ identifier: ServerSessionIdentifier, on eventLoop: any EventLoop) -> SessionStoreResult<Bool> {
        self.counted(self.store.remove(identifier, on: eventLoop))
    }

    func removeAll(ofKey authorizationKey: UInt64, on eventLoop: any EventLoop) -> SessionStoreResult<Void> {
        self.counted(self.store.removeAll(ofKey: authorizationKey, on: eventLoop))
    }

    private func counted<Value: Sendable>(_ result: SessionStoreResult<Value>) -> SessionStoreResult<Value> {
        guard case .later(let future) = result else { return result }
        let work = self.work
        work.begin()
        // Those who wait for the answer come first, and may ask for more.
        future.whenComplete { _ in future.eventLoop.execute { work.end() } }
        return result
    }

    func removeDiscardable(at now: SessionTime) {
        self.store.removeDiscardable(at: now)
    }

    func subscribe(
        to identifier: ServerSessionIdentifier,
        as subscriber: UInt64,
        _ wake: @escaping @Sendable () -> Void
    ) {
        self.store.subscribe(to: identifier, as: subscriber, wake)
    }

    func unsubscribe(_ subscriber: UInt64, from identifier: ServerSessionIdentifier) {
        self.store.unsubscribe(subscriber, from: identifier)
    }

    func wake(_ identifier: ServerSessionIdentifier) {
        self.store.wake(identifier)
    }

    var statistics: SessionStoreStatistics? { self.store.statistics }

    func takeForgottenMessages() -> ForgottenMessageCounts {
        self.store.takeForgottenMessages()
    }

    func takeEvictedSessionCount() -> UInt64 {
        self.store.takeEvictedSessionCount()
    }
}
