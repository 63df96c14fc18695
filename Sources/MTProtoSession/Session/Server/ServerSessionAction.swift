// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// A query for the responder.
public struct ServerQuery: Hashable, Sendable {
    /// The identifier to answer to, see ``ServerSession/respond(to:result:at:)``.
    public var messageIdentifier: UInt64
    /// The boxed TL object as the client sent it, with its wrappers (``QueryEnvelope`` unwraps them); unpacked if it was
    /// compressed as a whole. A slice of the received payload: copy what is kept.
    public var body: ByteBuffer

    /// Makes a query.
    public init(messageIdentifier: UInt64, body: ByteBuffer) {
        self.messageIdentifier = messageIdentifier
        self.body = body
    }
}

/// What the driver of a session has to do after a message was received.
public enum ServerSessionAction: Sendable {
    /// Always the first action of a payload: whether a quick acknowledgement is in order if the client asked for one. False
    /// when the payload was rejected with `bad_server_salt` or `bad_msg_notification` and not processed, and when it was
    /// received before; such a payload must not make its connection one of the session's.
    case acceptQuickAck(Bool)
    /// Send these notices at once on the connection that the payload came on, and on no other, even if it is not one of
    /// the session's yet: `bad_server_salt` and `bad_msg_notification`. Seal them with
    /// ``ServerSession/seal(notices:authorizationKey:salts:at:random:)``.
    ///
    /// Through the session's queue, a recorded payload that somebody repeats would make the client believe that its own
    /// was rejected.
    case notify([ByteBuffer])
    /// Execute the query once and answer with `respond`.
    case query(ServerQuery)
    /// The client no longer wants the answer; a later `respond` is ignored.
    case cancelQuery(messageIdentifier: UInt64)
    /// Close this connection after so many seconds (0…2³¹ − 1), unless another `disconnectAfter` comes before.
    case disconnectAfter(seconds: Int32)
    /// Destroy another session of the same authorization key, then call
    /// ``ServerSession/answerDestroySession(_:existed:requestedBy:)``.
    case destroySession(UInt64, requestedBy: UInt64)
    /// Destroy the authorization key in use, then call
    /// ``ServerSession/answerDestroyAuthorizationKey(_:requestedBy:)``.
    case destroyAuthorizationKey(requestedBy: UInt64)
    /// The client is ready to wait for messages: the long poll of HTTP. Without meaning on other transports.
    case httpWait(HTTPWait)
}
