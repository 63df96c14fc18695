// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// A message of the client that is no API query.
enum ServiceMessage: Sendable {
    case acknowledgement([UInt64])
    case ping(Int64)
    /// A ping that also tells the server when to take the connection for dead.
    case keepAlive(Int64, disconnectDelay: Int32)
    case pong(messageIdentifier: UInt64, pingIdentifier: Int64)
    case getFutureSalts(count: Int32)
    case stateRequest([UInt64])
    case stateInfo(requestIdentifier: UInt64, info: [UInt8])
    case resendRequest([UInt64])
    case resendAnswerRequest([UInt64])
    /// Asks to drop the answer of a query, which is known by its number.
    case dropAnswer(number: UInt64)
    case destroySession(UInt64)
    case destroyAuthorizationKey
    /// How long the request that carries it may wait. Remembered like the others, for notices about it.
    case httpWait(HTTPWait)

    /// The boxed object.
    ///
    /// - Parameter droppedIdentifier: The identifier of the query that a ``dropAnswer(number:)`` means.
    func body(droppedIdentifier: UInt64) -> ByteBuffer {
        var buffer = ByteBuffer()
        switch self {
        case .acknowledgement(let identifiers):
            MessagesAcknowledgement(identifiers: identifiers).write(to: &buffer)
        case .ping(let identifier):
            Ping(pingIdentifier: identifier).write(to: &buffer)
        case .keepAlive(let identifier, let delay):
            PingDelayDisconnect(pingIdentifier: identifier, disconnectDelay: delay).write(to: &buffer)
        case .pong(let messageIdentifier, let pingIdentifier):
            Pong(messageIdentifier: messageIdentifier, pingIdentifier: pingIdentifier).write(to: &buffer)
        case .getFutureSalts(let count):
            GetFutureSalts(count: count).write(to: &buffer)
        case .stateRequest(let identifiers):
            MessagesStateRequest(identifiers: identifiers).write(to: &buffer)
        case .stateInfo(let requestIdentifier, let info):
            MessagesStateInfo(requestIdentifier: requestIdentifier, info: info).write(to: &buffer)
        case .resendRequest(let identifiers):
            MessageResendRequest(identifiers: identifiers).write(to: &buffer)
        case .resendAnswerRequest(let identifiers):
            MessageResendAnswerRequest(identifiers: identifiers).write(to: &buffer)
        case .dropAnswer:
            RPCDropAnswer(requestIdentifier: droppedIdentifier).write(to: &buffer)
        case .destroySession(let identifier):
            DestroySession(sessionIdentifier: identifier).write(to: &buffer)
        case .destroyAuthorizationKey:
            DestroyAuthKey().write(to: &buffer)
        case .httpWait(let wait):
            wait.write(to: &buffer)
        }
        return buffer
    }

    /// The constructors of all that is no query of the API. It is not answered by `rpc_result`, so that a query of this
    /// kind would wait for ever; what the client needs of it, the session sends itself.
    static let constructors: Set<UInt32> = [
        MessageContainer.constructor, MessageCopy.constructor, MessagesAcknowledgement.constructor,
        BadMessageNotification.constructor, BadServerSalt.constructor, MessagesStateRequest.constructor,
        MessagesStateInfo.constructor, MessagesAllInfo.constructor, MessageDetailedInfo.constructor,
        MessageNewDetailedInfo.constructor, MessageResendRequest.constructor, MessageResendAnswerRequest.constructor,
        NewSessionCreated.constructor, Ping.constructor, PingDelayDisconnect.constructor, Pong.constructor,
        GetFutureSalts.constructor, FutureSalts.constructor, DestroySession.constructor,
        DestroySessionOK.constructor, DestroySessionNone.constructor, RPCResult.constructor,
        RPCDropAnswer.constructor, DestroyAuthKey.constructor, DestroyAuthKeyOK.constructor,
        DestroyAuthKeyNone.constructor, DestroyAuthKeyFail.constructor, HTTPWait.constructor,
    ]

    /// How many identifiers, or as many bytes, it holds beyond its fixed part, for the bound on what is remembered.
    var weight: Int {
        switch self {
        case .acknowledgement(let identifiers), .stateRequest(let identifiers), .resendRequest(let identifiers),
            .resendAnswerRequest(let identifiers):
            return identifiers.count
        case .stateInfo(_, let info):
            return info.count / 8 + 1
        default:
            return 1
        }
    }

    /// Whether it must be asked again on the next connection when it is unanswered.
    var outlivesConnection: Bool {
        switch self {
        case .destroySession, .destroyAuthorizationKey: return true
        default: return false
        }
    }

    /// Whether it makes sense in another session of the same connection.
    var outlivesSession: Bool {
        switch self {
        case .destroySession, .destroyAuthorizationKey, .ping, .keepAlive, .getFutureSalts: return true
        default: return false
        }
    }
}

/// A service message in line, with what the server's refusals of it have taught.
struct PendingServiceMessage: Sendable {
    var message: ServiceMessage
    /// Odd numbers only after the server demanded one.
    var isContentRelated = false
    /// Whether it goes without a container, after the server refused one.
    var travelsAlone = false
    var rejectionCount: UInt8 = 0
}
