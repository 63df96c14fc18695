// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
public import NIOSSL

/// Where the certificate and the key of a server's TLS ports come from.
///
/// TLS 1.2 and 1.3; the application protocol is `http/1.1` for clients that ask for one, and any for those that do not.
public struct ServerTLS: Sendable {
    /// The only application protocol: WebSockets and HTTP requests need version 1.1, raw framings negotiate none.
    private static let applicationProtocol = "http/1.1"

    private let make: @Sendable () throws -> TLSConfiguration

    /// A chain of certificates and a private key in files, read at the start and by ``MTProtoServer/reloadTLS()``.
    ///
    /// - Parameters:
    ///   - certificateChain: the path of a PEM file, the server's certificate first.
    ///   - privateKey: the path of a PEM file with the unencrypted key.
    public static func files(certificateChain: String, privateKey: String) -> ServerTLS {
        ServerTLS {
            let certificates: [NIOSSLCertificate]
            do {
                certificates = try NIOSSLCertificate.fromPEMFile(certificateChain)
            } catch {
                throw ServerTLSError(.certificateUnreadable, certificateChain)
            }
            let key: NIOSSLPrivateKey
            do {
                key = try NIOSSLPrivateKey(file: privateKey, format: .pem)
            } catch {
                throw ServerTLSError(.keyUnreadable, privateKey)
            }
            return try Self.configuration(certificates, key)
        }
    }

    /// A chain of certificates and a private key as PEM text.
    public static func pem(certificateChain: String, privateKey: String) -> ServerTLS {
        ServerTLS {
            let certificates: [NIOSSLCertificate]
            do {
                certificates = try NIOSSLCertificate.fromPEMBytes(Array(certificateChain.utf8))
            } catch {
                throw ServerTLSError(.certificateUnreadable)
            }
            let key: NIOSSLPrivateKey
            do {
                key = try NIOSSLPrivateKey(bytes: Array(privateKey.utf8), format: .pem)
            } catch {
                throw ServerTLSError(.keyUnreadable)
            }
            return try Self.configuration(certificates, key)
        }
    }

    /// A certificate that nobody but the server vouches for: for tests and machines of one's own.
    public static func selfSigned(_ certificate: SelfSignedCertificate) -> ServerTLS {
        .pem(certificateChain: certificate.certificatePEM, privateKey: certificate.privateKeyPEM)
    }

    /// Whatever else the TLS library can do; the closure runs at the start and at every ``MTProtoServer/reloadTLS()``.
    ///
    /// Without application protocols of its own it gets `http/1.1`.
    public static func custom(_ make: @escaping @Sendable () throws -> TLSConfiguration) -> ServerTLS {
        ServerTLS(make: make)
    }

    /// Reads files, if there are any: not for an event loop.
    ///
    /// - Throws: ``ServerTLSError``.
    func makeContext() throws -> NIOSSLContext {
        do {
            var configuration = try self.make()
            if configuration.applicationProtocols.isEmpty {
                configuration.applicationProtocols = [Self.applicationProtocol]
            }
            return try NIOSSLContext(configuration: configuration)
        } catch let error as ServerTLSError {
            throw error
        } catch NIOSSLError.failedToLoadPrivateKey {
            // The key has been read by now: it does not fit.
            throw ServerTLSError(.keyMismatch)
        } catch {
            throw ServerTLSError(.configurationRefused, "\(error)")
        }
    }

    private static func configuration(
        _ certificates: [NIOSSLCertificate],
        _ key: NIOSSLPrivateKey
    ) throws -> TLSConfiguration {
        guard !certificates.isEmpty else { throw ServerTLSError(.certificateUnreadable) }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) },
            privateKey: .privateKey(key)
        )
        configuration.minimumTLSVersion = .tlsv12
        // The connection has had the time to drain already.
        configuration.shutdownTimeout = .seconds(1)
        return configuration
    }
}
