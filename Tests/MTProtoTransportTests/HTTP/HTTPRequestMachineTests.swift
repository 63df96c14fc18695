// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import Testing

@testable import MTProtoTransport

/// The rules of a connection's requests, without a connection.
struct HTTPRequestMachineTests {
    private static let small = ByteBuffer(repeating: 7, count: 40)

    private func machine() -> HTTPRequestMachine {
        HTTPRequestMachine(limits: .init(beforeAuthorization: 64, payload: 1_024))
    }

    private func head(
        _ method: HTTPMethod = .POST,
        _ uri: String = "/api",
        version: HTTPVersion = .http1_1,
        _ headers: HTTPHeaders = ["Content-Length": "40"]
    ) -> HTTPServerRequestPart {
        .head(HTTPRequestHead(version: version, method: method, uri: uri, headers: headers))
    }

    /// The answer to the parts, which must be one; `nil` when there is none.
    private func refusal(_ parts: HTTPServerRequestPart...) -> HTTPAnswer? {
        var machine = self.machine()
        for part in parts {
            if case .respond(let answer) = machine.receive(part) { return answer }
        }
        return nil
    }

    @Test func aPayloadIsAnsweredBeforeTheNextRequest() throws {
        var machine = self.machine()
        for _ in 0..<2 {
            #expect(machine.receive(self.head()) == nil)
            #expect(machine.isReceiving)
            #expect(machine.receive(.body(Self.small)) == nil)
            guard case .payload(let payload) = machine.receive(.end(nil)) else {
                Issue.record("no payload")
                return
            }
            #expect(payload == Self.small)
            #expect(machine.isAnswerAwaited)
            let given = machine.answer(Self.small)
            let answer = try #require(given)
            #expect(answer.status == .ok && !answer.closes && answer.isPayload && !answer.isCrossOrigin)
            #expect(machine.answer(Self.small) == nil)
            #expect(!machine.isAnswerAwaited && !machine.isClosed)
        }
    }

    @Test func whatIsDiscardedIsNotKept() {
        var machine = self.machine()
        _ = machine.receive(self.head())
        _ = machine.receive(.body(ByteBuffer(repeating: 7, count: 20)))
        #expect(machine.bufferedByteCount == 20)
        machine.discard()
        #expect(machine.bufferedByteCount == 0)
        #expect(machine.receive(.body(ByteBuffer(repeating: 7, count: 20))) == nil)
        #expect(machine.receive(.end(nil)) == nil)
        #expect(machine.bufferedByteCount == 0 && machine.isClosed)
    }

    @Test func anAnswerThatIsAwaitedOutlivesWhatIsDiscarded() {
        var machine = self.machine()
        for part in [self.head(), .body(Self.small), .end(nil)] { _ = machine.receive(part) }
        machine.discard()
        #expect(machine.isAnswerAwaited && machine.answer(Self.small) != nil)
    }

    @Test("The path says whether a browser may read the answer", arguments: ["/apiw", "/apiw_test"])
    func crossOrigin(path: String) throws {
        var machine = self.machine()
        _ = machine.receive(self.head(.POST, path))
        _ = machine.receive(.body(Self.small))
        _ = machine.receive(.end(nil))
        let given = machine.answer(Self.small)
        let answer = try #require(given)
        #expect(answer.isCrossOrigin)
        let headers = answer.headers(date: "now")
        #expect(headers["access-control-allow-origin"] == ["*"])
        #expect(headers.map(\.name).last == "Content-Length")
    }

    @Test(
        "A connection ends with its last answer",
        arguments: [
            (HTTPVersion.http1_1, "close", true), (.http1_1, "keep-alive", false), (.http1_1, "", false),
            (.http1_0, "", true), (.http1_0, "keep-alive", false), (.http1_1, "Upgrade", true),
        ]
    )
    func closing(version: HTTPVersion, connection: String, closes: Bool) throws {
        var machine = self.machine()
        var headers: HTTPHeaders = ["Content-Length": "40"]
        if !connection.isEmpty { headers.add(name: "Connection", value: connection) }
        if connection == "Upgrade" { headers.add(name: "Upgrade", value: "h2c") }
        _ = machine.receive(self.head(version: version, headers))
        _ = machine.receive(.body(Self.small))
        _ = machine.receive(.end(nil))
        let given = machine.answer(Self.small)
        #expect(given?.closes == closes)
        #expect(machine.isClosed == closes)
    }

    static let targetCases: [(String, HTTPMethod, String, UInt?)] = [
        ("the plain form", .POST, "/api", nil),
        ("a query", .POST, "/api?a=b", nil),
        ("absolute form", .POST, "http://localhost:80/apiw", nil),
        ("absolute form as TDLib writes it", .POST, "HTTP://1.2.3.4:80/api", nil),
        ("nothing", .POST, "/", 404),
        ("another case", .POST, "/API", 404),
        ("a longer path", .POST, "/api/", 404),
        ("no path", .POST, "http://localhost", 404),
        ("no target", .POST, "*", 404),
        ("a long target", .POST, "/" + String(repeating: "a", count: 1_024), 414),
        ("a WebSocket's path", .POST, "/apiws", 405),
        ("HEAD", .HEAD, "/api", 405),
        ("GET", .GET, "/api", 405),
        ("PUT", .PUT, "/api", 405),
        ("OPTIONS without w", .OPTIONS, "/api", 405),
        ("CONNECT", .CONNECT, "localhost:80", 404),
    ]

