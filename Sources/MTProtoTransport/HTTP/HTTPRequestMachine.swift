// SPDX-License-Identifier: Apache-2.0

public import NIOCore
public import NIOHTTP1

/// A server's side of one HTTP connection that carries payloads, request after request; parts of requests in, payloads and
/// responses out, no sockets.
///
/// A payload that has been handed out must be answered before the next request is looked at: the caller keeps the parts behind
/// it (see ``isAnswerAwaited``).
///
/// Specification: *Transports*, HTTP.
public struct HTTPRequestMachine: Sendable {
    /// What the connection may take.
    public struct Limits: Sendable {
        /// Bytes of a body before the connection has shown a known key.
        public var beforeAuthorization: Int
        /// Bytes of a body afterwards.
        public var payload: Int

        /// Makes limits from numbers of bytes.
        public init(beforeAuthorization: Int, payload: Int) {
            self.beforeAuthorization = beforeAuthorization
            self.payload = payload
        }
    }

    /// What to do about a part of a request.
    public enum Action: Sendable {
        /// Send `100 Continue`.
        case sendContinue
        /// A body is longer than strangers may send: ``HTTPRequestMachine/isAuthorized`` has to be set before
        /// ``HTTPRequestMachine/checkAuthorization()``.
        case authorizationNeeded(keyIdentifier: UInt64)
        /// A whole payload, whose length is a multiple of 4: an answer has to follow.
        case payload(ByteBuffer)
        /// Send a response.
        case respond(HTTPAnswer)
        /// Change over to a WebSocket; nothing more of HTTP follows.
        case upgrade(HTTPRequestHead)
    }

    private struct Request {
        var path: EndpointPath
        var isKeepAlive: Bool
        var length: Int?
        var body = ByteBuffer()
        var hasAskedForAuthorization = false
    }

    private enum State {
        /// Between requests. Followed by any other.
        case idle
        /// A body arrives. Followed by `answering` and `closed`.
        case receiving(Request)
        /// A payload was handed out. Followed by `idle` and `closed`.
        case answering(Request)
        /// Answered already; its end is awaited. Followed by `idle`.
        case answered
        /// The end of a request for a WebSocket is awaited. Followed by `closed`.
        case upgrading(HTTPRequestHead)
        /// The last response was sent, or another protocol follows. Final.
        case closed
    }

    private let limits: Limits
    private var state = State.idle
    /// No request can be read behind the one in hand.
    private var isInputBroken = false

    /// Whether the client has shown a known key, which lets its bodies be longer.
    public var isAuthorized = false

    /// Makes the machine of a connection that no request has come from.
    public init(limits: Limits) {
        self.limits = limits
    }

    /// Whether a payload was handed out and not answered: no parts may be handed in.
    public var isAnswerAwaited: Bool {
        if case .answering = self.state { true } else { false }
    }

    /// Whether nothing more is read or sent.
    public var isClosed: Bool {
        if case .closed = self.state { true } else { false }
    }

    /// Whether a request's head has come and its end has not.
    public var isReceiving: Bool {
        switch self.state {
        case .receiving, .answered, .upgrading: true
        case .idle, .answering, .closed: false
        }
    }

    /// Bytes of a body that is not complete.
    public var bufferedByteCount: Int {
        if case .receiving(let request) = self.state { request.body.readableBytes } else { 0 }
    }

    // MARK: Requests

    /// Takes the next part. No payload may be waiting for its answer.
    ///
    /// - Returns: `nil` when more is needed, and for everything behind the last request.
    public mutating func receive(_ part: HTTPServerRequestPart) -> Action? {
        switch part {
        case .head(let head): self.receiveHead(head)
        case .body(let bytes): self.receiveBody(bytes)
        case .end: self.receiveEnd()
        }
    }

    private mutating func receiveHead(_ head: HTTPRequestHead) -> Action? {
        guard case .idle = self.state else { return nil }
        switch HTTPRoute(head, maximumPayloadLength: self.limits.payload) {
        case .payload(let payload):
            self.state = .receiving(
                Request(
                    path: payload.path,
                    // Behind a request for another protocol the decoder reads nothing more.
                    isKeepAlive: head.isKeepAlive && !head.asksForUpgrade,
                    length: payload.length
                )
            )
            return payload.expectsContinue ? .sendContinue : nil
        case .webSocket:
            self.state = .upgrading(head)
            return nil
        case .preflight:
            let closes = !head.isKeepAlive || head.asksForUpgrade
            self.state = closes ? .closed : .answered
            return .respond(HTTPAnswer(status: .ok, isCrossOrigin: true, closes: closes))
        case .refusal(let answer):
            return self.refuse(answer)
        }
    }

