// SPDX-License-Identifier: Apache-2.0

import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import MTProtoClient

/// Hops that a user brings along.
@Suite(.network, .timeLimit(.minutes(10)))
struct OwnHopTests {
    /// The server's side of ``PROXYProtocolConnector``: hands on what is behind the first line.
    private final class PROXYProtocolHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer

        private var received: ByteBuffer? = ByteBuffer()
        private let onHeader: (String) -> Void

        init(_ onHeader: @escaping (String) -> Void) { self.onHeader = onHeader }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard var received = self.received else { return context.fireChannelRead(data) }
            var bytes = self.unwrapInboundIn(data)
            received.writeBuffer(&bytes)
            self.received = received
            guard let end = received.readableBytesView.firstIndex(of: 0x0a) else { return }
            self.onHeader(received.readString(length: end + 1 - received.readerIndex) ?? "")
            self.received = nil
            if received.readableBytes > 0 { context.fireChannelRead(self.wrapInboundOut(received)) }
        }
    }

    @Test("The hop of the documentation, which gets no answer", arguments: TransportCase.carriers)
    func documented(transport: TransportCase) async throws {
        let headers = Mutex<Set<String>>([])
        try await withDataCenter { dataCenter in
            let target = try dataCenter.endpoint(for: transport.transport)
            try await FaultyRelay.run(
                to: target,
                prepare: { channel in
                    let handler = PROXYProtocolHandler { header in headers.withLock { _ = $0.insert(header) } }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            ) { proxy in
                let configuration = clientConfiguration {
                    $0.transport = transport.transport
                    $0.tls = dataCenter.trustingTLS
                    ProxySnippets.ownHop(&$0, proxy: proxy.endpoint)
                }
                try await MTProtoClient.withConnection(to: .endpoint(target), configuration: configuration) {
                    try await $0.expect(Queries.echo(1_000))
                }
            }
        }
        #expect(headers.withLock { $0 } == ["PROXY UNKNOWN\r\n"])
    }

    /// Wants a greeting, says something and is done: it speaks last.
    private struct LastWord: HopHandshake {
        typealias Failure = Never

        var hasGreeting = false

        mutating func start() -> ByteBuffer { ByteBuffer(bytes: [1]) }

        mutating func receive(_ received: inout ByteBuffer) -> HopHandshakeAction {
            if self.hasGreeting { return .done }
            guard received.readInteger(as: UInt8.self) != nil else { return .needsMoreBytes }
            self.hasGreeting = true
            return .send(ByteBuffer(bytes: [2]))
        }
    }

    /// Sends for ever.
    private struct Chatter: HopHandshake {
        typealias Failure = Never

        mutating func start() -> ByteBuffer { ByteBuffer(bytes: [1]) }
        mutating func receive(_ received: inout ByteBuffer) -> HopHandshakeAction { .send(ByteBuffer(bytes: [2])) }
    }

    /// Waits for ever.
    private struct Hoarder: HopHandshake {
        typealias Failure = Never

        mutating func start() -> ByteBuffer { ByteBuffer(bytes: [1]) }
        mutating func receive(_ received: inout ByteBuffer) -> HopHandshakeAction { .needsMoreBytes }
    }

    /// The outcome of a handshake that gets some bytes.
    private static func outcome(
        _ handshake: some HopHandshake,
        _ pieces: [ByteBuffer]
    ) throws -> (failure: (any Error)?, isDone: Bool, sent: [UInt8]) {
        let channel = EmbeddedChannel()
        channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
        let promise = channel.eventLoop.makePromise(of: Void.self)
        try channel.pipeline.syncOperations.addHandlers([HopHandshakeHandler(handshake, promise), HopGate()])
        for piece in pieces { channel.pipeline.fireChannelRead(piece) }
        channel.embeddedEventLoop.run()
        var failure: (any Error)?
        var isDone = false
        promise.futureResult.assumeIsolated().whenComplete { result in
            switch result {
            case .success: isDone = true
            case .failure(let error): failure = error
            }
        }
        var sent: [UInt8] = []
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) { sent += bytes.readableBytesView }
        let outcome = (failure, isDone, sent)
        _ = try? channel.finish()
        return outcome
    }

    @Test("A handshake that speaks last")
    func lastWord() throws {
        let outcome = try Self.outcome(LastWord(), [ByteBuffer(bytes: [7])])
        #expect(outcome.isDone)
        #expect(outcome.sent == [1, 2])
    }

    @Test("A handshake that sends for nothing, and one that takes nothing, fail")
    func endless() throws {
        let pieces = [ByteBuffer](repeating: ByteBuffer(repeating: 0, count: 32 << 10), count: 5)
        let chatter = try Self.outcome(Chatter(), [])
        let hoarder = try Self.outcome(Hoarder(), pieces)
        for failure in [chatter.failure, hoarder.failure] {
            let error = MTProtoClientError.make(
                from: try #require(failure as? HopHandshakeViolation),
                phase: .dial,
                endpoint: ""
            )
            #expect(error.code == .proxyProtocol)
        }
        #expect(chatter.sent == [1])
        let patient = try Self.outcome(Hoarder(), Array(pieces.prefix(4)))
        #expect((patient.failure as? HopHandshakeViolation) == nil)
    }
}
