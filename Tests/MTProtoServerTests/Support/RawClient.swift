// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore

extension Carrier {
    var usesRequests: Bool { self == .http || self == .https }
    var usesWebSocket: Bool { self == .ws || self == .wss }
}

/// A client whose every message is the test's: transport and cryptography are real, rules are not kept unless asked for.
final class RawClient {
    struct Options: Sendable {
        var framing = Framing.intermediate
        var obfuscation: TransportConnection.ClientConfiguration.ObfuscationParameters?
        /// Writes in pieces of so many bytes.
        var pieceLength: Int?
        var reads = true
        var carrier = Carrier.tcp
        /// What to trust on the carriers with TLS.
        var certificatePEM: String?
        /// Sends WebSocket frames of no more than so many bytes.
        var webSocketFrameLength: Int?
        /// The target of HTTP requests.
        var path: String?
    }

    /// The server closed before it sent what the test waits for.
    struct Closed: Error {}
    /// The server sent something that the test does not wait for.
    struct Unexpected: Error {
        let event: TransportEvent
    }

    private(set) var bytes: ByteConnection
    private var transport: TransportConnection
    private let pieceLength: Int?
    private let webSocketFrameLength: Int?
    private let carrier: Carrier
    private let path: String
    /// The received frames of a WebSocket.
    private var webSocket = RawWebSocket()
    /// The received responses.
    private(set) var http = RawHTTP()
    private var inbox: [ContainedMessage] = []

    convenience init(to dataCenter: RunningLocalDataCenter, _ options: Options = Options()) async throws {
        var options = options
        options.certificatePEM = dataCenter.certificatePEM
        let addresses = options.carrier.isSecure ? dataCenter.tlsAddresses : dataCenter.addresses
        try await self.init(to: addresses[0], options)
    }

    init(to address: SocketAddress, _ options: Options = Options()) async throws {
        self.carrier = options.carrier
        self.path = options.path ?? (options.carrier.usesWebSocket ? "/apiws" : "/api")
        self.bytes = try await ByteConnection(
            to: address,
            reads: options.reads,
            certificatePEM: options.carrier.isSecure ? options.certificatePEM : nil
        )
        var configuration = TransportConnection.ClientConfiguration(framing: options.framing)
        configuration.obfuscation = options.obfuscation
        if options.carrier.usesWebSocket, configuration.obfuscation == nil {
            configuration.obfuscation = .init(dataCenter: DataCenterIdentifier(2))
        }
        self.transport = try TransportConnection(client: configuration)
        self.pieceLength = options.pieceLength
        self.webSocketFrameLength = options.webSocketFrameLength
        if options.carrier.usesWebSocket {
            try await self.write(RawWebSocket.request(path: self.path))
            while try !self.webSocket.readUpgrade(&self.http) {
                guard let bytes = await self.bytes.read() else { throw Closed() }
                self.http.received.writeImmutableBuffer(bytes)
            }
        }
    }

    /// What the server said about the WebSocket when it closed it.
    var closeReason: RawWebSocket.CloseReason? { self.webSocket.closeReason }

    // MARK: Payloads

    /// The bytes of a payload on the wire; with the preamble before the first.
    func frame(_ payload: ByteBuffer, quickAck: Bool = false) throws -> ByteBuffer {
        if self.carrier.usesRequests {
            return RawHTTP.request("POST", self.path, body: payload)
        }
        var bytes = self.transport.takePreamble() ?? ByteBuffer()
        bytes.writeImmutableBuffer(try self.transport.send(payload, requestQuickAck: quickAck))
        guard self.carrier.usesWebSocket else { return bytes }
        var frames = ByteBuffer()
        let length = self.webSocketFrameLength ?? bytes.readableBytes
        while let part = bytes.readSlice(length: min(length, bytes.readableBytes)), part.readableBytes > 0 {
            frames.writeImmutableBuffer(RawWebSocket.frame(part))
        }
        return frames
    }

    func send(_ payload: ByteBuffer, quickAck: Bool = false) async throws {
        try await self.write(try self.frame(payload, quickAck: quickAck))
    }

    func write(_ bytes: ByteBuffer) async throws {
        if let pieceLength {
            try await self.bytes.write(bytes, inPiecesOf: pieceLength)
        } else {
            try await self.bytes.write(bytes)
        }
    }

    /// The next event; `nil` when the server has closed.
    func event() async throws -> TransportEvent? {
        while true {
            if self.carrier.usesRequests {
                if let response = try self.http.nextResponse() { return response.event }
            } else if let event = try self.transport.nextEvent() {
                return event
            }
            guard let bytes = await self.bytes.read() else { return nil }
            if self.carrier.usesRequests {
                self.http.received.writeImmutableBuffer(bytes)
            } else if self.carrier.usesWebSocket {
                for part in try self.webSocket.receive(bytes) { self.transport.receive(part) }
                if let closing = self.webSocket.takeClosing() { try? await self.bytes.write(closing) }
            } else {
                self.transport.receive(bytes)
            }
        }
    }

