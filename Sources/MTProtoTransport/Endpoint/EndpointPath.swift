// SPDX-License-Identifier: Apache-2.0

/// The path of an HTTP or WebSocket endpoint: `/api`, then `w`, `s` and `_test` as wanted.
///
/// Specification: *Transports*, URI format.
public struct EndpointPath: Hashable, Sendable, CustomStringConvertible {
    /// Whether the server shall send the headers that let a browser's page read the answers (`w`).
    public var isCrossOrigin: Bool
    /// Whether the WebSocket API is meant (`s`).
    public var isWebSocket: Bool
    /// Whether the test environment is meant (`_test`). Only host names need it; addresses tell by themselves.
    public var isTest: Bool

    /// Makes a path.
    public init(isCrossOrigin: Bool = false, isWebSocket: Bool = false, isTest: Bool = false) {
        self.isCrossOrigin = isCrossOrigin
        self.isWebSocket = isWebSocket
        self.isTest = isTest
    }

    /// Reads a path; `nil` when it is none of the eight.
    public init?(_ text: some StringProtocol) {
        switch text {
        case "/api": self.init()
        case "/apiw": self.init(isCrossOrigin: true)
        case "/apis": self.init(isWebSocket: true)
        case "/apiws": self.init(isCrossOrigin: true, isWebSocket: true)
        case "/api_test": self.init(isTest: true)
        case "/apiw_test": self.init(isCrossOrigin: true, isTest: true)
        case "/apis_test": self.init(isWebSocket: true, isTest: true)
        case "/apiws_test": self.init(isCrossOrigin: true, isWebSocket: true, isTest: true)
        default: return nil
        }
    }

    /// The path as it stands in a request.
    public var description: String {
        "/api\(self.isCrossOrigin ? "w" : "")\(self.isWebSocket ? "s" : "")\(self.isTest ? "_test" : "")"
    }
}
