// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import MTProtoServer
internal import MTProtoTransport

/// The options of `mtproto dc` for its TLS ports.
struct DataCenterTLSOptions: ParsableArguments {
    @Option(
        help:
            "Where to listen for wss, https and framings inside TLS, HOST:PORT; port 0 takes a free one. Default: nowhere."
    )
    var tlsListen: [String] = []

    @Option(
        help: "File of the certificate chain, PEM. Default: a self-signed certificate for localhost, new each time."
    )
    var tlsCertificate: String?

    @Option(help: "File of the certificate's private key, PEM.")
    var tlsKey: String?

    @Option(help: "File to write the self-signed certificate to, PEM: clients need it.")
    var tlsCertificateOut: String?

    func validate() throws {
        _ = try self.addresses()
        if self.tlsListen.isEmpty, self.tlsCertificate != nil || self.tlsKey != nil || self.tlsCertificateOut != nil {
            throw ValidationError("--tls-certificate, --tls-key and --tls-certificate-out go with --tls-listen.")
        }
        guard (self.tlsCertificate == nil) == (self.tlsKey == nil) else {
            throw ValidationError("--tls-certificate and --tls-key go together.")
        }
        if self.tlsCertificate != nil, self.tlsCertificateOut != nil {
            throw ValidationError(
                "--tls-certificate-out is for the self-signed certificate, without --tls-certificate."
            )
        }
    }

    /// The files that are written and those that must not be written over.
    var paths: [(option: String, path: String)] {
        [
            ("--tls-certificate", self.tlsCertificate), ("--tls-key", self.tlsKey),
            ("--tls-certificate-out", self.tlsCertificateOut),
        ]
        .compactMap { option, path in path.map { (option, $0) } }
    }

    /// Whether there are files that a hang-up reads again.
    var canReload: Bool { self.tlsCertificate != nil }

    func addresses() throws -> [SocketEndpoint] {
        try self.tlsListen.map { text in
            do {
                return try SocketEndpoint(text)
            } catch {
                throw ValidationError("--tls-listen '\(text)': \(error)")
            }
        }
    }

    /// Sets up the TLS ports, and writes the certificate that clients have to trust.
    func apply(to configuration: inout ServerConfiguration) throws {
        configuration.tlsAddresses = try self.addresses()
        guard !configuration.tlsAddresses.isEmpty else { return }
        if let tlsCertificate, let tlsKey {
            configuration.tls = .files(certificateChain: tlsCertificate, privateKey: tlsKey)
            return
        }
        var hosts = SelfSignedCertificate.defaultHosts
        for address in configuration.tlsAddresses where !hosts.contains(address.host) { hosts.append(address.host) }
        let certificate = try SelfSignedCertificate(hosts: hosts)
        configuration.tls = .selfSigned(certificate)
        if let path = self.tlsCertificateOut { try Files.write(certificate.certificatePEM, to: path, isSecret: false) }
    }
}

extension ServerTLSError {
    /// What is wrong, for somebody who gave the options.
    var remedy: String {
        switch self.code {
        case .certificateUnreadable: "--tls-certificate \(self.details): is missing, or holds no certificates as PEM"
        case .keyUnreadable: "--tls-key \(self.details): is missing, or holds no key as PEM without a passphrase"
        case .keyMismatch: "the key in --tls-key is not the one of the first certificate in --tls-certificate"
        default: "TLS cannot be set up: \(self)"
        }
    }
}
