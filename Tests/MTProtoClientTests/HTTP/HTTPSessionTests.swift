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
        /// The same; told when the client has closed its end, which is when it knows.
        case unheardAndNoticed(@Sendable () -> Void)
        /// It is carried out; the connection ends instead of the response.
        case unanswered
        /// The connection ends behind the response, without a word.
        case closedBehind
        /// The same, announced.
        case closedAsAnnounced
        case status(UInt)
        case body([UInt8])
        /// Nothing is done with it; the response is the first encrypted one once more: the client has had that for sure.
        case replayed
        /// Nothing is done with it, and nothing comes.
        case silent
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
        let first = Mutex<ByteBuffer?>(nil)
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
                if case .unheardAndNoticed(let notice) = fate {
                    await connection.end()
                    return notice()
                }
                if case .silent = fate { continue }
                if case .replayed = fate {
                    try await connection.respond(.ok, [:], first.withLock { $0 } ?? ByteBuffer())
                    continue
                }
                let answer = try await backend.respond(to: request.body)
                if !isPlaintext { first.withLock { $0 = $0 ?? answer } }
                switch fate {
                case .answered, .closedBehind: try await connection.respond(.ok, [:], answer)
                case .closedAsAnnounced: try await connection.respond(.ok, ["Connection": "close"], answer)
                case .status(let status):
                    try await connection.respond(.init(statusCode: Int(status)), [:], ByteBuffer(string: "sorry"))
                case .body(let bytes): try await connection.respond(.ok, [:], ByteBuffer(bytes: bytes))
                case .unheard, .unheardAndNoticed, .unanswered, .replayed, .silent: return
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

    static func echoes(
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
        let lostCount = Mutex(0)
        try await Self.connect {
            $0.http.queryConnectionCount = queryConnectionCount
        } fate: { number, isPoll in
            guard number > 2, number % 3 == 0, !isPoll else { return .answered }
            lostCount.withLock { $0 += 1 }
            return fate
        } _: { connection, backend in
            try await Self.echoes(30, connection, backend)
            #expect(lostCount.withLock { $0 } > 0)
        }
    }

    @Test("Lost polls are asked again")
    func lostPolls() async throws {
        let lostCount = Mutex(0)
        try await Self.connect(fate: { _, isPoll in
            if isPoll { lostCount.withLock { $0 += 1 } }
            return isPoll ? .unheard : .answered
        }) { connection, backend in
            var number: UInt32 = 0
            while number < 10 || lostCount.withLock({ $0 }) < 3 {
                try await connection.expect(Queries.echo(number: number))
                number += 1
            }
            #expect(await backend.executions.count == Int(number))
            #expect(await backend.executions.values.allSatisfy { $0 == 1 })
        }
    }

    @Test("The connections of a query and of the poll end at once")
    func bothLost() async throws {
        let lostCount = Mutex((queries: 0, polls: 0))
        try await Self.connect(fate: { number, isPoll in
            guard isPoll || number % 4 == 0 else { return .answered }
            lostCount.withLock { if isPoll { $0.polls += 1 } else { $0.queries += 1 } }
            // The answer to the query, which is lost, ends the poll that waits.
            return .unanswered
        }) { connection, backend in
            try await Self.echoes(20, connection, backend)
            let counts = lostCount.withLock { $0 }
            #expect(counts.queries > 0 && counts.polls > 0)
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
            #expect(error?.isRetryable == true)
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
            let before = await backend.pollCount
            let start = ContinuousClock.now
            await backend.losePatience()
            await backend.wakePoll()
            await backend.polls(reach: before + 12)
            // Of so many answers in a row one is followed by a pause of 100 ms, if none took as long itself.
            #expect(ContinuousClock.now - start >= .milliseconds(100))
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
