// SPDX-License-Identifier: Apache-2.0

/// The span of time in which the identifier of a received message must lie: from 300 seconds ago to 30 seconds ahead.
///
/// Specification: *Mobile Protocol: Detailed Description*, "Message Identifier (msg_id)".
public enum MessageTimeWindow {
    /// How a message identifier lies to the window.
    public enum Verdict: Hashable, Sendable {
        /// Within the window, its ends included.
        case acceptable
        /// More than 300 seconds old.
        case tooLow
        /// More than 30 seconds ahead.
        case tooHigh
    }

    /// 300 seconds in nanoseconds.
    public static let maximumAgeNanoseconds: Int64 = 300_000_000_000
    /// 30 seconds in nanoseconds.
    public static let maximumAdvanceNanoseconds: Int64 = 30_000_000_000

    /// Compares the time that an identifier tells with the server's time.
    ///
    /// - Parameters:
    ///   - identifier: The identifier of a received message.
    ///   - serverNanoseconds: Nanoseconds since 1970 in the server's time.
    public static func check(_ identifier: UInt64, serverNanoseconds: Int64) -> Verdict {
        // Both are non-negative, so the difference cannot overflow.
        let advance = MessageIdentifierGenerator.nanoseconds(of: identifier) - max(serverNanoseconds, 0)
        if advance > self.maximumAdvanceNanoseconds { return .tooHigh }
        return advance < -self.maximumAgeNanoseconds ? .tooLow : .acceptable
    }
}
