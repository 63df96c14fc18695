// SPDX-License-Identifier: Apache-2.0

/// What carries the payloads of a connection.
///
/// Specification: *Transports*.
public enum Carrier: String, CaseIterable, Hashable, Sendable, Codable {
    /// A bare byte stream.
    case tcp
    /// A byte stream inside TLS, not in a WebSocket.
    case tls
    /// A WebSocket.
    case ws
    /// A WebSocket inside TLS.
    case wss
    /// HTTP requests and responses.
    case http
    /// HTTP requests and responses inside TLS.
    case https

    /// Whether TLS comes first.
    public var isSecure: Bool {
        switch self {
        case .tcp, .ws, .http: false
        case .tls, .wss, .https: true
        }
    }

    /// Whether the server may send only in answer to a request.
    var isTurnBased: Bool { self == .http || self == .https }

    /// Whether a WebSocket carries the byte stream.
    var isWebSocket: Bool { self == .ws || self == .wss }
}
