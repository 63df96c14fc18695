// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport

/// A SOCKS5 proxy that does what a test says. What concerns bytes only (pieces, cuts, resets) is for a ``FaultyRelay`` in front.
///
/// Specification: RFC 1928, RFC 1929.
package struct ScriptedSOCKS5Server: ScriptedProxy {
    /// The address in the reply.
    package enum BoundAddress: Sendable, Hashable {
        case v4, v6
        /// A name of so many bytes.
        case name(Int)
        /// An address of this type, and nothing behind it.
        case type(UInt8)
    }

    /// The user and password that it wants; without them it wants no authentication.
    package var login: ProxyLogin?
    /// The version with which it answers each message.
    package var version: UInt8 = 5
    /// The method that it chooses, whatever was offered; `nil` for the right one, 255 where that was not offered.
    package var method: UInt8?
    /// The status of the answer to user and password; `nil` for the right one.
    package var loginStatus: UInt8?
    /// The reply to the request: 0 makes the tunnel.
    package var reply: UInt8 = 0
    /// Whether a reply other than 0 ends behind its second byte.
    package var hasShortReply = false
    /// The address in the reply.
    package var boundAddress = BoundAddress.v4
    /// How the tunnel begins.
    package var tunnel = TunnelScript()

    package init() {}

    package func serve(_ client: WireConnection, _ log: ProxyLog, _ channels: OpenChannels) async throws {
        var reader = WireReader(client)
        let head = try await reader.read(2)
        guard head[0] == 5 else { return }
        let offered = try await reader.read(Int(head[1]))
        let wanted: UInt8 = self.login == nil ? 0 : 2
        let method = self.method ?? (offered.contains(wanted) ? wanted : 0xff)
        try await client.write([self.version, method])
        var given: ProxyLogin?
        switch method {
        case 0: break
        case 2:
            let login = try await Self.readLogin(&reader)
            given = login
            let status = self.loginStatus ?? (self.login == nil || self.login == login ? 0 : 1)
            try await client.write([1, status])
            guard status == 0 else { return await client.drain(reader) }
        default:
            return await client.drain(reader)
        }
        guard let (destination, type) = try await Self.readRequest(&reader) else { return }
        log.add(ProxyRequest(destination: destination, login: given, addressType: type))
        guard self.reply == 0 else {
            try await client.write(
                self.hasShortReply ? [self.version, self.reply] : [self.version, self.reply, 0] + self.address
            )
            return await client.drain(reader)
        }
        try await self.tunnel.open(
            to: destination,
            answer: [self.version, 0, 0] + self.address,
            client: client,
            reader: reader,
            channels
        )
    }

    private static func readLogin(_ reader: inout WireReader) async throws -> ProxyLogin {
        let usernameLength = try await reader.read(2)[1]
        let username = try await reader.read(Int(usernameLength))
        let passwordLength = try await reader.read(1)[0]
        let password = try await reader.read(Int(passwordLength))
        return ProxyLogin(String(decoding: username, as: UTF8.self), String(decoding: password, as: UTF8.self))
    }

    /// The destination of a request to connect, and its type of address.
    private static func readRequest(_ reader: inout WireReader) async throws -> (SocketEndpoint, UInt8)? {
        let head = try await reader.read(4)
        guard head[0] == 5, head[1] == 1, head[2] == 0 else { return nil }
        let host: String
        switch head[3] {
        case 1:
            host = try await reader.read(4).map { "\($0)" }.joined(separator: ".")
        case 3:
            let length = try await reader.read(1)[0]
            host = String(decoding: try await reader.read(Int(length)), as: UTF8.self)
        case 4:
            let bytes = try await reader.read(16)
            host = stride(from: 0, to: 16, by: 2)
                .map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
                .joined(separator: ":")
        default:
            return nil
        }
        let port = try await reader.read(2)
        return (try SocketEndpoint(host: host, port: Int(port[0]) << 8 | Int(port[1])), head[3])
    }

    /// Type, address and port of the reply.
    private var address: [UInt8] {
        switch self.boundAddress {
        case .v4: [1, 127, 0, 0, 1, 0x12, 0x34]
        case .v6: [4] + [UInt8](repeating: 0, count: 15) + [1, 0x12, 0x34]
        case .name(let length): [3, UInt8(length)] + [UInt8](repeating: 0x61, count: length) + [0x12, 0x34]
        case .type(let type): [type]
        }
    }
}
