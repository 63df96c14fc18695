// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import NIOEmbedded
import Testing

/// The handler in a pipeline, without a socket.
struct MTProtoTransportHandlerTests {
    private func connect(_ channel: EmbeddedChannel) throws {
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    @Test("A client writes its first bytes when active, and they leave with the first flush", arguments: [true, false])
    func preamble(isActiveBefore: Bool) throws {
        let channel = EmbeddedChannel()
        let handler = try MTProtoTransportHandler(client: .init(framing: .intermediate))
        if isActiveBefore { try self.connect(channel) }
        try channel.pipeline.syncOperations.addHandler(handler)
        if !isActiveBefore { try self.connect(channel) }
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        try channel.writeOutbound(TransportCommand.payload(.payload(Payloads.ping), requestQuickAck: true))
        #expect(try channel.readOutbound(as: ByteBuffer.self)?.bytes == hex("eeeeeeee"))
        #expect(try channel.readOutbound(as: ByteBuffer.self)?.bytes == hex("58000080") + Payloads.ping)
        #expect(try channel.readOutbound(as: ByteBuffer.self) == nil)
        _ = try channel.finish()
    }

    @Test("A client and a server talk", arguments: StreamSetup.all.filter { $0.split == .whole && $0.role == .client })
    func conversation(setup: StreamSetup) throws {
        let secret = try setup.cover.secretText.map { text throws in try ProxySecret(string: text) }
        let client = EmbeddedChannel(
            handler: try MTProtoTransportHandler(
                client: .init(
                    framing: setup.framing,
                    obfuscation: setup.cover == .plain
                        ? nil : .init(dataCenter: DataCenterIdentifier(2), secret: secret)
                )
            )
        )
        let server = EmbeddedChannel(handler: MTProtoTransportHandler(server: .init(secrets: [secret])))
        try self.connect(client)
        try self.connect(server)

        let hasQuickAck = setup.framing != .full
        try client.writeOutbound(TransportCommand.payload(.payload(Payloads.ping), requestQuickAck: hasQuickAck))
        while let bytes = try client.readOutbound(as: ByteBuffer.self) { try server.writeInbound(bytes) }
        guard case .handshake(let handshake) = try server.readInbound(as: TransportEvent.self) else {
            Issue.record("no handshake")
            return
        }
        #expect(handshake.framing == setup.framing)
        let ping = TransportEvent.payload(ByteBuffer(bytes: Payloads.ping), quickAckRequested: hasQuickAck)
        #expect(try server.readInbound(as: TransportEvent.self) == ping)

        try server.writeOutbound(TransportCommand.setAuthorized(keyIdentifier: 1))
        try server.writeOutbound(TransportCommand.quickAck(Payloads.pingToken))
        try server.writeOutbound(TransportCommand.payload(.payload(Payloads.requestPQ), requestQuickAck: false))
        try server.writeOutbound(TransportCommand.transportError(.flood))
        while let bytes = try server.readOutbound(as: ByteBuffer.self) { try client.writeInbound(bytes) }
        if hasQuickAck {
            #expect(try client.readInbound(as: TransportEvent.self) == .quickAck(Payloads.pingToken))
        }
        let answer = TransportEvent.payload(ByteBuffer(bytes: Payloads.requestPQ), quickAckRequested: false)
        #expect(try client.readInbound(as: TransportEvent.self) == answer)
        #expect(try client.readInbound(as: TransportEvent.self) == .transportError(.flood))
        #expect(try client.readInbound(as: TransportEvent.self) == nil)
        #expect(try client.finish().isClean)
        #expect(try server.finish().isClean)
    }

    @Test("A broken stream is reported once, the channel stays open, and a server can still answer")
    func failure() throws {
        let channel = EmbeddedChannel(handler: MTProtoTransportHandler(server: .init()))
        try self.connect(channel)
        let error = #expect(throws: TransportConnectionError.self) {
            try channel.writeInbound(ByteBuffer(hex: "eeeeeeee 01000000"))
        }
        #expect(error?.framingError?.code == .unaligned)
        _ = try channel.readInbound(as: TransportEvent.self)
        try channel.writeInbound(ByteBuffer(hex: "0102030405"))
        #expect(try channel.readInbound(as: TransportEvent.self) == nil)
        #expect(channel.isActive)
        try channel.writeOutbound(TransportCommand.transportError(.notFound))
        #expect(try channel.readOutbound(as: ByteBuffer.self)?.bytes == hex("040000006cfeffff"))
        _ = try channel.finish()
    }

    @Test("A stream that ends inside a frame is reported, also when only one direction ends", arguments: [true, false])
    func truncated(isHalfClosed: Bool) throws {
        let channel = EmbeddedChannel(handler: MTProtoTransportHandler(server: .init()))
        try self.connect(channel)
        try channel.writeInbound(ByteBuffer(hex: "ef0a00"))
        let error = #expect(throws: TransportConnectionError.self) {
            if isHalfClosed {
                channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
                try channel.throwIfErrorCaught()
            } else {
                _ = try channel.finish()
            }
        }
        #expect(error?.code == .truncated)
        if isHalfClosed { _ = try channel.finish() }
    }

    @Test("A command that cannot be done fails its promise and changes nothing")
    func invalidCommand() throws {
        let server = EmbeddedChannel(handler: MTProtoTransportHandler(server: .init()))
        try self.connect(server)
        let early = #expect(throws: TransportConnectionError.self) {
            try server.writeOutbound(TransportCommand.quickAck(1))
        }
        #expect(early?.code == .noHandshake)

        let client = EmbeddedChannel(handler: try MTProtoTransportHandler(client: .init(framing: .full)))
        try self.connect(client)
        for command in [
            TransportCommand.quickAck(1), .transportError(.notFound), .payload(ByteBuffer(), requestQuickAck: false),
            .payload(.payload(Payloads.ping), requestQuickAck: true),
        ] {
            if command == .quickAck(1) {
                // Full framing has no form for it, so there is nothing to do.
                try client.writeOutbound(command)
                continue
            }
            #expect(throws: TransportConnectionError.self) { try client.writeOutbound(command) }
        }
        try client.writeOutbound(TransportCommand.payload(.payload(Payloads.ping), requestQuickAck: false))
        let frame = try client.readOutbound(as: ByteBuffer.self)?.bytes
        #expect(frame == hex("6400000000000000") + Payloads.ping + hex("7e721055"))
    }

    @Test("Foreign bytes go to the handler that follows when this one is removed")
    func foreign() throws {
        let handler = MTProtoTransportHandler(server: .init())
        let channel = EmbeddedChannel(handler: handler)
        try self.connect(channel)
        try channel.writeInbound(ByteBuffer(string: "GET /apiws HTTP/1.1\r\n"))
        #expect(try channel.readInbound(as: TransportEvent.self) == .foreign(.http))
        try channel.writeInbound(ByteBuffer(string: "Host: x\r\n"))
        #expect(handler.handshake == nil)
        try channel.pipeline.syncOperations.removeHandler(handler).wait()
        #expect(
            try channel.readInbound(as: ByteBuffer.self) == ByteBuffer(string: "GET /apiws HTTP/1.1\r\nHost: x\r\n")
        )
        _ = try channel.finish()
    }
}
