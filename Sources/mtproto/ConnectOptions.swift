// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
internal import MTProtoClient
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
internal import NIOSSL

extension Framing: ExpressibleByArgument {}

extension Endpoint.Scheme: ExpressibleByArgument {}

/// What `connect` takes.
struct ConnectOptions: ParsableArguments {
    @Argument(
        help: """
            Where to connect: HOST:PORT, tcp://HOST:PORT, ws://HOST[:PORT]/apiws, wss://…, http://HOST[:PORT]/api or \
            https://…. Without it and without --dc, a data centre is started on this machine and used.
            """
    )
    var endpoint: String?

    @Option(
        name: .customLong("dc"),
        help: """
            One of Telegram's data centres, 1 to 5 (1 to 3 with --test); with an endpoint, the data centre that it is.
            """
    )
    var dataCenter: Int16?

    @Flag(help: "The test data centre of that number.")
    var test = false

    @Flag(help: "The media part of that data centre.")
    var media = false

    @Option(
        help:
            "Framing of the stream: abridged, intermediate (the default), padded or full. HTTP has none, WebSockets all but full."
    )
    var framing: Framing?

    @Flag(help: "Obfuscate TCP with AES-256-CTR; not with the full framing. WebSockets always are.")
    var obfuscated = false

    @Option(
        help: """
            Transport: tcp, ws, wss, http or https. A URI says it itself. Default: tcp; with --dc alone TCP, and where that \
            does not get through wss, then https.
            """
    )
    var transport: Endpoint.Scheme?

    @Option(
        help: """
            A proxy on the way, again for each hop, first hop first: socks5://[USER:PASSWORD@]HOST:PORT, the same with \
            http:// for one that knows CONNECT, tg://proxy?… or tg://socks?… or their https://t.me forms.
            """
    )
    var proxy: [String] = []

    @Option(
        help:
            "File with RSA public keys of the server, PEM. Default: Telegram's keys, or the embedded data centre's own."
    )
    var publicKey: [String] = []

    @Option(
        help:
            "File of the certificates to trust for wss and https, PEM. Default: the system's, or the embedded one's own."
    )
    var ca: String?

    @Flag(help: "Ask for a quick acknowledgement of the first query and wait for it.")
    var quickAck = false

    @Flag(help: "Run the session under a temporary key, bound to the permanent one.")
    var temporaryKey = false

    @Option(help: "File that keeps keys and salts between runs; made if missing, readable by its owner only.")
    var session: String?

    @Option(help: "Seconds for the whole way to the first answer.")
    var timeout: Double = 30

    @Flag(help: "One JSON object a line instead of text; the last line is the report.")
    var json = false

    @Flag(
        help: """
            Try every transport in every framing, plain and obfuscated, with and without a temporary key, and print a table. \
            With an endpoint, those that its port has: wss and https, or all others.
            """
    )
    var matrix = false

    func validate() throws {
        if self.dataCenter == nil, self.test || self.media {
            throw ValidationError("--test and --media go with --dc.")
        }
        if self.session != nil, self.endpoint == nil, self.dataCenter == nil {
            throw ValidationError("The embedded data centre forgets its keys: --session goes with an endpoint or --dc.")
        }
        if self.endpoint == nil, self.dataCenter == nil, self.ca != nil || !self.publicKey.isEmpty {
            throw ValidationError(
                "The embedded data centre's own key and certificate are trusted: leave --public-key and --ca out."
            )
        }
        guard self.timeout > 0, self.timeout <= 86_400 else {
            throw ValidationError("--timeout takes seconds, more than 0 and at most 86400.")
        }
        let uri = try self.uri()
        if let transport = self.transport, let uri, uri.scheme != transport {
            throw ValidationError("\(uri.scheme.rawValue):// and --transport \(transport.rawValue) do not go together.")
        }
        try self.validateProxies()
        try self.matrix ? self.validateMatrix() : self.validateTransport()
        _ = try self.target()
    }

