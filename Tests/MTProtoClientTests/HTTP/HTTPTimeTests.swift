// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoClient
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

/// What the header `Date` does for a client whose clock is wrong, and what a forged one does not.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct HTTPTimeTests {
    /// A clock that is wrong by so many seconds.
    private static func clock(_ error: @escaping @Sendable () -> Int64) -> SessionClock {
        SessionClock {
            var time = SessionClock.system.now()
            time.wallNanoseconds += error() * 1_000_000_000
            return time
        }
    }

    /// How the identifier of a message looks to a server whose clock is right.
    private static func verdict(on identifier: UInt64) -> MessageTimeWindow.Verdict {
        MessageTimeWindow.check(identifier, serverNanoseconds: SessionClock.system.now().wallNanoseconds)
    }

    /// The identifiers of the plaintext messages within the bytes of requests.
    private static func plaintextIdentifiers(in bytes: ByteBuffer) -> [UInt64] {
        let mark = Array("\r\n\r\n".utf8) + [UInt8](repeating: 0, count: 8)
        let starts = bytes.readableBytesView.indices.filter { bytes.readableBytesView[$0...].starts(with: mark) }
        return starts.compactMap { bytes.getInteger(at: $0 + mark.count, endianness: .little, as: UInt64.self) }
    }

    @Test(
        "The messages of the exchanges have the server's time from the first answer on",
        arguments: [-86_400, -3_600, 3_600, 86_400] as [Int64]
    )
    func realServer(seconds: Int64) async throws {
        try await withDataCenter { dataCenter in
            let sent = Mutex(ByteBuffer())
            let note: @Sendable (ByteBuffer) -> Void = { piece in
                sent.withLock { _ = $0.writeImmutableBuffer(piece) }
            }
            try await CuttingRelay.run(to: try dataCenter.endpoint, sees: note) { relay in
                let configuration = clientConfiguration {
                    $0.transport = .http
                    $0.clock = Self.clock { seconds }
                    // Two exchanges.
                    $0.keyLifetime = .temporary(expiresIn: 3_600)
                }
                try await MTProtoClient.withConnection(to: .endpoint(relay), configuration: configuration) {
                    try await $0.expect(Queries.echo())
                }
            }
            let identifiers = Self.plaintextIdentifiers(in: sent.withLock { $0 })
            #expect(identifiers.count >= 6)
            let verdicts = identifiers.map { Self.verdict(on: $0) }
            #expect(verdicts.first == (seconds < 0 ? .tooLow : .tooHigh))
            #expect(verdicts.dropFirst().allSatisfy { $0 == .acceptable })
        }
    }

    @Test(
        "A saved offset that is no longer right, the clock having been set, spoils one message",
        arguments: [-86_400, 86_400]
    )
    func staleOffset(seconds: Int64) async throws {
        try await withDataCenter { dataCenter in
            let saved = try await dataCenter.connect {
                $0.clock = Self.clock { seconds }
            } _: {
                try await $0.savedConnection()
            }
            let sent = Mutex(ByteBuffer())
            let note: @Sendable (ByteBuffer) -> Void = { piece in
                sent.withLock { _ = $0.writeImmutableBuffer(piece) }
            }
            try await CuttingRelay.run(to: try dataCenter.endpoint, sees: note) { relay in
                let configuration = clientConfiguration {
                    $0.transport = .http
                    $0.savedConnection = saved
                    // An exchange, although there is a key.
                    $0.keyLifetime = .temporary(expiresIn: 3_600)
                }
                try await MTProtoClient.withConnection(to: .endpoint(relay), configuration: configuration) {
                    try await $0.expect(Queries.echo())
                }
            }
            let verdicts = Self.plaintextIdentifiers(in: sent.withLock { $0 }).map { Self.verdict(on: $0) }
            #expect(verdicts.count >= 3)
            #expect(verdicts.first == (seconds < 0 ? .tooHigh : .tooLow))
            #expect(verdicts.dropFirst().allSatisfy { $0 == .acceptable })
        }
    }

    private static func text(of date: Date) -> String {
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss 'GMT'"
        return formatter.string(from: date)
    }

    /// Runs a client against a backend that says what time it is.
    private static func connect(
        clock: SessionClock,
        date: @escaping @Sendable () -> String,
        refuses: @escaping @Sendable (_ number: Int, _ identifier: UInt64) -> Bool = { _, _ in false },
        _ body: @escaping @Sendable (MTProtoConnection, HTTPBackend) async throws -> Void
    ) async throws {
        let backend = HTTPBackend()
        let count = Mutex(0)
        try await ScriptedHTTPServer.run { connection in
            while let request = await connection.request() {
                if HTTPBackend.isPlaintext(request.body) {
                    let number = count.withLock { count in
                        defer { count += 1 }
                        return count
                    }
                    let identifier = try PlaintextMessage(parsing: request.body).identifier
                    if refuses(number, identifier) {
                        try await connection.respond(.notFound, ["Date": date()], ByteBuffer())
                        continue
                    }
                }
                try await connection.respond(.ok, ["Date": date()], try await backend.respond(to: request.body))
            }
        } _: { endpoint in
            let configuration = clientConfiguration {
                $0.transport = .http
                $0.clock = clock
            }
            do {
                try await MTProtoClient.withConnection(to: .endpoint(endpoint), configuration: configuration) {
                    try await body($0, backend)
                }
                await backend.release()
            } catch {
                await backend.release()
                throw error
            }
        }
    }

    @Test("A server that refuses far identifiers of an exchange", arguments: [-86_400, 86_400] as [Int64])
    func refusingServer(seconds: Int64) async throws {
        try await Self.connect(clock: Self.clock { seconds }) {
            Self.text(of: Date())
        } refuses: { number, identifier in
            number > 0 && Self.verdict(on: identifier) != .acceptable
        } _: { connection, _ in
            try await connection.expect(Queries.echo())
        }
    }

    static let forgeries = ["Fri, 01 Jan 2100 00:00:00 GMT", "Sat, 01 Jan 2022 00:00:00 GMT"]

    @Test("A forged date in an exchange does not get into the session", arguments: forgeries)
    func forgedInExchange(date: String) async throws {
        try await Self.connect(clock: .system) {
            date
        } _: { connection, backend in
            for number: UInt32 in 0..<5 { try await connection.expect(Queries.echo(number: number)) }
            let offset = try #require(try await connection.savedConnection().permanent.timeOffsetNanoseconds)
            // Years are between the forgeries and the truth.
            #expect(abs(offset) < 3_600_000_000_000)
            #expect(await backend.executions.values.allSatisfy { $0 == 1 })
        }
    }

    @Test("A forged date after the clock was set does not end the session", arguments: forgeries)
    func forgedInUse(date: String) async throws {
        let error = Mutex<Int64>(0)
        try await Self.connect(clock: Self.clock { error.withLock { $0 } }) {
            date
        } _: { connection, backend in
            for number: UInt32 in 0..<3 { try await connection.expect(Queries.echo(number: number)) }
            error.withLock { $0 = -4_000 }
            // Answers that prove no time, each with a date.
            await backend.losePatience()
            let count = await backend.pollCount
            await backend.wakePoll()
            await backend.polls(reach: count + 5)
            for number: UInt32 in 3..<6 { try await connection.expect(Queries.echo(number: number)) }
            #expect(await backend.executions.values.allSatisfy { $0 == 1 })
        }
    }
}
