// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoTransport
import Testing

/// Target × transport → endpoint and what is spoken there.
@Suite struct ConnectionTargetTests {
    @Test(
        "Telegram's data centres",
        arguments: [
            (2, false, false, ClientTransport.tcp(.abridged), "tcp://149.154.167.51:443"),
            (4, false, true, .tcp(.padded, obfuscated: true), "tcp://149.154.167.91:443"),
            (1, true, false, .tcp(), "tcp://149.154.175.10:443"),
            (1, false, false, .webSocket(tls: false), "ws://149.154.175.50:80/apiws"),
            (3, true, false, .webSocket(tls: false), "ws://149.154.175.117:80/apiws"),
            (5, false, false, .webSocket(tls: true), "wss://flora.web.telegram.org:443/apiws"),
            (2, false, true, .webSocket(tls: true), "wss://venus-1.web.telegram.org:443/apiws"),
            (3, true, true, .webSocket(tls: true), "wss://aurora-1.web.telegram.org:443/apiws_test"),
            (2, false, false, .http, "http://149.154.167.51:80/api"),
            (2, true, false, .http, "http://149.154.167.40:80/api"),
            (1, false, false, .https, "https://pluto.web.telegram.org:443/api"),
            (2, true, false, .https, "https://venus.web.telegram.org:443/api_test"),
        ] as [(Int16, Bool, Bool, ClientTransport, String)]
    )
    func telegram(number: Int16, isTest: Bool, isMedia: Bool, transport: ClientTransport, endpoint: String) throws {
        let target = try ConnectionTarget.dataCenter(number, isTest: isTest, isMedia: isMedia)
        let resolved = try target.resolved(by: transport)
        #expect("\(resolved.endpoint)" == endpoint)
        #expect(resolved.transport == transport)
        #expect(target.dataCenter == DataCenterIdentifier(number, isTest: isTest, isMedia: isMedia))
    }

    @Test("There are no others", arguments: [(0, false), (-1, false), (10_000, true)] as [(Int16, Bool)])
    func noSuchDataCenter(number: Int16, isTest: Bool) {
        let error = #expect(throws: MTProtoClientError.self) {
            try ConnectionTarget.dataCenter(number, isTest: isTest)
        }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test("One that is not built in has to be told by a server", arguments: [(6, false), (4, true)] as [(Int16, Bool)])
    func unknownDataCenter(number: Int16, isTest: Bool) async throws {
        let target = try ConnectionTarget.dataCenter(number, isTest: isTest)
        let error = #expect(throws: MTProtoClientError.self) { try target.resolved(by: .tcp()) }
        #expect(error?.code == .invalidConfiguration)
        let refusal = await clientError {
            try await MTProtoClient.withConnection(to: target) { _ in _ = Issue.record("connected") }
        }
        #expect(refusal?.code == .invalidConfiguration)
        #expect(refusal?.message == error?.message)
        #expect(refusal?.endpoint == "\(target)")
    }

    @Test(
        "Host and port: the transport decides",
        arguments: [
            (ClientTransport.tcp(.full), "tcp://server.example:4430"),
            (.webSocket(tls: false), "ws://server.example:4430/apiws"),
            (.webSocket(), "wss://server.example:4430/apiws"), (.http, "http://server.example:4430/api"),
            (.https, "https://server.example:4430/api"),
        ] as [(ClientTransport, String)]
    )
    func socket(transport: ClientTransport, endpoint: String) throws {
        let target = ConnectionTarget.endpoint(try SocketEndpoint("server.example:4430"))
        let resolved = try target.resolved(by: transport)
        #expect("\(resolved.endpoint)" == endpoint)
        #expect(resolved.transport == transport)
        #expect(resolved.endpoint.scheme == transport.carrier)
        #expect("\(resolved)" == (transport.carrier == .tcp ? "server.example:4430" : endpoint))
    }

    @Test("A host name of Telegram's: the path says which environment")
    func telegramName() throws {
        let socket = try SocketEndpoint("venus.web.telegram.org:443")
        let test = DataCenterIdentifier(2, isTest: true)
        let resolved = try ConnectionTarget.endpoint(socket, dataCenter: test).resolved(by: .webSocket())
        #expect("\(resolved)" == "wss://venus.web.telegram.org:443/apiws_test")
        let error = #expect(throws: MTProtoClientError.self) {
            try ConnectionTarget.endpoint(socket).resolved(by: .webSocket(tls: false))
        }
        #expect(error?.code == .invalidConfiguration)
    }

    @Test(
        "A URI: its scheme decides, and the framing stays",
        arguments: [
            ("tcp://10.0.0.1:443", ClientTransport.tcp(.padded, obfuscated: true)),
            ("ws://10.0.0.1/apiws", .webSocket(.padded, tls: false)),
            ("wss://server.example/apis", .webSocket(.padded)),
            ("http://10.0.0.1/api", .http), ("https://server.example:8443/apiw", .https),
        ] as [(String, ClientTransport)]
    )
    func uri(text: String, transport: ClientTransport) throws {
        let endpoint = try Endpoint(text)
        let target = ConnectionTarget.endpoint(endpoint)
        #expect(try target.resolved(by: .tcp(.padded, obfuscated: true)).transport == transport)
        #expect(try target.resolved(by: .tcp(.padded, obfuscated: true)).endpoint == endpoint)
        #expect(target.dataCenter == DataCenterIdentifier(2))
        let other = try target.resolved(by: .http).transport
        #expect(other.carrier == transport.carrier)
        #expect(other.framing == (transport.framing == nil ? nil : .intermediate))
    }

    @Test("A URI names its data centre, unless the caller does")
    func uriDataCenter() throws {
        let endpoint = try Endpoint("wss://aurora-1.web.telegram.org/apiws_test")
        #expect(ConnectionTarget.endpoint(endpoint).dataCenter == DataCenterIdentifier(3, isTest: true))
        let five = DataCenterIdentifier(5)
        #expect(ConnectionTarget.endpoint(endpoint, dataCenter: five).dataCenter == five)
        let own = try Endpoint("http://10.0.0.1/api_test")
        #expect(ConnectionTarget.endpoint(own).dataCenter == DataCenterIdentifier(2, isTest: true))
    }

    @Test("What cannot be is refused", arguments: [ClientTransport.tcp(.full, obfuscated: true), .webSocket(.full)])
    func impossible(transport: ClientTransport) throws {
        let error = #expect(throws: MTProtoClientError.self) {
            try ConnectionTarget.endpoint(SocketEndpoint("10.0.0.1:443")).resolved(by: transport)
        }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.isRetryable == false)
    }

    @Test("Every transport that exists")
    func all() {
        let names = ClientTransport.all.map(\.description)
        #expect(names.count == 15)
        #expect(Set(names).count == 15)
        #expect(names.contains("tcp, full, plain"))
        #expect(names.contains("wss, padded, obfuscated"))
        #expect(names.contains("https"))
        #expect(ClientTransport.all.allSatisfy { $0.isObfuscated || $0.carrier == .tcp || $0.framing == nil })
    }
}

extension Framing {
    fileprivate static let padded = Framing.paddedIntermediate
}
