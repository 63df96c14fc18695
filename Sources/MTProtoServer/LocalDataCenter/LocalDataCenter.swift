// SPDX-License-Identifier: Apache-2.0

public import MTProtoCrypto
internal import MTProtoSession
public import MTProtoTransport
public import NIOCore
public import ServiceLifecycle

/// A data centre on this machine, to test clients against: it makes keys, keeps sessions, answers `help.getConfig`,
/// `help.getNearestDc`, `auth.bindTempAuthKey` and an echo query, and refuses the rest with a proper `rpc_error`.
///
/// The echo query is any boxed value whose constructor is ``echoConstructor``; the answer is the same bytes.
///
/// ```swift
/// try await LocalDataCenter.withLocalDataCenter { dataCenter in
///     // dataCenter.addresses, dataCenter.publicKey
/// }
/// ```
public final class LocalDataCenter: Service {
    /// The constructor of the echo query, `ec40ec40`.
    public static let echoConstructor: UInt32 = 0xEC40_EC40

    /// How a local data centre behaves.
    public struct Configuration: Sendable {
        /// The server below: addresses, limits, time-outs, stores.
        public var server: ServerConfiguration
        /// The number that `help.getConfig` names as `this_dc` to a client that has not said which it believes it is in. Default 2.
        public var dataCenterNumber: Int16
        /// Whether it says to be a test data centre. Default `false`.
        public var isTest: Bool
        /// The faults it plays. Default: none.
        public var faults: FaultPlan

        /// A data centre with a key of its own that accepts whatever data centre a client believes it is.
        ///
        /// - Parameters:
        ///   - privateKey: the RSA key; `nil` makes one.
        ///   - dataCenter: the only data centre that clients may ask for; `nil` accepts all.
        /// - Throws: `CryptoError` when no key can be made.
        public init(privateKey: RSAPrivateKey? = nil, dataCenter: DataCenterIdentifier? = nil) throws {
            self.server = ServerConfiguration(
                privateKeys: [try privateKey ?? RSAPrivateKey.generate()],
                dataCenter: dataCenter
            )
            self.dataCenterNumber = dataCenter?.number ?? 2
            self.isTest = dataCenter?.isTest ?? false
            self.faults = FaultPlan()
        }
    }

    /// The key that clients have to know.
    public let publicKey: RSAPublicKey
    /// The certificate that clients have to trust, as PEM, when the data centre has made one itself: it has TLS addresses, and
    /// ``Configuration/server`` says nothing about TLS.
    public let certificatePEM: String?
    private let server: MTProtoServer
    private let responder: LocalDataCenterResponder

    /// Makes a data centre; nothing happens before ``run()``.
    ///
    /// - Throws: `KeyExchangeError` when the configuration has no RSA key, ``ServerTLSError`` when TLS cannot be set up.
    public init(configuration: Configuration) throws {
        guard let privateKey = configuration.server.privateKeys.first else {
            throw KeyExchangeError(.setup, .noPrivateKey)
        }
        self.publicKey = privateKey.publicKey
        self.responder = LocalDataCenterResponder(
            dataCenterNumber: configuration.dataCenterNumber,
            isTest: configuration.isTest,
            clock: configuration.server.clock,
            faults: configuration.faults
        )
        var server = configuration.server
        server.faults = configuration.faults
        if !server.tlsAddresses.isEmpty, server.tls == nil {
            let certificate = try SelfSignedCertificate()
            server.tls = .selfSigned(certificate)
            self.certificatePEM = certificate.certificatePEM
        } else {
            self.certificatePEM = nil
        }
        self.server = try MTProtoServer(configuration: server, responder: self.responder)
    }

    /// Serves until cancelled or shut down gracefully.
    public func run() async throws {
        try await self.run { _ in }
    }

    /// Serves until cancelled or shut down gracefully.
    ///
    /// - Parameter onListening: called once with the addresses of the listening sockets.
    public func run(onListening: @Sendable (ListeningAddresses) -> Void) async throws {
        let responder = self.responder
        try await self.server.run { addresses in
            responder.setAddresses(addresses.plain)
            onListening(addresses)
        }
    }

    /// Reads the certificate and the key of the TLS ports anew; see ``MTProtoServer/reloadTLS()``.
    public func reloadTLS() async throws {
        try await self.server.reloadTLS()
    }

    /// Runs a data centre while `body` runs.
    ///
    /// - Parameters:
    ///   - configuration: how it behaves; `nil` is a data centre 2 with a new key on a free port of 127.0.0.1.
    ///   - body: gets the running data centre.
    public static func withLocalDataCenter<Result: Sendable>(
        configuration: Configuration? = nil,
        _ body: @Sendable (RunningLocalDataCenter) async throws -> Result
    ) async throws -> Result {
        let configuration = try configuration ?? Configuration()
        let dataCenter = try LocalDataCenter(configuration: configuration)
        return try await dataCenter.server.withRunning { server, addresses in
            dataCenter.responder.setAddresses(addresses.plain)
            return try await body(
                RunningLocalDataCenter(
                    server: server,
                    addresses: addresses.plain,
                    tlsAddresses: addresses.tls,
                    publicKey: dataCenter.publicKey,
                    certificatePEM: dataCenter.certificatePEM
                )
            )
        }
    }
}

/// A local data centre that is listening.
public struct RunningLocalDataCenter: Sendable {
    /// The server, for pushes and counts.
    public let server: MTProtoServer
    /// Where it listens without TLS.
    public let addresses: [SocketAddress]
    /// Where it listens with TLS.
    public let tlsAddresses: [SocketAddress]
    /// The key that clients have to know.
    public let publicKey: RSAPublicKey
    /// The certificate that clients have to trust on the TLS ports, as PEM; see ``LocalDataCenter/certificatePEM``.
    public let certificatePEM: String?
}
