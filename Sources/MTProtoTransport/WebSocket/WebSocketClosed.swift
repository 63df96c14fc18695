// SPDX-License-Identifier: Apache-2.0

/// The peer ended its side of a WebSocket with a Close frame.
///
/// A ``WebSocketStreamHandler`` fires it as a user event, before `ChannelEvent.inputClosed`.
///
/// Specification: RFC 6455, section 5.5.1; *Transports*, WebSocket.
public struct WebSocketClosed: Error, Hashable, Sendable, CustomStringConvertible {
    /// The status, 1000 to 4999; `nil` when the frame had none. Telegram's servers always give 1000.
    public let code: UInt16?
    /// The reason as it came, at most 123 bytes; often empty. Foreign text: not fit for a log as it is.
    public let reason: String

    /// Makes a value from the two fields of a Close frame.
    public init(code: UInt16?, reason: String) {
        self.code = code
        self.reason = reason
    }

    /// The transport error that the reason stands for: a decimal number, with or without a minus sign, between spaces.
    /// `nil` when it is none, or a status of a WebSocket (1000 and above).
    ///
    /// Only a hint: the error itself came before, as a packet.
    public var transportError: TransportErrorCode? {
        var digits = self.reason.utf8.drop { $0 == 0x20 }
        while digits.last == 0x20 { digits = digits.dropLast() }
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative { digits = digits.dropFirst() }
        guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        guard let number = Int32(String(decoding: digits, as: UTF8.self)), number > 0 else { return nil }
        guard isNegative || number < 1000 else { return nil }
        return TransportErrorCode(rawValue: number)
    }

    /// The code and the transport error.
    public var description: String {
        let code = self.code.map { "\($0)" } ?? "no code"
        return self.transportError.map { "\(code), transport error \($0)" } ?? code
    }
}
