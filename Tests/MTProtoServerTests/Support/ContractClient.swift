// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore

/// The payloads of a client, for a store without a server.
struct ContractClient {
    static let key = {
        do {
            return try AuthorizationKey([UInt8](repeating: 7, count: 256))
        } catch {
            fatalError("256 bytes are a key")
        }
    }()
    static let salts = ServerSaltSchedule(initialSalt: 5, createdAt: 1, seed: Bytes32())

    private var identifiers = MessageIdentifierGenerator(role: .client)

    /// A ping in a payload of its own, as the server opens it.
    mutating func ping(in session: ServerSessionIdentifier) throws -> EncryptedMessage {
        let now = SessionClock.system.now()
        let body = Ping(pingIdentifier: 1).serialized()
        let (payload, _) = EncryptedMessage.seal(
            salt: Self.salts.current(at: now.wallNanoseconds / 1_000_000_000),
            sessionIdentifier: session.session,
            identifier: self.identifiers.next(serverNanoseconds: now.wallNanoseconds),
            sequenceNumber: 0,
            with: Self.key,
            direction: .clientToServer,
            bodyLength: body.readableBytes
        ) { $0.writeImmutableBuffer(body) }
        return try EncryptedMessage.open(payload, with: Self.key, from: .clientToServer)
    }
}