    func payload() async throws -> ByteBuffer {
        switch try await self.event() {
        case .none: throw Closed()
        case .payload(let payload, _): return payload
        case .some(let event): throw Unexpected(event: event)
        }
    }

    /// The transport error that comes next.
    func transportError() async throws -> TransportErrorCode {
        switch try await self.event() {
        case .none: throw Closed()
        case .transportError(let code): return code
        case .some(let event): throw Unexpected(event: event)
        }
    }

    /// Waits until the server closes, and returns what it sent before.
    @discardableResult
    func eventsUntilClosed() async throws -> [TransportEvent] {
        var events: [TransportEvent] = []
        while let event = try await self.event() { events.append(event) }
        return events
    }

    func stopReading() async throws {
        try await self.bytes.stopReading()
    }

    func startReading() async throws {
        try await self.bytes.startReading()
    }

    func closeOutput() async throws {
        try await self.bytes.closeOutput()
    }

    func close() async {
        await self.bytes.close()
    }

    func reset() async throws {
        try await self.bytes.reset()
    }

    // MARK: Key exchange

    /// How a client writes a plaintext message around a body; the default is the regular form.
    typealias PlaintextForm = (_ body: ByteBuffer) -> ByteBuffer

    func exchange(_ body: ByteBuffer, form: PlaintextForm = Plaintext.regular) async throws -> ByteBuffer {
        try await self.send(form(body))
        return try PlaintextMessage(parsing: try await self.payload()).body
    }

    /// A whole key exchange.
    func makeKey(
        _ lifetime: KeyLifetime = .permanent,
        publicKey: RSAPublicKey = TestKeys.publicKey,
        dataCenter: DataCenterIdentifier? = DataCenterIdentifier(2),
        form: PlaintextForm = Plaintext.regular,
        between: (RawClient) async throws -> Void = { _ in }
    ) async throws -> KeyExchangeResult {
        var exchange = ClientKeyExchange(
            publicKeys: [publicKey],
            dataCenter: dataCenter,
            lifetime: lifetime,
            random: .system
        )
        var body = exchange.start()
        while true {
            let answer = try await self.exchange(body, form: form)
            switch try exchange.receive(answer, at: SessionClock.system.now()) {
            case .send(let next):
                try await between(self)
                body = next
            case .ignored: continue
            case .finished(let result): return result
            }
        }
    }

    /// A key exchange and a session under its key.
    func makeSession(_ lifetime: KeyLifetime = .permanent) async throws -> RawSession {
        RawSession(try await self.makeKey(lifetime))
    }

    // MARK: Encrypted messages

    /// The next message of the server that `select` takes; others wait for a later call.
    func message<Value>(
        in session: RawSession,
        _ select: (MessageBody, ContainedMessage) throws -> Value?
    ) async throws -> Value {
        var index = 0
        while true {
            while index < self.inbox.count {
                let message = self.inbox[index]
                if let value = try select(try MessageBody.parse(message.body).body, message) {
                    self.inbox.remove(at: index)
                    return value
                }
                index += 1
            }
            self.inbox += try session.open(try await self.payload())
        }
    }

    /// The result of a query.
    func result(of query: UInt64, in session: RawSession) async throws -> ByteBuffer {
        try await self.message(in: session) { body, _ in
            guard case .rpcResult(let result) = body, result.requestIdentifier == query else { return nil }
            return result.result
        }
    }

    /// Sends a query and waits for its result.
    func invoke(_ query: ByteBuffer, in session: inout RawSession) async throws -> ByteBuffer {
        let sent = session.seal(query)
        try await self.send(sent.payload)
        return try await self.result(of: sent.identifier, in: session)
    }

    /// Sends a query and waits for its result; over HTTP polls for what did not fit into the first response.
    func invokePolling(_ query: ByteBuffer, in session: inout RawSession) async throws -> ByteBuffer {
        let sent = session.seal(query)
        try await self.send(sent.payload)
        while true {
            for message in try session.open(try await self.payload()) {
                if case .rpcResult(let result) = try MessageBody.parse(message.body).body,
                    result.requestIdentifier == sent.identifier
                {
                    return result.result
                }
            }
            guard self.carrier.usesRequests else { continue }
            let wait = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 25_000)
            try await self.send(session.seal(wait.serialized(), isContentRelated: false).payload)
        }
    }

    /// Pings, and waits for the answer: everything sent before has been processed then.
    func ping(_ identifier: Int64 = 1, in session: inout RawSession) async throws {
        try await self.send(
            session.seal(Ping(pingIdentifier: identifier).serialized(), isContentRelated: false).payload
        )
        try await self.pong(identifier, in: session)
    }

    func pong(_ identifier: Int64, in session: RawSession) async throws {
        try await self.message(in: session) { body, _ -> Void? in
            guard case .pong(let pong) = body, pong.pingIdentifier == identifier else { return nil }
            return ()
        }
    }
}
