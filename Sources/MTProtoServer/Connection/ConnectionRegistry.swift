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
        /// Whether it takes whatever comes; an HTTP request that waits for its own answers only does if nobody else is there.
        var isPoll = true
        /// Which of the connection's requests waits: what is said to it is not meant for the next one.
        var turn: UInt64 = 0
        let wake: @Sendable () -> Void
        /// A newer request waits for whatever comes, so that the one of the given turn need not; `nil` on byte streams.
        var supersede: (@Sendable (_ turn: UInt64) -> Void)?
    }

    /// What is asked of a connection whatever its sessions.
    fileprivate struct Connection {
        let close: @Sendable () -> Void
        /// The store has changed a key: what the connection remembers of it is out of date.
        let forgetKey: @Sendable (UInt64) -> Void
    }

    fileprivate struct State {
        var wakers: [ServerSessionIdentifier: [Waker]] = [:]
        var connections: [UInt64: Connection] = [:]
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
    var count: Int { self.state.withLock { $0.connections.count } }

    /// Registers a connection, the way to close it and the way to make it forget a key; returns its number.
    func register(
        close: @escaping @Sendable () -> Void,
        forgetKey: @escaping @Sendable (UInt64) -> Void
    ) -> UInt64 {
        let (connection, isShutDown) = self.state.withLock { state in
            state.nextConnection += 1
            state.connections[state.nextConnection] = Connection(close: close, forgetKey: forgetKey)
            return (state.nextConnection, state.isShutDown)
        }
        // Accepted just before the listening sockets closed.
        if isShutDown { close() }
        return connection
    }

    func unregister(_ connection: UInt64) {
        let waiters = self.state.withLock { state in
            state.connections[connection] = nil
            return state.connections.isEmpty ? state.takeWaiters() : []
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Returns when the last connection has closed.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = self.state.withLock { state in
                guard !state.connections.isEmpty else { return true }
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
    /// - Parameters:
    ///   - turn: tells the requests of the connection apart.
    ///   - isPoll: whether it waits for whatever comes; other requests that do are told that they need not.
    func beginWaiting(_ carrier: UInt64, for session: ServerSessionIdentifier, turn: UInt64, isPoll: Bool) {
        let (waker, superseded) = self.state.withLock { state -> (Waker?, [Waker]) in
            // In place: the array is not copied.
            guard let place = state.wakers.index(forKey: session),
                let index = state.wakers.values[place].firstIndex(where: { $0.carrier == carrier })
            else { return (nil, []) }
            var waker = state.wakers.values[place].remove(at: index)
            waker.isWaiting = true
            waker.isPoll = isPoll
            waker.turn = turn
            let older = isPoll ? state.wakers.values[place].filter(\.isWaiting) : []
            state.wakers.values[place].append(waker)
            return (waker, older)
        }
        if let waker { self.sessions.subscribe(to: session, as: carrier, waker.wake) }
        for older in superseded { older.supersede?(older.turn) }
    }

    /// The request of an attached connection is answered.
    func endWaiting(_ carrier: UInt64, for session: ServerSessionIdentifier) {
        let wasWaiting = self.state.withLock { state in
            guard let place = state.wakers.index(forKey: session),
                let index = state.wakers.values[place].firstIndex(where: { $0.carrier == carrier }),
                state.wakers.values[place][index].isWaiting
            else { return false }
            state.wakers.values[place][index].isWaiting = false
            return true
        }
        if wasWaiting { self.sessions.unsubscribe(carrier, from: session) }
    }

    /// Ends the use of a session by a connection.
    func detach(_ carrier: UInt64, from session: ServerSessionIdentifier) {
        self.sessions.unsubscribe(carrier, from: session)
        self.state.withLock { state in
            guard let place = state.wakers.index(forKey: session) else { return }
            state.wakers.values[place].removeAll { $0.carrier == carrier }
            if state.wakers.values[place].isEmpty { state.wakers.remove(at: place) }
        }
    }

    /// Wakes the connection of this server that attached last, or whose request came last: the newest is the one most likely
    /// alive. Requests that wait for their own answers come after all that take whatever comes.
    ///
    /// - Returns: Whether there is one.
    func wake(_ session: ServerSessionIdentifier) -> Bool {
        guard let waker = self.state.withLock({ $0.chosen(of: session) }) else { return false }
        waker.wake()
        return true
    }

    /// Whether ``wake(_:)`` would wake this connection. Requests that wait at other servers of a shared store are not known here.
    func isChosen(_ carrier: UInt64, for session: ServerSessionIdentifier) -> Bool {
        self.state.withLock { $0.chosen(of: session)?.carrier == carrier }
    }

    /// Wakes every connection of this server that waits in a session: the session is no more.
    func wakeAll(_ session: ServerSessionIdentifier) {
        let wakers = self.state.withLock { $0.wakers[session]?.filter(\.isWaiting) ?? [] }
        for waker in wakers { waker.wake() }
    }

    /// How many connections of this server wait in a session.
    func waitingCount(in session: ServerSessionIdentifier) -> Int {
        self.state.withLock { $0.wakers[session]?.count(where: \.isWaiting) ?? 0 }
    }

    /// The sessions of a key in which connections of this server wait.
    func waitingSessions(ofKey authorizationKey: UInt64) -> [ServerSessionIdentifier] {
        self.state.withLock { state in
            state.wakers.compactMap { session, wakers in
                session.authorizationKey == authorizationKey && wakers.contains(where: \.isWaiting) ? session : nil
            }
        }
    }

    /// Tells every connection that the store has changed a key: any may have used it, whatever its sessions are now.
    func forgetKey(_ authorizationKey: UInt64) {
        let connections = self.state.withLock { Array($0.connections.values) }
        for connection in connections { connection.forgetKey(authorizationKey) }
    }

    /// The sessions that have connections.
    var connectedSessions: [ServerSessionIdentifier] {
        self.state.withLock { Array($0.wakers.keys) }
    }

    /// Closes every connection, and those that come later.
    func closeAll() {
        let connections = self.state.withLock { state in
            state.isShutDown = true
            return Array(state.connections.values)
        }
        for connection in connections { connection.close() }
    }
}

extension ConnectionRegistry.State {
    fileprivate func chosen(of session: ServerSessionIdentifier) -> ConnectionRegistry.Waker? {
        guard let wakers = self.wakers[session] else { return nil }
        return wakers.last { $0.isWaiting && $0.isPoll } ?? wakers.last(where: \.isWaiting)
    }

    fileprivate mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
        defer { self.emptyWaiters = [] }
        return self.emptyWaiters
    }
}
