// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

/// Pings, closing and errors of the handler, behind NIO's frame decoder.
struct WebSocketStreamHandlerTests {
    /// Stands for the socket: sees what leaves, and closes nothing.
    private final class Socket: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        var seen: [String] = []
        var written: [UInt8] = []

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            self.written += Self.unwrapOutboundIn(data).bytes
            promise?.succeed()
        }

        func flush(context: ChannelHandlerContext) {
            self.seen.append("flush \(Hexadecimal.string(self.written))")
            self.written = []
        }

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            self.seen.append("close \(mode)")
            promise?.succeed()
        }
    }

    private final class Observer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        var seen: [String] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.seen.append(Hexadecimal.string(Self.unwrapInboundIn(data).bytes))
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if let closed = event as? WebSocketClosed { self.seen.append("closed \(closed)") }
            if event is ChannelEvent { self.seen.append("input closed") }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.seen.append("error \(error)")
        }
    }

    private let socket = Socket()
    private let observer = Observer()
    private let channel = EmbeddedChannel()

    private func open(_ role: Role, hasEncoder: Bool = true) throws {
        let pipeline = self.channel.pipeline.syncOperations
        try pipeline.addHandler(self.socket)
        if hasEncoder { try pipeline.addHandler(WebSocketFrameEncoder()) }
        try pipeline.addHandler(ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1000)))
        try pipeline.addHandler(WebSocketStreamHandler(role: role, random: .fixed([0, 0, 0, 0])))
        try pipeline.addHandler(self.observer)
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func read(_ text: String) throws {
        try self.channel.writeInbound(ByteBuffer(hex: text))
    }

    @Test("Bytes go both ways, with and without NIO's encoder in the pipeline", arguments: [true, false])
    func bytes(hasEncoder: Bool) throws {
        try self.open(.server, hasEncoder: hasEncoder)
        try self.read("8283 00000000 010203  0281 ffffffff fb  8a80 00000000  8081 00000000 05")
        #expect(self.observer.seen == ["010203", "04", "05"])
        try self.channel.writeOutbound(ByteBuffer(bytes: [6, 7]))
        #expect(self.socket.seen == ["flush 82020607"])
        _ = try self.channel.finish()
    }

    @Test("A client's write is masked, a long one cut; the promise belongs to the last frame")
    func clientWrites() throws {
        let pipeline = self.channel.pipeline.syncOperations
        try pipeline.addHandler(self.socket)
        try pipeline.addHandler(WebSocketFrameEncoder())
        try pipeline.addHandler(
            WebSocketStreamHandler(role: .client, maximumFrameLength: 2, random: .fixed([1, 0, 0, 0]))
        )
        let written = self.channel.writeAndFlush(ByteBuffer(bytes: [6, 7, 8]))
        try written.wait()
        #expect(self.socket.seen == ["flush 8282010000000707828101000000" + "09"])
        _ = try self.channel.finish()
    }

    @Test("An empty write completes and sends nothing, even behind a Close frame")
    func emptyWrites() throws {
        try self.open(.server)
        try self.channel.writeAndFlush(ByteBuffer()).wait()
        #expect(self.socket.seen == ["flush "])
        try self.channel.close(mode: .output).wait()
        try self.channel.writeAndFlush(ByteBuffer()).wait()
        #expect(throws: ChannelError.outputClosed) {
            try self.channel.writeAndFlush(ByteBuffer(bytes: [1])).wait()
        }
        _ = try self.channel.finish()
    }

    @Test("Pings are answered with the read they came in; those that cannot be sent leave only the last")
    func pings() throws {
        try self.open(.server)
        try self.read("8981 00000000 01  8980 00000000")
        #expect(self.socket.seen == ["flush 8a01018a00"])
        self.channel.isWritable = false
        self.channel.pipeline.fireChannelWritabilityChanged()
        for number in UInt8(2)...50 { try self.read("8981 00000000 \(Hexadecimal.string([number]))") }
        #expect(self.socket.seen.count == 1)
        self.channel.isWritable = true
        self.channel.pipeline.fireChannelWritabilityChanged()
        #expect(self.socket.seen.dropFirst() == ["flush 8a0132"])
        #expect(self.observer.seen.isEmpty)
        _ = try self.channel.finish()
    }

    @Test(
        "A peer's Close frame is answered; a server then ends its output, a client waits for that",
        arguments: [Role.server, .client]
    )
    func peerCloses(role: Role) throws {
        try self.open(role)
        try self.read(role == .server ? "888a 00000000 03e8 202020202d343239" : "880a 03e8 202020202d343239")
        #expect(self.observer.seen == ["closed 1000, transport error 429", "input closed"])
        let answer = role == .server ? "880203e8" : "88820000000003e8"
        #expect(self.socket.seen == ["flush \(answer)"] + (role == .server ? ["close output"] : []))
        // What follows is no longer looked at, and the end is told once.
        try self.read("ff00")
        self.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(self.observer.seen.count == 2)
        #expect(throws: ChannelError.outputClosed) {
            try self.channel.writeAndFlush(ByteBuffer(bytes: [1])).wait()
        }
        self.channel.close(promise: nil)
        #expect(self.socket.seen.last == "close all")
        _ = try? self.channel.finish()
    }

    @Test("Closing the output sends the reason; the answer ends a server's output; bytes in between arrive")
    func closesOutput() throws {
        try self.open(.server)
        try self.channel.triggerUserOutboundEvent(WebSocketCloseReason(.notFound)).wait()
        try self.channel.close(mode: .output).wait()
        #expect(self.socket.seen == ["flush 880a03e8202020202d343034"])
        try self.channel.close(mode: .output).wait()
        try self.read("8281 00000000 09  8980 00000000")
        #expect(self.observer.seen == ["09"])
        #expect(self.socket.seen.count == 1)
        try self.read("8882 00000000 03e8")
        #expect(self.socket.seen.dropFirst() == ["close output"])
        #expect(self.observer.seen == ["09", "closed 1000", "input closed"])
        _ = try? self.channel.finish()
    }

    @Test("Closing everything sends the frame first, once", arguments: [Role.server, .client])
    func closesAll(role: Role) throws {
        try self.open(role)
        self.channel.close(promise: nil)
        let frame = role == .server ? "880203e8" : "88820000000003e8"
        #expect(self.socket.seen == ["flush \(frame)", "close all"])
        self.channel.close(promise: nil)
        #expect(self.socket.seen.dropFirst(2) == ["close all"])
        _ = try? self.channel.finish()
    }

    @Test("An end without a Close frame is told; closing afterwards is still proper")
    func endWithoutClose() throws {
        try self.open(.server)
        self.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(self.observer.seen == ["input closed"])
        try self.channel.writeAndFlush(ByteBuffer(bytes: [1])).wait()
        try self.channel.close(mode: .output).wait()
        #expect(self.socket.seen == ["flush 820101", "flush 880203e8", "close output"])
        _ = try? self.channel.finish()
    }

    @Test(
        "A broken rule, ours or of NIO's decoder, is answered with Close and told once",
        arguments: [
            ("8201 00", "notMasked", "31303032"), ("8181 00000000 00", "textMessage", "31303033"),
            ("c281 00000000 00", "reservedBits", "31303032"),
            ("8081 00000000 00", "unexpectedContinuation", "31303032"),
            ("82fe 03e9 00000000", "oversizedFrame", "31303039"),
            ("82ff ffffffffffffffff 00000000", "oversizedFrame", "31303039"),
            ("0980 00000000", "fragmentedControl", "31303032"), ("89fe 007e 00000000", "oversizedControl", "31303032"),
            ("8881 00000000 03", "invalidClose", "31303032"),
        ]
    )
    func breach(frame: String, error: String, reason: String) throws {
        try self.open(.server)
        try self.read("8281 00000000 09")
        try? self.read(frame)
        #expect(self.observer.seen == ["09", "error \(error)"])
        #expect(self.socket.seen == ["flush 880a03e820202020\(reason)"])
        try? self.read("8281 00000000 0a")
        #expect(self.observer.seen.count == 2)
        try self.channel.close(mode: .output).wait()
        #expect(self.socket.seen.dropFirst() == ["close output"])
        _ = try? self.channel.finish()
    }
}
