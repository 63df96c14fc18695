// SPDX-License-Identifier: Apache-2.0
import MTProtoTransport
import NIOCore
import NIOEmbedded
import NIOHTTP1

private let limits = HTTPRequestMachine.Limits(beforeAuthorization: 256, payload: 1024)

/// A connection's requests, behind NIO's decoder: as bytes of the input, or as whole requests around its chunks, whose
/// payloads must come out as they went in.
func fuzzHTTPRequests(_ input: inout FuzzInput) {
    let control = input.byte()
    let driver = RequestDriver(knowsKeys: control & 2 != 0)
    var decoderLimits = NIOHTTPDecoderLimitConfiguration()
    decoderLimits.maxHeaderFieldSize = 256
    decoderLimits.maxHeaderListSize = 1024
    decoderLimits.maxHeaderFieldCount = 16
    let decoder = HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: decoderLimits)
    let channel = EmbeddedChannel(handlers: [ByteToMessageHandler(decoder), driver])
    defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
    var expected: [[UInt8]] = []
    var isExpecting = control & 1 != 0
    while !input.isAtEnd {
        let chunk = input.chunk()
        guard control & 1 != 0 else {
            _ = try? channel.writeInbound(ByteBuffer.shifted(chunk))
            continue
        }
        if isExpecting { isExpecting = isGood(chunk, knowsKeys: control & 2 != 0) }
        if isExpecting { expected.append(chunk) }
        for piece in request(around: chunk, shape: control >> 2) {
            _ = try? channel.writeInbound(ByteBuffer.shifted(piece))
        }
    }
    driver.process()
    if control & 1 != 0 { precondition(driver.payloads == expected, "other payloads than were sent") }
}

/// Whether a body is one that a server has to take; the first that is none ends the connection.
private func isGood(_ body: [UInt8], knowsKeys: Bool) -> Bool {
    let limit = knowsKeys ? limits.payload : limits.beforeAuthorization
    return !body.isEmpty && body.count.isMultiple(of: 4) && body.count <= limit
}

/// A request with this body, in one of the shapes that clients use, cut into reads.
private func request(around body: [UInt8], shape: UInt8) -> [[UInt8]] {
    let target = ["/api", "/apiw", "/api_test", "http://149.154.167.51/apiw_test?x"][Int(shape & 3)]
    var text = "POST \(target) HTTP/1.1\r\nHost: \r\n"
    var bytes: [UInt8] = []
    if shape & 4 == 0 {
        text += "Content-Length: \(body.count)\r\n\r\n"
        bytes = Array(text.utf8) + body
    } else {
        bytes = Array((text + "Transfer-Encoding: chunked\r\n\r\n").utf8)
        var rest = body[...]
        while !rest.isEmpty {
            let piece = rest.prefix(1 + Int(shape))
            rest = rest.dropFirst(piece.count)
            bytes += Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8)
        }
        bytes += Array("0\r\n\r\n".utf8)
    }
    guard shape & 8 != 0 else { return [bytes] }
    let cut = bytes.count * 2 / 3
    return [Array(bytes[..<cut]), Array(bytes[cut...])]
}

/// Does what the handler in the server does with the machine, and checks what comes out of it.
private final class RequestDriver: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart

    private var machine = HTTPRequestMachine(limits: limits)
    private let knowsKeys: Bool
    private var waiting: [HTTPServerRequestPart] = []
    private var headCount = 0
    private var answerCount = 0
    var payloads: [[UInt8]] = []

    init(knowsKeys: Bool) {
        self.knowsKeys = knowsKeys
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.waiting.append(Self.unwrapInboundIn(data))
        // What one read brings is sometimes looked at late.
        if self.waiting.count % 3 != 0 { self.process() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.process()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.process()
        guard let error = error as? HTTPParserError else { return }
        if let action = self.machine.fail(error) { self.perform(action) }
    }

    func process() {
        while !self.waiting.isEmpty {
            precondition(!self.machine.isAnswerAwaited, "a payload is not answered")
            let part = self.waiting.removeFirst()
            if case .head = part { self.headCount += 1 }
            if let action = self.machine.receive(part) { self.perform(action) }
        }
    }

    private func perform(_ action: HTTPRequestMachine.Action) {
        switch action {
        case .sendContinue: break
        case .authorizationNeeded:
            precondition(!self.machine.isAuthorized, "authorization is asked for twice")
            self.machine.isAuthorized = self.knowsKeys
            if let action = self.machine.checkAuthorization() { self.perform(action) }
        case .payload(let payload):
            let count = payload.readableBytes
            precondition(count > 0 && count.isMultiple(of: 4), "a payload of an impossible length")
            precondition(count <= (self.machine.isAuthorized ? limits.payload : limits.beforeAuthorization), "too long")
            precondition(self.machine.isAnswerAwaited, "a payload that needs no answer")
            self.payloads.append(Array(payload.readableBytesView))
            let answer =
                switch count % 3 {
                case 0: self.machine.answerWithNothing()
                default: self.machine.answer(payload)
                }
            guard let answer else { preconditionFailure("a payload without an answer") }
            self.check(answer)
            precondition(self.machine.answer(payload) == nil, "two answers to one request")
        case .respond(let answer): self.check(answer)
        case .upgrade(let head):
            precondition(head.method == .GET && self.machine.isClosed, "an upgrade of something else")
        }
    }

    private func check(_ answer: HTTPAnswer) {
        self.answerCount += 1
        // A broken head is no head, and gets an answer as well.
        precondition(self.answerCount <= self.headCount + 1, "more answers than requests")
        let headers = Array(answer.headers(date: "Thu, 01 Jan 1970 00:00:00 GMT"))
        precondition(headers.last?.name == "Content-Length", "the length is not last")
        precondition(headers.last?.value == "\(answer.body.readableBytes)", "a wrong length")
        precondition(answer.closes == self.machine.isClosed, "the answer and the machine differ about the end")
    }
}
