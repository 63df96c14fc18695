// SPDX-License-Identifier: Apache-2.0
import MTProtoTransport
import NIOCore

enum TransportSnippets {
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
