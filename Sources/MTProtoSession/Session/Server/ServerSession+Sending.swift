// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
public import NIOCore

extension ServerSession {
    /// The next payload for a connection of the session, encrypted, with headroom for the transport; nil when there is
    /// nothing to send. Everything that waits is packed into containers, so answers to one container leave as one.
    ///
    /// Only for a connection one of whose payloads was accepted: a recorded payload that somebody repeats must not divert
    /// what the client waits for.
    ///
    /// - Parameters:
    ///   - authorizationKey: The session's key.
    ///   - salts: The key's salts.
    ///   - now: The time.
    ///   - random: Makes the padding.
    ///   - connection: A number of the caller's for the connection, so that what it carried can be repeated when it
    ///     closes, see ``connectionClosed(at:connection:)``.
    public mutating func nextPayload(
        authorizationKey: AuthorizationKey,
        salts: ServerSaltSchedule,
        at now: SessionTime,
        random: RandomSource = .system,
        connection: UInt64? = nil
    ) -> ByteBuffer? {
        self.touch(at: now)
        guard self.hasOutput else { return nil }
        var packer = self.makePacker()
        self.packAll(into: &packer, connection: connection, at: now)
        return self.seal(packer, authorizationKey: authorizationKey, salts: salts, at: now, random: random)
    }

    /// Encrypts the notices of ``ServerSessionAction/notify(_:)``, in as few payloads as possible.
    ///
    /// - Parameters:
    ///   - notices: Boxed TL objects.
    ///   - authorizationKey: The session's key.
    ///   - salts: The key's salts.
    ///   - now: The time.
    ///   - random: Makes the padding.
    public mutating func seal(
        notices: [ByteBuffer],
        authorizationKey: AuthorizationKey,
        salts: ServerSaltSchedule,
        at now: SessionTime,
        random: RandomSource = .system
    ) -> [ByteBuffer] {
        self.adopt(now)
        var payloads: [ByteBuffer] = []
        var packer = self.makePacker()
        for notice in notices {
            if !packer.hasRoom(forByteCount: notice.readableBytes) {
                let payload = self.seal(
                    packer,
                    authorizationKey: authorizationKey,
                    salts: salts,
                    at: now,
                    random: random
                )
                if let payload { payloads.append(payload) }
                packer.removeAll()
            }
            self.pack(notice: notice, into: &packer, at: now)
        }
        let last = self.seal(packer, authorizationKey: authorizationKey, salts: salts, at: now, random: random)
        if let last { payloads.append(last) }
        return payloads
    }

    /// Adds a notice about a payload.
    mutating func pack(notice: ByteBuffer, into packer: inout ContainerPacker, at now: SessionTime) {
        packer.append(
            OutgoingMessage(
                identifier: self.identifiers.next(serverNanoseconds: now.wallNanoseconds, isResponse: true),
                sequenceNumber: self.sequenceNumbers.next(isContentRelated: false),
                body: notice
            )
        )
    }

    /// Adds what waits, as far as there is room.
    mutating func packAll(into packer: inout ContainerPacker, connection: UInt64?, at now: SessionTime) {
        self.packResends(into: &packer, connection: connection, at: now)
        self.packNotices(into: &packer, at: now)
        self.packQueue(into: &packer, connection: connection, at: now)
    }

    func makePacker() -> ContainerPacker {
        ContainerPacker(
            maximumCount: self.configuration.maximumContainerCount,
            maximumByteCount: self.configuration.maximumContainerByteCount
        )
    }

    private mutating func seal(
        _ packer: ContainerPacker,
        authorizationKey: AuthorizationKey,
        salts: ServerSaltSchedule,
        at now: SessionTime,
        random: RandomSource
    ) -> ByteBuffer? {
        guard !packer.isEmpty else { return nil }
        return self.sealResponse(packer, authorizationKey: authorizationKey, salts: salts, at: now, random: random)
    }

    /// Encrypts what is packed, an empty container if that is nothing.
    mutating func sealResponse(
        _ packer: ContainerPacker,
        authorizationKey: AuthorizationKey,
        salts: ServerSaltSchedule,
        at now: SessionTime,
        random: RandomSource
    ) -> ByteBuffer {
        var packer = packer
        if packer.isEmpty { packer.wrap() }
        var identifier = packer.messages.first?.identifier ?? 0
        var sequenceNumber = packer.messages.first?.sequenceNumber ?? 0
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
    private mutating func packResends(
        into packer: inout ContainerPacker,
        connection: UInt64?,
        at now: SessionTime
    ) {
        while let resend = self.queue.nextResend(
            on: connection,
            at: now,
            fits: { packer.hasRoom(forByteCount: $0) }
        ) {
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

    /// Adds messages that were never sent, as far as there is room, but not more than so many.
    mutating func packQueue(
        into packer: inout ContainerPacker,
        connection: UInt64?,
        at now: SessionTime,
        maximumCount: Int = .max
    ) {
        var count = 0
        while count < maximumCount, let byteCount = self.queue.nextUnsentByteCount,
            packer.hasRoom(forByteCount: byteCount)
        {
            count += 1
            let identifier = self.identifiers.next(
                serverNanoseconds: now.wallNanoseconds,
                isResponse: self.queue.isNextUnsentAnswer
            )
            let sequenceNumber = self.sequenceNumbers.next(isContentRelated: true)
            guard
                let message = self.queue.sendNext(
                    identifier: identifier,
                    sequenceNumber: sequenceNumber,
                    on: connection,
                    at: now
                )
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
            self.addNotice(info.serialized(), isResponse: true)
        } else {
            let info = MessageNewDetailedInfo(answerIdentifier: message.identifier, byteCount: byteCount, status: 0)
            self.addNotice(info.serialized(), isResponse: false)
        }
    }
}
