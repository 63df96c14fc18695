// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import MTProtoClient
import MTProtoTransport
import Testing

@testable import mtproto

/// What `mtproto connect` makes of its arguments; nothing is connected.
@Suite struct ConnectOptionsTests {
    /// `EX_USAGE`, as scripts may rely on.
    private static let usageExitCode: Int32 = 64

    private static func options(_ arguments: String) throws -> ConnectOptions {
        try ConnectCommand.parse(arguments.split(separator: " ").map(String.init)).options
    }

    @Test(
        "What would be ignored, or cannot be, is a mistake of usage",
        arguments: [
            ("--matrix --ca ca.pem", "--ca"),
            ("--matrix --public-key key.pem", "--public-key"),
            ("--ca ca.pem --transport wss", "--ca"),
            ("--public-key key.pem", "--public-key"),
            ("localhost:1 --matrix --ca ca.pem", "wss://"),
            ("tcp://localhost:1 --matrix --ca ca.pem", "wss://"),
            ("ws://localhost:1/apiws --matrix --ca ca.pem", "wss://"),
            ("http://localhost:1/api --matrix --ca ca.pem", "wss://"),
            ("localhost:1 --ca ca.pem", "--ca"),
            ("http://localhost:1/api --ca ca.pem", "--ca"),
            ("localhost:1 --matrix --session file", "--session"),
            ("localhost:1 --matrix --transport ws", "--transport"),
            ("localhost:1 --matrix --framing full", "--framing"),
            ("localhost:1 --matrix --obfuscated", "--obfuscated"),
            ("localhost:1 --matrix --quick-ack", "--quick-ack"),
            ("localhost:1 --matrix --temporary-key", "--temporary-key"),
            ("localhost:1 --matrix --test", "--test"),
            ("--dc 4 --test --matrix", "data centre 4"),
            ("wss://venus.web.telegram.org/apiws --dc 2 --test --matrix", "not the test environment"),
            ("https://venus.web.telegram.org/api --dc 2 --test", "/api_test"),
            ("wss://venus.web.telegram.org/apiws_test --dc 2", "add --test"),
            ("wss://localhost:1/apiws_test --dc 2", "add --test"),
            ("http://localhost:1/api_test --dc 2 --matrix", "add --test"),
            ("https://vesta.web.telegram.org/api --dc 3", "is data centre 4"),
            ("wss://vesta-1.web.telegram.org/apiws --dc 3 --matrix", "is data centre 4"),
            ("tcp://vesta.web.telegram.org:443 --dc 3", "is data centre 4"),
            ("vesta.web.telegram.org:443 --dc 3 --transport wss", "is data centre 4"),
            ("http://localhost:1/api --quick-ack", "HTTP has no quick"),
            ("--transport https --quick-ack", "HTTP has no quick"),
            ("--framing full --quick-ack", "full framing has no quick"),
        ]
    )
    func usage(arguments: String, text: String) throws {
        let error = try #require(throws: (any Error).self) { _ = try Self.options(arguments) }
        #expect(ConnectCommand.exitCode(for: error).rawValue == Self.usageExitCode)
        #expect(ConnectCommand.message(for: error).contains(text))
    }

    private static let plainProxy = "tg://proxy?server=localhost&port=1&secret=00112233445566778899aabbccddeeff"
    private static let paddedProxy = "tg://proxy?server=localhost&port=1&secret=dd00112233445566778899aabbccddeeff"

