// SPDX-License-Identifier: Apache-2.0
import MTProtoTransport
import NIOCore
import NIOWebSocket

enum TransportSnippets {
    static func webSocket(
        pipeline: ChannelPipeline.SynchronousOperations,
        configuration: TransportConnection.ServerConfiguration
    ) throws {
        // snippet
        try pipeline.addHandlers([
            ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 21)),
            WebSocketStreamHandler(role: .server),
            MTProtoTransportHandler(server: configuration),
        ])
        // end
    }

    static func closing(channel: any Channel) {
        // snippet
        channel.triggerUserOutboundEvent(WebSocketCloseReason(.notFound), promise: nil)
        channel.close(mode: .output, promise: nil)
        // end
    }

    static func bothEnds(payload: ByteBuffer) throws {
        // snippet
        var configuration = TransportConnection.ClientConfiguration(framing: .paddedIntermediate)
        configuration.obfuscation = .init(dataCenter: DataCenterIdentifier(2))
        var client = try TransportConnection(client: configuration)
        var server = TransportConnection(server: .init())

        if let preamble = client.takePreamble() { server.receive(preamble) }
        server.receive(try client.send(payload))

        while let event = try server.nextEvent() {
            switch event {
            case .handshake(let handshake): print("the client speaks \(handshake.framing)")
            case .payload(let payload, _): print("\(payload.readableBytes) bytes")
            default: break
            }
        }
        // end
    }
}
