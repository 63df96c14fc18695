// SPDX-License-Identifier: Apache-2.0

/// Why a session refused a query, gave one up, or refused what the server sent.
public struct SessionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What went wrong.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The stable name of the code.
        public let name: String

        /// The stable name of the code.
        public var description: String { self.name }

        /// A payload is not a message of this key: too short, another key, wrong message key, lengths or padding. Close
        /// the connection.
        public static let undecryptable = Code(name: "undecryptable")
        /// A message identifier is even, as only a client's may be. Close the connection.
        public static let invalidMessageIdentifier = Code(name: "invalidMessageIdentifier")
        /// A message is more than 300 seconds old or more than 30 seconds ahead and answers nothing. Close the connection.
        public static let outsideTimeWindow = Code(name: "outsideTimeWindow")
        /// A container breaks its rules: nested, over its limits, or not higher than its contents. Close the connection.
        public static let malformedContainer = Code(name: "malformedContainer")
        /// The answer to a query cannot be read or unpacked.
        public static let malformedAnswer = Code(name: "malformedAnswer")
        /// The answer to a query is larger than the session accepts.
        public static let answerTooLarge = Code(name: "answerTooLarge")
        /// The answer exists but the server does not repeat it.
        public static let answerLost = Code(name: "answerLost")
        /// As many queries or bytes as the session takes are unanswered.
        public static let queueFull = Code(name: "queueFull")
        /// The query's length is zero, not a multiple of 4, or over the limit, or it is a service message.
        public static let invalidQuery = Code(name: "invalidQuery")
        /// The server refused the query's message again and again; see ``SessionError/notificationCode``.
        public static let rejected = Code(name: "rejected")
        /// The server does not remember whether it received the query, and a repetition could execute it twice.
        public static let deliveryUnknown = Code(name: "deliveryUnknown")
        /// The session had to be replaced while the query was under way in it.
        public static let sessionRestarted = Code(name: "sessionRestarted")
    }

    /// What went wrong.
    public var code: Code
    /// What is known about the query's way to the server; nil when the error is not about a query.
    public var deliveryState: DeliveryState?
    /// The code of the server's last `bad_msg_notification` (16…64), where one is the cause.
    public var notificationCode: Int32?

    /// Makes an error.
    public init(_ code: Code, deliveryState: DeliveryState? = nil, notificationCode: Int32? = nil) {
        self.code = code
        self.deliveryState = deliveryState
        self.notificationCode = notificationCode
    }

    /// Whether the same query may be tried again without the danger of executing it twice.
    public var isSafeToRetry: Bool {
        self.deliveryState == .notDelivered
    }

    /// The code and what is known besides; no secrets.
    public var description: String {
        var text = self.code.name
        if let notificationCode { text += " (bad_msg_notification \(notificationCode))" }
        if let deliveryState { text += ", \(deliveryState.rawValue)" }
        return text
    }
}
