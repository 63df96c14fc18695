// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore
import Testing

@testable import MTProtoSession

@Suite("Server session: service messages")
struct ServerSessionServiceMessageTests {
    @Test("ping: a bare pong that names the ping")
    func ping() throws {
        var harness = try ServerSessionHarness.established()
        let sent = harness.send(Ping(pingIdentifier: -7), isContentRelated: false)
        let outputs = try harness.output()
        #expect(outputs.pongs == [Pong(messageIdentifier: sent.identifier, pingIdentifier: -7)])
        #expect(outputs.count == 1)
        #expect(outputs.first?.isContained == false)
        #expect(outputs.first.map { $0.identifier & 3 } == 1)
        #expect(outputs.first.map { $0.sequenceNumber & 1 } == 0)
    }

    @Test(
        "ping_delay_disconnect: a pong and the delay, which is never negative",
        arguments: [(75, 75), (0, 0), (-1, 0), (.min, 0), (.max, .max)] as [(Int32, Int32)]
    )
    func pingDelayDisconnect(delay: Int32, expected: Int32) throws {
        var harness = try ServerSessionHarness.established()
        let sent = harness.send(
            PingDelayDisconnect(pingIdentifier: 3, disconnectDelay: delay),
            isContentRelated: false
        )
        guard case .disconnectAfter(let seconds)? = sent.actions.last else {
            Issue.record("no disconnectAfter")
            return
        }
        #expect(seconds == expected)
        #expect(try harness.output().pongs.map(\.messageIdentifier) == [sent.identifier])
    }

    @Test(
        "get_future_salts: as many as asked for within 1…64",
        arguments: [(1, 1), (64, 64), (65, 64), (0, 1), (-5, 1)] as [(Int32, Int)]
    )
    func futureSalts(count: Int32, expected: Int) throws {
        var harness = try ServerSessionHarness.established()
        let sent = harness.send(GetFutureSalts(count: count), isContentRelated: false)
        let outputs = try harness.output()
        guard outputs.count == 1, case .futureSalts(let answer) = outputs[0].body else {
            Issue.record("no bare future_salts")
            return
        }
        #expect(answer.requestIdentifier == sent.identifier)
        #expect(Int64(answer.now) == harness.clock.now.wallSeconds)
        #expect(answer.salts.count == expected)
        #expect(answer.salts.first?.salt == ServerSessionHarness.initialSalt)
        #expect(outputs[0].sequenceNumber & 1 == 0)
    }