    private func validateMatrix() throws {
        if self.session != nil { throw ValidationError("--matrix makes new keys; leave --session out.") }
        if self.transport != nil || self.framing != nil || self.obfuscated || self.quickAck || self.temporaryKey {
            throw ValidationError(
                "--matrix tries everything: leave --transport, --framing, --obfuscated, --quick-ack and --temporary-key out."
            )
        }
        if self.ca != nil, try !self.matrixTransports().contains(where: \.carrier.isSecure) {
            throw ValidationError("--ca is for wss and https: name the port that has them, as wss://… or https://….")
        }
    }

    private func validateTransport() throws {
        let transport = try self.clientTransport()
        let framing = self.framing ?? .intermediate
        if transport.framing == nil, self.framing != nil || self.obfuscated {
            throw ValidationError("HTTP has no framing and no obfuscation.")
        }
        if transport.isObfuscated, !framing.isObfuscatable {
            throw ValidationError(
                "The \(framing.rawValue) framing cannot be obfuscated\(self.obfuscated ? "" : ", and WebSockets need that")."
            )
        }
        if self.quickAck, !transport.hasQuickAcknowledgements {
            let name = transport.framing == nil ? "HTTP" : "The full framing"
            throw ValidationError("\(name) has no quick acknowledgements.")
        }
        let transports = try self.strategy()?.rungs.flatMap { $0 } ?? [transport]
        if self.ca != nil, !transports.contains(where: \.carrier.isSecure) {
            throw ValidationError("--ca is for wss and https.")
        }
    }

    /// The endpoint, where it is a URI.
    private func uri() throws -> Endpoint? {
        guard let text = self.endpoint, text.contains("://") else { return nil }
        do {
            return try Endpoint(text)
        } catch {
            throw ValidationError("'\(text)': \(error)")
        }
    }

    /// The transport that the options and the endpoint ask for.
    func clientTransport() throws -> ClientTransport {
        let secret = try self.proxySecret()
        let framing = self.framing ?? secret?.requiredFraming ?? .intermediate
        return switch try self.uri()?.scheme ?? self.transport ?? .tcp {
        case .tcp: .tcp(framing, obfuscated: self.obfuscated || secret != nil)
        case .ws: .webSocket(framing, tls: false)
        case .wss: .webSocket(framing, tls: true)
        case .http: .http
        case .https: .https
        }
    }

    /// What is tried when nothing is asked for: a data centre is reached by whatever gets through.
    func strategy() throws -> ConnectionStrategy? {
        guard self.endpoint == nil, self.dataCenter != nil, self.transport == nil else { return nil }
        let framing = self.framing ?? .intermediate
        guard try self.proxySecret() == nil, framing.isObfuscatable else {
            return .transport(try self.clientTransport())
        }
        // Plain TCP is the first that a censor's machines know.
        return .ladder([.tcp(framing, obfuscated: true), .webSocket(framing), .https])
    }

    /// The transports of a matrix.
    func matrixTransports() throws -> [ClientTransport] {
        guard self.endpoint != nil else { return ClientTransport.all }
        guard try self.uri() != nil else { return ClientTransport.all.filter { !$0.carrier.isSecure } }
        let targets = try self.matrixTargets()
        return ClientTransport.all.filter { targets[$0.carrier] != nil }
    }

    /// What a matrix connects to by each carrier that the port of a URI has: the same server in the same environment. Empty
    /// without a URI.
    func matrixTargets() throws -> [Endpoint.Scheme: ConnectionTarget] {
        guard let uri = try self.uri(), let dataCenter = try self.target()?.dataCenter else { return [:] }
        var targets: [Endpoint.Scheme: ConnectionTarget] = [:]
        for carrier in Endpoint.Scheme.allCases where carrier.isSecure == uri.scheme.isSecure {
            // Plain WebSockets are not to be had at Telegram's names.
            guard let endpoint = try? uri.changed(to: carrier) else { continue }
            targets[carrier] = .endpoint(endpoint, dataCenter: dataCenter)
        }
        return targets
    }

