// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

extension ServerSession {
    /// What a message received before, which was neither in a container nor in a copy, has made the session say again.
    enum BareRepetition: Sendable {
        case answer(UInt64)
        case announcement
        case acknowledgement(UInt64)
    }

    /// What the handling of one payload collects.
    struct Reception {
        let now: SessionTime
        var actions: [ServerSessionAction] = [.acceptQuickAck(false)]
        /// Whether at least one message was processed.
        private(set) var isAccepted = false
        /// The lowest identifier of the messages accepted.
        private(set) var lowestIdentifier = UInt64.max
        /// How many bytes the compressed objects of the payload may still unpack to.
        private(set) var inflationBudget: Int
        /// Why messages were rejected: for the connection that carried them, and no other.
        var rejections: [ByteBuffer] = []

        init(now: SessionTime, inflationBudget: Int) {
            self.now = now
            self.inflationBudget = max(inflationBudget, 0)
        }

        mutating func accept(_ identifier: UInt64) {
            self.isAccepted = true
            self.lowestIdentifier = min(self.lowestIdentifier, identifier)
        }

        /// Reads a message's body; nil if it is malformed or unpacks to too much.
        mutating func parse(_ body: ByteBuffer, isContained: Bool) -> MessageBody? {
            try? MessageBody.parse(body, budget: &self.inflationBudget, isContained: isContained).body
        }
    }
}
