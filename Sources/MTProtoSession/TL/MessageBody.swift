// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// What one message holds, decided by its constructor.
///
/// Everything that is no service message is ``other(constructor:_:)``: queries towards a server, updates towards a
/// client. Bodies are slices of the message.
///
/// Specification: *Service Messages*, *Service Messages about Messages*.
public enum MessageBody: Sendable, Hashable {
    /// `msg_container`
    case container([ContainedMessage])
    /// `msg_copy`
    case copy(ContainedMessage)
    /// `msgs_ack`
    case acknowledgement(MessagesAcknowledgement)
    /// `bad_msg_notification`
    case badMessage(BadMessageNotification)
    /// `bad_server_salt`
    case badSalt(BadServerSalt)
    /// `msgs_state_req`
    case stateRequest(MessagesStateRequest)
    /// `msgs_state_info`
    case stateInfo(MessagesStateInfo)
    /// `msgs_all_info`
    case allInfo(MessagesAllInfo)
    /// `msg_detailed_info`
    case detailedInfo(MessageDetailedInfo)
    /// `msg_new_detailed_info`
    case newDetailedInfo(MessageNewDetailedInfo)
    /// `msg_resend_req`
    case resendRequest(MessageResendRequest)
    /// `msg_resend_ans_req`
    case resendAnswerRequest(MessageResendAnswerRequest)
    /// `new_session_created`
    case newSession(NewSessionCreated)
    /// `ping`
    case ping(Ping)
    /// `ping_delay_disconnect`
    case pingDelayDisconnect(PingDelayDisconnect)
    /// `pong`
    case pong(Pong)
    /// `get_future_salts`
    case getFutureSalts(GetFutureSalts)
    /// `future_salts`
    case futureSalts(FutureSalts)
    /// `destroy_session`
    case destroySession(DestroySession)
    /// `destroy_session_ok`
    case destroySessionOK(DestroySessionOK)
    /// `destroy_session_none`
    case destroySessionNone(DestroySessionNone)
    /// `rpc_result`
    case rpcResult(RPCResult)
    /// `rpc_drop_answer`
    case rpcDropAnswer(RPCDropAnswer)
    /// `destroy_auth_key`
    case destroyAuthKey
    /// `destroy_auth_key_ok`, `destroy_auth_key_none` or `destroy_auth_key_fail`
    case destroyAuthKeyResult(DestroyAuthKeyResult)
    /// `http_wait`
    case httpWait(HTTPWait)
    /// Anything else, with its constructor; boxed.
    case other(constructor: UInt32, ByteBuffer)

    /// Reads a message's body; one that is compressed is unpacked first.
    ///
    /// Bytes behind the object are ignored.
    ///
    /// - Parameters:
    ///   - body: The body, from its constructor on.
    ///   - limits: What is accepted.
    ///   - isContained: Whether the message stood in a container or a copy, where no other one may be.
    /// - Returns: The body, and whether it was compressed.
    /// - Throws: ``TLError`` if a service message is malformed; an unknown constructor is no error.
    public static func parse(
        _ body: ByteBuffer,
        limits: TLLimits = .standard,
        isContained: Bool = false
    ) throws(TLError) -> (body: MessageBody, wasCompressed: Bool) {
        var budget = limits.maximumUnpackedLength
        return try self.parse(body, limits: limits, budget: &budget, isContained: isContained)
    }

    /// Reads a message's body; what comes out of a compressed one is taken from the budget, also when reading fails.
    ///
    /// A service message may be compressed, but not to more than its limit: none is as long as that.
    package static func parse(
        _ body: ByteBuffer,
        limits: TLLimits = .standard,
        budget: inout Int,
        isContained: Bool = false
    ) throws(TLError) -> (body: MessageBody, wasCompressed: Bool) {
        var reader = TLReader(body, maximumDepth: limits.maximumDepth)
        let constructor = try reader.readConstructor()
        guard constructor == GzipPacked.constructor else {
            return (
                try self.parse(constructor, &reader, whole: body, limits: limits, isContained: isContained), false
            )
        }
        let unpacked = try GzipPacked(fields: &reader).unpacked(budget: &budget)
        reader = TLReader(unpacked, maximumDepth: limits.maximumDepth)
        let inner = try reader.readConstructor()
        let parsed = try self.parse(inner, &reader, whole: unpacked, limits: limits, isContained: isContained)
        if unpacked.readableBytes > self.maximumServiceLength {
            switch parsed {
            case .container, .copy, .rpcResult, .other: break
            default: throw .limitExceeded(self.maximumServiceLength)
            }
        }
        return (parsed, true)
    }

