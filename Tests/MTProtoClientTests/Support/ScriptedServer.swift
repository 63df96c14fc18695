// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import MTProtoTestSupport
import MTProtoTransport
import NIOCore

/// A server that does on each connection what a script says, byte for byte.
enum ScriptedServer {
    typealias Script = @Sendable (ScriptedConnection) async throws -> Void

    /// Runs `body` with the endpoint of a server that runs `script` for every connection.
    ///
    /// Returns only when every script has ended: one that waits for the client's end proves that the client closed, and one that
    /// waits too long ends the test with `LeakedChannels`.
    static func run<Result: Sendable>(
        _ script: @escaping Script,
        _ body: @Sendable (SocketEndpoint) async throws -> Result
    ) async throws -> Result {
        try await WireListener.run(
            // A script that the client cuts short is no failure of the test: the body says what counts.
            script: { _, connection, _ in try await script(ScriptedConnection(connection)) },
            { try await body($0.endpoint) }
        )
    }
}

/// One connection of a scripted server.
final class ScriptedConnection {
    /// The client closed before it sent what the script waits for.
    struct Closed: Error {}

    private let channel: any Channel
    private var bytes: AsyncStream<ByteBuffer>.Iterator
    private var transport = TransportConnection(server: TransportConnection.ServerConfiguration())
    private var identifiers = MessageIdentifierGenerator(role: .server)
    /// The session, once the exchange is over and the first encrypted payload was there.
    private(set) var session: ServerSession?
    private(set) var key: EstablishedKey?

    init(_ connection: WireConnection) {
        self.channel = connection.channel
        self.bytes = connection.bytes.makeAsyncIterator()
    }

    // MARK: Bytes and payloads

    func write(_ bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    func read() async throws -> ByteBuffer {
        guard let bytes = await self.bytes.next() else { throw Closed() }
        return bytes
    }

    /// The client's next payload.
    func payload() async throws -> ByteBuffer {
        while true {
            while let event = try self.transport.nextEvent() {
                if case .payload(let payload, _) = event { return payload }
            }
            self.transport.receive(try await self.read())
        }
    }

    func send(_ payload: ByteBuffer) async throws {
        try await self.channel.writeAndFlush(try self.transport.send(payload))
    }

    func sendTransportError(_ code: TransportErrorCode) async throws {
        try await self.channel.writeAndFlush(try self.transport.sendTransportError(code))
    }

    /// Bytes in the connection's framing around a payload, to be changed before they are written.
    func frame(_ payload: ByteBuffer) throws -> [UInt8] {
        Array(try self.transport.send(payload).readableBytesView)
    }

    /// Waits for the client's end.
    func closed() async {
        while await self.bytes.next() != nil {}
    }

    // MARK: Key exchange

    /// The client's next step of the exchange, and the honest answer to it.
    func answerOfStep(_ table: ServerKeyExchangeTable = TestServer.keyExchanges) async throws -> ByteBuffer {
        let message = try PlaintextMessage(parsing: try await self.payload())
        switch table.respond(to: message.body, at: SessionClock.system.now()) {
        case .reply(let body):
            return body
        case .replyAndStore(_, let key):
            self.key = key
            guard case .reply(let body) = table.confirm(key, .stored, at: SessionClock.system.now()) else {
                throw Closed()
            }
            return body
        case .transportError, .ignore:
            throw Closed()
        }
    }

    func sendPlaintext(_ body: ByteBuffer) async throws {
        let identifier = self.identifiers.next(
            serverNanoseconds: SessionClock.system.now().wallNanoseconds,
            isResponse: true
        )
        try await self.send(PlaintextMessage(identifier: identifier, body: body).serialized())
    }

    /// Takes so many of the three steps of an exchange.
    func exchangeKeys(steps: Int = 3) async throws {
        for _ in 0..<steps {
            try await self.sendPlaintext(try await self.answerOfStep())
        }
    }

    // MARK: Session

    private var salts: ServerSaltSchedule {
        ServerSaltSchedule(
            initialSalt: self.key?.initialSalt ?? 0,
            createdAt: self.key?.createdAt ?? 0,
            seed: Bytes32()
        )
    }

    /// Takes the client's next encrypted payload; what the session makes of it.
    func receiveEncrypted() async throws -> [ServerSessionAction] {
        guard let key = self.key else { throw Closed() }
        let message = try EncryptedMessage.open(
            try await self.payload(),
            with: key.authorizationKey,
            from: .clientToServer
        )
        if self.session == nil {
            self.session = ServerSession(
                authorizationKeyIdentifier: key.authorizationKey.identifier,
                sessionIdentifier: message.sessionIdentifier
            )
        }
        return self.session?.receive(message, salts: self.salts, at: SessionClock.system.now()) ?? []
    }

    /// Takes payloads until a query comes; service messages are answered meanwhile.
    func query() async throws -> ServerQuery {
        while true {
            let actions = try await self.receiveEncrypted()
            for case .query(let query) in actions { return query }
            try await self.flush()
        }
    }

    func respond(to query: UInt64, _ result: ByteBuffer) {
        self.session?.respond(to: query, result: result, at: SessionClock.system.now())
    }

    /// Sends what the session has to send.
    func flush() async throws {
        guard let key = self.key else { throw Closed() }
        while let payload = self.session?.nextPayload(
            authorizationKey: key.authorizationKey,
            salts: self.salts,
            at: SessionClock.system.now()
        ) {
            try await self.send(payload)
        }
    }

    /// An identifier that only a client may use.
    var clientIdentifier: UInt64 {
        var generator = MessageIdentifierGenerator(role: .client)
        return generator.next(serverNanoseconds: SessionClock.system.now().wallNanoseconds)
    }

    /// Seals anything as a message of the server.
    func seal(_ body: ByteBuffer, session: UInt64? = nil, identifier: UInt64? = nil) throws -> ByteBuffer {
        guard let key = self.key else { throw Closed() }
        let now = SessionClock.system.now().wallNanoseconds
        return EncryptedMessage.seal(
            salt: key.initialSalt,
            sessionIdentifier: session ?? self.session?.sessionIdentifier ?? 0,
            identifier: identifier ?? self.identifiers.next(serverNanoseconds: now),
            sequenceNumber: 1,
            with: key.authorizationKey,
            direction: .serverToClient,
            bodyLength: body.readableBytes
        ) { $0.writeImmutableBuffer(body) }.payload
    }
}
