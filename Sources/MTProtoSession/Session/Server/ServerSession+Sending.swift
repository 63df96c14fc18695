// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

extension ServerSession {
    /// The next payload for a connection of the session, encrypted, with headroom for the transport; nil when there is
    /// nothing to send. Everything that waits is packed into containers, so answers to one container leave as one.
    ///
    /// - Parameters:
    ///   - authorizationKey: The session's key.
    ///   - salts: The key's salts.
    ///   - now: The time.
    ///   - random: Makes the padding.
    ///   - onlyNotices: Whether to leave out everything but service messages: for a connection none of whose payloads was
    ///     accepted yet. A replayed payload must not divert what the client waits for.
    public mutating func nextPayload(
        authorizationKey: AuthorizationKey,
        salts: ServerSaltSchedule,
        at now: SessionTime,
        random: RandomSource = .system,
        onlyNotices: Bool = false
    ) -> ByteBuffer? {
        guard self.hasOutput else { return nil }
        var packer = ContainerPacker(
            maximumCount: self.configuration.maximumContainerCount,
            maximumByteCount: self.configuration.maximumContainerByteCount
        )
        if !onlyNotices { self.packResends(into: &packer, at: now) }
        self.packNotices(into: &packer, at: now)
        if !onlyNotices { self.packQueue(into: &packer, at: now) }
        guard let first = packer.messages.first else { return nil }

        var identifier = first.identifier
        var sequenceNumber = first.sequenceNumber
        if packer.isContainer {
            identifier = self.identifiers.next(serverNanoseconds: now.wallNanoseconds)
            sequenceNumber = self.sequenceNumbers.next(isContentRelated: false)
        }
        let (payload, _) = EncryptedMessage.seal(
            salt: self.salts(of: salts, at: now).current,
            sessionIdentifier: self.sessionIdentifier,
            identifier: identifier,
            sequenceNumber: sequenceNumber,
            with: authorizationKey,
            direction: .serverToClient,
            padding: self.configuration.padding,
            random: random,
            bodyLength: packer.byteCount
        ) { buffer in
            packer.write(to: &buffer)
        }
        return payload
    }

    /// Repeated messages keep their identifiers and numbers and therefore travel in a container.
    private mutating func packResends(into packer: inout ContainerPacker, at now: SessionTime) {
        while let resend = self.queue.nextResend(at: now, fits: { packer.hasRoom(forByteCount: $0) }) {
            switch resend {
            case .message(let message):
                packer.append(message, inContainer: true)
            case .announcement(let message):
                self.announce(message)
            }
        }
    }

    private mutating func packNotices(into packer: inout ContainerPacker, at now: SessionTime) {
        while let byteCount = self.notices.nextByteCount(), packer.hasRoom(forByteCount: byteCount),
            let notice = self.notices.popFirst()
        {
            packer.append(
                OutgoingMessage(
                    identifier: self.identifiers.next(
                        serverNanoseconds: now.wallNanoseconds,
                        isResponse: notice.isResponse
                    ),
                    sequenceNumber: self.sequenceNumbers.next(isContentRelated: false),
                    body: notice.body
                )
            )
        }
    }

    private mutating func packQueue(into packer: inout ContainerPacker, at now: SessionTime) {
        while let byteCount = self.queue.nextUnsentByteCount, packer.hasRoom(forByteCount: byteCount) {
            let identifier = self.identifiers.next(
                serverNanoseconds: now.wallNanoseconds,
                isResponse: self.queue.isNextUnsentAnswer
            )
            let sequenceNumber = self.sequenceNumbers.next(isContentRelated: true)
            guard
                let message = self.queue.sendNext(identifier: identifier, sequenceNumber: sequenceNumber, at: now)
            else { return }
            packer.append(message)
        }
    }

    /// Tells the client about a message that is too large to be repeated unasked: it may request or acknowledge it.
    mutating func announce(_ message: OutgoingMessage) {
        let byteCount = Int32(clamping: message.byteCount)
        if let query = message.resultOf {
            let info = MessageDetailedInfo(
                identifier: query,
                answerIdentifier: message.identifier,
                byteCount: byteCount,
                status: 0
            )
            self.notices.append(info.serialized(), isResponse: true)
        } else {
            let info = MessageNewDetailedInfo(answerIdentifier: message.identifier, byteCount: byteCount, status: 0)
            self.notices.append(info.serialized(), isResponse: false)
        }
    }
}
