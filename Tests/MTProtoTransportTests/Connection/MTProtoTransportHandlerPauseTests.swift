// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import NIOEmbedded
import Testing

/// Pausing, resuming, ending and discarding, in any order.
struct MTProtoTransportHandlerPauseTests {
    /// What the handler behind the transport sees; it does what the test says at each event.
    private final class Observer: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = TransportEvent

        var seen: [String] = []
        var onEvent: (Int) -> Void = { _ in }
        var payloadCount = 0

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch self.unwrapInboundIn(data) {
            case .handshake: self.seen.append("handshake")
            case .payload:
                self.payloadCount += 1
                self.seen.append("payload")
                self.onEvent(self.payloadCount)
            default: self.seen.append("other")
            }
        }

        func channelReadComplete(context: ChannelHandlerContext) {
            self.seen.append("complete")
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            self.seen.append(event is ChannelEvent ? "closed" : "event")
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.seen.append("inactive")
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.seen.append((error as? TransportConnectionError)?.code.description ?? "error")
        }
    }

    private let handler = MTProtoTransportHandler(server: .init())
    private let observer = Observer()
    private let channel = EmbeddedChannel()

    private static let frame = hex("58000000") + Payloads.ping

    init() throws {
        try self.channel.pipeline.syncOperations.addHandlers([self.handler, self.observer])
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func read(_ bytes: [UInt8]) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: bytes))
    }

    private func endInput() {
        self.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    }

    @Test("The end of the input waits behind paused payloads", arguments: [false, true])
    func endWhilePaused(isTruncated: Bool) throws {
        self.observer.onEvent = { [handler] _ in handler.pause() }
        try self.read(hex("eeeeeeee") + Self.frame + Self.frame + (isTruncated ? [1] : []))
        self.endInput()
        #expect(self.observer.seen == ["handshake", "payload", "complete"])
        self.handler.resume()
        #expect(self.observer.seen == ["handshake", "payload", "complete", "payload", "complete"])
        self.handler.resume()
        let end = isTruncated ? ["truncated", "closed"] : ["closed"]
        #expect(self.observer.seen.dropFirst(5) == end[...])
        _ = try self.channel.finish()
    }

    @Test("Other events do not wait")
    func otherEvents() throws {
        self.handler.pause()
        self.channel.pipeline.fireUserInboundEventTriggered(1)
        #expect(self.observer.seen == ["event"])
        _ = try self.channel.finish()
    }

    @Test("Pausing and resuming before the handler is in a pipeline leaves it going")
    func resumedEarly() throws {
        let handler = MTProtoTransportHandler(server: .init())
        handler.pause()
        handler.resume()
        let channel = EmbeddedChannel(handler: handler)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        try channel.writeInbound(ByteBuffer(hex: "eeeeeeee"))
        #expect(try channel.readInbound(as: TransportEvent.self) != nil)
        _ = try channel.finish()
    }

    @Test("Pausing and resuming inside each event costs no stack")
    func resumedInside() throws {
        // Deep enough to run over the stack of a test's thread, with a few frames a level.
        let count = 50_000
        self.observer.onEvent = { [handler] _ in
            handler.pause()
            handler.resume()
        }
        let frame = hex("14000000") + [UInt8](repeating: 0, count: 20)
        var bytes = ByteBuffer(hex: "eeeeeeee")
        for _ in 0..<count { bytes.writeBytes(frame) }
        try self.channel.writeInbound(bytes)
        #expect(self.observer.payloadCount == count)
        #expect(self.observer.seen.last == "complete")
        _ = try self.channel.finish()
    }

    @Test("Bytes that a pause holds are no partial frame")
    func partialFrame() throws {
        self.observer.onEvent = { [handler] _ in handler.pause() }
        try self.read(hex("eeeeeeee") + Self.frame + [0x58])
        #expect(!self.handler.hasPartialFrame)
        #expect(self.handler.bufferedByteCount == 1)
        self.handler.resume()
        #expect(self.handler.hasPartialFrame)
        // Whoever measures how long a partial frame waits learns of it.
        #expect(self.observer.seen == ["handshake", "payload", "complete", "complete"])
        _ = try? self.channel.finish()
    }

    @Test("Input is dropped after discarding, and nothing piles up", arguments: [false, true])
    func discard(hasEnded: Bool) throws {
        self.observer.onEvent = { [handler] _ in handler.pause() }
        try self.read(hex("eeeeeeee") + Self.frame + Self.frame)
        if hasEnded { self.endInput() }
        let before = self.observer.seen
        #expect(self.handler.discard() == hasEnded)
        self.handler.pause()
        for _ in 0..<10 { try self.read([UInt8](repeating: 1, count: 1 << 16)) }
        #expect(self.handler.bufferedByteCount == 0)
        self.handler.resume()
        #expect(self.observer.seen.filter { $0 != "complete" } == before.filter { $0 != "complete" })
        try self.channel.writeOutbound(TransportCommand.transportError(.notFound))
        #expect(try self.channel.readOutbound(as: ByteBuffer.self)?.bytes == hex("040000006cfeffff"))
        if !hasEnded {
            self.endInput()
            #expect(self.observer.seen.last == "closed")
        }
        _ = try self.channel.finish()
    }

    @Test("A channel that ends while paused fires no payloads any more, and no error")
    func inactiveWhilePaused() throws {
        self.observer.onEvent = { [handler] _ in handler.pause() }
        try self.read(hex("eeeeeeee") + Self.frame + Self.frame)
        #expect(try self.channel.finish().isClean)
        self.handler.resume()
        #expect(self.observer.seen == ["handshake", "payload", "complete", "inactive"])
    }

    @Test("A handler that is removed while paused hands over the bytes, then the end of the input")
    func removedWhilePaused() throws {
        final class Successor: ChannelInboundHandler {
            typealias InboundIn = ByteBuffer
            var seen: [String] = []
            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                self.seen.append("\(self.unwrapInboundIn(data).readableBytes)")
            }
            func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
                self.seen.append("closed")
            }
        }
        let successor = Successor()
        try self.channel.pipeline.syncOperations.removeHandler(self.observer).wait()
        try self.channel.pipeline.syncOperations.addHandler(successor)
        self.handler.pause()
        try self.read(hex("eeeeeeee") + Self.frame)
        self.endInput()
        try self.channel.pipeline.syncOperations.removeHandler(self.handler).wait()
        #expect(successor.seen == ["96", "closed"])
        self.handler.resume()
        #expect(successor.seen == ["96", "closed"])
        _ = try self.channel.finish()
    }
}
