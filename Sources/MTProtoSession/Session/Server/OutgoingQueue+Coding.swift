// SPDX-License-Identifier: Apache-2.0

internal import DequeModule
internal import NIOCore

extension OutgoingQueue {
    /// What is kept of a queue in a store; the rest follows from it.
    struct Saved: Codable {
        struct Message: Codable {
            var body: ByteBuffer
            var resultOf: UInt64?
            var enqueuedAt: Int64
            /// How it was sent; nil if it was not.
            var sending: Sending?
        }

        struct Sending: Codable {
            var identifier: UInt64
            var sequenceNumber: Int32
            var sentAt: Int64
            var carriedBy: UInt64?
            var isWaitingForResend: Bool
            var isRequested: Bool
        }

        /// The sent ones first, in the order of their identifiers.
        var messages: [Message]
        /// Those to be repeated, in this order.
        var resends: [UInt64]
        var nextResendScan: Int64?
        var forgotten: ForgottenMessageCounts
    }

    var saved: Saved {
        let sent = self.sent.lazy.filter { !$0.isRemoved }.map { sent in
            Saved.Message(
                body: sent.message.body,
                resultOf: sent.message.resultOf,
                enqueuedAt: sent.enqueuedAt,
                sending: Saved.Sending(
                    identifier: sent.message.identifier,
                    sequenceNumber: sent.message.sequenceNumber,
                    sentAt: sent.sentAt,
                    carriedBy: sent.carriedBy,
                    isWaitingForResend: sent.isWaitingForResend,
                    isRequested: sent.isRequested
                )
            )
        }
        let unsent = self.unsent.lazy.map { unsent in
            Saved.Message(body: unsent.body, resultOf: unsent.resultOf, enqueuedAt: unsent.enqueuedAt, sending: nil)
        }
        return Saved(
            messages: Array(sent) + Array(unsent),
            resends: self.liveResends,
            nextResendScan: self.nextResendScan,
            forgotten: self.forgotten
        )
    }

    private var liveResends: [UInt64] {
        guard self.waitingForResendCount > 0 else { return [] }
        let waiting = Set(self.sent.lazy.filter(\.isWaitingForResend).map(\.message.identifier))
        return self.resends.filter(waiting.contains)
    }

    /// Makes a queue of what was kept; nil if that is no queue.
    ///
    /// - Parameters:
    ///   - saved: What was kept. It may exceed the configuration's bounds, see ``keepBounds()``.
    ///   - configuration: The bounds.
    ///   - lastIdentifier: The last identifier that the session gave.
    init?(_ saved: Saved, configuration: ServerSession.Configuration, lastIdentifier: UInt64) {
        self.init(configuration: configuration)
        for message in saved.messages {
            guard let sending = message.sending else {
                let unsent = Unsent(body: message.body, resultOf: message.resultOf, enqueuedAt: message.enqueuedAt)
                self.unsent.append(unsent)
                self.byteCount += unsent.byteCount
                if let query = message.resultOf { self.answers[query] = 0 }
                continue
            }
            // A server's are odd, and the last two bits make no difference between them.
            guard self.unsent.isEmpty, sending.identifier & 1 == 1, sending.sequenceNumber & 1 == 1,
                sending.identifier <= lastIdentifier | 3,
                sending.identifier >> 2 > (self.sent.last?.message.identifier ?? 0) >> 2
            else { return nil }
            let outgoing = OutgoingMessage(
                identifier: sending.identifier,
                sequenceNumber: sending.sequenceNumber,
                body: message.body,
                resultOf: message.resultOf
            )
            self.sent.append(
                Sent(
                    message: outgoing,
                    enqueuedAt: message.enqueuedAt,
                    sentAt: sending.sentAt,
                    carriedBy: sending.carriedBy,
                    isWaitingForResend: sending.isWaitingForResend,
                    isRequested: sending.isRequested
                )
            )
            self.byteCount += outgoing.byteCount
            if sending.isWaitingForResend { self.waitingForResendCount += 1 }
            if let query = message.resultOf { self.answers[query] = sending.identifier }
        }
        let resends = Set(saved.resends)
        guard resends.count == saved.resends.count, resends.count == self.waitingForResendCount,
            self.sent.allSatisfy({ !$0.isWaitingForResend || resends.contains($0.message.identifier) })
        else { return nil }
        self.resends = Deque(saved.resends)
        // Or what is not marked would wait for ever.
        let isScanNeeded = self.waitingForResendCount < self.sent.count
        self.nextResendScan = saved.nextResendScan ?? (isScanNeeded ? Int64.min : nil)
        self.forgotten = saved.forgotten
    }

    /// Moves all times, to another clock.
    mutating func shiftTimes(by nanoseconds: Int64) {
        for index in self.unsent.indices {
            self.unsent[index].enqueuedAt = self.unsent[index].enqueuedAt.addingClamped(nanoseconds)
        }
        for index in self.sent.indices {
            self.sent[index].enqueuedAt = self.sent[index].enqueuedAt.addingClamped(nanoseconds)
            self.sent[index].sentAt = self.sent[index].sentAt.addingClamped(nanoseconds)
        }
        self.nextResendScan = self.nextResendScan?.addingClamped(nanoseconds)
    }
}
