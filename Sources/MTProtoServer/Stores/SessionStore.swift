// SPDX-License-Identifier: Apache-2.0

public import MTProtoSession

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

/// Where a server keeps sessions. Sessions outlive connections.
///
/// `ServerSession` is a plain value, so a store may keep it in memory, or load it, run the change and save it elsewhere.
/// A change runs exclusively for its session; it must be quick, because the caller may be an event loop.
public protocol SessionStore: Sendable {
    /// Runs `change` on a session, made by `make` when it is unknown.
    func withSession<Result>(
        _ identifier: ServerSessionIdentifier,
        makingIfMissing make: () -> ServerSession,
        _ change: (inout ServerSession) -> Result
    ) -> Result

    /// Runs `change` on a session if it exists.
    ///
    /// - Returns: `nil` when it does not.
    func withExistingSession<Result>(
        _ identifier: ServerSessionIdentifier,
        _ change: (inout ServerSession) -> Result
    ) -> Result?

    /// Forgets a session.
    ///
    /// - Returns: whether there was one.
    func remove(_ identifier: ServerSessionIdentifier) -> Bool

    /// Forgets every session of a key.
    func removeAll(ofKey authorizationKey: UInt64)

    /// Forgets the sessions that nobody would miss: `ServerSession.isDiscardable(at:)`. Called once a minute; a store that
    /// has its own way to let sessions end need not implement it.
    func removeDiscardable(at now: SessionTime)
}

extension SessionStore {
    /// Does nothing.
    public func removeDiscardable(at now: SessionTime) {}
}
