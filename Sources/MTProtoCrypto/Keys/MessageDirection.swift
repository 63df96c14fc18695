// SPDX-License-Identifier: Apache-2.0

/// Which way a message goes; the two ways use different parts of the authorization key.
public enum MessageDirection: Hashable, Sendable, CaseIterable {
    /// From the client to the server.
    case clientToServer
    /// From the server to the client.
    case serverToClient

    /// The `x` of the specification: 0 or 8 bytes.
    var offset: Int {
        switch self {
        case .clientToServer: 0
        case .serverToClient: 8
        }
    }
}