    @Test("msgs_ack takes messages from the queue, unknown identifiers do nothing")
    func acknowledgement() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery().identifier
        harness.respond(to: query)
        harness.session.push(UpdatesTooLong().serialized(), at: harness.clock.now)
        let outputs = try harness.output()
        #expect(harness.session.queuedMessageCount == 2)
        harness.send(
            MessagesAcknowledgement(identifiers: [1, outputs[0].identifier, .max]),
            isContentRelated: false
        )
        #expect(harness.session.queuedMessageCount == 1)
        harness.send(MessagesAcknowledgement(identifiers: outputs.map(\.identifier)), isContentRelated: false)
        #expect(harness.session.queuedMessageCount == 0)
        #expect(harness.session.queuedByteCount == 0)
        #expect(try harness.output().isEmpty)
    }

    @Test("The status bytes of msgs_state_info")
    func states() throws {
        var harness = try ServerSessionHarness.established()
        let first = try #require(harness.session.received.lowest)
        let running = harness.sendQuery().identifier
        let gap = harness.nextIdentifier()
        let answered = harness.sendQuery().identifier
        harness.respond(to: answered)
        let known = harness.sendQuery().identifier
        harness.respond(to: known)
        let results = try harness.output().filter { if case .rpcResult = $0.body { true } else { false } }
        harness.send(MessagesAcknowledgement(identifiers: [results[1].identifier]), isContentRelated: false)
        let oddPing = harness.send(Ping(pingIdentifier: 1), isContentRelated: true).identifier
        let ping = harness.send(Ping(pingIdentifier: 1), isContentRelated: false).identifier
        _ = try harness.output()

        let asked: [(UInt64, UInt8)] = [
            (first - 4, 1), (gap, 2), (harness.nextIdentifier() + 1 << 32, 3), (ping, 4 + 16), (oddPing, 4),
            (running, 4 + 32), (answered, 4 + 8 + 32 + 64), (known, 4 + 8 + 32 + 64 + 128),
        ]
        let sent = harness.send(MessagesStateRequest(identifiers: asked.map(\.0)), isContentRelated: false)
        let outputs = try harness.output()
        #expect(
            outputs.stateInfos == [MessagesStateInfo(requestIdentifier: sent.identifier, info: asked.map(\.1))]
        )
        #expect(outputs.count == 1)

        // The late query and the odd ping are acknowledged by msgs_ack.
        harness.advance(by: .seconds(1))
        #expect(try harness.output().acknowledged == [running, oddPing])
        harness.send(MessagesStateRequest(identifiers: [running, oddPing]), isContentRelated: false)
        #expect(try harness.output().stateInfos.map(\.info) == [[44, 12]])
    }

    @Test("A state request of more than 8192 identifiers is not answered")
    func stateLimit() throws {
        var harness = try ServerSessionHarness.established()
        harness.send(MessagesStateRequest(identifiers: Array(repeating: 4, count: 8192)), isContentRelated: false)
        harness.send(MessagesStateRequest(identifiers: Array(repeating: 4, count: 8193)), isContentRelated: false)
        #expect(try harness.output().stateInfos.map(\.info.count) == [8192])
    }

    @Test("msg_resend_req repeats what is known, in a container")
    func resendRequest() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery().identifier
        harness.respond(to: query)
        let original = try #require(try harness.output().first)
        harness.send(MessageResendRequest(identifiers: [original.identifier]), isContentRelated: false)
        let outputs = try harness.output()
        #expect(outputs.map(\.identifier) == [original.identifier])
        #expect(outputs.map(\.sequenceNumber) == [original.sequenceNumber])
        #expect(outputs.map(\.isContained) == [true])
        #expect(outputs.first?.body == original.body)
    }

    @Test("msg_resend_req with something unknown is answered with the states of all as well")
    func resendUnknown() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery().identifier
        harness.respond(to: query)
        let original = try #require(try harness.output().first)
        let sent = harness.send(
            MessageResendRequest(identifiers: [original.identifier, query]),
            isContentRelated: false
        )
        let outputs = try harness.output()
        #expect(outputs.contains { $0.identifier == original.identifier })
        #expect(outputs.stateInfos.map(\.requestIdentifier) == [sent.identifier])
        #expect(outputs.stateInfos.first?.info.last == 108)
    }

    @Test("msg_resend_ans_req repeats answers by their queries")
    func resendAnswers() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery().identifier
        harness.respond(to: query)
        let original = try #require(try harness.output().first)
        harness.send(MessageResendAnswerRequest(identifiers: [query]), isContentRelated: false)
        #expect(try harness.output().map(\.identifier) == [original.identifier])
        harness.send(MessageResendAnswerRequest(identifiers: [query - 4]), isContentRelated: false)
        #expect(try harness.output().stateInfos.count == 1)
    }

    @Test("destroy_session: the driver decides, the own session is none", arguments: [true, false])
    func destroySession(existed: Bool) throws {
        var harness = try ServerSessionHarness.established()
        let sent = harness.send(DestroySession(sessionIdentifier: 99), isContentRelated: false)
        guard case .destroySession(let other, let request)? = sent.actions.last else {
            Issue.record("no action")
            return
        }
        #expect(other == 99 && request == sent.identifier)
        harness.session.answerDestroySession(other, existed: existed, requestedBy: request)
        switch try harness.output().first?.body {
        case .destroySessionOK(let answer): #expect(existed && answer.sessionIdentifier == 99)
        case .destroySessionNone(let answer): #expect(!existed && answer.sessionIdentifier == 99)
        default: Issue.record("no answer")
        }
        let own = harness.send(
            DestroySession(sessionIdentifier: ServerSessionHarness.sessionIdentifier),
            isContentRelated: false
        )
        #expect(own.actions.count == 1)
        guard case .destroySessionNone? = try harness.output().first?.body else {
            Issue.record("no destroy_session_none")
            return
        }
    }

    @Test("destroy_auth_key: an action, then the bare answer")
    func destroyAuthorizationKey() throws {
        var harness = try ServerSessionHarness.established()
        let sent = harness.send(DestroyAuthKey(), isContentRelated: false)
        guard case .destroyAuthorizationKey(let request)? = sent.actions.last else {
            Issue.record("no action")
            return
        }
        #expect(request == sent.identifier)
        harness.session.answerDestroyAuthorizationKey(.ok(DestroyAuthKeyOK()), requestedBy: request)
        guard case .destroyAuthKeyResult(.ok)? = try harness.output().first?.body else {
            Issue.record("no destroy_auth_key_ok")
            return
        }
    }

    @Test("http_wait is the driver's; nothing is sent")
    func httpWait() throws {
        var harness = try ServerSessionHarness.established()
        let wait = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 25_000)
        let sent = harness.send(wait, isContentRelated: false)
        guard case .httpWait(let received)? = sent.actions.last else {
            Issue.record("no action")
            return
        }
        #expect(received == wait)
        #expect(try harness.output().isEmpty)
    }

    @Test("Answers and notices of a server are ignored when a client sends them")
    func ignored() throws {
        var harness = try ServerSessionHarness.established()
        let objects: [any TLObject] = [
            MessagesAllInfo(identifiers: [4], info: [4]),
            MessagesStateInfo(requestIdentifier: 4, info: [4]),
            Pong(messageIdentifier: 4, pingIdentifier: 5),
            MessageDetailedInfo(identifier: 4, answerIdentifier: 5, byteCount: 6, status: 0),
            MessageNewDetailedInfo(answerIdentifier: 5, byteCount: 6, status: 0),
            BadMessageNotification(badIdentifier: 4, badSequenceNumber: 0, code: 16),
            BadServerSalt(badIdentifier: 4, badSequenceNumber: 0, code: 48, newSalt: 1),
            NewSessionCreated(firstMessageIdentifier: 4, uniqueIdentifier: 5, salt: 6),
            FutureSalts(requestIdentifier: 4, now: 5, salts: []),
            RPCResult(requestIdentifier: 4, result: UpdatesTooLong().serialized()),
            DestroySessionOK(sessionIdentifier: 4), DestroySessionNone(sessionIdentifier: 4),
            DestroyAuthKeyOK(), DestroyAuthKeyNone(), DestroyAuthKeyFail(),
        ]
        for object in objects {
            let sent = harness.send(body: object.serialized(), isContentRelated: false)
            #expect(sent.actions.count == 1 && sent.actions.acceptsQuickAck == true, "\(type(of: object))")
        }
        #expect(try harness.output().isEmpty)
    }

    @Test("Anything unknown is a query, compressed or not")
    func queries() throws {
        var harness = try ServerSessionHarness.established()
        let body = ByteBuffer(bytes: [1, 2, 3, 4] + [UInt8](repeating: 0, count: 400))
        #expect(harness.send(body: body, isContentRelated: true).actions.queries.map(\.body) == [body])
        let packed = GzipPacked(compressing: body)
        #expect(harness.send(packed, isContentRelated: true).actions.queries.map(\.body) == [body])
    }

    @Test("A service message marked odd is acknowledged after a second, not at once")
    func oddServiceMessage() throws {
        var harness = try ServerSessionHarness.established()
        let sent = harness.send(Ping(pingIdentifier: 1), isContentRelated: true)
        #expect(try harness.output().acknowledged.isEmpty)
        harness.advance(by: .milliseconds(999))
        #expect(try harness.output().isEmpty)
        harness.advance(by: .milliseconds(1))
        #expect(try harness.output().acknowledged == [sent.identifier])
        harness.advance(by: .seconds(10))
        #expect(try harness.output().isEmpty)
    }

    @Test("A late answer: first msgs_ack, then rpc_result; a prompt one acknowledges itself")
    func lateAnswer() throws {
        var harness = try ServerSessionHarness.established()
        let prompt = harness.sendQuery().identifier
        let late = harness.sendQuery().identifier
        harness.respond(to: prompt)
        #expect(try harness.output().map(\.isContained) == [false])
        harness.advance(by: .seconds(1))
        #expect(try harness.output().acknowledged == [late])
        harness.respond(to: late)
        let outputs = try harness.output()
        #expect(outputs.results.map(\.requestIdentifier) == [late])
        #expect(outputs.acknowledged.isEmpty)
    }

    @Test("Results keep to 1 mod 4, updates to 3 mod 4; both are odd in sequence")
    func parity() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery().identifier
        harness.session.respond(
            to: query,
            error: RPCErrorMessage(code: 420, message: "FLOOD_WAIT_30"),
            at: harness.clock.now
        )
        harness.session.push(UpdatesTooLong().serialized(), at: harness.clock.now)
        let outputs = try harness.output()
        #expect(outputs.map { $0.identifier & 3 } == [1, 3])
        #expect(outputs.map { $0.sequenceNumber & 1 } == [1, 1])
        let error = try #require(outputs.results.first)
        #expect(try RPCErrorMessage(error.result) == RPCErrorMessage(code: 420, message: "FLOOD_WAIT_30"))
    }

    @Test("Only running queries can be answered, once")
    func respondOnce() throws {
        var harness = try ServerSessionHarness.established()
        let query = harness.sendQuery().identifier
        let answered = [query + 4, query, query].map { harness.respond(to: $0) }
        #expect(answered == [false, true, false])
        #expect(try harness.output().results.count == 1)
    }

    @Test("Too many running queries are answered with FLOOD_WAIT_1")
    func runningLimit() throws {
        var harness = try ServerSessionHarness.established { $0.maximumRunningQueryCount = 2 }
        let queries = (0..<3).map { _ in harness.sendQuery() }
        #expect(queries.map(\.actions.queries.count) == [1, 1, 0])
        #expect(harness.session.runningQueryCount == 2)
        let result = try #require(try harness.output().results.first)
        #expect(result.requestIdentifier == queries[2].identifier)
        #expect(try RPCErrorMessage(result.result).message == "FLOOD_WAIT_1")
    }

    @Test("Results are compressed where that makes them shorter, errors and noise are not", arguments: [nil, 512])
    func compression(threshold: Int?) throws {
        var harness = ServerSessionHarness { $0.compressionThreshold = threshold }
        let plain = ByteBuffer(repeating: 0x41, count: 4000)
        let noise = ByteBuffer(bytes: RandomSource.seeded(7).bytes(4000))
        var answers: [UInt64: ByteBuffer] = [:]
        for result in [plain, noise, ByteBuffer(repeating: 0x41, count: 512)] {
            let query = harness.sendQuery().identifier
            harness.session.respond(to: query, result: result, at: harness.clock.now)
            answers[query] = result
        }
        let failing = harness.sendQuery().identifier
        let error = RPCErrorMessage(code: 400, message: String(repeating: "A", count: 4000))
        harness.session.respond(to: failing, error: error, at: harness.clock.now)
        answers[failing] = error.serialized()
        for result in try harness.output().results {
            let answer = answers.removeValue(forKey: result.requestIdentifier)
            let expected = try #require(answer)
            let isPacked = threshold != nil && expected == plain
            #expect(result.result.tlConstructor == (isPacked ? GzipPacked.constructor : expected.tlConstructor))
            guard isPacked else {
                #expect(result.result == expected)
                continue
            }
            let packed = try GzipPacked(result.result)
            #expect(try Gzip.inflate(packed.packedData, maximumLength: 4000) == expected)
        }
        #expect(answers.isEmpty)
    }
}
