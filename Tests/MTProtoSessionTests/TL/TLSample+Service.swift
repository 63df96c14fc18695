// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import NIOCore

@testable import MTProtoSession

extension TLSample {
    static let pingBody = ByteBuffer(wireHex: "ec77be7a 8877665544332211")
    static let contained = ContainedMessage(identifier: 0x65ab_c0fe_1234_5678, sequenceNumber: 1, body: pingBody)

    static let service: [TLSample] = [
        TLSample("message#5bb8e511 msg_id:long seqno:int bytes:int body:Object = Message", contained),
        TLSample(
            "msg_container#73f1f8dc messages:vector message = MessageContainer",
            MessageContainer(messages: [contained, contained])
        ),
        TLSample("msg_copy#e06046b2 orig_message:Message = MessageCopy", MessageCopy(message: contained)),
        TLSample(
            "gzip_packed#3072cfa1 packed_data:string = Object",
            GzipPacked(packedData: ByteBuffer(bytes: [0x1f, 0x8b, 8]))
        ),
        TLSample("msgs_ack#62d6b459 msg_ids:Vector<long> = MsgsAck", MessagesAcknowledgement(identifiers: [1, .max])),
        TLSample(
            """
            bad_msg_notification#a7eff811 bad_msg_id:long bad_msg_seqno:int error_code:int = BadMsgNotification
            """,
            BadMessageNotification(badIdentifier: 1, badSequenceNumber: -2, code: 35)
        ),
        TLSample(
            """
            bad_server_salt#edab447b bad_msg_id:long bad_msg_seqno:int error_code:int new_server_salt:long \
            = BadMsgNotification
            """,
            BadServerSalt(badIdentifier: 1, badSequenceNumber: 2, code: 48, newSalt: 3)
        ),
        TLSample("msgs_state_req#da69fb52 msg_ids:Vector<long> = MsgsStateReq", MessagesStateRequest(identifiers: [1])),
        TLSample(
            "msgs_state_info#04deb57d req_msg_id:long info:string = MsgsStateInfo",
            MessagesStateInfo(requestIdentifier: 1, info: [4, 12])
        ),
        TLSample(
            "msgs_all_info#8cc0d131 msg_ids:Vector<long> info:string = MsgsAllInfo",
            MessagesAllInfo(identifiers: [7], info: [4])
        ),
        TLSample(
            "msg_detailed_info#276d3ec6 msg_id:long answer_msg_id:long bytes:int status:int = MsgDetailedInfo",
            MessageDetailedInfo(identifier: 1, answerIdentifier: 2, byteCount: 3, status: 0)
        ),
        TLSample(
            "msg_new_detailed_info#809db6df answer_msg_id:long bytes:int status:int = MsgDetailedInfo",
            MessageNewDetailedInfo(answerIdentifier: 2, byteCount: 3, status: 0)
        ),
        TLSample("msg_resend_req#7d861a08 msg_ids:Vector<long> = MsgResendReq", MessageResendRequest(identifiers: [])),
        TLSample(
            "msg_resend_ans_req#8610baeb msg_ids:Vector<long> = MsgResendReq",
            MessageResendAnswerRequest(identifiers: [9])
        ),
        TLSample(
            "new_session_created#9ec20908 first_msg_id:long unique_id:long server_salt:long = NewSession",
            NewSessionCreated(firstMessageIdentifier: 1, uniqueIdentifier: 2, salt: 3)
        ),
        TLSample("ping#7abe77ec ping_id:long = Pong", Ping(pingIdentifier: -1)),
        TLSample(
            "ping_delay_disconnect#f3427b8c ping_id:long disconnect_delay:int = Pong",
            PingDelayDisconnect(pingIdentifier: 1, disconnectDelay: 75)
        ),
        TLSample(
            "pong#347773c5 msg_id:long ping_id:long = Pong",
            Pong(messageIdentifier: 1, pingIdentifier: 2)
        ),
        TLSample("get_future_salts#b921bd04 num:int = FutureSalts", GetFutureSalts(count: 64)),
        TLSample(
            "future_salt#0949d9dc valid_since:int valid_until:int salt:long = FutureSalt",
            FutureSalt(validSince: 1, validUntil: 2, salt: 3)
        ),
        TLSample(
            "future_salts#ae500895 req_msg_id:long now:int salts:vector<future_salt> = FutureSalts",
            FutureSalts(requestIdentifier: 1, now: 2, salts: [FutureSalt(validSince: 1, validUntil: 2, salt: 3)])
        ),
        TLSample(
            "destroy_session#e7512126 session_id:long = DestroySessionRes",
            DestroySession(sessionIdentifier: 1)
        ),
        TLSample(
            "destroy_session_ok#e22045fc session_id:long = DestroySessionRes",
            DestroySessionResult.ok(DestroySessionOK(sessionIdentifier: 1))
        ),
        TLSample(
            "destroy_session_none#62d350c9 session_id:long = DestroySessionRes",
            DestroySessionResult.none(DestroySessionNone(sessionIdentifier: 1))
        ),
        TLSample(
            "rpc_result#f35c6d01 req_msg_id:long result:Object = RpcResult",
            RPCResult(requestIdentifier: 1, result: pingBody),
            openLength: 12
        ),
        TLSample(
            "rpc_error#2144ca19 error_code:int error_message:string = RpcError",
            RPCErrorMessage(code: 420, message: "FLOOD_WAIT_30")
        ),
        TLSample(
            "rpc_drop_answer#58e4a740 req_msg_id:long = RpcDropAnswer",
            RPCDropAnswer(requestIdentifier: 1)
        ),
        TLSample(
            "rpc_answer_unknown#5e2ad36e = RpcDropAnswer",
            RPCDropAnswerResult.unknown(RPCAnswerUnknown())
        ),
        TLSample(
            "rpc_answer_dropped_running#cd78e586 = RpcDropAnswer",
            RPCDropAnswerResult.droppedRunning(RPCAnswerDroppedRunning())
        ),
        TLSample(
            "rpc_answer_dropped#a43ad8b7 msg_id:long seq_no:int bytes:int = RpcDropAnswer",
            RPCDropAnswerResult.dropped(RPCAnswerDropped(messageIdentifier: 1, sequenceNumber: 2, byteCount: 3))
        ),
        TLSample("destroy_auth_key#d1435160 = DestroyAuthKeyRes", DestroyAuthKey()),
        TLSample("destroy_auth_key_ok#f660e1d4 = DestroyAuthKeyRes", DestroyAuthKeyResult.ok(DestroyAuthKeyOK())),
        TLSample("destroy_auth_key_none#0a9f2259 = DestroyAuthKeyRes", DestroyAuthKeyResult.none(DestroyAuthKeyNone())),
        TLSample("destroy_auth_key_fail#ea109b13 = DestroyAuthKeyRes", DestroyAuthKeyResult.fail(DestroyAuthKeyFail())),
        TLSample(
            "http_wait#9299359f max_delay:int wait_after:int max_wait:int = HttpWait",
            HTTPWait(maximumDelay: 30, waitAfter: 10, maximumWait: 25_000)
        ),
    ]
}
