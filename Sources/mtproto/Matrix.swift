// SPDX-License-Identifier: Apache-2.0

internal import MTProtoClient
internal import MTProtoTransport

/// Every way to connect that there is, one after the other, as a table.
struct Matrix: Sendable {
    let options: ConnectOptions
    let place: ConnectPlace

    private static let phases: [ConnectionPhase] = [
        .dial, .transportHandshake, .keyExchange, .authorizationKey, .encryptedSession, .initialization,
    ]

    static func runs(
        _ transports: [ClientTransport],
        timeout: Double,
        proxies: [ProxySpecification] = []
    ) -> [ConnectRun] {
        transports.flatMap { transport in
            [false, true].map { usesTemporaryKey in
                ConnectRun(
                    transport: transport,
                    usesTemporaryKey: usesTemporaryKey,
                    wantsQuickAck: transport.hasQuickAcknowledgements,
                    timeout: timeout,
                    proxies: proxies
                )
            }
        }
    }

    /// - Returns: whether every run was answered.
    func run(_ runs: [ConnectRun]) async -> Bool {
        if !self.options.json { Console.line(Self.header) }
        var failures = 0
        for run in runs {
            let report = await run.perform(to: self.place, onStep: { _ in })
            if !report.isOK { failures += 1 }
            if self.options.json {
                if let line = try? JSONLines.encode(report) { Console.line(line) }
            } else {
                Console.line(Self.row(report))
            }
            if let errorText = report.errorText { Console.error("  \(run.transport): \(errorText)") }
        }
        if !self.options.json { Console.line("\(runs.count - failures) ok, \(failures) failed") }
        return failures == 0
    }

    private static var header: String {
        let columns = self.phases.map { Text.pad(self.title($0), to: 12, alignRight: true) }.joined()
        return Text.pad("transport", to: 32) + Text.pad("key", to: 11) + columns
            + Text.pad("total", to: 12, alignRight: true)
            + "  result"
    }

    private static func title(_ phase: ConnectionPhase) -> String {
        switch phase {
        case .dial: return "dial"
        case .transportHandshake: return "transport"
        case .keyExchange: return "exchange"
        case .authorizationKey: return "auth key"
        case .encryptedSession: return "session"
        case .initialization, .use: return "init"
        }
    }

    private static func row(_ report: ConnectRunReport) -> String {
        let columns = self.phases.map { phase in
            let step = report.steps.first { $0.phase == phase }
            return Text.pad(step.map { Text.milliseconds($0.milliseconds) } ?? "-", to: 12, alignRight: true)
        }
        return Text.pad(report.run.transport.description, to: 32)
            + Text.pad(report.run.usesTemporaryKey ? "temporary" : "permanent", to: 11)
            + columns.joined()
            + Text.pad(Text.milliseconds(report.milliseconds), to: 12, alignRight: true)
            + (report.isOK ? "  ok" : "  FAILED")
    }
}
