// SPDX-License-Identifier: Apache-2.0

public import MTProtoTransport
internal import NIOCore

/// Which transports are tried to get through, and when the next one's turn is.
///
/// Each transport is tried at each endpoint of the target and by each route. Whoever answers first is used; the others are
/// closed. What is learned of the ways (``LearnedEndpoints``) puts those that work in front.
///
/// Specification: RFC 8305.
public struct ConnectionStrategy: Sendable, Hashable {
    /// Groups of transports: within a group they are raced, and the next group's turn comes when the one before has failed
    /// altogether, or after ``patience``. Empty ones are left out; when all are, connecting fails with
    /// ``MTProtoClientError/Code/invalidConfiguration``.
    public var rungs: [[ClientTransport]]
    /// The time between two starts within a group; the next starts at once when one fails. 10 ms to a minute, what is beyond
    /// counts as that. Default 250 ms.
    public var stagger: Duration = .milliseconds(250)
    /// How long a group has before the next one begins beside it; 10 ms to a minute, what is beyond counts as that.
    /// Default 3 s.
    public var patience: Duration = .seconds(3)

    /// Makes a strategy of groups.
    public init(rungs: [[ClientTransport]]) {
        self.rungs = rungs
    }

    /// One transport, at all endpoints and by all routes.
    public static func transport(_ transport: ClientTransport) -> ConnectionStrategy {
        ConnectionStrategy(rungs: [[transport]])
    }

    /// Several transports at once.
    ///
    /// - Parameters:
    ///   - transports: the preferred one first.
    ///   - stagger: the time between two starts.
    public static func race(
        _ transports: [ClientTransport],
        stagger: Duration = .milliseconds(250)
    ) -> ConnectionStrategy {
        var strategy = ConnectionStrategy(rungs: [transports])
        strategy.stagger = stagger
        return strategy
    }

    /// One transport after the other. A transport that hangs does not hold the next one up for longer than the patience.
    ///
    /// - Parameters:
    ///   - transports: the preferred one first. Default: TCP, obfuscated; a WebSocket in TLS; HTTPS.
    ///   - patience: how long one has before the next one begins beside it.
    public static func ladder(
        _ transports: [ClientTransport] = [.tcp(.intermediate, obfuscated: true), .webSocket(), .https],
        patience: Duration = .seconds(3)
    ) -> ConnectionStrategy {
        var strategy = ConnectionStrategy(rungs: transports.map { [$0] })
        strategy.patience = patience
        return strategy
    }

    /// TCP, obfuscated, and where that does not get through a WebSocket in TLS.
    public static let tcpWithWebSocketFallback = ladder([.tcp(.intermediate, obfuscated: true), .webSocket()])

    /// The numbers within their ranges, in nanoseconds.
    var raceConfiguration: ConnectionRace.Configuration {
        ConnectionRace.Configuration(
            stagger: Self.clamped(self.stagger),
            patience: Self.clamped(self.patience)
        )
    }

    private static func clamped(_ duration: Duration) -> Int64 {
        TimeAmount(min(max(duration, .milliseconds(10)), .seconds(60))).nanoseconds
    }
}
