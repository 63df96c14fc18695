// SPDX-License-Identifier: Apache-2.0

#if canImport(Darwin)
internal import Darwin
#elseif canImport(Musl)
internal import Musl
#else
internal import Glibc
#endif
internal import ArgumentParser
internal import Logging
internal import MTProtoCrypto
internal import MTProtoServer
internal import MTProtoTransport
internal import NIOCore
internal import ServiceLifecycle
internal import UnixSignals

/// `mtproto dc`.
struct DataCenterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dc",
        abstract: "Runs a data centre on this machine, for clients to be tested against.",
        discussion: """
            One plain port takes every framing, plain and obfuscated, WebSockets and HTTP; one port with TLS the same inside \
            TLS. It answers help.getConfig, help.getNearestDc, \
            auth.bindTempAuthKey and an echo query (constructor ec40ec40); anything else gets a proper rpc_error. \
            Prints "listening on HOST:PORT (TRANSPORTS)" for each socket once it is ready, reads the certificate's files again \
            on SIGHUP, and ends on SIGINT or SIGTERM with 0.
            """
    )

    @Option(help: "Where to listen, HOST:PORT; port 0 takes a free one. Default 127.0.0.1:0.")
    var listen: [String] = []

    @OptionGroup
    var tls: DataCenterTLSOptions

    @Option(
        help:
            "File of the RSA private key, PEM; made if missing, readable by its owner only. Default: a new key each time."
    )
    var key: String?

    @Option(help: "File to write the RSA public key to, PEM: clients need it.")
    var publicKeyOut: String?

    @Option(
        name: .customLong("dc-id"),
        help: "The only data centre that clients may ask for. Default: any; 2 if they ask for none."
    )
    var dataCenterNumber: Int16?

    @Flag(help: "Be a test data centre (with --dc-id).")
    var test = false

    @Option(
        help: """
            Faults to play, a list like close-after=2000,delay=50. Known: close-after=BYTES, stall-after=BYTES, \
            trickle=BYTES, delay=MS, lose-answer=N, rpc-error=CODE:TEXT, transport-error=CODE.
            """
    )
    var faults: String?

    @Flag(help: "One JSON object a line instead of text.")
    var json = false

    func validate() throws {
        if let number = self.dataCenterNumber, !(1...9_999).contains(number) {
            throw ValidationError("--dc-id takes a number from 1 to 9999.")
        }
        let files =
            [("--key", self.key), ("--public-key-out", self.publicKeyOut)]
            .compactMap { option, path in path.map { (option: option, path: $0) } } + self.tls.paths
        for (index, first) in files.enumerated() {
            for second in files[(index + 1)...] where Files.isSame(first.path, second.path) {
                // A certificate and its key may stand in one file: both are only read.
                if first.option == "--tls-certificate", second.option == "--tls-key" { continue }
                throw ValidationError("\(first.option) and \(second.option) name the same file.")
            }
        }
        if self.test, self.dataCenterNumber == nil { throw ValidationError("--test goes with --dc-id.") }
        _ = try self.addresses()
        _ = try self.faultPlan()
    }

    private func addresses() throws -> [SocketEndpoint] {
        try (self.listen.isEmpty ? ["127.0.0.1:0"] : self.listen).map { text in
            do {
                return try SocketEndpoint(text)
            } catch {
                throw ValidationError("--listen '\(text)': \(error)")
            }
        }
    }

    private func faultPlan() throws -> FaultPlan {
        do {
            return try self.faults.map { text throws(FaultPlanError) in try FaultPlan(text) } ?? FaultPlan()
        } catch {
            throw ValidationError("--faults: \(error)")
        }
    }

    func run() async throws {
        do {
            try await self.serve()
        } catch let error as IOError {
            Console.error("mtproto dc: cannot listen on \(self.listenText): \(error)")
            if error.errnoCode == EADDRINUSE { Console.error("  Another program listens there; choose another port.") }
            throw ExitCode(1)
        } catch let error as ServerTLSError {
            Console.error("mtproto dc: \(error.remedy)")
            throw ExitCode(1)
        } catch {
            Console.error("mtproto dc: \(error)")
            throw ExitCode(1)
        }
    }

    private var listenText: String {
        ((self.listen.isEmpty ? ["127.0.0.1"] : self.listen) + self.tls.tlsListen).joined(separator: ", ")
    }

    private func serve() async throws {
        let privateKey = try self.privateKey()
        if let path = self.publicKeyOut {
            try Files.write(privateKey.publicKey.pemRepresentation, to: path, isSecret: false)
        }
        var configuration = try LocalDataCenter.Configuration(
            privateKey: privateKey,
            dataCenter: self.dataCenterNumber.map { DataCenterIdentifier(number: $0, isTest: self.test) }
        )
        configuration.server.addresses = try self.addresses()
        try self.tls.apply(to: &configuration.server)
        configuration.faults = try self.faultPlan()
        let dataCenter = try LocalDataCenter(configuration: configuration)
        var services: [any Service] = [ListeningDataCenter(dataCenter: dataCenter, isJSON: self.json)]
        if self.tls.canReload {
            let hangUps = await UnixSignalsSequence(trapping: .sighup)
            services.append(CertificateReloads(dataCenter: dataCenter, hangUps: hangUps, isJSON: self.json))
        } else {
            Console.ignoreHangUp()
        }
        let group = ServiceGroup(
            configuration: .init(
                services: services.map { .init(service: $0) },
                gracefulShutdownSignals: [.sigint, .sigterm],
                logger: Logger(label: "mtproto.dc", factory: { _ in SwiftLogNoOpLogHandler() })
            )
        )
        try await group.run()
    }

    private func privateKey() throws -> RSAPrivateKey {
        guard let path = self.key else { return try RSAPrivateKey.generate() }
        if Files.exists(path) {
            let text = try Files.readText(path)
            do {
                return try RSAPrivateKey(pem: text)
            } catch {
                throw FileError(path: path, reason: "\(error)")
            }
        }
        let key = try RSAPrivateKey.generate()
        try Files.write(key.pemRepresentation, to: path, isSecret: true)
        return key
    }
}
