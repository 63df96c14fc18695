// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession
public import NIOCore

/// Which session: sessions are told apart within one authorization key.
public struct ServerSessionIdentifier: Hashable, Sendable {
    /// The authorization key's identifier.
    public var authorizationKey: UInt64
    /// The client's session identifier.
    public var session: UInt64

    /// Makes an identifier.
    public init(authorizationKey: UInt64, session: UInt64) {
        self.authorizationKey = authorizationKey
        self.session = session
    }
}

/// What an operation of a store returned: its value at once, or a promise of it.
///
/// A store in the memory of the process has its values at once, and no future is made for them.
public enum SessionStoreResult<Value: Sendable>: Sendable {
    /// The value.
    case immediate(Value)
    /// The value will come, on the event loop that was given, or an error.
    case later(EventLoopFuture<Value>)

    /// The value, waited for.
    public func get() async throws -> Value {
        switch self {
        case .immediate(let value): return value
        case .later(let future): return try await future.get()
        }
    }
}

/// Where servers keep sessions. Sessions outlive connections, and the connections of one session may meet different
/// processes, which then share a store.
///
/// `ServerSession` is a plain `Codable` value: a store may keep it in memory, or load it, run the change and save it. Let the
/// decoder have the server's `ServerConfiguration.session` under `userInfo[.serverSessionConfiguration]`, or a session keeps the
/// limits of the process that made it. A saved session holds the messages that wait, results and updates, in the clear,
/// and no keys or salts: protect it as you protect these messages.
///
/// What a store has to see to:
///
/// - Changes of a session exclude each other, wherever they come from, and those that one event loop asks for are carried out in
///   that order. A subscription takes its place in the same order: when somebody else's change follows the changes that
///   the event loop asked for after it subscribed, the subscriber is woken.
/// - A change has no effect but on the session, and may run on any thread: a store that finds at the end that somebody else was
///   faster runs it again on what is there now, and so with the making of a session, whose result counts only if it was
///   saved. A change is quick, because with a store in memory it runs on the caller's event loop. It asks nothing of the
///   store: a store may hold a lock meanwhile.
/// - An error says that the change was not made, or that this is not known; then it is made at some time or never, and not twice.
/// - A session that ends in any other way than by ``removeDiscardable(at:)``'s rule leaves its highest identifier behind, for
///   330 seconds at least: ``remove(_:on:)``, ``removeAll(ofKey:on:)``, a lack of space. A session of the same key that
///   is made later gets it by `ServerSession.raiseFloor(to:)`. Otherwise whoever recorded a payload could have its queries
///   executed a second time.
/// - Wall clocks of processes that share sessions differ by less than a minute.
///
/// An error ends the connection that was served.
public protocol SessionStore: Sendable {
    /// Runs `change` on a session.
    ///
    /// - Parameters:
    ///   - identifier: The session.
    ///   - eventLoop: The event loop of the caller.
    ///   - make: Makes the session when it is unknown; nil leaves it so.
    ///   - change: The change.
    /// - Returns: What `change` returned in its last run; nil if there is no session.
    func change<Result: Sendable>(
        _ identifier: ServerSessionIdentifier,
        on eventLoop: any EventLoop,
        makingIfMissing make: (@Sendable (ServerSessionIdentifier) -> ServerSession)?,
        _ change: @escaping @Sendable (inout ServerSession) -> Result
    ) -> SessionStoreResult<Result?>

    /// Forgets a session, but not its highest identifier.
    ///
    /// - Returns: whether there was one.
    func remove(_ identifier: ServerSessionIdentifier, on eventLoop: any EventLoop) -> SessionStoreResult<Bool>

    /// Forgets every session of a key, but not the highest of their identifiers.
    func removeAll(ofKey authorizationKey: UInt64, on eventLoop: any EventLoop) -> SessionStoreResult<Void>

    /// Forgets the sessions that nobody would miss: `ServerSession.isDiscardable(at:)`. Called once a minute from a thread that
    /// may be blocked; a store that has its own way to let sessions end need not implement it.
    func removeDiscardable(at now: SessionTime)

    /// Asks to be told when a session has something to send because of somebody else: another process, or another
    /// server of this one, that called ``wake(_:)``. Costs little: it is called with each connection of a session, and with
    /// each HTTP request that waits.
    ///
    /// - Parameters:
    ///   - identifier: The session.
    ///   - subscriber: A number of the caller's for this subscription, used by nobody else for this session.
    ///   - wake: Called from any thread, and outside of the store's locks: it may call the store.
    func subscribe(
        to identifier: ServerSessionIdentifier,
        as subscriber: UInt64,
        _ wake: @escaping @Sendable () -> Void
    )

    /// Ends a subscription.
    func unsubscribe(_ subscriber: UInt64, from identifier: ServerSessionIdentifier)

    /// Tells the subscribers of a session, in all processes, that it may have something to send; returns at once. They are told after
    /// the changes that the caller has been told of.
    func wake(_ identifier: ServerSessionIdentifier)

    /// What the store holds and has forgotten, for metrics; nil if it cannot tell.
    var statistics: SessionStoreStatistics? { get }

    /// What was forgotten since the last call, whoever made it: several servers may report what one store forgets, each message
    /// once. Without an implementation the metrics of forgotten messages stay at 0.
    func takeForgottenMessages() -> ForgottenMessageCounts

    /// How many sessions were removed for want of room since the last call, whoever made it. Without an implementation the metric
    /// stays at 0.
    func takeEvictedSessionCount() -> UInt64
}

extension SessionStore {
    /// Does nothing.
    public func removeDiscardable(at now: SessionTime) {}

    /// Tells nothing.
    public var statistics: SessionStoreStatistics? { nil }

    /// Tells nothing.
    public func takeForgottenMessages() -> ForgottenMessageCounts { ForgottenMessageCounts() }

    /// Tells nothing.
    public func takeEvictedSessionCount() -> UInt64 { 0 }
}

/// What a store holds and has forgotten.
public struct SessionStoreStatistics: Hashable, Sendable {
    /// How many sessions there are.
    public var sessionCount: Int
    /// How many bytes they have queued.
    public var queuedByteCount: Int
    /// How many queued messages were forgotten since the store was made.
    public var forgottenMessages: ForgottenMessageCounts

    /// Makes statistics.
    public init(sessionCount: Int, queuedByteCount: Int, forgottenMessages: ForgottenMessageCounts) {
        self.sessionCount = sessionCount
        self.queuedByteCount = queuedByteCount
        self.forgottenMessages = forgottenMessages
    }
}
