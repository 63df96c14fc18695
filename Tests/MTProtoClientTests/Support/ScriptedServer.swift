// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOPosix

/// A server that does on each connection what a script says, byte for byte.
enum ScriptedServer {
    typealias Script = @Sendable (ScriptedConnection) async throws -> Void

    /// Runs `body` with the endpoint of a server that runs `script` for every connection.
    ///
    /// Returns only when every script has ended: one that waits for the client's end proves that the client closed.
    static func run<Result: Sendable>(
        _ script: @escaping Script,
        _ body: @Sendable (SocketEndpoint) async throws -> Result
    ) async throws -> Result {
        try await ScriptedListener.run(
            accept: { channel in
                let (bytes, input) = AsyncStream.makeStream(of: ByteBuffer.self)
                try channel.pipeline.syncOperations.addHandler(Inbound(input))
                return ScriptedChannel(channel: channel, bytes: bytes)
            },
            script: { try await script(ScriptedConnection($0)) },
            close: { try? await $0.channel.close() },
            body
        )
    }
}

/// Listens on a port of its own and runs a script for each connection.
enum ScriptedListener {
    static func run<Accepted: Sendable, Result: Sendable>(
        accept: @escaping @Sendable (any Channel) throws -> Accepted,
        script: @escaping @Sendable (Accepted) async throws -> Void,
        close: @escaping @Sendable (Accepted) async -> Void,
        _ body: @Sendable (SocketEndpoint) async throws -> Result
    ) async throws -> Result {
        let (connections, continuation) = AsyncStream.makeStream(of: Accepted.self)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { _ = continuation.yield(try accept(channel)) }
            }
            .bind(host: "127.0.0.1", port: 0)
            .get()
        let endpoint = try SocketEndpoint(host: "127.0.0.1", port: listener.localAddress?.port ?? 0)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await withDiscardingTaskGroup { scripts in
                    for await connection in connections {
                        scripts.addTask {
                            // A script that the client cuts short is no failure of the test: the body says what counts.
                            try? await script(connection)
                            await close(connection)
                        }
                    }
                }
            }
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(try await body(endpoint))
            } catch {
                result = .failure(error)
            }
            try await listener.close()
            continuation.finish()
            try await group.waitForAll()
            return try result.get()
        }
    }
}

/// An accepted connection before its script takes it.
struct ScriptedChannel: Sendable {
    let channel: any Channel
    let bytes: AsyncStream<ByteBuffer>
}

/// Hands the bytes of a channel on, in order; ends with the peer's last byte.
final class Inbound: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncStream<ByteBuffer>.Continuation

    init(_ continuation: AsyncStream<ByteBuffer>.Continuation) {
        self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.continuation.yield(self.unwrapInboundIn(data))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent { self.continuation.finish() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.continuation.finish()
    }

    /// Also a connection that ended before it was active has an end.
    func handlerRemoved(context: ChannelHandlerContext) {
        self.continuation.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
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

    init(_ connection: ScriptedChannel) {
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
