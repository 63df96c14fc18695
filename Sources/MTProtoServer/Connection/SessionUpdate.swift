// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore

/// What a connection has to put into a session: the outcome of something that the session asked for.
enum SessionUpdate: Sendable {
    case result(ByteBuffer, of: UInt64)
    case error(RPCErrorMessage, of: UInt64)
    case destroyedSession(UInt64, existed: Bool, requestedBy: UInt64)
    case destroyedKey(DestroyAuthKeyResult, requestedBy: UInt64)

    /// The query that it answers.
    var query: UInt64? {
        switch self {
        case .result(_, let query), .error(_, let query): query
        case .destroyedSession, .destroyedKey: nil
        }
    }

    func apply(to session: inout ServerSession, at now: SessionTime) {
        switch self {
        case .result(let result, let query):
            session.respond(to: query, result: result, at: now)
        case .error(let error, let query):
            session.respond(to: query, error: error, at: now)
        case .destroyedSession(let other, let existed, let request):
            session.answerDestroySession(other, existed: existed, requestedBy: request)
        case .destroyedKey(let result, let request):
            session.answerDestroyAuthorizationKey(result, requestedBy: request)
        }
    }
}
