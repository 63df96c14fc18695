// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoServer
import NIOSSL

/// A certificate for one of Telegram's names, and trust in it.
struct RaceTLS: Sendable {
    /// Data centre 2's.
    static let name = "venus.web.telegram.org:443"

    let server: ServerTLS
    let client: TLSConfiguration

    init() throws {
        let certificate = try SelfSignedCertificate(hosts: ["venus.web.telegram.org"])
        self.server = .selfSigned(certificate)
        var client = ClientConfiguration.defaultTLS
        client.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMBytes(Array(certificate.certificatePEM.utf8))
        )
        self.client = client
    }
}
