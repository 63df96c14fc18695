// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

/// A server that restarts while a client connects: it closes, and for a while nobody listens.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct HTTPRedialTests {
    /// Answers its first request with 503, or not at all, when it has stopped listening.
    private final class LastRequest: ChannelInboundHandler, Sendable {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        private let answers: Bool
        private let stop: @Sendable () -> EventLoopFuture<Void>

        init(answers: Bool, stop: @escaping @Sendable () -> EventLoopFuture<Void>) {
            self.answers = answers
            self.stop = stop
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .end = self.unwrapInboundIn(data) else { return }
            let channel = context.channel
            let answers = self.answers
            self.stop().hop(to: context.eventLoop).whenComplete { _ in
                guard answers else { return channel.close(promise: nil) }
                let head = HTTPResponseHead(
                    version: .http1_1,
                    status: .serviceUnavailable,
                    headers: ["Content-Length": "0"]
                )
                channel.write(HTTPServerResponsePart.head(head), promise: nil)
                channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
            }
        }
    }

    @Test("Nobody listens any more after the first request: asked again within the limit", arguments: [true, false])
    func refused(answers: Bool) async throws {
        // Keeps the port, so that nobody else listens there when this test does not any more.
        try await DeadEndpoint.refusing { try await Self.checkRefusal(answers: answers, at: $0) }
    }

    private static func checkRefusal(answers: Bool, at endpoint: SocketEndpoint) async throws {
        let listening = Mutex<(any Channel)?>(nil)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let operations = channel.pipeline.syncOperations
                    try operations.configureHTTPServerPipeline(withErrorHandling: false)
                    try operations.addHandler(
                        LastRequest(answers: answers) {
                            listening.withLock { $0 }?.close() ?? channel.eventLoop.makeSucceededVoidFuture()
                        }
                    )
                }
            }
            .bind(host: endpoint.host, port: endpoint.port).get()
        listening.withLock { $0 = listener }
        let start = ContinuousClock.now
        let error = await ConnectFailureTests.failure(to: endpoint) {
            $0.transport = .http
            $0.timeouts.attempt = .seconds(1)
        }
        #expect(error?.code == .connectionRefused)
        #expect(error?.phase == .keyExchange)
        #expect(start.duration(to: .now) >= .seconds(1))
        try? await listener.close()
    }
}
