// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

/// Responses with a status other than 200: final ones, and those of a server that can do nothing at the moment.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct HTTPStatusTests {
    static let statuses: [UInt] = [400, 403, 404, 405, 413, 429, 444, 501, 505]
    static let momentaryStatuses: [UInt] = [408, 500, 502, 503, 504, 522]

    private static func check(_ error: MTProtoClientError?, status: UInt) {
        if [403, 404, 429, 444].contains(status) {
            #expect(error?.transportError?.rawValue == Int32(status))
            let isUnknownKey = status == 404 && error?.phase != .keyExchange
            #expect(error?.code == (isUnknownKey ? .authorizationKeyUnknown : .transportError))
        } else {
            #expect(error?.code == .http)
            #expect(error?.httpStatus == Int(status))
            #expect(error?.isRetryable == self.momentaryStatuses.contains(status))
        }
    }

    @Test("Statuses in the key exchange", arguments: statuses)
    func exchangeStatus(status: UInt) async throws {
        let error = await clientError {
            try await HTTPSessionTests.connect(plaintextFate: { .status(status) }) { _, _ in }
        }
        #expect(error?.phase == .keyExchange)
        Self.check(error, status: status)
    }

    @Test("Statuses of the first encrypted request", arguments: statuses)
    func sessionStatus(status: UInt) async throws {
        let error = await clientError {
            try await HTTPSessionTests.connect(fate: { _, _ in .status(status) }) { _, _ in }
        }
        #expect(error?.phase == .encryptedSession)
        Self.check(error, status: status)
    }

    @Test("Statuses in use, of queries and of polls", arguments: [404, 429] as [UInt], [false, true])
    func useStatus(status: UInt, ofPolls: Bool) async throws {
        let isFailing = Mutex(false)
        try await HTTPSessionTests.connect(fate: { _, isPoll in
            isFailing.withLock { $0 } && isPoll == ofPolls ? .status(status) : .answered
        }) { connection, backend in
            try await HTTPSessionTests.echoes(2, connection, backend)
            isFailing.withLock { $0 = true }
            let error = await clientError {
                while true { _ = try await connection.invoke(Queries.echo(40)) }
            }
            #expect(error?.phase == .use)
            Self.check(error, status: status)
        }
    }

    /// Fails two times of three.
    private static func failing(_ status: UInt) -> @Sendable () -> HTTPSessionTests.Fate {
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
        try await HTTPSessionTests.connect(
            fate: { number, _ in number <= 3 ? encrypted() : .answered },
            plaintextFate: Self.failing(status)
        ) { connection, backend in
            try await HTTPSessionTests.echoes(2, connection, backend)
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
            try await HTTPSessionTests.connect {
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

    @Test(
        "A server that fails once and is silent then: that is a time limit",
        arguments: [HTTPSessionTests.Fate.status(503), .unheard],
        [false, true]
    )
    func silenceAfterFailure(fate: HTTPSessionTests.Fate, isEncrypted: Bool) async throws {
        let count = Mutex(0)
        let fails: @Sendable () -> HTTPSessionTests.Fate = {
            count.withLock {
                $0 += 1
                return $0 == 1 ? fate : .silent
            }
        }
        let error = await clientError {
            try await HTTPSessionTests.connect {
                $0.timeouts.keyExchangeStep = .seconds(4)
                $0.timeouts.session = .seconds(4)
            } fate: { _, _ in
                fails()
            } plaintextFate: {
                isEncrypted ? .answered : fails()
            } _: { _, _ in
            }
        }
        #expect(error?.phase == (isEncrypted ? .encryptedSession : .keyExchange))
        #expect(error?.code == .timeout)
        #expect(error?.httpStatus == nil)
    }

    @Test("A server that fails for a moment, of queries and of polls", arguments: momentaryStatuses)
    func momentaryStatus(status: UInt) async throws {
        try await HTTPSessionTests.connect(fate: { number, _ in
            number > 3 && number % 3 == 0 ? .status(status) : .answered
        }) { connection, backend in
            try await HTTPSessionTests.echoes(20, connection, backend)
        }
    }

    @Test("A server that fails all the time")
    func lastingStatus() async throws {
        let isFailing = Mutex(false)
        try await HTTPSessionTests.connect {
            // Also the limit of a dial: a busy machine must not reach it.
            $0.timeouts.attempt = .seconds(2)
        } fate: { _, isPoll in
            isFailing.withLock { $0 } && !isPoll ? .status(503) : .answered
        } _: { connection, backend in
            try await HTTPSessionTests.echoes(2, connection, backend)
            isFailing.withLock { $0 = true }
            let error = await clientError { _ = try await connection.invoke(Queries.echo(40)) }
            #expect(error?.phase == .use)
            Self.check(error, status: 503)
        }
    }
}
