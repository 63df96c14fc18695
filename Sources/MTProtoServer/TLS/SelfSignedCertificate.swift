// SPDX-License-Identifier: Apache-2.0

internal import Crypto
// The certificate library takes dates as Foundation's.
internal import FoundationEssentials
internal import NIOCore
internal import SwiftASN1
internal import X509

/// A certificate that is its own issuer, with its key: for tests and for machines of one's own.
///
/// The key is ECDSA over P-256. Clients have to be given ``certificatePEM`` as a trust root.
public struct SelfSignedCertificate: Sendable, CustomStringConvertible {
    /// The names that a certificate has unless others are given.
    public static let defaultHosts = ["localhost", "127.0.0.1", "::1"]

    /// The certificate as PEM: what clients have to trust.
    public let certificatePEM: String
    /// The private key as PEM (PKCS #8).
    public let privateKeyPEM: String
    /// The names and addresses that it is for.
    public let hosts: [String]

    /// Makes a key and a certificate, valid from an hour ago.
    ///
    /// - Parameters:
    ///   - hosts: names and IP addresses, at least one; default `localhost`, `127.0.0.1` and `::1`.
    ///   - days: how long it is valid, 1 to 3 650 days; default 365.
    /// - Throws: ``ServerTLSError`` with `invalidHost` or `certificateNotMade`.
    public init(hosts: [String] = Self.defaultHosts, days: Int = 365) throws(ServerTLSError) {
        guard let first = hosts.first else { throw ServerTLSError(.invalidHost) }
        var names: [GeneralName] = []
        for host in hosts { names.append(try Self.name(of: host)) }
        let now = Date()
        let key = P256.Signing.PrivateKey()
        do {
            let subject = try DistinguishedName { CommonName(first) }
            let certificate = try Certificate(
                version: .v3,
                serialNumber: Certificate.SerialNumber(),
                publicKey: .init(key.publicKey),
                notValidBefore: now.addingTimeInterval(-3_600),
                notValidAfter: now.addingTimeInterval(Double(min(max(days, 1), 3_650)) * 86_400),
                issuer: subject,
                subject: subject,
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    // Some clients take a trust root only when it says that it may issue.
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
                    try ExtendedKeyUsage([.serverAuth])
                    SubjectAlternativeNames(names)
                },
                issuerPrivateKey: .init(key)
            )
            self.certificatePEM = try certificate.serializeAsPEM().pemString + "\n"
        } catch {
            throw ServerTLSError(.certificateNotMade, "\(error)")
        }
        self.privateKeyPEM = key.pemRepresentation + "\n"
        self.hosts = hosts
    }

    /// The names, not the key.
    public var description: String {
        "SelfSignedCertificate(\(self.hosts.joined(separator: ", ")))"
    }

    private static func name(of host: String) throws(ServerTLSError) -> GeneralName {
        if let address = try? SocketAddress(ipAddress: host, port: 0) {
            return .ipAddress(ASN1OctetString(contentBytes: Self.bytes(of: address)[...]))
        }
        let isName =
            1...253 ~= host.utf8.count
            && host.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "*"):
                    true
                default: false
                }
            }
        guard isName else { throw ServerTLSError(.invalidHost, host) }
        return .dnsName(host)
    }

    private static func bytes(of address: SocketAddress) -> [UInt8] {
        // Where the address is in a socket address: behind the family, the port and, in IPv6, the flow.
        let range =
            switch address {
            case .v4: 4..<8
            case .v6: 8..<24
            case .unixDomainSocket: 0..<0
            }
        return address.withSockAddr { pointer, size in
            Array(UnsafeRawBufferPointer(start: pointer, count: size)[range])
        }
    }
}
