// SPDX-License-Identifier: Apache-2.0

internal import MTProtoClient
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport

/// One way to connect, carried out to the first answer.
struct ConnectRun: Sendable {
    var transport: ClientTransport
    var usesTemporaryKey: Bool
    var wantsQuickAck: Bool
    /// Seconds.
    var timeout: Double

    /// A day: what clients usually ask for.
    private static let temporaryKeySeconds: Int32 = 86_400

    /// Connects and asks `help.getConfig`. Never throws: the report says what failed.
    func perform(
        to target: ConnectionTarget,
        publicKeys: [RSAPublicKey],
        sessionFile: String? = nil,
        onStep: @escaping @Sendable (ConnectionStep) -> Void
    ) async -> ConnectReport {
        var report = ConnectReport(run: self, target: target)
        do {
            var configuration = self.configuration(publicKeys: publicKeys, onStep: onStep)
            if let sessionFile, Files.exists(sessionFile) {
                configuration.savedConnection = try self.load(sessionFile)
            }
            report = try await MTProtoClient.withConnection(to: target, configuration: configuration) { connection in
                var report = report
                report.note(connection)
                do {
                    try await self.use(connection, report: &report, onStep: onStep)
                    if let sessionFile {
                        let saved = try await connection.savedConnection()
                        try Files.write(JSONLines.encode(saved), to: sessionFile, isSecret: true)
                    }
                } catch {
                    report.fail(error, in: .initialization)
                }
                return report
            }
        } catch {
            report.fail(error, in: .dial)
        }
        return report
    }

    private func load(_ path: String) throws -> SavedConnection {
        let text = try Files.readText(path)
        do {
            return try JSONLines.decode(SavedConnection.self, from: text)
        } catch {
            throw FileError(path: path, reason: "is not a saved session; remove it to make a new one")
        }
    }

    private func configuration(
        publicKeys: [RSAPublicKey],
        onStep: @escaping @Sendable (ConnectionStep) -> Void
    ) -> ClientConfiguration {
        var configuration = ClientConfiguration()
        configuration.transport = self.transport
        configuration.publicKeys = publicKeys
        configuration.keyLifetime = self.usesTemporaryKey ? .temporary(expiresIn: Self.temporaryKeySeconds) : .permanent
        configuration.timeouts.connect = .seconds(self.timeout)
        configuration.timeouts.attempt = min(configuration.timeouts.attempt, .seconds(self.timeout))
        configuration.application.deviceModel = "mtproto"
        configuration.onStep = onStep
        return configuration
    }

    private func use(
        _ connection: MTProtoConnection,
        report: inout ConnectReport,
        onStep: @Sendable (ConnectionStep) -> Void
    ) async throws {
        let clock = ContinuousClock()
        let start = clock.now
        let result: Config
        if self.wantsQuickAck {
            let sent = try connection.send(HelpGetConfig().serialized())
            try await sent.received()
            report.quickAckMilliseconds =
                ConnectionStep(phase: .use, duration: start.duration(to: clock.now)).milliseconds
            var reader = TLReader(try await sent.result())
            result = try HelpGetConfig.readResult(&reader)
        } else {
            result = try await connection.invoke(HelpGetConfig())
        }
        let step = ConnectionStep(phase: .initialization, duration: start.duration(to: clock.now))
        report.steps.append(step)
        onStep(step)
        report.result = .init(result)
    }
}