    private mutating func receiveBody(_ bytes: ByteBuffer) -> Action? {
        guard case .receiving(var request) = self.state else { return nil }
        self.state = .closed
        let total = request.body.readableBytes + bytes.readableBytes
        guard total <= self.limits.payload else { return self.refuse(request, .payloadTooLarge) }
        if request.body.readableBytes == 0, bytes.readableBytes == request.length {
            request.body = bytes
        } else {
            // A slow body shall not keep the buffers alive that its parts were read into.
            if request.body.readableBytes == 0 {
                request.body.reserveCapacity(min(request.length ?? .max, 4 * bytes.readableBytes))
            }
            request.body.writeImmutableBuffer(bytes)
        }
        self.state = .receiving(request)
        return self.authorizationAction()
    }

    /// Asks once for the authorization that a long body needs, as soon as its key is known.
    private mutating func authorizationAction() -> Action? {
        guard case .receiving(var request) = self.state, !self.isAuthorized, !request.hasAskedForAuthorization,
            max(request.length ?? 0, request.body.readableBytes) > self.limits.beforeAuthorization,
            let identifier = request.body.getInteger(
                at: request.body.readerIndex,
                endianness: .little,
                as: UInt64.self
            )
        else { return nil }
        request.hasAskedForAuthorization = true
        self.state = .receiving(request)
        return .authorizationNeeded(keyIdentifier: identifier)
    }

    /// Goes on after ``Action/authorizationNeeded(keyIdentifier:)``: refuses the body if the key turned out to be unknown.
    public mutating func checkAuthorization() -> Action? {
        guard case .receiving(let request) = self.state, request.hasAskedForAuthorization, !self.isAuthorized else {
            return nil
        }
        return self.refuse(request, .payloadTooLarge)
    }

    private mutating func receiveEnd() -> Action? {
        switch self.state {
        case .answered:
            self.state = .idle
            return nil
        case .upgrading(let head):
            self.state = .closed
            return .upgrade(head)
        case .receiving(var request):
            let count = request.body.readableBytes
            guard count > 0, count.isMultiple(of: 4) else { return self.refuse(request, .badRequest) }
            let payload = request.body
            request.body = ByteBuffer()
            self.state = .answering(request)
            return .payload(payload)
        case .idle, .answering, .closed:
            return nil
        }
    }

    private mutating func refuse(_ request: Request, _ status: HTTPResponseStatus) -> Action {
        self.refuse(HTTPAnswer(status: status, isCrossOrigin: request.path.isCrossOrigin))
    }

    private mutating func refuse(_ answer: HTTPAnswer) -> Action {
        self.state = .closed
        return .respond(answer)
    }

    /// The bytes that arrived are no request. What was read before is still answered.
    public mutating func fail(_ error: HTTPParserError) -> Action? {
        self.isInputBroken = true
        switch self.state {
        case .answering, .closed: return nil
        case .answered:
            // A response has gone out for it; a second one would be taken for the next request's.
            self.state = .closed
            return nil
        case .receiving(let request): return self.refuse(request, Self.status(of: error))
        case .idle, .upgrading: return self.refuse(HTTPAnswer(status: Self.status(of: error)))
        }
    }

    private static func status(of error: HTTPParserError) -> HTTPResponseStatus {
        switch error {
        case .headerOverflow: .requestHeaderFieldsTooLarge
        case .invalidVersion: .httpVersionNotSupported
        case .invalidMethod: .notImplemented
        default: .badRequest
        }
    }

    /// Drops the body that is not complete, and everything that comes.
    public mutating func discard() {
        if case .receiving = self.state { self.state = .closed }
    }

    /// Reads no request behind the one in hand.
    public mutating func endInput() {
        self.isInputBroken = true
    }

    // MARK: Answers

    /// The response that carries a payload; `nil` when no request waits.
    public mutating func answer(_ payload: ByteBuffer) -> HTTPAnswer? {
        guard case .answering(let request) = self.state else { return nil }
        let closes = !request.isKeepAlive || self.isInputBroken
        self.state = closes ? .closed : .idle
        return HTTPAnswer(
            status: .ok,
            body: payload,
            isPayload: true,
            isCrossOrigin: request.path.isCrossOrigin,
            closes: closes
        )
    }

    /// The response to a request that gets no payload; `nil` when no request waits.
    public mutating func answerWithNothing() -> HTTPAnswer? {
        self.answer(ByteBuffer())
    }

    /// The response that reports a transport error and ends the connection; `nil` when no request waits.
    public mutating func answer(_ code: TransportErrorCode) -> HTTPAnswer? {
        let request: Request
        switch self.state {
        case .answering(let answering): request = answering
        case .receiving(let receiving): request = receiving
        case .idle, .answered, .upgrading, .closed: return nil
        }
        self.state = .closed
        return HTTPAnswer(status: HTTPResponseStatus(code), isCrossOrigin: request.path.isCrossOrigin)
    }
}
