// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import MTProtoClient
internal import MTProtoCrypto

/// `mtproto connect`.
struct ConnectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "connect",
        abstract: "Connects to a data centre, step by step, and shows the answer of the first query.",
        discussion: """
            The steps: dial, transport handshake, key exchange, authorization key, encrypted session, init. The first query \
            is help.getConfig. Ends with 0 when it was answered, with 1 when something failed.
            """
    )

    @OptionGroup var options: ConnectOptions

    func run() async throws {
        do {
            let keys = try self.options.publicKeys()
            let tls = try self.options.tlsConfiguration()
            if let target = try self.options.target() {
                try await self.run(
                    to: ConnectPlace(
                        plain: target,
                        secure: target,
                        byCarrier: self.options.matrix ? try self.options.matrixTargets() : [:],
                        publicKeys: keys.isEmpty ? [.production, .test] : keys,
                        tls: tls
                    )
                )
            } else {
                try await ConnectPlace.withEmbedded { try await self.run(to: $0) }
            }
        } catch let error as ExitCode {
            throw error
        } catch {
            Console.error("mtproto connect: \(error)")
            if self.options.json { Console.line(try JSONLines.encode(EarlyFailure(error: "\(error)"))) }
            throw ExitCode(1)
        }
    }

    /// The last line of JSON where nothing was tried.
    private struct EarlyFailure: Encodable {
        let ok = false
        let error: String
        let steps: [String] = []
        let attempts: [String] = []
    }

    private func run(to place: ConnectPlace) async throws {
        if self.options.matrix {
            let runs = Matrix.runs(
                try self.options.matrixTransports(),
                timeout: self.options.timeout,
                proxies: try self.options.proxies()
            )
            guard await Matrix(options: self.options, place: place).run(runs) else { throw ExitCode(1) }
            return
        }
        let run = ConnectRun(
            transport: try self.options.clientTransport(),
            strategy: try self.options.strategy(),
            usesTemporaryKey: self.options.temporaryKey,
            wantsQuickAck: self.options.quickAck,
            timeout: self.options.timeout,
            proxies: try self.options.proxies()
        )
        let printer = ConnectPrinter(isJSON: self.options.json, target: place.target(for: run.transport), run: run)
        printer.begin()
        let report = await run.perform(to: place, sessionFile: self.options.session, onStep: printer.step)
        try printer.end(report)
        guard report.isOK else { throw ExitCode(1) }
    }
}
