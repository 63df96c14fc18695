// SPDX-License-Identifier: Apache-2.0

internal import MTProtoServer
internal import NIOCore
internal import ServiceLifecycle
internal import UnixSignals

/// A local data centre that says where it listens.
struct ListeningDataCenter: Service {
    let dataCenter: LocalDataCenter
    let isJSON: Bool

    private struct Line: Encodable {
        let event = "listening"
        let host: String
        let port: Int
        let tls: Bool
        let transports: [String]
    }

    func run() async throws {
        try await self.dataCenter.run { addresses in
            for address in addresses.plain { self.announce(address, isSecure: false) }
            for address in addresses.tls { self.announce(address, isSecure: true) }
        }
    }

    private func announce(_ address: SocketAddress, isSecure: Bool) {
        guard let host = address.ipAddress, let port = address.port else { return }
        let transports = isSecure ? ["tls", "wss", "https"] : ["tcp", "ws", "http"]
        if self.isJSON {
            let line = Line(host: host, port: port, tls: isSecure, transports: transports)
            if let text = try? JSONLines.encode(line) { Console.line(text) }
        } else {
            let text = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
            Console.line("listening on \(text) (\(transports.joined(separator: ", ")))")
        }
    }
}

/// Reads the certificate's files again at every hang-up. Files that are no good change nothing.
struct CertificateReloads: Service {
    let dataCenter: LocalDataCenter
    let hangUps: UnixSignalsSequence
    let isJSON: Bool

    private struct Line: Encodable {
        let event = "certificate"
        let ok: Bool
        let error: String?
    }

    func run() async throws {
        for await _ in self.hangUps.cancelOnGracefulShutdown() {
            do {
                try await self.dataCenter.reloadTLS()
                self.report(nil)
            } catch {
                self.report((error as? ServerTLSError)?.remedy ?? "\(error)")
            }
        }
    }

    private func report(_ error: String?) {
        if self.isJSON {
            if let text = try? JSONLines.encode(Line(ok: error == nil, error: error)) { Console.line(text) }
        } else if let error {
            Console.error("mtproto dc: the certificate stays as it was: \(error)")
        } else {
            Console.line("certificate read again")
        }
    }
}
