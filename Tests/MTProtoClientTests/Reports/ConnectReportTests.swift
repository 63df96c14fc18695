// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import MTProtoTransport
import Testing

@testable import MTProtoClient

/// What a report says, and what it does not.
@Suite struct ConnectReportTests {
    private static func candidates(
        _ strategy: ConnectionStrategy,
        routes: [Route] = [.direct]
    ) throws -> [ConnectionCandidate] {
        var configuration = ClientConfiguration()
        configuration.strategy = strategy
        configuration.routes = routes
        let target = ConnectionTarget.endpoint(try SocketEndpoint("192.0.2.1:443"))
        return try CandidateList(target: target, configuration: configuration, at: 0).rungs.flatMap { $0 }
    }

    /// A report with one attempt of each outcome; its times are what is given.
    private static func report(_ milliseconds: Double = 12.4) throws -> ConnectReport {
        let log = AttemptLog()
        let proxy = Route([.socks5(try SocketEndpoint("127.0.0.1:1"))])
        let candidates = try Self.candidates(.race([.tcp(), .webSocket(), .https]), routes: [.direct, proxy])
        let attempts = candidates.map { log.begin($0) }
        #expect(attempts == [0, 1, 2, 3, 4, 5])
        var refused = MTProtoClientError(.connectionRefused, phase: .dial, message: "nobody listens there")
        refused.hop = 0
        log.failed(1, because: refused)
        log.advanced(0, to: .keyExchange)
        log.overtaken(0)
        log.won(2)
        log.advanced(2, to: .use)
        log.failed(3, because: MTProtoClientError(.cancelled, phase: .transportHandshake, message: ""))
        log.failed(4, because: MTProtoClientError(.timeout, phase: .keyExchange, message: ""))
        // What comes late changes nothing.
        for index in [0, 1, 3, 4] { log.advanced(index, to: .use) }
        var report = log.report
        for index in report.attempts.indices { report.attempts[index].milliseconds = milliseconds }
        return report
    }

    @Test("The table: a line of titles, one for each attempt, columns aligned")
    func table() throws {
        let report = try Self.report()
        let lines = "\(report)".split(separator: "\n").map(String.init)
        let expected = [
            "attempt  transport                     endpoint                    route                     phase"
                + "                from ms  took ms  result",
            "      1  tcp, intermediate, plain      192.0.2.1:443               direct                    key exchange"
                + "               0       12  overtaken",
            "      2  tcp, intermediate, plain      192.0.2.1:443               SOCKS5 proxy 127.0.0.1:1  dial"
                + "                       0       12  hop 1: connection refused (nobody listens there)",
            "      3  wss, intermediate, obfuscated  wss://192.0.2.1:443/apiws  direct                    use"
                + "                        0       12  won",
        ]
        #expect(lines.count == 7)
        // The texts of the rows, whatever the widths.
        func words(_ line: String) -> [String] {
            line.components(separatedBy: "  ").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }
        }
        for (line, expected) in zip(lines, expected) { #expect(words(line) == words(expected)) }
        #expect(words(lines[4]).last == "cancelled")
        #expect(words(lines[5]).last == "timed out")
        #expect(words(lines[6]).last == "running")
        // Each text column begins in the same place everywhere, and numbers end there.
        for title in ["transport", "endpoint", "route", "phase", "result"] {
            let place = try #require(lines[0].range(of: title)).lowerBound
            let column = lines[0].distance(from: lines[0].startIndex, to: place)
            for line in lines.dropFirst() {
                let characters = Array(line)
                #expect(characters[column] != " " && characters[(column - 2)..<column] == [" ", " "])
            }
        }
        for title in ["attempt", "from ms", "took ms"] {
            let place = try #require(lines[0].range(of: title)).upperBound
            let column = lines[0].distance(from: lines[0].startIndex, to: place)
            for line in lines.dropFirst() { #expect(Array(line)[column - 1].isNumber) }
        }
    }

    @Test("An attempt in one line")
    func line() throws {
        let attempts = try Self.report().attempts
        #expect(
            "\(attempts[2])" == "wss, intermediate, obfuscated to wss://192.0.2.1:443/apiws, direct: won after 12 ms"
        )
        #expect(
            "\(attempts[1])"
                == "tcp, intermediate, plain to 192.0.2.1:443, SOCKS5 proxy 127.0.0.1:1: "
                + "hop 1: connection refused (nobody listens there) after 12 ms"
        )
        #expect(attempts.map(\.outcome) == [.overtaken, .failed, .won, .cancelled, .failed, .running])
        #expect(attempts.map(\.phase) == [.keyExchange, .dial, .use, .transportHandshake, .keyExchange, .dial])
    }

    @Test("A winner may fail after all")
    func lateFailure() throws {
        let log = AttemptLog()
        _ = log.begin(try Self.candidates(.transport(.tcp()))[0])
        log.won(0)
        #expect(log.report.winner != nil)
        log.failed(0, because: MTProtoClientError(.keyExchange, phase: .authorizationKey, message: "x"))
        #expect(log.report.winner == nil)
        #expect(log.report.attempts[0].result == "key exchange failed (x)")
        #expect(log.report.attempts[0].phase == .authorizationKey)
    }

    @Test(
        "It survives JSON, and what somebody else has written there does no harm",
        arguments: [12.5, 0, -1e300, 1e300]
    )
    func coding(milliseconds: Double) throws {
        let report = try Self.report(milliseconds)
        let coded = try JSONEncoder().encode(report)
        let decoded = try JSONDecoder().decode(ConnectReport.self, from: coded)
        #expect(decoded == report)
        #expect("\(decoded)" == "\(report)")
        #expect(decoded.winner == report.attempts[2])
    }

    @Test("Neither credentials nor secrets are in it")
    func secrets() throws {
        let proxy = try SocketEndpoint("127.0.0.1:1")
        let credentials = try ProxyCredentials(username: "alice", password: "hunter2")
        let key = try #require(Bytes16(Array(repeating: 0xa5, count: 16)))
        let routes: [Route] = [
            [.socks5(proxy, credentials: credentials)], [.httpConnect(proxy, credentials: credentials)],
            [
                .socks5(proxy, credentials: credentials),
                .mtproxy(proxy, secret: try ProxySecret(kind: .plain, key: key)),
            ],
            [.mtproxy(proxy, secret: try ProxySecret(kind: .fakeTLS(domain: "hidden.example"), key: key))],
        ]
        let log = AttemptLog()
        for candidate in try Self.candidates(.race([.tcp(), .https]), routes: routes) {
            log.failed(
                log.begin(candidate),
                because: MTProtoClientError(.timeout, phase: .dial, message: "", underlying: nil)
            )
            #expect(!candidate.way.contains("hidden"))
        }
        #expect(log.report.attempts.count == 6)
        let texts = ["\(log.report)", String(decoding: try JSONEncoder().encode(log.report), as: UTF8.self)]
        for text in texts {
            for secret in ["alice", "hunter2", "a5a5", "hidden"] { #expect(!text.contains(secret)) }
        }
    }
}
