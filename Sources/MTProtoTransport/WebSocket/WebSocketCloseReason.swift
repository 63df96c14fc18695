// SPDX-License-Identifier: Apache-2.0

/// What a Close frame gives as its reason, beside the code that is always 1000.
///
/// As a user event that goes out through a pipeline, it tells the ``WebSocketStreamHandler`` the reason of the Close
/// frame that it sends later.
///
/// Specification: *Transports*, WebSocket: the reason is the error in decimal, padded with spaces.
public struct WebSocketCloseReason: Hashable, Sendable {
    /// The text: 8 bytes, or more if the number has more digits; empty without an error.
    public let text: String

    /// No error.
    public static let none = WebSocketCloseReason(text: "")

    /// A transport error, as the wire has it: −404 for 404.
    public init(_ code: TransportErrorCode) {
        self.init(text: Self.padded("-\(code)"))
    }

    /// The status that a broken rule of the WebSocket has.
    public init(_ error: WebSocketStreamError) {
        self.init(text: Self.padded("\(error.status)"))
    }

    private init(text: String) {
        self.text = text
    }

    private static func padded(_ number: String) -> String {
        String(repeating: " ", count: max(0, 8 - number.utf8.count)) + number
    }
}