    /// TLS with the trust roots that are asked for.
    func tlsConfiguration() throws -> TLSConfiguration {
        var configuration = ClientConfiguration.defaultTLS
        guard let path = self.ca else { return configuration }
        let text = try Files.readText(path)
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(Array(text.utf8))
            guard !certificates.isEmpty else { throw FileError(path: path, reason: "has no certificate") }
            configuration.trustRoots = .certificates(certificates)
        } catch let error as FileError {
            throw error
        } catch {
            throw FileError(path: path, reason: "has no certificate in PEM")
        }
        return configuration
    }

    /// What to connect to; `nil` for the embedded data centre.
    func target() throws -> ConnectionTarget? {
        guard let text = self.endpoint else {
            guard let number = self.dataCenter else { return nil }
            guard DataCenterIdentifier.numbers.contains(number), self.isKnown(number),
                let target = try? ConnectionTarget.dataCenter(number, isTest: self.test, isMedia: self.media)
            else { throw ValidationError("There is no \(self.test ? "test " : "")data centre \(number).") }
            return target
        }
        let dataCenter: DataCenterIdentifier?
        if let number = self.dataCenter {
            guard DataCenterIdentifier.numbers.contains(number) else {
                throw ValidationError("--dc takes a number from 1 to 9999.")
            }
            dataCenter = DataCenterIdentifier(number, isTest: self.test, isMedia: self.media)
        } else {
            dataCenter = nil
        }
        if let uri = try self.uri() {
            try self.validate(dataCenter, at: uri.socket, path: uri.path)
            return .endpoint(uri, dataCenter: dataCenter)
        }
        let socket: SocketEndpoint
        do {
            socket = try SocketEndpoint(text)
        } catch {
            throw ValidationError("'\(text)': \(error)")
        }
        try self.validate(dataCenter, at: socket, path: nil)
        return .endpoint(socket, dataCenter: dataCenter ?? DataCenterIdentifier(number: 2))
    }

    /// Whether there is such a data centre of Telegram's.
    private func isKnown(_ number: Int16) -> Bool {
        let identifier = DataCenterIdentifier(number: number, isTest: self.test, isMedia: self.media)
        return !DataCenterOptions.builtIn.addresses(of: identifier).isEmpty
    }

    /// Refuses a data centre that is not the one at a place: what is announced there must be true.
    private func validate(_ dataCenter: DataCenterIdentifier?, at socket: SocketEndpoint, path: EndpointPath?) throws {
        guard let dataCenter else { return }
        let named = (try? Endpoint(scheme: .https, socket: socket))?.dataCenter
        if let named, named.number != dataCenter.number {
            throw ValidationError("\(socket.host) is data centre \(named.number), not --dc \(dataCenter.number).")
        }
        guard let path else { return }
        if path.isTest, !dataCenter.isTest {
            throw ValidationError("\(path) is the test environment: add --test, or leave --dc out.")
        }
        // Elsewhere the address tells, and the path need not.
        if named != nil, dataCenter.isTest, !path.isTest {
            throw ValidationError("\(socket.host)\(path) is not the test environment: write \(path)_test.")
        }
    }

    func publicKeys() throws -> [RSAPublicKey] {
        try self.publicKey.flatMap { path in
            let text = try Files.readText(path)
            do {
                return try RSAPublicKey.keys(inPEM: text)
            } catch {
                throw FileError(path: path, reason: "\(error)")
            }
        }
    }
}

extension ClientTransport {
    /// Whether payloads can ask for quick acknowledgements.
    var hasQuickAcknowledgements: Bool {
        self.framing.map { $0 != .full } ?? false
    }
}

extension Endpoint {
    /// The same host, port and environment by another carrier.
    fileprivate func changed(to carrier: Scheme) throws(EndpointError) -> Endpoint {
        guard carrier != self.scheme else { return self }
        guard carrier != .tcp else { return try Endpoint(scheme: carrier, socket: self.socket) }
        let isWebSocket = carrier == .ws || carrier == .wss
        let isCrossOrigin = isWebSocket || (!self.isWebSocket && self.path?.isCrossOrigin == true)
        let path = EndpointPath(
            isCrossOrigin: isCrossOrigin,
            isWebSocket: isWebSocket,
            isTest: self.path?.isTest ?? false
        )
        return try Endpoint(scheme: carrier, socket: self.socket, path: path)
    }
}
