// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import MTProtoTestSupport
import MTProtoTransport
import Testing

@testable import MTProtoClient
@testable import mtproto

/// What `mtproto connect --dc` tries, and what it tells of it; nothing leaves the machine.
@Suite struct ConnectStrategyTests {
    private static func options(_ arguments: String) throws -> ConnectOptions {
        try ConnectCommand.parse(arguments.split(separator: " ").map(String.init)).options
    }

    private static let tcp = "tcp, intermediate, obfuscated"
    private static let webSocket = "wss, intermediate, obfuscated"
    private static let proxy = "tg://proxy?server=localhost&port=1&secret="

    @Test(
        "A data centre is reached by whatever gets through, unless something is asked for",
        arguments: [
            ("--dc 2", [tcp, webSocket, "https"]),
            ("--dc 2 --test --media", [tcp, webSocket, "https"]),
            ("--dc 2 --obfuscated", [tcp, webSocket, "https"]),
            ("--dc 2 --proxy socks5://localhost:1", [tcp, webSocket, "https"]),
            ("--dc 2 --framing abridged", ["tcp, abridged, obfuscated", "wss, abridged, obfuscated", "https"]),
            ("--dc 2 --framing full", ["tcp, full, plain"]),
            ("--dc 2 --proxy \(proxy)00112233445566778899aabbccddeeff", [tcp]),
            ("--dc 2 --proxy \(proxy)dd00112233445566778899aabbccddeeff", ["tcp, padded, obfuscated"]),
            (
                "--dc 2 --proxy \(proxy)00112233445566778899aabbccddeeff --framing abridged",
                ["tcp, abridged, obfuscated"]
            ),
        ] as [(String, [String])]
    )
    func ladder(arguments: String, transports: [String]) throws {
        let strategy = try #require(try Self.options(arguments).strategy())
        #expect(strategy.rungs.map { $0.map(\.description) } == transports.map { [$0] })
    }

    @Test(
        "With a transport or an endpoint there is nothing else",
        arguments: [
            ("--dc 2 --transport tcp", "tcp, intermediate, plain"), ("--dc 2 --transport wss", webSocket),
            ("--dc 2 --transport http", "http"), ("localhost:1 --dc 2", "tcp, intermediate, plain"),
            ("https://localhost:1/api --dc 2", "https"), ("", "tcp, intermediate, plain"),
        ]
    )
    func single(arguments: String, transport: String) throws {
        let options = try Self.options(arguments)
        #expect(try options.strategy() == nil)
        #expect(try options.clientTransport().description == transport)
    }

    @Test(
        "A data centre that there is not",
        arguments: ["--dc 6", "--dc 0", "--dc -1", "--dc 4 --test", "--dc 203 --media", "--dc 6 --transport wss"]
    )
    func unknown(arguments: String) throws {
        let error = try #require(throws: (any Error).self) { _ = try Self.options(arguments) }
        #expect(ConnectCommand.exitCode(for: error).rawValue == 64)
    }

    @Test("Certificates to trust are for a ladder, too, and not where it has no TLS")
    func certificates() throws {
        _ = try Self.options("--dc 2 --ca ca.pem")
        _ = try Self.options("--dc 2 --transport https --ca ca.pem")
        for arguments in ["--dc 2 --transport tcp --ca ca.pem", "--dc 2 --framing full --ca ca.pem"] {
            let error = try #require(throws: (any Error).self) { _ = try Self.options(arguments) }
            #expect(ConnectCommand.message(for: error).contains("--ca is for wss and https"))
        }
    }

    @Test("The report in JSON has every attempt; the direct ways are refused by a proxy that is not there")
    func json() async throws {
        try await DeadEndpoint.refusing { try await Self.checkReport(refusedBy: $0.port) }
    }

    private static func checkReport(refusedBy port: Int) async throws {
        let options = try Self.options("--dc 2 --json --proxy socks5://alice:hunter2@127.0.0.1:\(port)")
        let target = try #require(try options.target())
        let run = ConnectRun(
            transport: try options.clientTransport(),
            strategy: try options.strategy(),
            usesTemporaryKey: false,
            wantsQuickAck: false,
            // Nothing here waits for anybody; on a busy machine it may take a while all the same.
            timeout: 3_600,
            proxies: try options.proxies()
        )
        let place = ConnectPlace(
            plain: target,
            secure: target,
            publicKeys: [],
            tls: try options.tlsConfiguration()
        )
        let report = await run.perform(to: place, onStep: { _ in })
        #expect(!report.isOK)
        #expect(report.error?.hop == 0)
        let text = try JSONLines.encode(report)
        #expect(!text.contains("alice") && !text.contains("hunter2"))
        let object = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["ok"] as? Bool == false)
        let attempts = try #require(object["attempts"] as? [[String: Any]])
        // The addresses of the table at three ports each, and the name twice.
        #expect(attempts.count == 11)
        for attempt in attempts {
            #expect(
                Set(attempt.keys) == [
                    "endpoint", "transport", "route", "phase", "start_ms", "ms", "outcome", "hop", "code", "cause",
                ]
            )
            #expect(attempt["code"] as? String == "connection refused")
            #expect(attempt["outcome"] as? String == "failed")
            #expect(attempt["hop"] as? Int == 0)
            #expect(attempt["phase"] as? String == "dial")
            #expect(attempt["route"] as? String == "SOCKS5 proxy 127.0.0.1:\(port)")
        }
        // Not in which order: on a busy machine the next transport's patience may end before the last address is refused.
        #expect(
            attempts.compactMap { $0["transport"] as? String }.sorted()
                == ["https"] + Array(repeating: Self.tcp, count: 9) + [Self.webSocket]
        )
    }
}