    @Test("Targets and methods", arguments: targetCases)
    func targets(name: String, method: HTTPMethod, target: String, status: UInt?) {
        let answer = self.refusal(self.head(method, target))
        #expect(answer?.status.code == status)
        #expect(answer?.closes ?? true)
        if status == 405 { #expect(answer?.extraHeaders.contains { $0.0 == "Allow" } == true) }
    }

    static let bodyCases: [(String, HTTPHeaders, UInt?)] = [
        ("no length", [:], 411),
        ("nothing", ["Content-Length": "0"], 400),
        ("no multiple of 4", ["Content-Length": "41"], 400),
        ("the longest", ["Content-Length": "1024"], nil),
        ("too long", ["Content-Length": "1028"], 413),
        ("more than a number", ["Content-Length": "99999999999999999999999999"], 413),
        ("chunked", ["Transfer-Encoding": "chunked"], nil),
        ("compressed on the way", ["Transfer-Encoding": "gzip, chunked"], 501),
        ("a coding that none has", ["Transfer-Encoding": "rot13"], 501),
        ("compressed", ["Content-Length": "40", "Content-Encoding": "gzip"], 415),
        ("not compressed", ["Content-Length": "40", "Content-Encoding": "identity"], nil),
        ("an expectation that none has", ["Content-Length": "40", "Expect": "the worst"], 417),
    ]

    @Test("What a head says of its body", arguments: bodyCases)
    func bodies(name: String, headers: HTTPHeaders, status: UInt?) {
        #expect(self.refusal(self.head(.POST, "/api", headers))?.status.code == status)
    }

    @Test("Chunks came with version 1.1: an older client cannot mean them")
    func chunksOfAnOldVersion() {
        var head = HTTPRequestHead(version: .http1_0, method: .POST, uri: "/api")
        head.headers = ["Transfer-Encoding": "chunked", "Connection": "keep-alive"]
        let answer = self.refusal(.head(head))
        #expect(answer?.status.code == 400)
        #expect(answer?.closes == true)
    }

    @Test("A browser may read why its WebSocket was refused")
    func refusedWebSocketOfABrowser() {
        #expect(self.refusal(self.head(.GET, "/apiws"))?.isCrossOrigin == true)
        #expect(self.refusal(self.head(.GET, "/apis"))?.isCrossOrigin == false)
    }

    @Test func chunksMakeOnePayload() {
        var machine = self.machine()
        #expect(machine.receive(self.head(.POST, "/api", ["Transfer-Encoding": "chunked"])) == nil)
        for byte in 0..<8 { #expect(machine.receive(.body(ByteBuffer(integer: UInt8(byte)))) == nil) }
        guard case .payload(let payload) = machine.receive(.end(nil)) else {
            Issue.record("no payload")
            return
        }
        #expect(Array(payload.readableBytesView) == [0, 1, 2, 3, 4, 5, 6, 7])
    }

    @Test("A chunked body is measured as it comes", arguments: [(6, 400), (0, 400), (1_028, 413)])
    func chunkedBodies(length: Int, status: UInt) {
        var machine = self.machine()
        machine.isAuthorized = true
        _ = machine.receive(self.head(.POST, "/api", ["Transfer-Encoding": "chunked"]))
        var answers: [UInt] = []
        if case .respond(let answer) = machine.receive(.body(ByteBuffer(repeating: 1, count: length))) {
            answers.append(answer.status.code)
        }
        if case .respond(let answer) = machine.receive(.end(nil)) { answers.append(answer.status.code) }
        #expect(answers == [status])
        #expect(machine.isClosed)
    }

    @Test("A body longer than strangers may send needs a known key", arguments: [false, true], [false, true])
    func authorization(isKnown: Bool, isChunked: Bool) {
        var machine = self.machine()
        let headers: HTTPHeaders = isChunked ? ["Transfer-Encoding": "chunked"] : ["Content-Length": "72"]
        #expect(machine.receive(self.head(.POST, "/api", headers)) == nil)
        var key = ByteBuffer()
        key.writeInteger(UInt64(0x0102_0304_0506_0708), endianness: .little)
        // Not before the key is known.
        #expect(machine.receive(.body(key.readSlice(length: 7) ?? ByteBuffer())) == nil)
        var rest = key
        rest.writeRepeatingByte(0, count: 64)
        guard case .authorizationNeeded(let identifier) = machine.receive(.body(rest)) else {
            Issue.record("not asked")
            return
        }
        #expect(identifier == 0x0102_0304_0506_0708)
        machine.isAuthorized = isKnown
        let action = machine.checkAuthorization()
        if isKnown {
            #expect(action == nil)
            guard case .payload = machine.receive(.end(nil)) else {
                Issue.record("no payload")
                return
            }
        } else {
            guard case .respond(let answer) = action else {
                Issue.record("not refused")
                return
            }
            #expect(answer.status == .payloadTooLarge)
        }
    }

    @Test func theBodyIsWaitedForWhenAllElseIsRight() {
        var machine = self.machine()
        let headers: HTTPHeaders = ["Content-Length": "40", "Expect": "100-continue"]
        guard case .sendContinue = machine.receive(self.head(.POST, "/api", headers)) else {
            Issue.record("no 100")
            return
        }
        var old = self.machine()
        #expect(old.receive(self.head(.POST, "/api", version: .http1_0, headers)) == nil)
        #expect(self.refusal(self.head(.POST, "/", headers))?.status == .notFound)
    }

    @Test func aPreflightKeepsItsConnection() {
        var machine = self.machine()
        guard case .respond(let answer) = machine.receive(self.head(.OPTIONS, "/apiw", [:])) else {
            Issue.record("no answer")
            return
        }
        #expect(answer.status == .ok && answer.isCrossOrigin && !answer.closes && answer.body.readableBytes == 0)
        #expect(machine.receive(.end(nil)) == nil)
        #expect(machine.receive(self.head()) == nil)
        #expect(machine.isReceiving)
        #expect(self.refusal(self.head(.OPTIONS, "/apiw", ["Content-Length": "4"]))?.status == .badRequest)
    }

    static let upgradeHeaders: HTTPHeaders = [
        "Upgrade": "WebSocket", "Connection": "keep-alive, Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "chat, binary",
    ]

    @Test("An upgrade needs all of its headers", arguments: upgradeHeaders.map(\.name) + [""])
    func upgrade(missing: String) {
        var machine = self.machine()
        var headers = Self.upgradeHeaders
        headers.remove(name: missing)
        let action = machine.receive(self.head(.GET, "/apiws", headers))
        guard missing.isEmpty else {
            guard case .respond(let answer) = action else {
                Issue.record("not refused")
                return
            }
            #expect(answer.status == (missing == "Sec-WebSocket-Version" ? .upgradeRequired : .badRequest))
            return
        }
        #expect(action == nil)
        guard case .upgrade(let head) = machine.receive(.end(nil)) else {
            Issue.record("no upgrade")
            return
        }
        #expect(head.uri == "/apiws")
        #expect(machine.isClosed)
    }

    @Test(
        "A wrong value of an upgrade",
        arguments: [
            ("Sec-WebSocket-Key", "short"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=!"),
            ("Sec-WebSocket-Version", "8"), ("Sec-WebSocket-Protocol", "text"), ("Upgrade", "h2c"),
            ("Connection", "close"), ("Content-Length", "4"),
        ]
    )
    func wrongUpgrade(name: String, value: String) {
        var headers = Self.upgradeHeaders
        headers.replaceOrAdd(name: name, value: value)
        #expect(self.refusal(self.head(.GET, "/apiws", headers)) != nil)
    }

    @Test(
        "What is no HTTP gets a status",
        arguments: [
            (HTTPParserError.headerOverflow, 431), (.invalidVersion, 505), (.invalidMethod, 501),
            (.invalidContentLength, 400), (.unexpectedContentLength, 400), (.invalidEOFState, 400),
        ] as [(HTTPParserError, UInt)]
    )
    func garbage(error: HTTPParserError, status: UInt) {
        var machine = self.machine()
        guard case .respond(let answer) = machine.fail(error) else {
            Issue.record("no answer")
            return
        }
        #expect(answer.status.code == status && answer.closes)
        #expect(machine.fail(error) == nil)
    }

    @Test func garbageBehindARequestEndsTheConnectionAfterItsAnswer() throws {
        var machine = self.machine()
        _ = machine.receive(self.head())
        _ = machine.receive(.body(Self.small))
        _ = machine.receive(.end(nil))
        #expect(machine.fail(.invalidMethod) == nil)
        let given = machine.answer(Self.small)
        #expect(given?.closes == true)
        #expect(machine.isClosed)
    }

    @Test(
        "Transport errors are statuses and end the connection",
        arguments: [
            (TransportErrorCode.forbidden, 403), (.notFound, 404), (.flood, 429), (.invalidDataCenter, 444),
            (TransportErrorCode(rawValue: 200), 500), (TransportErrorCode(rawValue: 500), 500),
        ] as [(TransportErrorCode, UInt)]
    )
    func transportErrors(code: TransportErrorCode, status: UInt) throws {
        var machine = self.machine()
        #expect(machine.answer(code) == nil)
        _ = machine.receive(self.head())
        _ = machine.receive(.body(Self.small))
        _ = machine.receive(.end(nil))
        let given = machine.answer(code)
        let answer = try #require(given)
        #expect(answer.status.code == status && answer.closes)
        #expect(machine.isClosed)
    }
}
