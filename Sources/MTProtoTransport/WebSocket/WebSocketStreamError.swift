// SPDX-License-Identifier: Apache-2.0

internal import NIOWebSocket

/// Why a WebSocket failed: what the peer sent is no byte stream in binary messages.
public struct WebSocketStreamError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The kinds of errors.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case notMasked, masked, reservedBits, reservedOpcode, textMessage, unexpectedContinuation, messageInMessage
            case fragmentedControl, oversizedControl, invalidClose, oversizedFrame
        }

        private let kind: Kind

        /// A client's frame was not masked.
        public static let notMasked = Code(kind: .notMasked)
        /// A server's frame was masked.
        public static let masked = Code(kind: .masked)
        /// A frame had one of the bits of extensions, and no extension was negotiated.
        public static let reservedBits = Code(kind: .reservedBits)
        /// A frame had an opcode without a meaning.
        public static let reservedOpcode = Code(kind: .reservedOpcode)
        /// A message was text.
        public static let textMessage = Code(kind: .textMessage)
        /// A continuation frame continued nothing.
        public static let unexpectedContinuation = Code(kind: .unexpectedContinuation)
        /// A message began inside another.
        public static let messageInMessage = Code(kind: .messageInMessage)
        /// A control frame was not the only one of its message.
        public static let fragmentedControl = Code(kind: .fragmentedControl)
        /// A control frame had more than 125 bytes.
        public static let oversizedControl = Code(kind: .oversizedControl)
        /// A Close frame had one byte, a code that must not be sent, or a reason that is not UTF-8.
        public static let invalidClose = Code(kind: .invalidClose)
        /// A frame was longer than the frame decoder's limit.
        public static let oversizedFrame = Code(kind: .oversizedFrame)

        /// The code's name.
        public var description: String {
            self.kind.rawValue
        }
    }

    /// What is wrong.
    public let code: Code

    init(_ code: Code) {
        self.code = code
    }

    init(_ error: NIOWebSocketError) {
        switch error {
        case .invalidFrameLength: self.code = .oversizedFrame
        case .fragmentedControlFrame: self.code = .fragmentedControl
        case .multiByteControlFrameLength: self.code = .oversizedControl
        }
    }

    /// The status that RFC 6455, section 7.4.1, has for this: 1002, 1003 or 1009.
    public var status: UInt16 {
        switch self.code {
        case .textMessage: 1003
        case .oversizedFrame: 1009
        default: 1002
        }
    }

    /// The code.
    public var description: String {
        "\(self.code)"
    }
}
