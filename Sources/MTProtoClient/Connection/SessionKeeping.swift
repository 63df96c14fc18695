// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// What outlives the connection that a session is started on. Its functions are called on the event loop.
struct SessionKeeping: Sendable {
    /// The driver of an earlier session, whose queries go on in the new one.
    var driver: NIOLoopBound<SessionDriver>?
    /// Throws when the connection is not wanted any more.
    var admit: @Sendable () throws -> Void
    /// Gets the driver before it starts.
    var adopt: @Sendable (SessionDriver) -> Void

    /// The session ends with its connection.
    static let none = SessionKeeping(driver: nil, admit: {}, adopt: { _ in })
}

/// The server has lost the key that a query was sent under, or the key has ended: what became of the query nobody can say.
struct TemporaryKeyReplaced: Error {}

/// An attempt to connect is not wanted any more.
struct AttemptAbandoned: Error {}
