// SPDX-License-Identifier: Apache-2.0

extension ServerSession {
    /// What the lowest bit of a sequence number must be.
    enum ParityRule {
        case mustBeEven
        case mustBeOdd
        /// Service messages that some clients mark as content-related and others do not, such as `ping`.
        case either
    }

    static func parityRule(for body: MessageBody) -> ParityRule {
        switch body {
        case .container, .copy, .acknowledgement: .mustBeEven
        default: body.isQuery ? .mustBeOdd : .either
        }
    }

    /// Checks a sequence number as far as the configuration asks for.
    ///
    /// Clients differ: the first number accepted may be 3, because a message before was rejected for its salt.
    ///
    /// - Returns: Why the message must be rejected, or nil.
    func checkSequenceNumber(of message: ContainedMessage, _ rule: ParityRule) -> BadMessageCode? {
        guard self.configuration.sequenceNumberCheck != .none else { return nil }
        switch rule {
        case .mustBeEven where message.isContentRelated: return .evenSequenceNumberExpected
        case .mustBeOdd where !message.isContentRelated: return .oddSequenceNumberExpected
        default: break
        }
        guard self.configuration.sequenceNumberCheck == .order else { return nil }
        let neighbours = self.received.sequenceNumbers(around: message.identifier)
        if let below = neighbours.below, below > message.sequenceNumber || self.isRepeated(below, by: message) {
            return .sequenceNumberTooLow
        }
        if let above = neighbours.above, above < message.sequenceNumber || self.isRepeated(above, by: message) {
            return .sequenceNumberTooHigh
        }
        return nil
    }

    /// An odd number stands for one message only.
    private func isRepeated(_ sequenceNumber: Int32, by message: ContainedMessage) -> Bool {
        message.isContentRelated && sequenceNumber == message.sequenceNumber
    }
}

extension MessageBody {
    /// Whether this is for the responder: everything that is no known service message.
    var isQuery: Bool {
        if case .other = self { return true }
        return false
    }
}
