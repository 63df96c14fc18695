// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

/// A session over HTTP, with a server that treats connections and requests as no honest one would.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct HTTPSessionTests {
    /// What becomes of a request.
    enum Fate: Sendable {
        case answered
        /// Nothing is done with it; the connection ends.
        case unheard
        /// It is carried out; the connection ends instead of the response.
        case unanswered
        /// The connection ends behind the response, without a word.
        case closedBehind
        /// The same, announced.
        case closedAsAnnounced
        case status(UInt)
        case body([UInt8])
        /// Nothing is done with it; the response is the last one once more.
        case replayed
    }

    /// Runs a client against a backend. `fate` gets the number of each encrypted request and whether it is a poll.
    static func connect<Result: Sendable>(
        _ change: (inout ClientConfiguration) -> Void = { _ in },
        fate: @escaping @Sendable (_ number: Int, _ isPoll: Bool) -> Fate = { _, _ in .answered },
        plaintextFate: @escaping @Sendable () -> Fate = { .answered },
        _ body: @escaping @Sendable (MTProtoConnection, HTTPBackend) async throws -> Result
    ) async throws -> Result {
        let backend = HTTPBackend()
        let count = Mutex(0)
        let last = Mutex(ByteBuffer())
        let configuration = clientConfiguration {
            $0.transport = .http
            change(&$0)
        }
        return try await ScriptedHTTPServer.run { connection in
            while let request = await connection.request() {
                let isPlaintext = HTTPBackend.isPlaintext(request.body)
                let isPoll = isPlaintext ? false : await backend.isPoll(request.body)
                let fate =
                    isPlaintext
                    ? plaintextFate()
                    : fate(
                        count.withLock {
                            $0 += 1
                            return $0
                        },
                        isPoll
                    )
                if case .unheard = fate { return }
                if case .replayed = fate {
                    try await connection.respond(.ok, [:], last.withLock { $0 })
                    continue
                }
                let answer = try await backend.respond(to: request.body)
                last.withLock { $0 = answer }
                switch fate {
                case .answered, .closedBehind: try await connection.respond(.ok, [:], answer)
                case .closedAsAnnounced: try await connection.respond(.ok, ["Connection": "close"], answer)
                case .status(let status):
                    try await connection.respond(.init(statusCode: Int(status)), [:], ByteBuffer(string: "sorry"))
                case .body(let bytes): try await connection.respond(.ok, [:], ByteBuffer(bytes: bytes))
                case .unheard, .unanswered, .replayed: return
                }
                if case .closedBehind = fate { return }
                if case .closedAsAnnounced = fate { return }
            }
        } _: { endpoint in
            do {
                let result = try await MTProtoClient.withConnection(
                    to: .endpoint(endpoint),
                    configuration: configuration
                ) { try await body($0, backend) }
                await backend.release()
                return result
            } catch {
                await backend.release()
                throw error
            }
        }
    }

    private static func echoes(
        _ count: UInt32,
        _ connection: MTProtoConnection,
        _ backend: HTTPBackend
    ) async throws {
        for number in 0..<count { try await connection.expect(Queries.echo(number: number)) }
        let executions = await backend.executions
        #expect(executions.count == Int(count))
        #expect(executions.values.allSatisfy { $0 == 1 })
    }

    @Test("Queries, a receipt, a ping; requests as they should be")
    func plain() async throws {
        try await Self.connect { connection, backend in
            #expect(!connection.supportsQuickAck)
            try await Self.echoes(20, connection, backend)
            let sent = try connection.send(Queries.echo(64))
            try await sent.received()
            #expect(try await sent.result() == Queries.echo(64))
            #expect(try await connection.ping() > .zero)
        }
    }

    @Test(
        "A server that closes each connection behind its response",
        arguments: [Fate.closedBehind, .closedAsAnnounced]
    )
    func closedBehind(fate: Fate) async throws {
        try await Self.connect(fate: { _, _ in fate }) { connection, backend in
            try await Self.echoes(30, connection, backend)
        }
    }

    @Test(
        "Requests without a response: nothing is lost, nothing is done twice",
        arguments: [Fate.unheard, .unanswered],
        [1, 2, 3] as [Int]
    )
    func lost(fate: Fate, queryConnectionCount: Int) async throws {
        try await Self.connect {
            $0.http.queryConnectionCount = queryConnectionCount
        } fate: { number, isPoll in
            number > 2 && number % 3 == 0 && !isPoll ? fate : .answered
        } _: { connection, backend in
            try await Self.echoes(30, connection, backend)
        }
    }

    @Test("Lost polls are asked again")
    func lostPolls() async throws {
        try await Self.connect(fate: { _, isPoll in isPoll ? .unheard : .answered }) { connection, backend in
            try await Self.echoes(10, connection, backend)
        }
    }

    @Test("A response that comes once more is no answer", arguments: [1, 2])
    func replayed(queryConnectionCount: Int) async throws {
        try await Self.connect {
            $0.http.queryConnectionCount = queryConnectionCount
        } fate: { number, _ in
            number > 2 && number % 3 == 0 ? .replayed : .answered
        } _: { connection, backend in
            try await Self.echoes(20, connection, backend)
        }
    }

    @Test("A server of which nothing comes but an old response is gone")
    func onlyReplayed() async throws {
        let isGone = Mutex(false)
        try await Self.connect {
            $0.timeouts.attempt = .seconds(2)
        } fate: { _, _ in
            isGone.withLock { $0 } ? .replayed : .answered
        } _: { connection, backend in
            try await Self.echoes(2, connection, backend)
            isGone.withLock { $0 = true }
            let error = await clientError { _ = try await connection.invoke(Queries.echo(40)) }
            #expect(error?.code == .http)
            #expect(error?.httpStatus == nil)
            #expect(error?.delivery == .maybeDelivered)
        }
    }

    @Test("Many queries at once over few connections", arguments: [1, 4])
    func many(queryConnectionCount: Int) async throws {
        try await Self.connect {
            $0.http.queryConnectionCount = queryConnectionCount
        } _: { connection, backend in
            let matched = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number: UInt32 in 0..<1_000 {
                    group.addTask {
                        try await connection.invoke(Queries.echo(number: number)) == Queries.echo(number: number)
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(matched == 1_000)
            #expect(await backend.executions.values.allSatisfy { $0 == 1 })
        }
    }

    @Test("Polls that are answered for nothing do not become a busy loop")
    func busyPolls() async throws {
        try await Self.connect { connection, backend in
            try await Self.echoes(2, connection, backend)
            await backend.losePatience()
            await backend.wakePoll()
            let before = await backend.pollCount
            let start = ContinuousClock.now
            while ContinuousClock.now - start < .seconds(2) { try await Task.sleep(for: .milliseconds(50)) }
            let polls = await backend.pollCount - before
            #expect(polls > 0 && polls < 40, "\(polls) polls")
        }
    }

    @Test("A server that is gone: dialed again for a while, then a typed error")
    func gone() async throws {
        let isGone = Mutex(false)
        try await Self.connect {
            $0.timeouts.attempt = .milliseconds(500)
        } fate: { _, _ in
            isGone.withLock { $0 } ? .unheard : .answered
        } _: { connection, backend in
            try await Self.echoes(2, connection, backend)
            isGone.withLock { $0 = true }
            let error = await clientError { _ = try await connection.invoke(Queries.echo(40)) }
            #expect(error?.code == .connectionClosed)
            #expect(error?.delivery == .maybeDelivered)
            let late = await clientError { _ = try await connection.invoke(Queries.echo(40)) }
            #expect(late?.code == .connectionClosed)
            #expect(late?.delivery == .notDelivered)
        }
    }

    static let statuses: [UInt] = [400, 403, 404, 405, 413, 429, 444]
    static let momentaryStatuses: [UInt] = [408, 500, 503]

    private static func check(_ error: MTProtoClientError?, status: UInt) {
        if [403, 404, 429, 444].contains(status) {
            #expect(error?.transportError?.rawValue == Int32(status))
            let isUnknownKey = status == 404 && error?.phase != .keyExchange
            #expect(error?.code == (isUnknownKey ? .authorizationKeyUnknown : .transportError))
        } else {
            #expect(error?.code == .http)
            #expect(error?.httpStatus == Int(status))
            #expect(error?.isRetryable == (status >= 500 || status == 408))
        }
    }

    @Test("Statuses in the key exchange", arguments: statuses)
    func exchangeStatus(status: UInt) async throws {
        let error = await clientError {
            try await Self.connect(plaintextFate: { .status(status) }) { _, _ in }
        }
        #expect(error?.phase == .keyExchange)
        Self.check(error, status: status)
    }

    @Test("Statuses of the first encrypted request", arguments: statuses)
    func sessionStatus(status: UInt) async throws {
        let error = await clientError {
            try await Self.connect(fate: { _, _ in .status(status) }) { _, _ in }
        }
        #expect(error?.phase == .encryptedSession)
        Self.check(error, status: status)
    }

    @Test("Statuses in use, of queries and of polls", arguments: [404, 429] as [UInt], [false, true])
    func useStatus(status: UInt, ofPolls: Bool) async throws {
        let isFailing = Mutex(false)
        try await Self.connect(fate: { _, isPoll in
            isFailing.withLock { $0 } && isPoll == ofPolls ? .status(status) : .answered
        }) { connection, backend in
            try await Self.echoes(2, connection, backend)
            isFailing.withLock { $0 = true }
            let error = await clientError {
                while true { _ = try await connection.invoke(Queries.echo(40)) }
            }
            #expect(error?.phase == .use)
            Self.check(error, status: status)
        }
    }

    /// Fails two times of three.
    private static func failing(_ status: UInt) -> @Sendable () -> Fate {
        let count = Mutex(0)
        return {
            count.withLock {
                $0 += 1
                return $0 % 3 == 0 ? .answered : .status(status)
            }
        }
    }

    @Test("A server that fails for a moment, of one that connects", arguments: momentaryStatuses)
    func momentaryStatusWhileConnecting(status: UInt) async throws {
        let encrypted = Self.failing(status)
        try await Self.connect(
            fate: { number, _ in number <= 3 ? encrypted() : .answered },
            plaintextFate: Self.failing(status)
        ) { connection, backend in
            try await Self.echoes(2, connection, backend)
        }
    }

    /// Limits within which a server is asked again while connecting.
    enum Limit: Sendable {
        case attempt, connect, keyExchangeStep, session
    }

    /// With whether the server fails only when there is a key.
    static let limits: [(Limit, Bool)] = [
        (.attempt, false), (.connect, false), (.keyExchangeStep, false), (.attempt, true), (.session, true),
    ]

    @Test("A server that fails all the time, of one that connects", arguments: limits)
    func lastingStatusWhileConnecting(limit: Limit, isEncrypted: Bool) async throws {
        let error = await clientError {
            try await Self.connect {
                switch limit {
                case .attempt: $0.timeouts.attempt = .seconds(2)
                case .connect: $0.timeouts.connect = .seconds(2)
                case .keyExchangeStep: $0.timeouts.keyExchangeStep = .seconds(2)
                case .session: $0.timeouts.session = .seconds(2)
                }
            } fate: { _, _ in
                .status(503)
            } plaintextFate: {
                isEncrypted ? .answered : .status(503)
            } _: { _, _ in
            }
        }
        #expect(error?.phase == (isEncrypted ? .encryptedSession : .keyExchange))
        Self.check(error, status: 503)
    }

    @Test("A server that fails for a moment, of queries and of polls", arguments: momentaryStatuses)
    func momentaryStatus(status: UInt) async throws {
        try await Self.connect(fate: { number, _ in
            number > 3 && number % 3 == 0 ? .status(status) : .answered
        }) { connection, backend in
            try await Self.echoes(20, connection, backend)
        }
    }

    @Test("A server that fails all the time")
    func lastingStatus() async throws {
        let isFailing = Mutex(false)
        try await Self.connect {
            // Also the limit of a dial: a busy machine must not reach it.
            $0.timeouts.attempt = .seconds(2)
        } fate: { _, isPoll in
            isFailing.withLock { $0 } && !isPoll ? .status(503) : .answered
        } _: { connection, backend in
            try await Self.echoes(2, connection, backend)
            isFailing.withLock { $0 = true }
            let error = await clientError { _ = try await connection.invoke(Queries.echo(40)) }
            #expect(error?.phase == .use)
            Self.check(error, status: 503)
        }
    }

    @Test("Empty answers are no answers")
    func empty() async throws {
        let error = await clientError {
            try await Self.connect(fate: { _, _ in .body([]) }) { _, _ in }
        }
        #expect(error?.code == .http)
        #expect(error?.phase == .encryptedSession)
    }

    @Test("Requests of the key exchange that are lost once", arguments: [Fate.unheard, .closedBehind])
    func exchangeLost(fate: Fate) async throws {
        let count = Mutex(0)
        try await Self.connect(plaintextFate: {
            count.withLock {
                $0 += 1
                return $0 % 2 == 1 ? fate : .answered
            }
        }) { connection, backend in
            try await Self.echoes(2, connection, backend)
        }
    }

    @Test("Bodies that are no payloads", arguments: [[1], [1, 2, 3, 4, 5, 6, 7, 8], [UInt8](repeating: 0, count: 26)])
    func malformedBody(bytes: [UInt8]) async throws {
        let error = await clientError {
            try await Self.connect(plaintextFate: { .body(bytes) }) { _, _ in }
        }
        #expect(error?.code == .http)
        #expect(error?.httpStatus == nil)
    }

    @Test("A transport error as a body of four bytes")
    func errorBody() async throws {
        let error = await clientError {
            try await Self.connect(plaintextFate: { .body([0x44, 0xFE, 0xFF, 0xFF]) }) { _, _ in }
        }
        #expect(error?.transportError == .invalidDataCenter)
    }

    @Test("A response longer than a payload may be")
    func oversized() async throws {
        let error = await clientError {
            try await Self.connect {
                $0.maximumPayloadLength = 4_096
            } plaintextFate: {
                .body([UInt8](repeating: 0, count: 4_100))
            } _: { _, _ in
            }
        }
        #expect(error?.code == .http)
    }

    @Test("No response to a step of the key exchange")
    func exchangeClosed() async throws {
        let error = await clientError {
            try await Self.connect(plaintextFate: { .unanswered }) { _, _ in }
        }
        #expect(error?.code == .connectionClosed)
        #expect(error?.phase == .keyExchange)
    }

    @Test("Something that is not HTTP", arguments: ["\u{16}\u{3}\u{1}\u{0}", "220 smtp.example\r\n", "HTTP/9"])
    func notHTTP(text: String) async throws {
        try await ScriptedServer.run { connection in
            _ = try await connection.read()
            try await connection.write(Array("\(text)\r\n\r\n".utf8))
            await connection.closed()
        } _: { endpoint in
            let error = await ConnectFailureTests.failure(to: endpoint) { $0.transport = .http }
            #expect(error?.code == .http)
            #expect(error?.phase == .keyExchange)
        }
    }

    @Test("The request's head")
    func head() async throws {
        let heads = Mutex<[HTTPRequestHead]>([])
        try await ScriptedHTTPServer.run { connection in
            guard let request = await connection.request() else { return }
            heads.withLock { $0.append(request.head) }
        } _: { endpoint in
            _ = await ConnectFailureTests.failure(to: endpoint) { $0.transport = .http }
            let head = try #require(heads.withLock { $0.first })
            #expect(head.method == .POST)
            #expect(head.uri == "/api")
            #expect(head.headers["host"] == ["\(endpoint)"])
            #expect(head.headers["content-length"] == ["40"])
            #expect(head.headers["connection"] == ["keep-alive"])
        }
    }
}
