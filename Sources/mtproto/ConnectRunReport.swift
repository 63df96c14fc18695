// SPDX-License-Identifier: Apache-2.0

internal import MTProtoClient
internal import MTProtoSession
internal import MTProtoTransport

/// What came of one run of `connect`.
struct ConnectRunReport: Sendable {
    /// The answer of `help.getConfig`, as far as the tool shows it.
    struct Answer: Sendable, Encodable {
        let thisDataCenter: Int32
        let isTest: Bool
        let date: Int32
        let options: [String]

        init(_ config: Config) {
            self.thisDataCenter = config.thisDataCenter
            self.isTest = config.isTest
            self.date = config.date
            self.options = config.options.map { "\($0.identifier)=\($0.address):\($0.port)" }
        }

        enum CodingKeys: String, CodingKey {
            case thisDataCenter = "this_dc"
            case isTest = "test_mode"
            case date
            case options = "dc_options"
        }
    }

    let run: ConnectRun
    let target: ConnectionTarget
    var steps: [ConnectionStep] = []
    var authorizationKeyIdentifier: UInt64?
    var sessionIdentifier: UInt64?
    var quickAckMilliseconds: Double?
    var result: Answer?
    /// All that was tried.
    var attempts: [ConnectionAttempt] = []
    /// Where the connection is, and how it is spoken with there.
    private(set) var resolved: ResolvedTarget?
    var error: MTProtoClientError?
    var errorText: String?

    init(run: ConnectRun, target: ConnectionTarget) {
        self.run = run
        self.target = target
    }

    var isOK: Bool { self.errorText == nil && self.result != nil }

    /// How long the whole run took, to its success or its failure.
    var elapsed: Duration = .zero

    var milliseconds: Double { ConnectionStep(phase: .use, duration: self.elapsed).milliseconds }

    /// Where it went: `host:port`, or a URI.
    var endpoint: String {
        self.resolved?.description ?? Self.endpoint(of: self.target, by: self.run.transport)
    }

    /// How it is spoken with, or should have been.
    var transport: ClientTransport { self.resolved?.transport ?? self.run.transport }

    static func endpoint(of target: ConnectionTarget, by transport: ClientTransport) -> String {
        guard let resolved = try? target.resolved(by: transport) else { return "\(target)" }
        return "\(resolved)"
    }

    mutating func note(_ connection: MTProtoConnection) {
        self.steps = connection.steps
        self.attempts = connection.report.attempts
        self.resolved = connection.resolvedTarget
        self.authorizationKeyIdentifier = connection.authorizationKeyIdentifier
        self.sessionIdentifier = connection.sessionIdentifier
    }

    mutating func fail(_ error: any Error) {
        if let error = error as? MTProtoClientError {
            self.error = error
            if self.steps.isEmpty { self.steps = error.steps }
            if self.attempts.isEmpty { self.attempts = error.report?.attempts ?? [] }
        }
        self.errorText = "\(error)"
    }

    /// The 8 bytes of an identifier in their order on the wire.
    static func hex(_ identifier: UInt64) -> String {
        let digits = String(identifier.byteSwapped, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension ConnectRunReport: Encodable {
    private struct Step: Encodable {
        let name: String
        let ms: Double
        let skipped: Bool?
    }

    private struct Attempt: Encodable {
        let endpoint: String
        let transport: String
        let route: String
        let phase: String
        let start: Double
        let ms: Double
        let outcome: String
        let hop: Int?
        let code: String?
        let cause: String?

        init(_ attempt: ConnectionAttempt) {
            self.endpoint = attempt.endpoint
            self.transport = attempt.transport
            self.route = attempt.route
            self.phase = attempt.phase.rawValue
            self.start = attempt.startMilliseconds
            self.ms = attempt.milliseconds
            self.outcome = attempt.outcome.rawValue
            self.hop = attempt.hop
            self.code = attempt.code
            self.cause = attempt.cause
        }

        enum CodingKeys: String, CodingKey {
            case endpoint, transport, route, phase
            case start = "start_ms"
            case ms, outcome, hop, code, cause
        }
    }

    private enum CodingKeys: String, CodingKey {
        case isOK = "ok"
        case transport, framing, obfuscated, route, steps, result, error, attempts
        case usesTemporaryKey = "temporary_key"
        case authorizationKeyIdentifier = "auth_key_id"
        case sessionIdentifier = "session_id"
        case quickAckMilliseconds = "quick_ack_ms"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(self.isOK, forKey: .isOK)
        try container.encode(self.transport.carrier.rawValue, forKey: .transport)
        try container.encode(self.transport.framing?.rawValue, forKey: .framing)
        try container.encode(self.transport.isObfuscated, forKey: .obfuscated)
        try container.encode(self.run.usesTemporaryKey, forKey: .usesTemporaryKey)
        try container.encode(self.run.proxies.map(\.description) + [self.endpoint], forKey: .route)
        try container.encode(self.authorizationKeyIdentifier.map(Self.hex), forKey: .authorizationKeyIdentifier)
        try container.encode(self.sessionIdentifier.map(Self.hex), forKey: .sessionIdentifier)
        try container.encodeIfPresent(self.quickAckMilliseconds, forKey: .quickAckMilliseconds)
        try container.encode(
            self.steps.map { Step(name: $0.phase.rawValue, ms: $0.milliseconds, skipped: $0.isSkipped ? true : nil) },
            forKey: .steps
        )
        try container.encode(self.result, forKey: .result)
        try container.encode(self.errorText, forKey: .error)
        try container.encode(self.attempts.map { Attempt($0) }, forKey: .attempts)
    }
}
