// SPDX-License-Identifier: Apache-2.0

/// The end of the wire that a codec, a connection or a session stands on.
///
/// The rules of the two directions differ (who sends the tag, who may ask for and who may send a quick
/// acknowledgement), so every codec is told which side it serves.
///
/// Specification: *MTProto transports*.
public enum Role: Hashable, Sendable {
    /// The side that opened the connection. It sends the transport tag and receives quick acknowledgements.
    case client
    /// The side that accepted the connection. It detects the framing and receives quick-acknowledgement requests.
    case server
}
