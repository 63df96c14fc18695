// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOHTTP1

/// A server that does with each HTTP request what a script says.
enum ScriptedHTTPServer {
    /// Runs `body` with the endpoint of a server that runs `script` for every connection; returns when every script has ended.
    static func run<Result: Sendable>(
        _ script: @escaping @Sendable (ScriptedHTTPConnection) async throws -> Void,
        _ body: @Sendable (SocketEndpoint) async throws -> Result
    ) async throws -> Result {
        try await WireListener.run(
            accept: { channel in
                let (requests, input) = AsyncStream.makeStream(of: ScriptedHTTPRequest.self)
                try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: false)
                try channel.pipeline.syncOperations.addHandler(RequestCollector(input))
                return ScriptedHTTPChannel(channel: channel, requests: requests)
            },
            script: { _, connection, _ in
                try? await script(ScriptedHTTPConnection(connection))
                try? await connection.channel.close()
            },
            { try await body($0.endpoint) }
        )
    }
}

struct ScriptedHTTPRequest: Sendable {
    var head: HTTPRequestHead
    var body = ByteBuffer()
}

struct ScriptedHTTPChannel: Sendable {
    let channel: any Channel
    let requests: AsyncStream<ScriptedHTTPRequest>
}

/// Puts requests together; ends with the client's end.
private final class RequestCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private let continuation: AsyncStream<ScriptedHTTPRequest>.Continuation
    private var request: ScriptedHTTPRequest?

    init(_ continuation: AsyncStream<ScriptedHTTPRequest>.Continuation) {
        self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head): self.request = ScriptedHTTPRequest(head: head)
        case .body(let bytes): self.request?.body.writeImmutableBuffer(bytes)
        case .end:
            if let request = self.request { self.continuation.yield(request) }
            self.request = nil
        }
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

/// One connection of a scripted HTTP server.
final class ScriptedHTTPConnection {
    private let channel: any Channel
    private var requests: AsyncStream<ScriptedHTTPRequest>.Iterator

    init(_ connection: ScriptedHTTPChannel) {
        self.channel = connection.channel
        self.requests = connection.requests.makeAsyncIterator()
    }

    /// The client's next request; `nil` at its end.
    func request() async -> ScriptedHTTPRequest? {
        await self.requests.next()
    }

    func respond(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: ByteBuffer) async throws {
        var headers = headers
        headers.add(name: "Content-Length", value: "\(body.readableBytes)")
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        self.channel.write(HTTPServerResponsePart.head(head), promise: nil)
        self.channel.write(HTTPServerResponsePart.body(.byteBuffer(body)), promise: nil)
        try await self.channel.writeAndFlush(HTTPServerResponsePart.end(nil))
    }

    func close() async {
        try? await self.channel.close()
    }

    /// Ends this direction, and waits until the client has ended the other.
    func end() async {
        try? await self.channel.close(mode: .output)
        while await self.request() != nil {}
    }
}

