// SPDX-License-Identifier: Apache-2.0

#if canImport(FoundationEssentials)
internal import FoundationEssentials
#else
internal import Foundation
#endif
internal import MTProtoTransport

/// An HTTP proxy that makes tunnels by `CONNECT`, as a test says. What concerns bytes only is for a ``FaultyRelay`` in front.
///
/// Specification: RFC 9110, section 9.3.6.
package struct ScriptedHTTPProxy: ScriptedProxy {
    /// The user and password that it wants: without them the answer is 407.
    package var login: ProxyLogin?
    /// The status of the answer: 200 to 299 make the tunnel.
    package var status = 200
    /// The whole first line of the answer, instead of the one made of the status.
    package var statusLine: String?
    /// More lines of the head.
    package var headers: [String] = []
    /// Responses in front, such as `HTTP/1.1 100 Continue`, whole.
    package var informational = ""
    /// Stands behind a refusal's head.
    package var body = ""
    /// How long the head says that the body is, in bytes; `nil` for the truth.
    package var bodyLength: Int?
    /// Whether a refused connection stays open until the client ends it, as with `Connection: keep-alive`.
    package var staysOpen = true
    /// How the tunnel begins.
    package var tunnel = TunnelScript()

    /// The longest head of a request that is read.
    private static let maximumHeadLength = 16_384

    package init() {}

    package func serve(_ client: WireConnection, _ log: ProxyLog, _ channels: OpenChannels) async throws {
        var reader = WireReader(client)
        let lines = try await Self.readHead(&reader)
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count == 3, words[0] == "CONNECT", words[2] == "HTTP/1.1" else {
            return try await self.refuse(400, client, reader)
        }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return try await self.refuse(400, client, reader) }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers[line[..<colon].lowercased()] = String(value)
        }
        let destination = try SocketEndpoint(String(words[1]))
        let login = headers["proxy-authorization"].flatMap(Self.login)
        log.add(ProxyRequest(destination: destination, login: login, headers: headers))
        guard headers["host"] == String(words[1]) else { return try await self.refuse(400, client, reader) }
        if let wanted = self.login, wanted != login {
            return try await self.refuse(407, client, reader, ["Proxy-Authenticate: Basic realm=\"test\""])
        }
        guard 200...299 ~= self.status else { return try await self.refuse(self.status, client, reader) }
        try await self.tunnel.open(
            to: destination,
            answer: Array((self.informational + self.head(self.status, self.headers)).utf8),
            client: client,
            reader: reader,
            channels
        )
    }

    private func refuse(
        _ status: Int,
        _ client: WireConnection,
        _ reader: sending WireReader,
        _ more: [String] = []
    ) async throws {
        let length = "Content-Length: \(self.bodyLength ?? self.body.utf8.count)"
        let text = self.informational + self.head(status, self.headers + more + [length]) + self.body
        try await client.write(Array(text.utf8))
        if self.staysOpen { await client.drain(reader) }
    }

    private func head(_ status: Int, _ headers: [String]) -> String {
        ([self.statusLine ?? "HTTP/1.1 \(status) Scripted"] + headers).map { $0 + "\r\n" }.joined() + "\r\n"
    }

    private static func readHead(_ reader: inout WireReader) async throws -> [String] {
        let end = Array("\r\n\r\n".utf8)
        var head: [UInt8] = []
        while !head.suffix(4).elementsEqual(end) {
            guard head.count < Self.maximumHeadLength else { throw WireReader.Ended() }
            head += try await reader.read(1)
        }
        return String(decoding: head.dropLast(4), as: UTF8.self).split(separator: "\r\n").map(String.init)
    }

    /// Reads `Basic` and the base64 of `user:password`.
    private static func login(_ field: String) -> ProxyLogin? {
        guard field.hasPrefix("Basic "), let data = Data(base64Encoded: String(field.dropFirst(6))),
            let text = String(data: data, encoding: .utf8), let colon = text.firstIndex(of: ":")
        else { return nil }
        return ProxyLogin(String(text[..<colon]), String(text[text.index(after: colon)...]))
    }
}
