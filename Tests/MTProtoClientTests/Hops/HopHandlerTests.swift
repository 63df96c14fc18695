// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOTLS
import Testing

@testable import MTProtoClient

/// What comes behind a proxy's answer belongs to the next layer, however the bytes are cut.
@Suite struct HopHandlerTests {
    /// Remembers what reaches the next layer.
    private final class NextLayer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private(set) var bytes: [UInt8] = []
        private(set) var events: [String] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.bytes += self.unwrapInboundIn(data).readableBytesView
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .some(.inputClosed) = event as? ChannelEvent { self.events.append("end") }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            self.events.append("error")
        }
    }

    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case socks5, httpConnect

        var testDescription: String { self.rawValue }

        /// The proxy's answers, each to one write of the client.
        var answers: [[UInt8]] {
            switch self {
            case .socks5: [[5, 0], [5, 0, 0, 1, 1, 2, 3, 4, 0, 80]]
            case .httpConnect: [Array("HTTP/1.1 200 OK\r\nX-Proxy: yes\r\n\r\n".utf8)]
            }
        }

        func add(to channel: EmbeddedChannel, _ promise: EventLoopPromise<Void>) throws {
            let destination = try SocketEndpoint("[2001:db8::1]:443")
            switch self {
            case .socks5:
                let handshake = try SOCKS5Handshake(destination: destination)
                try channel.pipeline.syncOperations.addHandler(HopHandshakeHandler(handshake, promise))
            case .httpConnect:
                try HTTPConnectHandler.add(
                    to: channel,
                    destination: destination,
                    credentials: nil,
                    promise: promise
                )
            }
        }
    }

    private static let glued: [UInt8] = Array("\r\n\r\nHTTP/1.1 500 glued\r\n\r\n".utf8)

    @Test(
        "Glued bytes, the end and an error wait for the next layer, in order",
        arguments: Kind.allCases,
        [1, 7, 4096]
    )
    func glue(kind: Kind, pieceLength: Int) throws {
        let channel = EmbeddedChannel()
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let gate = HopGate()
        try kind.add(to: channel, promise)
        try channel.pipeline.syncOperations.addHandler(gate)
        var isDone = false
        promise.futureResult.assumeIsolated().whenSuccess { isDone = true }
        let bytes = kind.answers.flatMap { $0 } + Self.glued
        for start in stride(from: 0, to: bytes.count, by: pieceLength) {
            let piece = bytes[start..<min(start + pieceLength, bytes.count)]
            channel.pipeline.fireChannelRead(ByteBuffer(bytes: piece))
            channel.pipeline.fireChannelReadComplete()
            channel.embeddedEventLoop.run()
        }
        #expect(isDone)
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        channel.pipeline.fireErrorCaught(ChannelError.inputClosed)
        let next = NextLayer()
        try channel.pipeline.syncOperations.addHandler(next)
        #expect(next.bytes.isEmpty && next.events.isEmpty)
        gate.release()
        #expect(next.bytes == Self.glued)
        #expect(next.events == ["end", "error"])
        // Nothing is left between the wire and the next layer.
        channel.pipeline.fireChannelRead(ByteBuffer(bytes: [1]))
        #expect(next.bytes == Self.glued + [1])
        _ = try? channel.finish()
    }

    /// A channel that brings bytes within `read`.
    private final class PromptChannel: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        var pieces: [[UInt8]] = []

        func read(context: ChannelHandlerContext) {
            guard !self.pieces.isEmpty else { return }
            context.fireChannelRead(NIOAny(ByteBuffer(bytes: self.pieces.removeFirst())))
            context.fireChannelReadComplete()
        }
    }

    /// Reads on at whatever has come.
    private final class EagerLayer: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private(set) var bytes: [UInt8] = []

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.bytes += self.unwrapInboundIn(data).readableBytesView
            context.read()
        }
    }

    @Test("What comes while a gate hands on is not lost", arguments: [false, true])
    func prompt(isEager: Bool) throws {
        let channel = EmbeddedChannel()
        let prompt = PromptChannel()
        let gate = HopGate()
        let operations = channel.pipeline.syncOperations
        try operations.addHandlers([prompt, gate])
        channel.pipeline.fireChannelRead(ByteBuffer(bytes: [1]))
        prompt.pieces = [[2], [3], [4]]
        // It holds something, and so nothing is read.
        channel.pipeline.read()
        #expect(prompt.pieces.count == 3)
        let next = NextLayer()
        let eager = EagerLayer()
        try operations.addHandler(isEager ? eager : next)
        gate.release()
        #expect((isEager ? eager.bytes : next.bytes) == (isEager ? [1, 2, 3, 4] : [1, 2]))
        channel.pipeline.fireChannelRead(ByteBuffer(bytes: [9]))
        #expect((isEager ? eager.bytes : next.bytes).last == 9)
        _ = try? channel.finish()
    }

    @Test("The request to an HTTP proxy")
    func request() throws {
        let channel = EmbeddedChannel()
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        let promise = channel.eventLoop.makePromise(of: Void.self)
        try HTTPConnectHandler.add(
            to: channel,
            destination: try SocketEndpoint("[2001:db8::1]:443"),
            credentials: try ProxyCredentials(username: "Aladdin", password: "open sesame"),
            promise: promise
        )
        var text = ""
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { text += String(buffer: bytes) }
        #expect(
            text == """
                CONNECT [2001:db8::1]:443 HTTP/1.1\r
                Host: [2001:db8::1]:443\r
                Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r
                \r

                """
        )
        promise.fail(ChannelError.inputClosed)
        _ = try? channel.finish()
    }

    /// What an HTTP proxy answers when it is none, or does not want to.
    static let refusals: [(String, Int?)] = [
        ("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 5\r\n\r\n", 407),
        ("HTTP/1.0 401 Unauthorized\r\n\r\n", 401),
        ("HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 403),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502 Bad Gateway\r\n\r\n", 502),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", nil),
        ("\u{5}\u{0}", nil),
        ("HTTP/1.1 200 OK\r\nX: \(String(repeating: "a", count: 20_000))", nil),
        ("HTTP/1.1 200 \(String(repeating: "a", count: 20_000))", nil),
        (String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 1_000), nil),
    ]

    @Test("Refusals of HTTP proxies, and peers that are none", arguments: Self.refusals)
    func refused(answer: String, status: Int?) throws {
        let channel = EmbeddedChannel()
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        let promise = channel.eventLoop.makePromise(of: Void.self)
        try Kind.httpConnect.add(to: channel, promise)
        try channel.pipeline.syncOperations.addHandler(HopGate())
        channel.pipeline.fireChannelRead(ByteBuffer(string: answer))
        channel.embeddedEventLoop.run()
        var failure: (any Error)?
        promise.futureResult.assumeIsolated().whenFailure { failure = $0 }
        if let status {
            #expect((failure as? HTTPConnectError)?.status == status)
            let isAboutCredentials = status == 407 || status == 401
            #expect((failure as? HTTPConnectError)?.isAboutCredentials == isAboutCredentials)
        } else {
            #expect((failure as? HTTPConnectError)?.code == .malformed)
        }
        _ = try? channel.finish()
    }

    @Test("What is written before a flush shares a record of FakeTLS")
    func records() throws {
        let proxy = try SocketEndpoint("192.0.2.1:443")
        let secret = try ProxySecret(kind: .fakeTLS(domain: "example.com"), key: Bytes16())
        let hop = Hop.mtproxy(proxy, secret: secret)
        let channel = EmbeddedChannel(
            handler: FakeTLSRecordHandler(HopChain.Step(index: 3, hop: hop, destination: proxy))
        )
        channel.write(ByteBuffer(repeating: 1, count: 64), promise: nil)
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.write(ByteBuffer(repeating: 2, count: 10), promise: promise)
        channel.flush()
        var bytes: [UInt8] = []
        while let piece = try channel.readOutbound(as: ByteBuffer.self) { bytes += piece.readableBytesView }
        #expect(bytes.prefix(11) == [0x14, 3, 3, 0, 1, 1, 0x17, 3, 3, 0, 74])
        #expect(bytes.count == 11 + 74)
        try promise.futureResult.wait()
        try channel.writeInbound(ByteBuffer(bytes: [0x17, 3, 3, 0, 2, 8, 9, 0x17, 3, 3, 0, 1, 10]))
        let inbound = try channel.readInbound(as: ByteBuffer.self)
        #expect(inbound.map { Array($0.readableBytesView) } == [8, 9, 10])
        let failure = #expect(throws: HopFailure.self) {
            try channel.writeInbound(ByteBuffer(bytes: [0x15, 3, 3, 0, 2, 2, 40]))
        }
        #expect(failure?.index == 3)
        #expect(failure?.hop == hop)
        _ = try? channel.finish()
    }

    /// Counts events.
    private final class EventWatch: ChannelInboundHandler {
        typealias InboundIn = NIOAny

        private(set) var count = 0

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { self.count += 1 }
    }

    @Test("The end of a TLS handshake is no other layer's, and its handler is gone before", arguments: [true, false])
    func handshakeEnd(isPeerRight: Bool) throws {
        let channel = EmbeddedChannel()
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let handler = TLSHandshakeHandler(promise) { isPeerRight }
        let watch = EventWatch()
        try channel.pipeline.syncOperations.addHandlers([handler, watch])
        var isGone: Bool?
        var isDone: Bool?
        promise.futureResult.assumeIsolated().whenComplete { result in
            isGone = (try? channel.pipeline.syncOperations.context(handler: handler)) == nil
            if case .success = result { isDone = true } else { isDone = false }
        }
        channel.pipeline.fireUserInboundEventTriggered(TLSUserEvent.handshakeCompleted(negotiatedProtocol: nil))
        #expect(isGone == true)
        #expect(isDone == isPeerRight)
        #expect(watch.count == 0)
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(watch.count == 1)
        _ = try? channel.finish()
    }
}
