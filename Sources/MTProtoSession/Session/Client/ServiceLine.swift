// SPDX-License-Identifier: Apache-2.0

internal import DequeModule

/// The service messages that wait to be sent, and the identifiers that are gathered for them.
///
/// Bounded: what a peer makes the session answer cannot grow without end.
struct ServiceLine: Sendable {
    private static let maximumCount = 1024
    /// How many identifiers one service message may hold.
    static let maximumIdentifierCount = 8192
    /// As many as fit a container that also has room for other messages.
    private static let preferredIdentifierCount = 3072

    private var line = Deque<PendingServiceMessage>()
    /// Messages of the server to ask for again.
    private var resendIdentifiers: [UInt64] = []
    /// Messages of ours to ask the state of.
    private var stateIdentifiers: [UInt64] = []

    var isEmpty: Bool {
        self.line.isEmpty && self.resendIdentifiers.isEmpty && self.stateIdentifiers.isEmpty
    }

    /// Puts a message in line; forgets it if the line is full.
    ///
    /// - Returns: Whether there was room.
    @discardableResult
    mutating func append(_ message: ServiceMessage) -> Bool {
        self.append(PendingServiceMessage(message: message))
    }

    @discardableResult
    mutating func append(_ pending: PendingServiceMessage) -> Bool {
        guard self.line.count < Self.maximumCount else { return false }
        self.line.append(pending)
        return true
    }

    mutating func askToResend(_ identifier: UInt64) {
        guard self.resendIdentifiers.count < Self.maximumIdentifierCount else { return }
        self.resendIdentifiers.append(identifier)
    }

    mutating func askState(of identifier: UInt64) {
        guard self.stateIdentifiers.count < Self.maximumIdentifierCount else { return }
        self.stateIdentifiers.append(identifier)
    }

    /// The next message, which stays in line until it is popped.
    mutating func first() -> PendingServiceMessage? {
        if self.line.isEmpty {
            if !self.stateIdentifiers.isEmpty {
                self.append(.stateRequest(Self.take(from: &self.stateIdentifiers)))
            } else if !self.resendIdentifiers.isEmpty {
                self.append(.resendRequest(Self.take(from: &self.resendIdentifiers)))
            }
        }
        return self.line.first
    }

    mutating func popFirst() {
        _ = self.line.popFirst()
    }

    func contains(where predicate: (ServiceMessage) -> Bool) -> Bool {
        self.line.contains { predicate($0.message) }
    }

    /// Forgets what concerns a connection that is gone.
    mutating func connectionClosed() {
        self.line.removeAll { !$0.message.outlivesConnection }
        self.resendIdentifiers.removeAll()
        self.stateIdentifiers.removeAll()
    }

    /// Forgets what concerns a session that is gone.
    mutating func sessionRestarted() {
        self.line.removeAll { !$0.message.outlivesSession }
        self.resendIdentifiers.removeAll()
        self.stateIdentifiers.removeAll()
    }

    private static func take(from identifiers: inout [UInt64]) -> [UInt64] {
        let taken = Array(identifiers.prefix(Self.preferredIdentifierCount))
        identifiers.removeFirst(taken.count)
        return taken
    }
}
