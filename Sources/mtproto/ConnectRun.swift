// SPDX-License-Identifier: Apache-2.0

internal import MTProtoClient
internal import MTProtoSession
internal import MTProtoTransport

/// One way to connect, carried out to the first answer.
struct ConnectRun: Sendable {
    var transport: ClientTransport
    /// What is tried besides; `nil`: nothing.
    var strategy: ConnectionStrategy?
    var usesTemporaryKey: Bool
    var wantsQuickAck: Bool
    /// Seconds.
    var timeout: Double
    /// The proxies on the way, first hop first.
    var proxies: [ProxySpecification] = []

    /// A day: what clients usually ask for.
    private static let temporaryKeySeconds: Int32 = 86_400

    /// Connects and asks `help.getConfig`. Never throws: the report says what failed.
    func perform(
        to place: ConnectPlace,
        sessionFile: String? = nil,
        onStep: @escaping @Sendable (ConnectionStep) -> Void
    ) async -> ConnectRunReport {
        let target = place.target(for: self.transport)
        var report = ConnectRunReport(run: self, target: target)
        let start = ContinuousClock.now
        do {
            var configuration = self.configuration(place, onStep: onStep)
            if let sessionFile, Files.exists(sessionFile) {
                configuration.savedConnection = try self.load(sessionFile, for: target)
            }
            report = try await MTProtoClient.withConnection(to: target, configuration: configuration) { connection in
                var report = report
                report.note(connection)
                do {
                    let rest = .seconds(self.timeout) - start.duration(to: .now)
                    try await self.use(connection, timeout: max(rest, .milliseconds(1)), report: &report)
                    if let sessionFile {
                        let saved = try await connection.savedConnection()
                        try Files.write(JSONLines.encode(saved), to: sessionFile, isSecret: true)
                    }
                } catch {
                    report.fail(error)
                }
                return report
            }
        } catch {
            report.fail(error)
        }
        report.elapsed = start.duration(to: .now)
        return report
    }

    private func load(_ path: String, for target: ConnectionTarget) throws -> SavedConnection {
        let text = try Files.readText(path)
        let saved: SavedConnection
        do {
            saved = try JSONLines.decode(SavedConnection.self, from: text)
        } catch {
            throw FileError(path: path, reason: "is not a saved session; remove it to make a new one")
        }
        guard saved.dataCenter == target.dataCenter else {
            throw FileError(
                path: path,
                reason:
                    "is of data centre \(saved.dataCenter.encoded), not of \(target.dataCenter.encoded); use a file for each"
            )
        }
        return saved
    }

    func configuration(
        _ place: ConnectPlace,
        onStep: @escaping @Sendable (ConnectionStep) -> Void
    ) -> ClientConfiguration {
        var configuration = ClientConfiguration()
        configuration.transport = self.transport
        configuration.strategy = self.strategy
        configuration.routes = [Route(self.proxies.map { Hop($0) })]
        configuration.publicKeys = place.publicKeys
        configuration.tls = place.tls
        configuration.keyLifetime = self.usesTemporaryKey ? .temporary(expiresIn: Self.temporaryKeySeconds) : .permanent
        configuration.timeouts.connect = .seconds(self.timeout)
        configuration.timeouts.attempt = min(configuration.timeouts.attempt, .seconds(self.timeout))
        configuration.application.deviceModel = "mtproto"
        configuration.onStep = onStep
        return configuration
    }

    private func use(
        _ connection: MTProtoConnection,
        timeout: Duration,
        report: inout ConnectRunReport
    ) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        let result: Config
        if self.wantsQuickAck {
            let sent = try connection.send(HelpGetConfig().serialized(), timeout: timeout)
            try await sent.received()
            report.quickAckMilliseconds =
                ConnectionStep(phase: .use, duration: start.duration(to: clock.now)).milliseconds
            var reader = TLReader(try await sent.result())
            result = try HelpGetConfig.readResult(&reader)
        } else {
            result = try await connection.invoke(HelpGetConfig(), timeout: timeout)
        }
        // The connection has reported the step itself, as it happened.
        report.steps.append(ConnectionStep(phase: .initialization, duration: start.duration(to: clock.now)))
        report.result = .init(result)
    }
}