/// What a data centre behind HTTP does with payloads: key exchange, one session, echoes.
actor HTTPBackend {
    private var key: EstablishedKey?
    private var session: ServerSession?
    private var identifiers = MessageIdentifierGenerator(role: .server)
    private var waiting: CheckedContinuation<Void, Never>?
    private var isReleased = false
    /// How often each query was executed.
    private(set) var executions: [ByteBuffer: Int] = [:]
    private(set) var pollCount = 0
    private var pollWaiters: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    /// Whether polls are answered at once, for nothing.
    private var hasNoPatience = false

    private var salts: ServerSaltSchedule {
        ServerSaltSchedule(
            initialSalt: self.key?.initialSalt ?? 0,
            createdAt: self.key?.createdAt ?? 0,
            seed: Bytes32()
        )
    }

    func losePatience() { self.hasNoPatience = true }

    /// Lets the poll that waits, and all later ones, end.
    func release() {
        self.isReleased = true
        self.wake()
    }

    private func wake() {
        self.waiting?.resume()
        self.waiting = nil
    }

    /// Waits until so many polls have come.
    func polls(reach count: Int) async {
        guard self.pollCount < count else { return }
        await withCheckedContinuation { self.pollWaiters.append((count, $0)) }
    }

    private func notePoll() {
        self.pollCount += 1
        let count = self.pollCount
        for waiter in self.pollWaiters where waiter.count <= count { waiter.continuation.resume() }
        self.pollWaiters.removeAll { $0.count <= count }
    }

    /// Ends the poll that waits.
    func wakePoll() { self.wake() }

    /// Whether a payload is a long poll: it asks to wait.
    func isPoll(_ payload: ByteBuffer) -> Bool {
        guard let key = self.key?.authorizationKey,
            let message = try? EncryptedMessage.open(payload, with: key, from: .clientToServer)
        else { return false }
        let poll = Array(HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 25_000).serialized().readableBytesView)
        let body = Array(message.body.readableBytesView)
        return stride(from: 0, through: body.count - poll.count, by: 4).contains { body[$0...].starts(with: poll) }
    }

    static func isPlaintext(_ payload: ByteBuffer) -> Bool {
        EncryptedMessage.authorizationKeyIdentifier(of: payload) == 0
    }

    /// Takes the payload of a request and returns the body of the response.
    func respond(to payload: ByteBuffer) async throws -> ByteBuffer {
        if Self.isPlaintext(payload) { return try self.exchange(payload) }
        guard let key = self.key else { throw ScriptedConnection.Closed() }
        let message = try EncryptedMessage.open(payload, with: key.authorizationKey, from: .clientToServer)
        if self.session == nil {
            self.session = ServerSession(
                authorizationKeyIdentifier: key.authorizationKey.identifier,
                sessionIdentifier: message.sessionIdentifier
            )
        }
        let now = SessionClock.system.now()
        let actions = self.session?.receive(message, salts: self.salts, at: now) ?? []
        var wait: HTTPWait?
        for action in actions {
            switch action {
            case .query(let query):
                let body = (try? QueryEnvelope.unwrap(query.body).query) ?? query.body
                self.executions[ByteBuffer(bytes: body.readableBytesView), default: 0] += 1
                self.session?.respond(to: query.messageIdentifier, result: body, at: now)
            case .httpWait(let value):
                wait = value
            default:
                break
            }
        }
        if let wait, wait.maximumWait > 0 { self.notePoll() }
        if let answer = self.next(key) {
            self.wake()
            return answer
        }
        if let wait, wait.maximumWait > 0, !self.hasNoPatience, !self.isReleased {
            self.wake()
            await withCheckedContinuation { self.waiting = $0 }
            if let answer = self.next(key) { return answer }
        }
        return try self.emptyContainer(key)
    }

    private func next(_ key: EstablishedKey) -> ByteBuffer? {
        self.session?.nextPayload(
            authorizationKey: key.authorizationKey,
            salts: self.salts,
            at: SessionClock.system.now()
        )
    }

    private func emptyContainer(_ key: EstablishedKey) throws -> ByteBuffer {
        let now = SessionClock.system.now().wallNanoseconds
        return EncryptedMessage.seal(
            salt: key.initialSalt,
            sessionIdentifier: self.session?.sessionIdentifier ?? 0,
            identifier: self.identifiers.next(serverNanoseconds: now),
            sequenceNumber: 0,
            with: key.authorizationKey,
            direction: .serverToClient,
            bodyLength: 8
        ) { $0.writeMultipleIntegers(UInt32(0x73F1_F8DC), UInt32(0), endianness: .little) }.payload
    }

    private func exchange(_ payload: ByteBuffer) throws -> ByteBuffer {
        let message = try PlaintextMessage(parsing: payload)
        let now = SessionClock.system.now()
        let body: ByteBuffer
        switch TestServer.keyExchanges.respond(to: message.body, at: now) {
        case .reply(let answer):
            body = answer
        case .replyAndStore(_, let key):
            self.key = key
            guard case .reply(let answer) = TestServer.keyExchanges.confirm(key, .stored, at: now) else {
                throw ScriptedConnection.Closed()
            }
            body = answer
        case .transportError, .ignore:
            throw ScriptedConnection.Closed()
        }
        let identifier = self.identifiers.next(serverNanoseconds: now.wallNanoseconds, isResponse: true)
        return PlaintextMessage(identifier: identifier, body: body).serialized()
    }
}
