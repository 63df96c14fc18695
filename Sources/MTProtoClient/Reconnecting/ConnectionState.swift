// SPDX-License-Identifier: Apache-2.0

/// How far a client that is kept connected has got, in the order in which it gets there.
public enum ConnectionState: String, Sendable, Hashable, CaseIterable, Codable {
    /// The network is away: the program said so, or there was no route when last tried.
    case waitingForNetwork
    /// On the way through the proxies.
    case connectingToProxy
    /// On the way to the server, or waiting to try again.
    case connecting
    /// The server is reached; keys are exchanged where it takes them, and the session is resumed.
    case updating
    /// The server has answered in the session.
    case ready
}

extension ConnectionState: Comparable {
    private var rank: Int {
        switch self {
        case .waitingForNetwork: 0
        case .connectingToProxy: 1
        case .connecting: 2
        case .updating: 3
        case .ready: 4
        }
    }

    /// Whether a state is further from being ready than another.
    public static func < (left: ConnectionState, right: ConnectionState) -> Bool {
        left.rank < right.rank
    }
}
