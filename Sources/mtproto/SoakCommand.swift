// SPDX-License-Identifier: Apache-2.0

internal import ArgumentParser
internal import MTProtoClient
internal import MTProtoCrypto
internal import MTProtoTransport
internal import NIOCore
internal import UnixSignals

/// `mtproto soak`: numbered queries, for networks that lose packets, paths and addresses.
struct SoakCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract:
            "Sends numbered echo queries to `mtproto dc` and checks that each is answered, once and with its own number.",
        discussion: """
            Connects again whenever the connection is lost; SIGHUP says that the network has changed. Ends with 0 when every \
            query was answered. The last line is the report, as JSON.
            """,
        shouldDisplay: false
    )

    @OptionGroup var options: ConnectOptions

    @Option(help: "How many queries.")
    var count = 10_000

    @Option(help: "How many of them wait for answers at once.")
    var inFlight = 64

    @Option(help: "Queries a second at most; 0 for no limit.")
    var rate = 0.0

    @Option(help: "Seconds for one answer.")
    var queryTimeout = 120.0

    func validate() throws {
        guard 1...1_000_000 ~= self.count else { throw ValidationError("--count takes 1 to 1000000.") }
        guard 1...10_000 ~= self.inFlight else { throw ValidationError("--in-flight takes 1 to 10000.") }
        guard 0...100_000 ~= self.rate else { throw ValidationError("--rate takes 0 to 100000.") }
        guard self.queryTimeout > 0, self.queryTimeout <= 86_400 else {
            throw ValidationError("--query-timeout takes seconds, more than 0 and at most 86400.")
        }
        if self.options.matrix { throw ValidationError("--matrix belongs to connect.") }
    }

    func run() async throws {
        guard let target = try self.options.target() else { throw ValidationError("soak needs an endpoint or --dc.") }
        let keys = try self.options.publicKeys()
        let place = ConnectPlace(
            plain: target,
            secure: target,
            publicKeys: keys.isEmpty ? [.production, .test] : keys,
            tls: try self.options.tlsConfiguration()
        )
        let run = ConnectRun(
            transport: try self.options.clientTransport(),
            usesTemporaryKey: self.options.temporaryKey,
            wantsQuickAck: false,
            timeout: self.options.timeout,
            proxies: try self.options.proxies()
        )
        let soak = SoakRun(count: self.count, inFlight: self.inFlight, rate: self.rate)
        let report: SoakReport
        do {
            let client = try MTProtoClientService(
                target: target,
                configuration: run.configuration(place, onStep: { _ in })
            )
            report = try await self.perform(soak, with: client)
        } catch {
            Console.error("mtproto soak: \(error)")
            throw ExitCode(1)
        }
        Console.line(try JSONLines.encode(report))
        guard report.answered == self.count else { throw ExitCode(1) }
    }

    /// Asks when the client is ready; what it goes through meanwhile is told on standard error. A hang-up says to it that the
    /// network has changed.
    private func perform(_ soak: SoakRun, with client: MTProtoClientService) async throws -> SoakReport {
        let timeout = Duration.seconds(self.queryTimeout)
        let hangUps = await UnixSignalsSequence(trapping: .sighup)
        return try await withThrowingTaskGroup(of: SoakReport?.self) { group in
            group.addTask {
                try await client.run()
                return nil
            }
            group.addTask {
                for await _ in hangUps { client.pathChanged() }
                return nil
            }
            group.addTask {
                for await state in client.states { Console.error("\(SoakRun.unixTime) \(state.rawValue)") }
                return nil
            }
            group.addTask {
                for await state in client.states where state == .ready { break }
                Console.line("connected")
                return await soak.perform { try await client.invoke($0, timeout: timeout) }
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let report = result { return report }
            }
            throw CancellationError()
        }
    }
}
