// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoTransport
import Testing

/// Values of the configuration that HTTP cannot work with.
@Suite struct HTTPConfigurationTests {
    /// A property with a value, and what the error has to say of it; nil for values that are valid.
    struct Case: Sendable, CustomTestStringConvertible {
        let text: String
        let range: String?
        let change: @Sendable (inout ClientConfiguration.HTTP) -> Void

        static func count(_ value: Int, _ range: String?) -> Case {
            Case(text: "queryConnectionCount \(value)", range: range) { $0.queryConnectionCount = value }
        }

        static func wait(_ value: Duration, _ range: String?) -> Case {
            Case(text: "pollWait \(value)", range: range) { $0.pollWait = value }
        }

        static func margin(_ value: Duration, _ range: String?) -> Case {
            Case(text: "responseMargin \(value)", range: range) { $0.responseMargin = value }
        }

        var testDescription: String { self.text }
    }

    static let cases: [Case] =
        [Int.min, -1, 0, 65, Int.max].map { .count($0, "1 to 64") } + [1, 64].map { .count($0, nil) }
        + [.seconds(Int64.min), .nanoseconds(-1), .milliseconds(60_001), .seconds(Int64.max)].map {
            .wait($0, "0 to 60 seconds")
        } + [.zero, .seconds(60)].map { .wait($0, nil) }
        + [.seconds(Int64.min), .seconds(-5), .zero, .milliseconds(99), .milliseconds(60_001), .seconds(Int64.max)].map
    {
        .margin($0, "0.1 to 60 seconds")
    } + [.milliseconds(100), .seconds(60)].map { .margin($0, nil) }

    /// Where nobody listens: nothing is dialed before the configuration is looked at.
    private static func failure(
        _ transport: ClientTransport,
        _ change: (inout ClientConfiguration.HTTP) -> Void
    ) async throws -> MTProtoClientError? {
        let endpoint = try SocketEndpoint(host: "127.0.0.1", port: 1)
        return await ConnectFailureTests.failure(to: endpoint) {
            $0.transport = transport
            change(&$0.http)
        }
    }

    @Test("Out of range", arguments: cases.filter { $0.range != nil }, [ClientTransport.http, .https])
    func invalid(value: Case, transport: ClientTransport) async throws {
        let error = try await Self.failure(transport, value.change)
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.phase == .dial)
        #expect(error?.isRetryable == false)
        let property = try #require(value.text.split(separator: " ").first)
        #expect(error?.message.contains("http.\(property) ") == true)
        #expect(error?.message.hasSuffix(value.range ?? "") == true)
    }

    @Test("In range", arguments: cases.filter { $0.range == nil })
    func valid(value: Case) async throws {
        let error = try await Self.failure(.http, value.change)
        #expect(error?.code == .connectionRefused)
    }

    @Test("Nobody looks at them where HTTP is not spoken", arguments: cases.filter { $0.range != nil })
    func unused(value: Case) async throws {
        let error = try await Self.failure(.tcp(), value.change)
        #expect(error?.code == .connectionRefused)
    }
}
