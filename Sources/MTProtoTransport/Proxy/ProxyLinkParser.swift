// SPDX-License-Identifier: Apache-2.0

/// Reads the texts of ``ProxySpecification``.
enum ProxyLinkParser {
    private static let hosts: Set<String> = ["t.me", "telegram.me", "telegram.dog"]

    static func parse(_ text: Substring) throws(ProxyLinkError) -> ProxySpecification {
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
            throw ProxyLinkError(.unknownForm)
        }
        let rest = text[text.index(colon, offsetBy: 3)...]
        switch text[..<colon].lowercased() {
        case "tg": return try self.link(rest)
        case "https": return try self.link(self.path(afterHostIn: rest))
        case "http":
            let path = self.path(afterHostIn: rest)
            return path.isEmpty ? try self.url(.http, rest) : try self.link(path)
        case "socks5": return try self.url(.socks5, rest)
        default: throw ProxyLinkError(.unknownForm)
        }
    }

    /// What stands behind `HOST/` if the host is one of Telegram's.
    private static func path(afterHostIn text: Substring) -> Substring {
        guard let slash = text.firstIndex(of: "/"), self.hosts.contains(text[..<slash].lowercased()) else { return "" }
        return text[text.index(after: slash)...]
    }

    /// Reads `proxy?…` or `socks?…`.
    private static func link(_ text: Substring) throws(ProxyLinkError) -> ProxySpecification {
        let text = text[..<(text.firstIndex(of: "#") ?? text.endIndex)]
        let mark = text.firstIndex(of: "?") ?? text.endIndex
        var name = text[..<mark].lowercased()
        if name.hasSuffix("/") { name.removeLast() }
        guard name == "proxy" || name == "socks" else { throw ProxyLinkError(.unknownForm) }
        let parts: [ProxyLinkError.Part] =
            name == "proxy" ? [.server, .port, .secret] : [.server, .port, .user, .password]
        let values = try self.parameters(parts, in: text[mark...].dropFirst())
        let endpoint = try self.endpoint(server: values[.server], port: values[.port])
        guard name == "proxy" else {
            return .socks5(endpoint, try self.credentials(user: values[.user], password: values[.password]))
        }
        guard let text = values[.secret], !text.isEmpty else { throw ProxyLinkError(.missing, part: .secret) }
        do {
            return .mtproxy(endpoint, try ProxySecret(string: text))
        } catch {
            throw ProxyLinkError(.invalid, part: .secret, secretError: error)
        }
    }

    /// These parameters of a query; others are ignored, whatever they are.
    private static func parameters(
        _ parts: [ProxyLinkError.Part],
        in query: Substring
    ) throws(ProxyLinkError) -> [ProxyLinkError.Part: String] {
        var values: [ProxyLinkError.Part: String] = [:]
        for pair in query.split(separator: "&") {
            let end = pair.firstIndex(of: "=") ?? pair.endIndex
            guard let name = PercentEncoding.decode(pair[..<end]), let part = parts.first(where: { $0.key == name })
            else { continue }
            guard values[part] == nil else { throw ProxyLinkError(.repeated, part: part) }
            // Forms write a space as a plus, but base64 has it as a digit.
            let value = PercentEncoding.decode(pair[end...].dropFirst(), plusIsSpace: part != .secret)
            guard let value else { throw ProxyLinkError(.invalidEncoding, part: part) }
            values[part] = value
        }
        return values
    }

    /// Reads `[user[:password]@]host:port`.
    private static func url(
        _ scheme: ProxyURLScheme,
        _ text: Substring
    ) throws(ProxyLinkError) -> ProxySpecification {
        let end = text.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? text.endIndex
        guard text[end...].isEmpty || text[end...] == "/" else { throw ProxyLinkError(.unexpected, part: .path) }
        let authority = text[..<end]
        var address = authority
        var credentials: ProxyCredentials?
        // The last one: who writes a password by hand forgets to encode its own.
        if let sign = authority.lastIndex(of: "@") {
            address = authority[authority.index(after: sign)...]
            credentials = try self.credentials(authority[..<sign])
        }
        let (server, port) = try self.split(address)
        let endpoint = try self.endpoint(server: String(server), port: port.map(String.init))
        guard scheme == .http else { return .socks5(endpoint, credentials) }
        if let error = credentials?.basicAuthenticationError { throw ProxyLinkError(error) }
        return .httpConnect(endpoint, credentials)
    }

    /// Divides `host:port` or `[IPv6]:port`.
    private static func split(_ address: Substring) throws(ProxyLinkError) -> (Substring, Substring?) {
        let end: Substring.Index
        if address.first == "[" {
            guard let bracket = address.firstIndex(of: "]") else { throw ProxyLinkError(.invalid, part: .server) }
            end = address.index(after: bracket)
        } else {
            end = address.firstIndex(of: ":") ?? address.endIndex
        }
        let rest = address[end...]
        guard !rest.isEmpty else { return (address, nil) }
        guard rest.first == ":" else { throw ProxyLinkError(.invalid, part: .server) }
        // A second colon is an IPv6 address that lacks its brackets.
        guard !rest.dropFirst().contains(":") else { throw ProxyLinkError(.invalid, part: .server) }
        return (address[..<end], rest.dropFirst())
    }

    /// The user and password before the `@` of a URL.
    private static func credentials(_ text: Substring) throws(ProxyLinkError) -> ProxyCredentials? {
        let colon = text.firstIndex(of: ":") ?? text.endIndex
        guard let user = PercentEncoding.decode(text[..<colon]) else {
            throw ProxyLinkError(.invalidEncoding, part: .user)
        }
        guard let password = PercentEncoding.decode(text[colon...].dropFirst()) else {
            throw ProxyLinkError(.invalidEncoding, part: .password)
        }
        return try self.credentials(user: user, password: password)
    }

    private static func credentials(
        user: String?,
        password: String?
    ) throws(ProxyLinkError) -> ProxyCredentials? {
        let (user, password) = (user ?? "", password ?? "")
        if user.isEmpty {
            guard password.isEmpty else { throw ProxyLinkError(.missing, part: .user) }
            return nil
        }
        do {
            return try ProxyCredentials(username: user, password: password)
        } catch {
            throw ProxyLinkError(error)
        }
    }

    private static func endpoint(server: String?, port: String?) throws(ProxyLinkError) -> SocketEndpoint {
        guard var server, !server.isEmpty else { throw ProxyLinkError(.missing, part: .server) }
        guard let port, !port.isEmpty else { throw ProxyLinkError(.missing, part: .port) }
        if server.hasPrefix("["), server.hasSuffix("]"), server.contains(":") {
            server = String(server.dropFirst().dropLast())
        }
        guard 1...5 ~= port.utf8.count, port.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = Int(port),
            number != 0
        else { throw ProxyLinkError(.invalid, part: .port) }
        do {
            return try SocketEndpoint(host: server, port: number)
        } catch {
            throw ProxyLinkError(.invalid, part: error.code == .invalidPort ? .port : .server)
        }
    }
}

extension ProxyLinkError {
    fileprivate init(_ error: ProxyCredentialsError) {
        self.init(.invalid, part: error == .invalidUsername ? .user : .password)
    }
}

extension ProxyLinkError.Part {
    /// The parameter's name in a link.
    var key: String {
        self == .password ? "pass" : self.rawValue
    }
}
