// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoClient
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOPosix
import NIOSSL
import Testing

/// Dialers, resolvers and transports that a user brings along.
@Suite(.network, .timeLimit(.minutes(10)))
struct OwnDialerTests {
    /// The other end of ``InvertedTransport``.
    private final class InvertingHandler: ChannelDuplexHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer
        typealias OutboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private func invert(_ data: NIOAny) -> NIOAny {
            self.wrapInboundOut(ByteBuffer(bytes: self.unwrapInboundIn(data).readableBytesView.map { ~$0 }))
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.fireChannelRead(self.invert(data))
        }

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            context.write(self.invert(data), promise: promise)
        }
    }

    @Test("The dialer and the transport of the documentation")
    func documented() async throws {
        let path = "/tmp/mtproto-\(UInt64.random(in: .min ... .max))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try await withDataCenter { dataCenter in
            try await FaultyRelay.run(
                to: try dataCenter.endpoint,
                at: path,
                prepare: { try $0.pipeline.syncOperations.addHandler(InvertingHandler()) }
            ) { _ in
                let configuration = clientConfiguration { ProxySnippets.own(&$0, path: path) }
                try await MTProtoClient.withConnection(
                    to: try .dataCenter(2),
                    configuration: configuration
                ) { connection in
                    try await connection.expect(Queries.echo(40_000))
                    #expect(connection.supportsQuickAck)
                    let sent = try connection.send(Queries.echo())
                    try await sent.received()
                    #expect("\(connection.resolvedTarget.transport)" == "tcp, inverted")
                }
            }
        }
    }

    /// Has one address for every name.
    private struct LoopbackResolver: Resolver, Sendable {
        let eventLoop: any EventLoop
        let port: Int

        func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
            self.eventLoop.makeCompletedFuture { [try SocketAddress(ipAddress: "127.0.0.1", port: self.port)] }
        }

        func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
            self.eventLoop.makeSucceededFuture([])
        }

        func cancelQueries() {}
    }

    @Test("A resolver maps Telegram's addresses and names to loopback", arguments: TransportCase.carriers)
    func resolver(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            let port = try dataCenter.endpoint(for: transport.transport).port
            var tls = dataCenter.trustingTLS
            // The server's certificate is for localhost.
            tls.certificateVerification = .noHostnameVerification
            let configuration = clientConfiguration {
                $0.transport = transport.transport
                $0.tls = tls
                $0.dialer = TCPDialer { LoopbackResolver(eventLoop: $0, port: port) }
            }
            try await MTProtoClient.withConnection(
                to: try .dataCenter(2),
                configuration: configuration
            ) { connection in
                try await connection.expect(Queries.echo(40_000))
            }
        }
    }

    /// Never comes to an end by itself.
    private struct StallingDialer: Dialer {
        func dial(_ destination: SocketEndpoint, context: DialContext) -> EventLoopFuture<any Channel> {
            context.eventLoop.scheduleTask(in: .hours(1)) { throw CancellationError() }.futureResult
        }
    }

    @Test("A dialer that does not keep the time limit")
    func stalling() async throws {
        let error = await ConnectFailureTests.failure(to: try SocketEndpoint("127.0.0.1:1")) {
            $0.dialer = StallingDialer()
            $0.timeouts.attempt = .milliseconds(50)
        }
        #expect(error?.code == .timeout)
        #expect(error?.phase == .dial)
    }
}
