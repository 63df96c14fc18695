// SPDX-License-Identifier: Apache-2.0

/// What is known about the way of a query to the server when it ends without an answer.
public enum DeliveryState: String, Hashable, Sendable, Codable {
    /// The server cannot have processed it: it never left, or the server refused the message. Repeating it is safe.
    case notDelivered
    /// It left, and nothing was heard of it: the server may or may not have processed it.
    case maybeDelivered
    /// The server confirmed that it received it.
    case delivered
}
