// SPDX-License-Identifier: Apache-2.0

internal import MTProtoClient
internal import MTProtoTransport

/// Shows a run as it happens: text for people, or JSON.
struct ConnectPrinter: Sendable {
    let isJSON: Bool
    let target: ConnectionTarget
    let run: ConnectRun

    private struct StepLine: Encodable {
        let step: String
        let ms: Double
        let skipped: Bool?
    }

    func begin() {
        guard !self.isJSON else { return }
        let way = self.run.proxies.map(\.description).joined(separator: ", ")
        let transports = self.run.strategy?.rungs.joined().map(\.description) ?? [self.run.transport.description]
        let isOne = transports.count == 1
        let endpoint = isOne ? ConnectRunReport.endpoint(of: self.target, by: self.run.transport) : "\(self.target)"
        Console.line(
            "connecting to \(endpoint) by \(transports.joined(separator: ", else "))"
                + (way.isEmpty ? "" : " through \(way)")
        )
    }

    @Sendable
    func step(_ step: ConnectionStep) {
        if self.isJSON {
            if let line = try? JSONLines.encode(
                StepLine(step: step.phase.rawValue, ms: step.milliseconds, skipped: step.isSkipped ? true : nil)
            ) {
                Console.line(line)
            }
        } else {
            let time = step.isSkipped ? "saved" : Text.milliseconds(step.milliseconds)
            Console.line("  \(Text.pad(step.phase.rawValue, to: 20)) \(Text.pad(time, to: 12, alignRight: true))")
        }
    }

    func end(_ report: ConnectRunReport) throws {
        if self.isJSON {
            Console.line(try JSONLines.encode(report))
        } else if let result = report.result, report.isOK {
            if report.attempts.count > 1 {
                Console.line("by \(report.transport) to \(report.endpoint), of \(report.attempts.count) attempts")
            }
            if let identifier = report.authorizationKeyIdentifier {
                Console.line(
                    "authorization key \(ConnectRunReport.hex(identifier))\(self.run.usesTemporaryKey ? " (temporary)" : "")"
                )
            }
            if let milliseconds = report.quickAckMilliseconds {
                Console.line("quick acknowledgement after \(Text.milliseconds(milliseconds))")
            }
            Console.line(
                "help.getConfig: this_dc \(result.thisDataCenter), \(result.options.count) DC options"
                    + "\(result.isTest ? ", test" : "")"
            )
        }
        guard let errorText = report.errorText else { return }
        Console.error("mtproto connect: \(errorText)")
        if let remedy = report.error.flatMap(Self.remedy) { Console.error("  \(remedy)") }
        if !self.isJSON, let table = report.error?.report { Console.error("\(table)") }
    }

    private static func remedy(for error: MTProtoClientError) -> String? {
        switch error.code {
        case .connectionRefused where error.hop != nil:
            return "Is a proxy running there? Check host and port of --proxy."
        case .proxyRefused: return "Is a server running at the destination, and may the proxy connect to it?"
        case .proxyAuthentication: return "--proxy takes user and password as socks5://USER:PASSWORD@HOST:PORT."
        case .proxyProtocol: return "Is that another kind of proxy?"
        case .fakeTLS: return "Check the proxy's secret and this machine's clock."
        case .connectionRefused: return "Is a server running there? Check host and port."
        case .unreachable: return "Is this machine connected to a network?"
        case .timeout where error.phase == .dial: return "The network may block this address or port."
        case .authorizationKeyUnknown:
            return "The server has forgotten the key: remove the --session file to make a new one."
        case .keyExchange: return "Is --public-key the key of this server?"
        case .nameNotResolved: return "Check the spelling of the host."
        case .certificateRefused: return "Is the server's certificate made for this host? --ca names whom to trust."
        case .tls: return "Is this the TLS port?"
        case .upgradeRefused, .http: return "Is this an MTProto server's port and path?"
        default: return nil
        }
    }
}

/// Text in columns.
enum Text {
    static func pad(_ text: String, to width: Int, alignRight: Bool = false) -> String {
        let padding = String(repeating: " ", count: max(0, width - text.count))
        return alignRight ? padding + text : text + padding
    }

    /// Milliseconds with two places.
    static func milliseconds(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction) ms"
    }
}
