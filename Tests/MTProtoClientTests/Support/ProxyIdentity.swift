// SPDX-License-Identifier: Apache-2.0

import MTProtoServer
import NIOCore
import NIOSSL

/// The TLS of a proxy, and what a client needs to trust it.
struct ProxyIdentity: Sendable {
    /// Whom the certificate is for.
    static let host = "proxy.example"

    let trustRoots: NIOSSLTrustRoots
    private let context: NIOSSLContext

    init() throws {
        let certificate = try SelfSignedCertificate(hosts: [Self.host])
        let certificates = try NIOSSLCertificate.fromPEMBytes(Array(certificate.certificatePEM.utf8))
        let key = try NIOSSLPrivateKey(bytes: Array(certificate.privateKeyPEM.utf8), format: .pem)
        self.trustRoots = .certificates(certificates)
        self.context = try NIOSSLContext(
            configuration: .makeServerConfiguration(
                certificateChain: certificates.map { .certificate($0) },
                privateKey: .privateKey(key)
            )
        )
    }

    /// Puts TLS under a proxy's bytes; on the event loop.
    @Sendable func addTLS(to channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: self.context))
    }
}
