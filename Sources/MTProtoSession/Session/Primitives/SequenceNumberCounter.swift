// SPDX-License-Identifier: Apache-2.0

/// Counts the messages that a side sends and numbers them: twice the content-related messages before, plus one if the
/// message is content-related itself.
///
/// Specification: *Mobile Protocol: Detailed Description*, "Message Sequence Number (msg_seqno)".
public struct SequenceNumberCounter: Sendable {
    package private(set) var contentRelatedCount: UInt32 = 0

    /// Makes a counter for one side of a new session.
    public init() {}

    /// Makes a counter that goes on after another one.
    package init(contentRelatedCount: UInt32) {
        self.contentRelatedCount = contentRelatedCount
    }

    /// The number of the next message; odd when the message is content-related, that is, to be acknowledged.
    public mutating func next(isContentRelated: Bool) -> Int32 {
        let even = self.contentRelatedCount &<< 1
        guard isContentRelated else { return Int32(truncatingIfNeeded: even) }
        self.contentRelatedCount &+= 1
        return Int32(truncatingIfNeeded: even | 1)
    }
}
