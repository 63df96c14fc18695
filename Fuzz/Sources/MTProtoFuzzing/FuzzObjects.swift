// SPDX-License-Identifier: Apache-2.0
import MTProtoSession
import NIOCore

/// Types with one constructor: the harness writes it, the input is the fields.
private let objects: [any TLObject.Type] = [
    RequestPQ.self, RequestPQMulti.self, ResultPQ.self, RequestDHParameters.self, ServerDHParametersOK.self,
    ServerDHParametersFail.self, ServerDHInnerData.self, ClientDHInnerData.self, SetClientDHParameters.self,
    DHGenerationOK.self, DHGenerationRetry.self, DHGenerationFail.self, BindAuthKeyInner.self,
    BindTemporaryAuthKey.self, MessagesAcknowledgement.self, BadMessageNotification.self, BadServerSalt.self,
    MessagesStateRequest.self, MessagesStateInfo.self, MessagesAllInfo.self, MessageDetailedInfo.self,
    MessageNewDetailedInfo.self, MessageResendRequest.self, MessageResendAnswerRequest.self,
    NewSessionCreated.self, Ping.self, PingDelayDisconnect.self, Pong.self, GetFutureSalts.self,
    FutureSalts.self, DestroySession.self, DestroySessionOK.self, DestroySessionNone.self, RPCResult.self,
    RPCErrorMessage.self, RPCDropAnswer.self, RPCAnswerDropped.self, HTTPWait.self, GzipPacked.self,
    ContainedMessage.self, MessageContainer.self, MessageCopy.self, InvokeWithLayer.self, InitConnection.self,
    InvokeAfterMessage.self, InvokeAfterMessages.self, InvokeWithoutUpdates.self, InvokeWithMessagesRange.self,
    InvokeWithTakeout.self, InputClientProxy.self, DataCenterOption.self, NearestDataCenter.self,
    CDNPublicKey.self, CDNConfig.self, ConfigSimple.self, UpdateDataCenterOptions.self,
]

/// Types with several constructors: the input has one of them.
private let boxes: [any TLBoxed.Type] = [
    PQInnerData.self, ServerDHParameters.self, DHGenerationResult.self, RPCDropAnswerResult.self,
    DestroySessionResult.self, DestroyAuthKeyResult.self, Config.self, Reaction.self, JSONValue.self, IPPort.self,
]

/// What one type reads it must also write, and read again as the same bytes.
func fuzzObjects(_ input: inout FuzzInput) {
    let choice = Int(input.byte()) % (objects.count + boxes.count)
    let bytes = input.rest()
    if choice < objects.count {
        var buffer = ByteBuffer()
        buffer.writeInteger(objects[choice].constructor, endianness: .little)
        buffer.writeBytes(bytes)
        objects[choice].checkRoundTrip(buffer)
    } else {
        boxes[choice - objects.count].checkRoundTrip(ByteBuffer.shifted(bytes))
    }
}

extension TLBoxed {
    fileprivate static func checkRoundTrip(_ bytes: ByteBuffer) {
        guard let object = try? Self(bytes) else { return }
        let written = object.serialized()
        guard let again = try? Self(written) else { preconditionFailure("\(Self.self) cannot read what it wrote") }
        precondition(again.serialized() == written, "\(Self.self) writes another value than it read")
    }
}
