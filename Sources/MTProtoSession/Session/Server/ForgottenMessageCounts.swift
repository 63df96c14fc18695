// SPDX-License-Identifier: Apache-2.0

/// How many messages to a client were forgotten before it acknowledged them, by reason.
public struct ForgottenMessageCounts: Hashable, Sendable, Codable {
    /// There were too many messages in the queue of the session, or too many bytes.
    public var overflow: UInt64
    /// They stayed in the queue for too long.
    public var expired: UInt64
    /// The store was short of memory.
    public var memory: UInt64
    /// They need no acknowledgement (pongs, notices), and too many of these waited in the session.
    public var notices: UInt64

    /// Makes counts.
    public init(overflow: UInt64 = 0, expired: UInt64 = 0, memory: UInt64 = 0, notices: UInt64 = 0) {
        self.overflow = overflow
        self.expired = expired
        self.memory = memory
        self.notices = notices
    }

    /// Reads counts; one that was not written is 0.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            overflow: try container.decodeIfPresent(UInt64.self, forKey: .overflow) ?? 0,
            expired: try container.decodeIfPresent(UInt64.self, forKey: .expired) ?? 0,
            memory: try container.decodeIfPresent(UInt64.self, forKey: .memory) ?? 0,
            notices: try container.decodeIfPresent(UInt64.self, forKey: .notices) ?? 0
        )
    }

    /// What came since an earlier reading of the same counts; 0 where the earlier one is higher.
    public func since(_ earlier: Self) -> Self {
        Self(
            overflow: self.overflow - min(earlier.overflow, self.overflow),
            expired: self.expired - min(earlier.expired, self.expired),
            memory: self.memory - min(earlier.memory, self.memory),
            notices: self.notices - min(earlier.notices, self.notices)
        )
    }

    /// Adds counts.
    public static func += (left: inout Self, right: Self) {
        left.overflow &+= right.overflow
        left.expired &+= right.expired
        left.memory &+= right.memory
        left.notices &+= right.notices
    }
}