    /// What a compressed service message may unpack to: 128 KiB.
    private static let maximumServiceLength = 131_072

    private static func parse(
        _ constructor: UInt32,
        _ reader: inout TLReader,
        whole: ByteBuffer,
        limits: TLLimits,
        isContained: Bool
    ) throws(TLError) -> MessageBody {
        switch constructor {
        case MessageContainer.constructor:
            guard !isContained else { throw .nestedContainer }
            return .container(
                try MessageContainer(fields: &reader, maximumCount: limits.maximumContainerCount).messages
            )
        case MessageCopy.constructor: return .copy(try MessageCopy(fields: &reader).message)
        case MessagesAcknowledgement.constructor:
            return .acknowledgement(try MessagesAcknowledgement(fields: &reader))
        case BadMessageNotification.constructor: return .badMessage(try BadMessageNotification(fields: &reader))
        case BadServerSalt.constructor: return .badSalt(try BadServerSalt(fields: &reader))
        case MessagesStateRequest.constructor: return .stateRequest(try MessagesStateRequest(fields: &reader))
        case MessagesStateInfo.constructor: return .stateInfo(try MessagesStateInfo(fields: &reader))
        case MessagesAllInfo.constructor: return .allInfo(try MessagesAllInfo(fields: &reader))
        case MessageDetailedInfo.constructor: return .detailedInfo(try MessageDetailedInfo(fields: &reader))
        case MessageNewDetailedInfo.constructor: return .newDetailedInfo(try MessageNewDetailedInfo(fields: &reader))
        case MessageResendRequest.constructor: return .resendRequest(try MessageResendRequest(fields: &reader))
        case MessageResendAnswerRequest.constructor:
            return .resendAnswerRequest(try MessageResendAnswerRequest(fields: &reader))
        case NewSessionCreated.constructor: return .newSession(try NewSessionCreated(fields: &reader))
        case Ping.constructor: return .ping(try Ping(fields: &reader))
        case PingDelayDisconnect.constructor: return .pingDelayDisconnect(try PingDelayDisconnect(fields: &reader))
        case Pong.constructor: return .pong(try Pong(fields: &reader))
        case GetFutureSalts.constructor: return .getFutureSalts(try GetFutureSalts(fields: &reader))
        case FutureSalts.constructor: return .futureSalts(try FutureSalts(fields: &reader))
        case DestroySession.constructor: return .destroySession(try DestroySession(fields: &reader))
        case DestroySessionOK.constructor: return .destroySessionOK(try DestroySessionOK(fields: &reader))
        case DestroySessionNone.constructor: return .destroySessionNone(try DestroySessionNone(fields: &reader))
        case RPCResult.constructor: return .rpcResult(try RPCResult(fields: &reader))
        case RPCDropAnswer.constructor: return .rpcDropAnswer(try RPCDropAnswer(fields: &reader))
        case DestroyAuthKey.constructor: return .destroyAuthKey
        case DestroyAuthKeyOK.constructor: return .destroyAuthKeyResult(.ok(DestroyAuthKeyOK()))
        case DestroyAuthKeyNone.constructor: return .destroyAuthKeyResult(.none(DestroyAuthKeyNone()))
        case DestroyAuthKeyFail.constructor: return .destroyAuthKeyResult(.fail(DestroyAuthKeyFail()))
        case HTTPWait.constructor: return .httpWait(try HTTPWait(fields: &reader))
        case let other: return .other(constructor: other, whole)
        }
    }
}
