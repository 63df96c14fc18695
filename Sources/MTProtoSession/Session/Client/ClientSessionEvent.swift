// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// What a ``ClientSession`` tells its driver.
///
/// Each query ends with exactly one of ``result(_:_:)``, ``rpcError(_:_:)``, ``dropped(_:_:)`` and ``failed(_:_:)``, unless
/// ``ClientSession/cancel(_:at:)`` withdrew it or ``ClientSession/end()`` returned it.
public enum ClientSessionEvent: Sendable {
    /// The query's answer: a boxed TL value, unpacked. It shares memory with the received payload; copy it to keep it.
    case result(ClientSession.Query, ByteBuffer)
    /// The query was answered by an error of the API.
    case rpcError(ClientSession.Query, RPCErrorMessage)
    /// The server received the query and will answer it.
    case acknowledged(ClientSession.Query)
    /// What the server says about a query after ``ClientSession/requestState(of:at:)``.
    case stateReported(ClientSession.Query, MessageStatus)
    /// The query ended without an answer.
    case failed(ClientSession.Query, SessionError)
    /// The query was cancelled, and the server says how far it had got.
    case dropped(ClientSession.Query, RPCDropAnswerResult)
    /// A message that answers nothing: an update. It shares memory with the received payload; copy it to keep it.
    case update(ByteBuffer)
    /// A ping was answered after so many nanoseconds.
    case pong(pingIdentifier: Int64, roundTripNanoseconds: Int64)
    /// A ping is given up: no ``pong(pingIdentifier:roundTripNanoseconds:)`` will come for it.
    case pingFailed(pingIdentifier: Int64)
    /// The server made a new session of this one: updates may be missing. Queries it does not know are sent again.
    case newServerSession(NewSessionCreated)
    /// ``ClientSession/state`` has other salts than before and is worth saving.
    case saltsChanged
    /// The server's time is known, or known better: the server's clock minus the local one.
    case timeSynchronized(offsetNanoseconds: Int64)
    /// The session goes on under another identifier, because the server refused the numbering of the old one.
    case sessionRestarted(newIdentifier: UInt64)
    /// The answer to ``ClientSession/destroySession(_:at:)``.
    case sessionDestroyed(identifier: UInt64, existed: Bool)
    /// The answer to ``ClientSession/destroyAuthorizationKey(at:)``.
    case keyDestroyed(DestroyAuthKeyResult)
    /// Nothing comes back any more: close the connection and open another.
    case connectionDead
}
