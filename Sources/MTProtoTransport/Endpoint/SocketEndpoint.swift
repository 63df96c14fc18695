// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// A host, by name or address, and a port.
public struct SocketEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// A host name, an IPv4 address, or an IPv6 address without brackets; 1 to 255 bytes.
    public let host: String
    /// The port, 0 to 65535; 0 is for listening and stands for any free port.
    public let port: Int

    /// Makes an endpoint.
    ///
    /// - Throws: ``EndpointError`` with `invalidHost` or `invalidPort`.
    public init(host: String, port: Int) throws(EndpointError) {
        guard 0...65_535 ~= port else { throw EndpointError(.invalidPort) }
        guard Self.isValidName(host) || Self.isAddress(host) else { throw EndpointError(.invalidHost) }
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[IPv6]:port`.
    ///
    /// - Throws: ``EndpointError`` with `invalidHost`, `invalidPort` or `missingPort`.
    public init(_ text: String) throws(EndpointError) {
        try self.init(text[...], defaultPort: nil)
    }

    /// Reads `host`, `host:port`, `[IPv6]` or `[IPv6]:port`.
    init(_ text: Substring, defaultPort: Int?) throws(EndpointError) {
        let host: Substring
        let rest: Substring
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw EndpointError(.invalidHost) }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
            guard host.contains(":"), Self.isAddress(String(host)) else { throw EndpointError(.invalidHost) }
        } else {
            let colon = text.firstIndex(of: ":") ?? text.endIndex
            host = text[..<colon]
            rest = text[colon...]
        }
        if rest.isEmpty {
            guard let defaultPort else { throw EndpointError(.missingPort) }
            try self.init(host: String(host), port: defaultPort)
            return
        }
        let digits = rest.dropFirst().utf8
        guard rest.first == ":", 1...5 ~= digits.count, digits.allSatisfy({ 0x30...0x39 ~= $0 }),
            let port = Int(rest.dropFirst())
        else {
            // A second colon is an IPv6 address that lacks its brackets.
            throw EndpointError(rest.dropFirst().contains(":") ? .invalidHost : .invalidPort)
        }
        try self.init(host: String(host), port: port)
    }

    /// A free port of 127.0.0.1, to listen on.
    public static let loopback = SocketEndpoint(checkedHost: "127.0.0.1", port: 0)

    private init(checkedHost: String, port: Int) {
        self.host = checkedHost
        self.port = port
    }

    /// Whether the host is an address rather than a name.
    public var isAddress: Bool {
        Self.isAddress(self.host)
    }

    /// The 4 or 16 bytes of an address, in the order of the wire; `nil` for a name.
    package var addressBytes: [UInt8]? {
        guard self.isAddress, let address = try? SocketAddress(ipAddress: self.host, port: 0) else { return nil }
        // struct sockaddr_in and sockaddr_in6 are laid out alike on all systems from their third byte on.
        let range = address.protocol == .inet ? 4..<8 : 8..<24
        return address.withSockAddr { pointer, size in
            Array(UnsafeRawBufferPointer(start: UnsafeRawPointer(pointer), count: size)[range])
        }
    }

    /// `host:port`, an IPv6 address in brackets.
    public var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }

    private static func isAddress(_ host: String) -> Bool {
        guard 2...255 ~= host.utf8.count, !host.utf8.contains(0) else { return false }
        return (try? SocketAddress(ipAddress: host, port: 0)) != nil
    }

    private static func isValidName(_ host: String) -> Bool {
        guard 1...255 ~= host.utf8.count else { return false }
        return host.utf8.allSatisfy { character in
            switch character {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                true
            default:
                false
            }
        }
    }
}
