// SPDX-License-Identifier: Apache-2.0

internal import MTProtoClient
internal import MTProtoCrypto
internal import MTProtoServer
internal import MTProtoTransport
internal import NIOCore
internal import NIOSSL

/// Where `connect` goes, and whom it trusts there.
struct ConnectPlace: Sendable {
    let plain: ConnectionTarget
    /// Where TLS is spoken.
    let secure: ConnectionTarget
    /// Where a carrier is spoken that has a place of its own.
    var byCarrier: [Endpoint.Scheme: ConnectionTarget] = [:]
    let publicKeys: [RSAPublicKey]
    let tls: TLSConfiguration

    func target(for transport: ClientTransport) -> ConnectionTarget {
        self.byCarrier[transport.carrier] ?? (transport.carrier.isSecure ? self.secure : self.plain)
    }

    /// Runs `body` with a data centre on this machine, whose keys and certificate are trusted.
    static func withEmbedded(_ body: @Sendable (ConnectPlace) async throws -> Void) async throws {
        var configuration = try LocalDataCenter.Configuration(privateKey: .generate())
        configuration.server.tlsAddresses = [.loopback]
        try await LocalDataCenter.withLocalDataCenter(configuration: configuration) { dataCenter in
            var tls = ClientConfiguration.defaultTLS
            if let pem = dataCenter.certificatePEM {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)))
            }
            try await body(
                ConnectPlace(
                    plain: try self.target(dataCenter.addresses),
                    secure: try self.target(dataCenter.tlsAddresses),
                    publicKeys: [dataCenter.publicKey],
                    tls: tls
                )
            )
        }
    }

    private static func target(_ addresses: [SocketAddress]) throws -> ConnectionTarget {
        guard let address = addresses.first, let host = address.ipAddress, let port = address.port else {
            throw FileError(path: "embedded data centre", reason: "has no address")
        }
        return .endpoint(try SocketEndpoint(host: host, port: port))
    }
}
