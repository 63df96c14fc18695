// SPDX-License-Identifier: Apache-2.0
import Foundation
import Logging
import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// The Swift code of README and of the articles is code that the tests compile, and mostly run.
@Suite struct SnippetTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent()
        .deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func files(in folder: String, withExtension name: String) throws -> [URL] {
        let start = Self.root.appendingPathComponent(folder)
        guard let walker = FileManager.default.enumerator(at: start, includingPropertiesForKeys: nil) else { return [] }
        return walker.compactMap { $0 as? URL }.filter { $0.pathExtension == name }.sorted { $0.path < $1.path }
    }

    /// Takes off the indentation that all lines share.
    private static func dedented(_ lines: [Substring]) -> String {
        let depth =
            lines.filter { !$0.allSatisfy(\.isWhitespace) }.map { $0.prefix(while: { $0 == " " }).count }.min() ?? 0
        return lines.map { $0.allSatisfy(\.isWhitespace) ? "" : String($0.dropFirst(depth)) }.joined(separator: "\n")
    }

    /// The parts between a line that begins with `start` and the next one that begins with `end`, indentation aside.
    private static func parts(of file: URL, from start: String, to end: String) throws -> [String] {
        let text = try String(contentsOf: file, encoding: .utf8)
        var parts: [String] = []
        var current: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let trimmed = line.trimmingCharacters(in: .whitespaces)
            if let lines = current {
                if trimmed == end {
                    parts.append(Self.dedented(lines))
                    current = nil
                } else {
                    current = lines + [line]
                }
            } else if trimmed == start {
                current = []
            }
        }
        return parts
    }

    @Test func everySwiftBlockIsCompiledSomewhere() throws {
        let compiled = try Self.files(in: "Tests/MTProtoClientTests/Snippets", withExtension: "swift")
            .flatMap { try Self.parts(of: $0, from: "// snippet", to: "// end") }
        let articles = try Self.files(in: "Sources", withExtension: "md")
        var shown: [String] = []
        for document in [Self.root.appendingPathComponent("README.md")] + articles {
            for block in try Self.parts(of: document, from: "```swift", to: "```") {
                #expect(
                    compiled.contains(block),
                    "\(document.lastPathComponent) shows code that no test compiles:\n\(block)"
                )
                shown.append(block)
            }
        }
        #expect(articles.count >= 10)
        for part in compiled {
            #expect(shown.contains(part), "a snippet that no document shows:\n\(part)")
        }
    }

    @Test func theSnippetsRun() async throws {
        CryptoSnippets.paths()
        // As long as an encrypted message can be: 24 bytes, then blocks of 16.
        var payload = ByteBuffer(repeating: 1, count: 72)
        try TransportSnippets.bothEnds(payload: payload)
        try SessionSnippets.keyExchange(privateKey: .generate(), clock: .system)

        payload.setInteger(LocalDataCenter.echoConstructor, at: payload.readerIndex, endianness: .little)
        let query = payload
        try await ServerSnippets.localDataCenter(query: query)
        try await LocalDataCenter.withLocalDataCenter { dataCenter in
            let port = try #require(dataCenter.addresses.first?.port)
            let endpoint = try SocketEndpoint(host: "127.0.0.1", port: port)
            let target = ConnectionTarget.endpoint(endpoint)
            var configuration = ClientConfiguration()
            ClientSnippets.transports(&configuration)
            try ClientSnippets.uri(configuration: configuration)
            configuration.transport = .tcp()
            configuration.publicKeys = [dataCenter.publicKey]
            var proxied = configuration
            ProxySnippets.secureProxy(&proxied, proxy: endpoint)
            try ProxySnippets.route(&proxied, links: ["socks5://127.0.0.1:1080", "http://proxy.example:8080"])
            #expect("\(proxied.routes[0])" == "SOCKS5 proxy 127.0.0.1:1080 → HTTP proxy proxy.example:8080")
            var raced = configuration
            RacingSnippets.strategies(&raced)
            RacingSnippets.routes(&raced, proxy: endpoint)
            let statistics = try JSONEncoder().encode(EndpointStatistics())
            #expect(try RacingSnippets.learned(&raced, json: statistics) == statistics)
            try await RacingSnippets.report(target: target, configuration: configuration)
            try await RacingSnippets.service(
                target: target,
                configuration: configuration,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
            try await ProxySnippets.failure(target: target, configuration: configuration)
            try await ReadmeSnippet.run(endpoint: endpoint, publicKey: dataCenter.publicKey, query: query)
            try await ClientSnippets.resume(target: target, configuration: configuration)
            try await ClientSnippets.failure(target: target, configuration: configuration)
            let service = try MTProtoClientService(target: target, configuration: configuration)
            try await StayingSnippets.run(service: service, query: query)
            try await MTProtoClient.withConnection(to: target, configuration: configuration) { connection in
                try await ClientSnippets.receipt(connection: connection, query: query)
                try await RacingSnippets.options(&raced, connection: connection)
            }
        }
    }
}
