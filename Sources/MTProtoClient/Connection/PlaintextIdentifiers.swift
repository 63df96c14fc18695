// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import MTProtoTransport

/// Makes the identifiers of the messages of key exchanges.
///
/// They tell the server's time as far as it is known: what an exchange has proven, or else what the server said in passing, or
/// else what a saved session knew, or else the local clock's. A hint needs no limit here. It is replaced by the next one, also by
/// an earlier one, and nothing of it gets into a session: that takes its time from what the exchange has proven.
struct PlaintextIdentifiers: Sendable {
    /// A hint is cut to seconds, and was on its way: one that lies closer to the time known is no news.
    private static let hintToleranceNanoseconds: Int64 = 2_000_000_000

    private var generator = MessageIdentifierGenerator(role: .client)
    /// Server time minus local wall time.
    private var offsetNanoseconds: Int64 = 0
    private var isProven = false

    /// The next identifier.
    mutating func next(at now: SessionTime) -> UInt64 {
        self.generator.next(serverNanoseconds: self.serverNanoseconds(at: now))
    }

    /// Takes what somebody who need not be the server says of its time, in seconds since 1970.
    mutating func note(serverTime seconds: Int64, at now: SessionTime) {
        guard !self.isProven, (0...Int64(UInt32.max)).contains(seconds) else { return }
        let server = seconds * 1_000_000_000 + 500_000_000
        let (difference, overflow) = server.subtractingReportingOverflow(self.serverNanoseconds(at: now))
        guard !overflow, difference.magnitude > UInt64(Self.hintToleranceNanoseconds) else { return }
        self.move(toOffset: server.addingClamped(0 &- now.wallNanoseconds))
    }

    /// Takes an offset that held when a session was saved. The local clock may have been set since, so hints replace it.
    mutating func assume(offsetNanoseconds: Int64) {
        guard !self.isProven else { return }
        self.move(toOffset: offsetNanoseconds)
    }

    /// Takes an offset that an exchange has proven.
    mutating func prove(offsetNanoseconds: Int64) {
        self.isProven = true
        self.move(toOffset: offsetNanoseconds)
    }

    private func serverNanoseconds(at now: SessionTime) -> Int64 {
        now.wallNanoseconds.addingClamped(self.offsetNanoseconds)
    }

    /// No session holds these messages together: identifiers may go back, so that a wrong hint does not outlive itself.
    private mutating func move(toOffset offset: Int64) {
        if offset < self.offsetNanoseconds { self.generator.restart() }
        self.offsetNanoseconds = offset
    }
}
