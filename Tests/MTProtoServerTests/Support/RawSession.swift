// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore

/// Numbers and seals messages of a client, as the test says.
struct RawSession {
    struct Sealed {
        let payload: ByteBuffer
        let quickAckToken: UInt32
        let identifier: UInt64
    }

    let key: AuthorizationKey
    let expiresAt: Int32?
    let identifier: UInt64
    var salt: UInt64
    var clock = SessionClock.system
    var identifiers = MessageIdentifierGenerator(role: .client)
    var sequenceNumbers = SequenceNumberCounter()

    init(_ result: KeyExchangeResult, identifier: UInt64 = RandomSource.system.integer()) {
        self.key = result.authorizationKey
        self.expiresAt = result.expiresAt
        self.salt = result.salt
        self.identifier = identifier
    }

    /// Another session under the same key.
    func sibling() -> RawSession {
        var other = RawSession(key: self.key, expiresAt: self.expiresAt, salt: self.salt)
        other.clock = self.clock
        return other
    }

    private init(key: AuthorizationKey, expiresAt: Int32?, salt: UInt64) {
        self.key = key
        self.expiresAt = expiresAt
        self.salt = salt
        self.identifier = RandomSource.system.integer()
    }

    var serverIdentifier: ServerSessionIdentifier {
        ServerSessionIdentifier(authorizationKey: self.key.identifier, session: self.identifier)
    }

    /// Numbers a message.
    mutating func message(_ body: ByteBuffer, isContentRelated: Bool = true) -> ContainedMessage {
        ContainedMessage(
            identifier: self.identifiers.next(serverNanoseconds: self.clock.now().wallNanoseconds),
            sequenceNumber: self.sequenceNumbers.next(isContentRelated: isContentRelated),
            body: body
        )
    }

    func seal(_ message: ContainedMessage) -> Sealed {
        let (payload, token) = EncryptedMessage.seal(
            salt: self.salt,
            sessionIdentifier: self.identifier,
            identifier: message.identifier,
            sequenceNumber: message.sequenceNumber,
            with: self.key,
            direction: .clientToServer,
            bodyLength: message.body.readableBytes
        ) { $0.writeImmutableBuffer(message.body) }
        return Sealed(payload: payload, quickAckToken: token, identifier: message.identifier)
    }

    mutating func seal(_ body: ByteBuffer, isContentRelated: Bool = true) -> Sealed {
        let message = self.message(body, isContentRelated: isContentRelated)
        return self.seal(message)
    }

    /// Seals messages that are numbered already in a container.
    mutating func seal(container messages: [ContainedMessage]) -> Sealed {
        self.seal(MessageContainer(messages: messages).serialized(), isContentRelated: false)
    }

    /// Opens a payload of the server; a container's messages one by one.
    func open(_ payload: ByteBuffer) throws -> [ContainedMessage] {
        let message = try EncryptedMessage.open(payload, with: self.key, from: .serverToClient)
        if case .container(let messages) = try MessageBody.parse(message.body).body { return messages }
        return [
            ContainedMessage(
                identifier: message.identifier,
                sequenceNumber: message.sequenceNumber,
                body: message.body
            )
        ]
    }

    /// `auth.bindTempAuthKey` of this session's key to a permanent one.
    mutating func binding(
        to permanent: AuthorizationKey,
        change: (inout BindAuthKeyInner) -> Void = { _ in },
        carriedAs carrier: UInt64? = nil
    ) -> ContainedMessage {
        var message = self.message(ByteBuffer())
        var inner = BindAuthKeyInner(
            nonce: RandomSource.system.integer(),
            temporaryKeyIdentifier: self.key.identifier,
            permanentKeyIdentifier: permanent.identifier,
            temporarySessionIdentifier: self.identifier,
            expiresAt: self.expiresAt ?? 0
        )
        let call = inner
        change(&inner)
        message.body = BindTemporaryAuthKey(
            permanentKeyIdentifier: call.permanentKeyIdentifier,
            nonce: call.nonce,
            expiresAt: call.expiresAt,
            encryptedMessage: TemporaryKeyBinding.makeEncryptedMessage(
                inner: inner,
                permanentKey: permanent,
                messageIdentifier: carrier ?? message.identifier
            )
        ).serialized()
        return message
    }
}
