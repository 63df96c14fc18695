// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore

/// How many sessions the requests of one connection may still begin. Pure: instants in, a verdict out.
///
/// A connection of HTTP may belong to an intermediary and serve many clients, one after the other: what counts is how many
/// sessions it begins in a minute.
struct SessionAllowance {
    private var since: NIODeadline?
    private var begun: Set<ServerSessionIdentifier> = []

    /// Whether a request may begin its session; of those begun in its minute each counts once.
    ///
    /// - Parameter limit: Sessions in a minute.
    mutating func mayBegin(_ session: ServerSessionIdentifier, limit: Int, at now: NIODeadline) -> Bool {
        if self.since.map({ now - $0 >= .minutes(1) }) ?? true {
            self.since = now
            self.begun = []
        }
        return self.begun.count < limit || self.begun.contains(session)
    }

    /// A request has begun its session.
    mutating func began(_ session: ServerSessionIdentifier) {
        self.begun.insert(session)
    }
}
