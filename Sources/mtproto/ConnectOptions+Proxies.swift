// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import MTProtoClient
internal import MTProtoTransport

extension ConnectOptions {
    /// The proxies on the way, first hop first.
    func proxies() throws -> [ProxySpecification] {
        // The text may hold a password or a secret: only its place is named.
        try self.proxy.enumerated().map { index, text in
            do {
                return try ProxySpecification(text)
            } catch {
                throw ValidationError("--proxy\(self.proxy.count > 1 ? " number \(index + 1)" : ""): \(error).")
            }
        }
    }

    /// The secret of the MTProxy that ends the way, if one does.
    func proxySecret() throws -> ProxySecret? {
        if case .mtproxy(_, let secret) = try self.proxies().last { secret } else { nil }
    }

    /// Refuses proxies that cannot stand where they are, or not under the transport.
    func validateProxies() throws {
        let proxies = try self.proxies()
        for case .mtproxy in proxies.dropLast() {
            throw ValidationError("An MTProxy is the last hop: it connects to data centres only.")
        }
        guard let secret = try self.proxySecret() else { return }
        if self.matrix { throw ValidationError("An MTProxy carries one transport: leave --matrix out.") }
        guard try self.clientTransport().carrier == .tcp else {
            throw ValidationError("An MTProxy carries TCP only.")
        }
        if self.framing == .full { throw ValidationError("An MTProxy does not carry the full framing.") }
        if let required = secret.requiredFraming, let framing = self.framing, framing != required {
            throw ValidationError("The MTProxy's secret wants the \(required.rawValue) framing.")
        }
    }
}