    @Test(
        "Proxies that cannot be",
        arguments: [
            ("--proxy socks4://localhost:1", "not a proxy"),
            ("--proxy socks5://localhost:1 --proxy socks5://localhost", "number 2: the proxy's port is missing"),
            ("--proxy http://u:p%zz@localhost:1", "the proxy's password is not percent-encoded"),
            ("--proxy tg://proxy?server=localhost&port=1&secret=00", "the proxy's secret is not valid"),
            ("--proxy \(Self.plainProxy) --proxy socks5://localhost:1", "is the last hop"),
            ("--proxy \(Self.plainProxy) --proxy \(Self.plainProxy)", "is the last hop"),
            ("--proxy \(Self.plainProxy) --transport wss", "TCP only"),
            ("http://localhost:1/api --proxy \(Self.plainProxy)", "TCP only"),
            ("--proxy \(Self.plainProxy) --framing full", "full framing"),
            ("--proxy \(Self.plainProxy) --matrix", "--matrix"),
            ("--proxy \(Self.paddedProxy) --framing abridged", "the padded framing"),
        ]
    )
    func badProxies(arguments: String, text: String) throws {
        let error = try #require(throws: (any Error).self) { _ = try Self.options(arguments) }
        #expect(ConnectCommand.exitCode(for: error).rawValue == Self.usageExitCode)
        let message = ConnectCommand.message(for: error)
        #expect(message.contains(text))
        #expect(!message.contains("00112233") && !message.contains("%zz"))
    }

    @Test(
        "The transports of a matrix",
        arguments: [
            ("--matrix", ClientTransport.all.count),
            ("--dc 2 --matrix --ca ca.pem --public-key key.pem", ClientTransport.all.count),
            ("localhost:1 --matrix --public-key key.pem --dc 3 --test --media", 11),
            ("tcp://localhost:1 --matrix", 11),
            ("ws://localhost:1/apiws --matrix", 11),
            // Not by name without TLS.
            ("http://venus.web.telegram.org/api --matrix", 8),
            ("https://localhost:1/api --matrix --ca ca.pem", 4),
            ("wss://localhost:1/apiws --matrix --ca ca.pem", 4),
        ]
    )
    func transports(arguments: String, count: Int) throws {
        #expect(try Self.options(arguments).matrixTransports().count == count)
    }

    @Test(
        "A matrix over a URI stays in its environment",
        arguments: [
            (
                "wss://localhost:1/apiws_test --matrix",
                ["wss://localhost:1/apiws_test", "https://localhost:1/api_test"]
            ),
            ("https://localhost:1/apiw --matrix", ["wss://localhost:1/apiws", "https://localhost:1/apiw"]),
            (
                "http://localhost:1/api_test --matrix",
                ["localhost:1", "ws://localhost:1/apiws_test", "http://localhost:1/api_test"]
            ),
            ("localhost:1 --matrix", ["localhost:1", "ws://localhost:1/apiws", "http://localhost:1/api"]),
        ]
    )
    func places(arguments: String, expected: [String]) throws {
        let options = try Self.options(arguments)
        let target = try #require(try options.target())
        let targets = try options.matrixTargets()
        var places: [String] = []
        for transport in try options.matrixTransports() {
            let resolved = try (targets[transport.carrier] ?? target).resolved(by: transport)
            #expect(resolved.transport == transport)
            if places.last != "\(resolved)" { places.append("\(resolved)") }
        }
        #expect(places == expected)
    }

    @Test(
        "The data centre of a matrix over a URI",
        arguments: [
            ("wss://localhost:1/apiws_test --matrix", 2, true),
            ("https://vesta.web.telegram.org/api --matrix", 4, false),
            ("http://localhost:1/api --matrix --dc 3 --test", 3, true),
            ("http://localhost:1/api_test --matrix --dc 3 --test", 3, true),
            ("https://vesta.web.telegram.org/api --matrix --dc 4", 4, false),
            ("wss://venus.web.telegram.org/apiws_test --matrix --dc 2 --test", 2, true),
        ] as [(String, Int16, Bool)]
    )
    func dataCenter(arguments: String, number: Int16, isTest: Bool) throws {
        let targets = try Self.options(arguments).matrixTargets()
        #expect(targets.count >= 2)
        for target in targets.values {
            #expect(target.dataCenter == DataCenterIdentifier(number: number, isTest: isTest))
        }
    }

    @Test("Quick acknowledgements are asked for where there are some")
    func quickAcknowledgements() {
        for run in Matrix.runs(ClientTransport.all, timeout: 1) {
            let framing = run.transport.framing
            #expect(run.wantsQuickAck == (framing != nil && framing != .full))
        }
    }
}
