// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import Synchronization

/// Which connections use which session, so that an answer or a push finds one of them.
final class ConnectionRegistry: Sendable {
    /// Wakes a connection: it sends what its sessions have to send.
    struct Waker: Sendable {
        /// The number that the session knows the connection by.
        let carrier: UInt64
        /// Whether the connection can send now; one of HTTP can only while a request waits.
        var isWaiting = true
        let wake: @Sendable () -> Void
        /// A newer request waits for whatever comes, so that this one need not; `nil` on byte streams.
        var supersede: (@Sendable () -> Void)?
        /// The store has changed the session's key: what the connection remembers of it is out of date.
        let forgetKey: @Sendable () -> Void
    }

    fileprivate struct State {
        var wakers: [ServerSessionIdentifier: [Waker]] = [:]
        var closers: [UInt64: @Sendable () -> Void] = [:]
        var nextConnection: UInt64 = 0
        var isShutDown = false
        var emptyWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let sessions: any SessionStore
    /// Different in each process and server, because sessions may have connections at several.
    private let firstCarrier: UInt64
    private let responseCount = Atomic<UInt64>(0)

    init(sessions: any SessionStore, random: RandomSource) {
        self.sessions = sessions
        self.firstCarrier = random.integer()
    }

    /// What sessions know a connection by.
    func carrier(of connection: UInt64) -> UInt64 {
        self.firstCarrier &+ connection &* 2
    }

    /// What a session knows one HTTP response by.
    func nextResponseCarrier() -> UInt64 {
        self.firstCarrier &+ 1 &+ self.responseCount.add(1, ordering: .relaxed).newValue &* 2
    }

    /// How many connections there are.
    var count: Int { self.state.withLock { $0.closers.count } }

    /// Registers a connection and the way to close it; returns its number.
    func register(close: @escaping @Sendable () -> Void) -> UInt64 {
        let (connection, isShutDown) = self.state.withLock { state in
            state.nextConnection += 1
            state.closers[state.nextConnection] = close
            return (state.nextConnection, state.isShutDown)
        }
        // Accepted just before the listening sockets closed.
        if isShutDown { close() }
        return connection
    }

    func unregister(_ connection: UInt64) {
        let waiters = self.state.withLock { state in
            state.closers[connection] = nil
            return state.closers.isEmpty ? state.takeWaiters() : []
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when the last connection has closed.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = self.state.withLock { state in
                guard !state.closers.isEmpty else { return true }
                state.emptyWaiters.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }

    /// Lets a connection be woken when a session has something to send.
    func attach(_ waker: Waker, to session: ServerSessionIdentifier) {
        self.state.withLock { $0.wakers[session, default: []].append(waker) }
        if waker.isWaiting { self.sessions.subscribe(to: session, as: waker.carrier, waker.wake) }
    }

    /// A request of an attached connection waits from now on: it is the newest of its session.
    ///
    /// - Parameter isPoll: whether it waits for whatever comes; other requests that do are told that they need not.
    func beginWaiting(_ carrier: UInt64, for session: ServerSessionIdentifier, isPoll: Bool) {
        let (waker, superseded) = self.state.withLock { state -> (Waker?, [@Sendable () -> Void]) in
            guard var wakers = state.wakers[session],
                let index = wakers.firstIndex(where: { $0.carrier == carrier })
            else { return (nil, []) }
            var waker = wakers.remove(at: index)
            waker.isWaiting = true
            let older = wakers.filter(\.isWaiting).compactMap(\.supersede)
            wakers.append(waker)
            state.wakers[session] = wakers
            return (waker, isPoll ? older : [])
        }
        if let waker { self.sessions.subscribe(to: session, as: carrier, waker.wake) }
        for supersede in superseded { supersede() }
    }

    /// The request of an attached connection is answered.
    func endWaiting(_ carrier: UInt64, for session: ServerSessionIdentifier) {
        let wasWaiting = self.state.withLock { state in
            guard let index = state.wakers[session]?.firstIndex(where: { $0.carrier == carrier }),
                state.wakers[session]?[index].isWaiting == true
            else { return false }
            state.wakers[session]?[index].isWaiting = false
            return true
        }
        if wasWaiting { self.sessions.unsubscribe(carrier, from: session) }
    }

    /// Ends the use of a session by a connection.
    func detach(_ carrier: UInt64, from session: ServerSessionIdentifier) {
        self.sessions.unsubscribe(carrier, from: session)
        self.state.withLock { state in
            guard var wakers = state.wakers[session] else { return }
            wakers.removeAll { $0.carrier == carrier }
            state.wakers[session] = wakers.isEmpty ? nil : wakers
        }
    }

    /// Wakes the connection of this server that attached last, or whose request came last: the newest is the one most likely
    /// alive.
    ///
    /// - Returns: Whether there is one.
    func wake(_ session: ServerSessionIdentifier) -> Bool {
        guard let waker = self.state.withLock({ $0.wakers[session]?.last(where: \.isWaiting) }) else { return false }
        waker.wake()
        return true
    }

    /// Tells every connection that uses a key that the store has changed it.
    func forgetKey(_ authorizationKey: UInt64) {
        let wakers = self.state.withLock { state in
            state.wakers.filter { $0.key.authorizationKey == authorizationKey }.flatMap(\.value)
        }
        for waker in wakers { waker.forgetKey() }
    }

    /// The sessions that have connections.
    var connectedSessions: [ServerSessionIdentifier] {
        self.state.withLock { Array($0.wakers.keys) }
    }

    /// Closes every connection, and those that come later.
    func closeAll() {
        let closers = self.state.withLock { state in
            state.isShutDown = true
            return Array(state.closers.values)
        }
        for close in closers { close() }
    }
}

extension ConnectionRegistry.State {
    fileprivate mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
        defer { self.emptyWaiters = [] }
        return self.emptyWaiters
    }
}
