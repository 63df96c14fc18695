// SPDX-License-Identifier: Apache-2.0
import MTProtoClient
import MTProtoTransport
import NIOCore
import NIOPosix

enum ProxySnippets {
    static func route(_ configuration: inout ClientConfiguration, links: [String]) throws {
        // snippet
        let hops = try links.map { Hop(try ProxySpecification($0)) }
        configuration.routes = [Route(hops)]
        print("\(configuration.routes[0])")
        // end
    }

    static func secureProxy(_ configuration: inout ClientConfiguration, proxy: SocketEndpoint) {
        // snippet
        configuration.routes = [[.tls(), .httpConnect(proxy)]]
        // end
    }

    static func failure(target: ConnectionTarget, configuration: ClientConfiguration) async throws {
        // snippet
        do {
            try await MTProtoClient.withConnection(to: target, configuration: configuration) { connection in
                _ = try await connection.ping()
            }
        } catch let error as MTProtoClientError where error.code == .proxyAuthentication {
            print("\(error.hopDescription ?? "a proxy") wants other credentials")
        } catch let error as MTProtoClientError where error.hop != nil {
            print("\(error)")
        }
        // end
    }
}

// snippet
/// Tells the server who connects, as HAProxy's PROXY protocol has it, and waits for no answer.
struct PROXYProtocolConnector: HopConnector {
    private struct Handshake: HopHandshake {
        typealias Failure = Never

        mutating func start() -> ByteBuffer { ByteBuffer(string: "PROXY UNKNOWN\r\n") }

        mutating func receive(_ received: inout ByteBuffer) -> HopHandshakeAction { .done }
    }

    func makeHandshake(to destination: SocketEndpoint) -> any HopHandshake { Handshake() }
}
// end

// snippet
/// Goes to a Unix socket, whatever the destination.
struct UnixSocketDialer: Dialer {
    let path: String

    func dial(_ destination: SocketEndpoint, context: DialContext) -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: context.eventLoop)
            .channelOption(.autoRead, value: false)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try context.willConnect(channel) }
            }
            .connect(unixDomainSocketPath: self.path)
    }
}
// end

// snippet
/// Intermediate framing, every byte of which is inverted.
struct InvertedTransport: Transport {
    let name = "inverted"
    let hasQuickAcknowledgements = true

    func addHandlers(
        to channel: any Channel,
        dataCenter: DataCenterIdentifier,
        maximumPayloadLength: Int
    ) throws -> EventLoopFuture<Void> {
        let framing = TransportConnection.ClientConfiguration(
            framing: .intermediate,
            maximumPayloadLength: maximumPayloadLength
        )
        let operations = channel.pipeline.syncOperations
        try operations.addHandler(InvertingHandler())
        try operations.addHandler(MTProtoTransportHandler(client: framing))
        return channel.eventLoop.makeSucceededVoidFuture()
    }
}

final class InvertingHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private func invert(_ bytes: ByteBuffer) -> ByteBuffer {
        ByteBuffer(bytes: bytes.readableBytesView.map { ~$0 })
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.fireChannelRead(self.wrapInboundOut(self.invert(self.unwrapInboundIn(data))))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        context.write(self.wrapOutboundOut(self.invert(self.unwrapOutboundIn(data))), promise: promise)
    }
}
// end

extension ProxySnippets {
    static func ownHop(_ configuration: inout ClientConfiguration, proxy: SocketEndpoint) {
        // snippet
        configuration.routes = [[.custom(name: "PROXY protocol", endpoint: proxy, PROXYProtocolConnector())]]
        // end
    }

    static func own(_ configuration: inout ClientConfiguration, path: String) {
        // snippet
        configuration.dialer = UnixSocketDialer(path: path)
        configuration.transport = .custom(InvertedTransport())
        // end
    }
}
