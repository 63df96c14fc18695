// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

/// HTTP: a response is one payload, always; and it may be lost.
extension ServerSession {
    /// The body of the response to an HTTP request whose payload was accepted: what waits, as far as it fits into one
    /// payload; an empty container if nothing does.
    ///
    /// - Parameters:
    ///   - notices: What ``ServerSessionAction/notify(_:)`` said of the request's payload.
    ///   - queries: The queries of the request: if not everything fits, their answers come before the rest.
    ///   - authorizationKey: The session's key.
    ///   - salts: The key's salts.
    ///   - now: The time.
    ///   - random: Makes the padding.
    ///   - carrier: A number of the caller's for this response and no other, so that what it carried can be put back, see
    ///     ``responseLost(_:at:)``. One that is never reported lost counts as received.
    public mutating func nextResponse(
        notices: [ByteBuffer] = [],
        answering queries: Set<UInt64> = [],
        authorizationKey: AuthorizationKey,
        salts: ServerSaltSchedule,
        at now: SessionTime,
        random: RandomSource = .system,
        carrier: UInt64
    ) -> ByteBuffer {
        self.touch(at: now)
        self.lastResponse = now.monotonicNanoseconds
        var packer = self.makePacker()
        self.pack(notices, into: &packer, at: now)
        if !queries.isEmpty, self.heldByteCount > self.configuration.maximumContainerByteCount / 2 {
            let own = self.queue.bringForward(answersTo: queries)
            self.packQueue(into: &packer, connection: carrier, at: now, maximumCount: own)
        }
        self.packAll(into: &packer, connection: carrier, at: now)
        return self.sealResponse(packer, authorizationKey: authorizationKey, salts: salts, at: now, random: random)
    }

    /// The body of the response to an HTTP request whose payload was not accepted
    /// (``ServerSessionAction/acceptQuickAck(_:)`` said false).
    ///
    /// If the payload was received before, as when something between repeats a request, these are the answers to its own
    /// messages, as far as they were sent and not acknowledged, and acknowledgements of the others. Nothing else of the session
    /// is in it, and nothing of it counts as sent: whoever repeats a recorded request diverts nothing. Otherwise it is what
    /// was wrong with the payload. An empty container if there is nothing to say.
    ///
    /// - Parameters:
    ///   - message: The payload's message.
    ///   - notices: What ``ServerSessionAction/notify(_:)`` said of it.
    ///   - authorizationKey: The session's key.
    ///   - salts: The key's salts.
    ///   - now: The time.
    ///   - random: Makes the padding.
    public mutating func refusal(
        of message: EncryptedMessage,
        notices: [ByteBuffer],
        authorizationKey: AuthorizationKey,
        salts: ServerSaltSchedule,
        at now: SessionTime,
        random: RandomSource = .system
    ) -> ByteBuffer {
        self.adopt(now)
        self.takeBackRepetition()
        var packer = self.makePacker()
        if notices.allSatisfy(Self.saysRepeated), self.received.contains(message.identifier) {
            self.packRepetition(of: message, into: &packer, at: now)
        } else {
            self.pack(notices, into: &packer, at: now)
        }
        return self.sealResponse(packer, authorizationKey: authorizationKey, salts: salts, at: now, random: random)
    }

    /// A response was lost, or may have been: its connection ended before another request on it showed that it arrived. What
    /// it carried last and nobody acknowledged is sent again.
    ///
    /// What needs no acknowledgement is not: the client misses it, and asks again.
    ///
    /// - Parameters:
    ///   - carrier: The number that ``nextResponse(notices:answering:authorizationKey:salts:at:random:carrier:)`` was given.
    ///   - now: The time.
    public mutating func responseLost(_ carrier: UInt64, at now: SessionTime) {
        self.adopt(now)
        self.queue.resendAll(carriedBy: carrier)
    }

    /// Whether a notice says that a container with this identifier was received before.
    private static func saysRepeated(_ notice: ByteBuffer) -> Bool {
        guard let notice = try? BadMessageNotification(notice) else { return false }
        return notice.code == BadMessageCode.containerIdentifierRepeated.rawValue
    }

    /// What a bare message received before had the session say again goes into the refusal, and only there.
    private mutating func takeBackRepetition() {
        switch self.bareRepetition {
        case nil: break
        case .answer(let identifier): self.queue.takeBackMark(of: identifier)
        case .announcement: self.notices.removeLast()
        case .acknowledgement(let identifier): self.notices.takeBackAcknowledgement(of: identifier)
        }
        self.bareRepetition = nil
    }

    private mutating func pack(_ notices: [ByteBuffer], into packer: inout ContainerPacker, at now: SessionTime) {
        for notice in notices where packer.hasRoom(forByteCount: notice.readableBytes) {
            self.pack(notice: notice, into: &packer, at: now)
        }
    }

    private mutating func packRepetition(
        of message: EncryptedMessage,
        into packer: inout ContainerPacker,
        at now: SessionTime
    ) {
        var messages = [
            ContainedMessage(
                identifier: message.identifier,
                sequenceNumber: message.sequenceNumber,
                body: message.body
            )
        ]
        if message.body.tlConstructor == MessageContainer.constructor,
            case .container(let contents)? = try? MessageBody.parse(message.body).body
        {
            messages = contents
        }
        var acknowledged: [UInt64] = []
        var announced: [ByteBuffer] = []
        for message in messages {
            if let answer = self.queue.answer(to: message.identifier) {
                if answer.byteCount > self.configuration.largeMessageByteCount {
                    let info = MessageDetailedInfo(
                        identifier: message.identifier,
                        answerIdentifier: answer.identifier,
                        byteCount: Int32(clamping: answer.byteCount),
                        status: 0
                    )
                    announced.append(info.serialized())
                } else if packer.hasRoom(forByteCount: answer.byteCount) {
                    packer.append(answer, inContainer: true)
                }
            } else if message.isContentRelated, self.received.contains(message.identifier) {
                acknowledged.append(message.identifier)
            }
        }
        if !acknowledged.isEmpty {
            announced.append(MessagesAcknowledgement(identifiers: acknowledged).serialized())
        }
        self.pack(announced, into: &packer, at: now)
    }
}
