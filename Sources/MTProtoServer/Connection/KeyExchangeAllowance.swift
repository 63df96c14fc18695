// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// How much key exchange one connection may still ask for. Pure: instants in, a verdict out.
///
/// Real clients make two to five exchanges on a connection; each costs the server milliseconds of arithmetic.
struct KeyExchangeAllowance {
    /// Messages to an exchange: three queries, as many acknowledgements, and as many repetitions.
    private static let messagesPerExchange = 9

    private var since: NIODeadline?
    private var exchanges = 0
    private var messages = 0

    /// Counts a plaintext message; `false` when its minute has had too many.
    ///
    /// - Parameters:
    ///   - isCostly: Whether the message makes the server decrypt RSA, as once in each exchange.
    ///   - limit: Exchanges in a minute.
    mutating func take(isCostly: Bool, limit: Int, at now: NIODeadline) -> Bool {
        if self.since.map({ now - $0 >= .minutes(1) }) ?? true {
            self.since = now
            self.exchanges = 0
            self.messages = 0
        }
        self.messages += 1
        if isCostly { self.exchanges += 1 }
        return self.exchanges <= limit && (self.messages - 1) / Self.messagesPerExchange < max(1, limit)
    }
}
