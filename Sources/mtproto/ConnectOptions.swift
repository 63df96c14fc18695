// SPDX-License-Identifier: Apache-2.0

public import ArgumentParser
internal import MTProtoClient
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport

extension Framing: ExpressibleByArgument {}

/// The transports of the command line.
enum TransportName: String, CaseIterable, ExpressibleByArgument {
    case tcp, ws, wss, http, https
}

/// What `connect` takes.
struct ConnectOptions: ParsableArguments {
    @Argument(
        help: """
            Where to connect: HOST:PORT or tcp://HOST:PORT. Without it and without --dc, a data centre is started on this \
            machine and used.
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

    @Option(help: "Framing of the stream: abridged, intermediate, padded or full.")
    var framing: Framing = .intermediate

    @Flag(help: "Obfuscate the stream with AES-256-CTR; not with the full framing.")
    var obfuscated = false

    @Option(help: "Transport: tcp (ws, wss, http and https are not available yet).")
    var transport: TransportName = .tcp

    @Option(help: "A proxy, first hop first (not available yet).")
    var proxy: [String] = []

    @Option(
        help:
            "File with RSA public keys of the server, PEM. Default: Telegram's keys, or the embedded data centre's own."
    )
    var publicKey: [String] = []

    @Option(help: "Trust roots for wss and https, PEM (not available yet).")
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

    @Flag(help: "Try every framing, plain and obfuscated, with and without a temporary key, and print a table.")
    var matrix = false

    func validate() throws {
        if self.transport != .tcp {
            throw ValidationError("--transport \(self.transport.rawValue) is not available yet; use tcp.")
        }
        if !self.proxy.isEmpty { throw ValidationError("--proxy is not available yet.") }
        if self.ca != nil { throw ValidationError("--ca is for wss and https, which are not available yet.") }
        if self.dataCenter == nil, self.test || self.media {
            throw ValidationError("--test and --media go with --dc.")
        }
        if self.obfuscated, !self.framing.isObfuscatable, !self.matrix {
            throw ValidationError("The \(self.framing.rawValue) framing cannot be obfuscated.")
        }
        if self.quickAck, self.framing == .full, !self.matrix {
            throw ValidationError("The full framing has no quick acknowledgements.")
        }
        if self.session != nil, self.endpoint == nil, self.dataCenter == nil {
            throw ValidationError("The embedded data centre forgets its keys: --session goes with an endpoint or --dc.")
        }
        if self.matrix, self.session != nil { throw ValidationError("--matrix makes new keys; leave --session out.") }
        guard self.timeout > 0, self.timeout <= 86_400 else {
            throw ValidationError("--timeout takes seconds, more than 0 and at most 86400.")
        }
        _ = try self.target()
    }

    /// What to connect to; `nil` for the embedded data centre.
    func target() throws -> ConnectionTarget? {
        guard let text = self.endpoint else {
            guard let number = self.dataCenter else { return nil }
            do {
                return try ConnectionTarget.dataCenter(number, isTest: self.test, isMedia: self.media)
            } catch {
                throw ValidationError("There is no \(self.test ? "test " : "")data centre \(number).")
            }
        }
        do {
            let isURL = text.contains("://")
            let endpoint = try Endpoint(isURL ? text : "tcp://\(text)")
            guard endpoint.scheme == .tcp else {
                throw ValidationError("\(endpoint.scheme.rawValue):// is not available yet; use HOST:PORT.")
            }
            guard let number = self.dataCenter else { return .endpoint(endpoint.socket) }
            guard DataCenterIdentifier.numbers.contains(number) else {
                throw ValidationError("--dc takes a number from 1 to 9999.")
            }
            return .endpoint(
                endpoint.socket,
                dataCenter: DataCenterIdentifier(number, isTest: self.test, isMedia: self.media)
            )
        } catch let error as EndpointError {
            throw ValidationError("'\(text)': \(error)")
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
