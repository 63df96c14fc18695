// SPDX-License-Identifier: Apache-2.0

/// One attempt to connect: a transport, an endpoint and a route, and what came of them.
public struct ConnectionAttempt: Sendable, Hashable, Codable {
    /// What came of an attempt.
    public enum Outcome: String, Sendable, Hashable, Codable {
        /// It is still going on.
        case running
        /// It is the one that is used.
        case won
        /// It failed; see ``ConnectionAttempt/code`` and ``ConnectionAttempt/cause``.
        case failed
        /// Another one answered first.
        case overtaken
        /// Nobody waited for it any more.
        case cancelled
    }

    /// Where to: `host:port` for TCP, the URI for all else.
    public let endpoint: String
    /// By which transport, for example `tcp, intermediate`.
    public let transport: String
    /// Through which proxies, without their credentials; `direct` when there is none.
    public let route: String
    /// When it began: milliseconds after the first one.
    public let startMilliseconds: Double
    /// How long it took, in milliseconds, to the first answer or its end.
    public internal(set) var milliseconds: Double = 0
    /// How far it came: the phase in which it failed, or was when another one won.
    public internal(set) var phase: ConnectionPhase = .dial
    /// The place of the hop that failed, 0 for the first; `nil` when none is known to have failed.
    public internal(set) var hop: Int?
    /// What came of it.
    public internal(set) var outcome: Outcome = .running
    /// The kind of failure in words, as ``MTProtoClientError/Code`` has it.
    public internal(set) var code: String?
    /// The cause in words; may be empty.
    public internal(set) var cause: String?
}

extension ConnectionAttempt: CustomStringConvertible {
    /// One line: `won after 12 ms`, or where and why it failed.
    public var description: String {
        "\(self.transport) to \(self.endpoint), \(self.route): \(self.result) after \(Self.text(self.milliseconds)) ms"
    }

    /// Whole milliseconds; a report that was read from somewhere else may have any number.
    static func text(_ milliseconds: Double) -> String {
        "\(Int64(exactly: milliseconds.rounded()) ?? 0)"
    }

    /// Outcome, place and cause in words.
    var result: String {
        guard self.outcome == .failed else { return self.outcome.rawValue }
        let place = self.hop.map { "hop \($0 + 1): " } ?? ""
        let cause = self.cause.map { $0.isEmpty ? "" : " (\($0))" } ?? ""
        return "\(place)\(self.code ?? "failed")\(cause)"
    }
}
