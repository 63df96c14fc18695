// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import Testing

/// The grammar of `carriers.md` §3 and its table in §13.
struct EndpointTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let text: String
        let scheme: Endpoint.Scheme
        let host: String
        let port: Int
        var path: String?
        var dataCenter: DataCenterIdentifier?
        var isAlternative = false
        var isCrossOrigin = false

        var testDescription: String { self.text }
    }

    static let rows = [
        Row(text: "http://149.154.167.51:80/api", scheme: .http, host: "149.154.167.51", port: 80, path: "/api"),
        Row(
            text: "http://149.154.167.51:80/apiws",
            scheme: .ws,
            host: "149.154.167.51",
            port: 80,
            path: "/apiws",
            isCrossOrigin: true
        ),
        Row(
            text: "http://venus.web.telegram.org:80/apiw",
            scheme: .http,
            host: "venus.web.telegram.org",
            port: 80,
            path: "/apiw",
            dataCenter: DataCenterIdentifier(2),
            isCrossOrigin: true
        ),
        Row(
            text: "http://venus-1.web.telegram.org:80/api_test",
            scheme: .http,
            host: "venus-1.web.telegram.org",
            port: 80,
            path: "/api_test",
            dataCenter: DataCenterIdentifier(2, isTest: true),
            isAlternative: true
        ),
        Row(
            text: "https://flora.web.telegram.org:443/api",
            scheme: .https,
            host: "flora.web.telegram.org",
            port: 443,
            path: "/api",
            dataCenter: DataCenterIdentifier(5)
        ),
        Row(
            text: "wss://aurora-1.web.telegram.org/apiws_test",
            scheme: .wss,
            host: "aurora-1.web.telegram.org",
            port: 443,
            path: "/apiws_test",
            dataCenter: DataCenterIdentifier(3, isTest: true),
            isAlternative: true,
            isCrossOrigin: true
        ),
        Row(text: "localhost:8888", scheme: .tcp, host: "localhost", port: 8888),
        Row(text: "[::1]:443", scheme: .tcp, host: "::1", port: 443),
        Row(text: "tcp://149.154.167.51:5222", scheme: .tcp, host: "149.154.167.51", port: 5222),
        Row(text: "TCP://[2001:67c:4e8:f002::a]:443", scheme: .tcp, host: "2001:67c:4e8:f002::a", port: 443),
        Row(
            text: "ws://localhost:8080",
            scheme: .ws,
            host: "localhost",
            port: 8080,
            path: "/apiws",
            isCrossOrigin: true
        ),
        Row(text: "ws://[::1]/apis", scheme: .ws, host: "::1", port: 80, path: "/apis"),
        Row(
            text: "wss://dc.example/",
            scheme: .wss,
            host: "dc.example",
            port: 443,
            path: "/apiws",
            isCrossOrigin: true
        ),
        Row(text: "https://dc.example", scheme: .https, host: "dc.example", port: 443, path: "/api"),
        Row(text: "https://dc.example:8443/apis", scheme: .wss, host: "dc.example", port: 8443, path: "/apis"),
        Row(text: "http://127.0.0.1", scheme: .http, host: "127.0.0.1", port: 80, path: "/api"),
    ]

    @Test("Texts", arguments: Self.rows)
    func row(row: Row) throws {
        let endpoint = try Endpoint(row.text)
        #expect(endpoint.scheme == row.scheme)
        #expect(endpoint.socket.host == row.host)
        #expect(endpoint.socket.port == row.port)
        #expect(endpoint.path?.description == row.path)
        #expect(endpoint.dataCenter == row.dataCenter)
        #expect(endpoint.isAlternativeHost == row.isAlternative)
        #expect(endpoint.path?.isCrossOrigin ?? false == row.isCrossOrigin)
        #expect(endpoint.isWebSocket == (row.scheme == .ws || row.scheme == .wss))
        #expect(try Endpoint(endpoint.description) == endpoint)
    }

    static let refused: [(String, EndpointError.Code)] = [
        ("ws://venus.web.telegram.org/apiws", .plainWebSocketByName),
        ("http://Venus.web.telegram.org:80/apis", .plainWebSocketByName),
        ("ws://pluto-1.web.telegram.org", .plainWebSocketByName),
        ("https://vesta.web.telegram.org/api_test", .noSuchDataCenter),
        ("wss://flora.web.telegram.org/apiws_test", .noSuchDataCenter),
        ("ftp://localhost:1", .unknownScheme), ("://localhost:1", .unknownScheme),
        ("localhost", .missingPort), ("tcp://localhost", .missingPort), ("", .missingPort),
        (":80", .invalidHost), ("http://", .invalidHost), ("http:///api", .invalidHost),
        ("::1:80", .invalidHost), ("[::1:80", .invalidHost), ("[localhost]:80", .invalidHost),
        ("[1.2.3.4]:80", .invalidHost), ("lo calhost:80", .invalidHost), ("host\u{0}:80", .invalidHost),
        ("local\nhost:80", .invalidHost), ("tcp://host/x:1", .missingPort),
        ("localhost:", .invalidPort), ("localhost:0", .invalidPort), ("localhost:65536", .invalidPort),
        ("localhost:99999999999999999999", .invalidPort), ("localhost:+80", .invalidPort),
        ("localhost:8a", .invalidPort), ("[::1]80", .invalidPort), ("localhost:80/api", .invalidPort),
        ("http://localhost/API", .invalidPath), ("http://localhost/apiw1", .invalidPath),
        ("http://localhost/api/", .invalidPath), ("ws://localhost/api", .invalidPath),
        ("wss://localhost/apiw", .invalidPath), ("tcp://localhost:80/api", .invalidPath),
        ("http://user@localhost/api", .unexpectedPart), ("http://localhost/api?x=1", .unexpectedPart),
        ("http://localhost/api#x", .unexpectedPart),
    ]

    @Test("What is refused", arguments: Self.refused)
    func isRefused(text: String, code: EndpointError.Code) {
        let error = #expect(throws: EndpointError.self) { try Endpoint(text) }
        #expect(error?.code == code)
    }

    @Test("Host names have 1 to 255 bytes")
    func hostLength() throws {
        #expect(try SocketEndpoint(host: String(repeating: "a", count: 255), port: 1).host.count == 255)
        let error = #expect(throws: EndpointError.self) {
            try SocketEndpoint(host: String(repeating: "a", count: 256), port: 1)
        }
        #expect(error?.code == .invalidHost)
    }

    @Test("Telegram's data centres by name")
    func telegram() throws {
        let names = ["pluto", "venus", "aurora", "vesta", "flora"]
        for (index, name) in names.enumerated() {
            let dataCenter = DataCenterIdentifier(Int16(index + 1))
            let endpoint = try Endpoint(scheme: .wss, telegram: dataCenter)
            #expect(endpoint.description == "wss://\(name).web.telegram.org:443/apiws")
            #expect(endpoint.dataCenter == dataCenter)
            let http = try Endpoint(scheme: .http, telegram: dataCenter, isAlternative: true, isCrossOrigin: true)
            #expect(http.description == "http://\(name)-1.web.telegram.org:80/apiw")
        }
        let test = try Endpoint(scheme: .https, telegram: DataCenterIdentifier(3, isTest: true))
        #expect(test.description == "https://aurora.web.telegram.org:443/api_test")
        for (scheme, dataCenter, code) in [
            (Endpoint.Scheme.ws, DataCenterIdentifier(2), EndpointError.Code.plainWebSocketByName),
            (.https, DataCenterIdentifier(4, isTest: true), .noSuchDataCenter),
            (.https, DataCenterIdentifier(203), .noSuchDataCenter), (.tcp, DataCenterIdentifier(2), .unknownScheme),
        ] {
            let error = #expect(throws: EndpointError.self) { try Endpoint(scheme: scheme, telegram: dataCenter) }
            #expect(error?.code == code)
        }
    }

    @Test("Addresses are told from names")
    func addresses() throws {
        for (text, isAddress) in [("1.2.3.4:1", true), ("[::1]:1", true), ("example.com:1", false)] {
            let endpoint = try SocketEndpoint(text)
            #expect(endpoint.isAddress == isAddress)
            #expect(endpoint.description == text)
        }
    }

    @Test("Random texts never trap")
    func fuzz() {
        let random = RandomSource.seeded(5)
        let pieces = [
            "tcp", "ws", "://", "/", ":", "[", "]", "::1", "80", "99999", "api", "/apiws", "_test", "venus",
            ".web.telegram.org",
            "é", "\u{0}", "@", "-1", "",
        ]
        for _ in 0..<5000 {
            let text = (0..<random.integer(in: 0...8)).map { _ in pieces[random.integer(in: 0...(pieces.count - 1))] }
                .joined()
            guard let endpoint = try? Endpoint(text) else { continue }
            #expect((try? Endpoint(endpoint.description)) == endpoint, "\(text)")
        }
    }
}
