// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket

/// Makes a connected channel a WebSocket with a link on it.
///
/// Specification: *Transports*, WebSocket; RFC 6455.
struct WebSocketUpgrade: Sendable {
    /// The subprotocol, for which browsers have to be told one.
    static let subprotocol = "binary"

    let endpoint: Endpoint
    let maximumPayloadLength: Int
    /// Puts what belongs behind the WebSocket's stream into the pipeline; on the event loop.
    let addLink: @Sendable (any Channel) -> EventLoopFuture<NIOLoopBound<StreamLink>>

    /// Asks for the upgrade; on the stream's event loop.
    ///
    /// - Throws: in the future, ``WebSocketRefusal`` when the server does not upgrade.
    func perform(on stream: OpenStream) -> EventLoopFuture<NIOLoopBound<StreamLink>> {
        let channel = stream.channel
        do {
            let operations = channel.pipeline.syncOperations
            let encoder = HTTPRequestEncoder()
            let decoder = ByteToMessageHandler(
                HTTPResponseDecoder(
                    leftOverBytesStrategy: .forwardBytes,
                    informationalResponseStrategy: .drop,
                    limitConfiguration: HTTPConnection.decoderLimits
                )
            )
            let status = ResponseStatusHandler()
            let boundStatus = NIOLoopBound(status, eventLoop: channel.eventLoop)
            let upgrade = NIOTypedHTTPClientUpgradeHandler(
                httpHandlers: [encoder, decoder, status],
                upgradeConfiguration: .init(
                    upgradeRequestHead: HTTPRequestHead(
                        version: .http1_1,
                        method: .GET,
                        uri: self.endpoint.path?.description ?? "/apiws",
                        headers: ["Host": self.endpoint.hostHeader]
                    ),
                    upgraders: [BinaryWebSocketUpgrader(self)],
                    notUpgradingCompletionHandler: { channel in
                        channel.eventLoop.makeFailedFuture(WebSocketRefusal(status: boundStatus.value.status))
                    }
                )
            )
            try operations.addHandlers([encoder, decoder, status, upgrade])
            stream.release()
            let addLink = self.addLink
            return upgrade.upgradeResultFuture.flatMap {
                // Not earlier: the link writes at once, and the handler of the upgrade lets nothing pass until it is over.
                // Not later: then it hands on what it has received.
                addLink(channel)
            }.flatMapErrorThrowing { error in
                throw error is NIOHTTPClientUpgradeError ? WebSocketRefusal(status: 101) : error
            }
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }
}

/// NIO's upgrader with our subprotocol.
private struct BinaryWebSocketUpgrader: NIOTypedHTTPClientProtocolUpgrader {
    private let upgrader: NIOTypedWebSocketClientUpgrader<Void>

    init(_ upgrade: WebSocketUpgrade) {
        self.upgrader = NIOTypedWebSocketClientUpgrader(
            // The borders of frames mean nothing: one may hold many small payloads, whatever the limit of each.
            maxFrameSize: min(max(upgrade.maximumPayloadLength, 16 << 20), Int(Int32.max) - 1_024) + 1_024,
            enableAutomaticErrorHandling: false
        ) { channel, _ in
            channel.eventLoop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(WebSocketStreamHandler(role: .client))
            }
        }
    }

    var supportedProtocol: String { self.upgrader.supportedProtocol }
    var requiredUpgradeHeaders: [String] { self.upgrader.requiredUpgradeHeaders }

    func addCustom(upgradeRequestHeaders: inout HTTPHeaders) {
        self.upgrader.addCustom(upgradeRequestHeaders: &upgradeRequestHeaders)
        upgradeRequestHeaders.add(name: "Sec-WebSocket-Protocol", value: WebSocketUpgrade.subprotocol)
    }

    /// A server may leave our subprotocol unmentioned, but not choose what was not offered.
    func shouldAllowUpgrade(upgradeResponse: HTTPResponseHead) -> Bool {
        let chosen = upgradeResponse.headers["Sec-WebSocket-Protocol"]
        return chosen.allSatisfy { $0.lowercased() == WebSocketUpgrade.subprotocol } && chosen.count <= 1
            && !upgradeResponse.headers.contains(name: "Sec-WebSocket-Extensions")
            && self.upgrader.shouldAllowUpgrade(upgradeResponse: upgradeResponse)
    }

    func upgrade(
        channel: any Channel,
        upgradeResponse: HTTPResponseHead
    ) -> EventLoopFuture<Void> {
        self.upgrader.upgrade(channel: channel, upgradeResponse: upgradeResponse)
    }
}

/// Remembers the status of a response that passes.
private final class ResponseStatusHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias InboundOut = HTTPClientResponsePart

    private(set) var status: UInt = 0

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = self.unwrapInboundIn(data) { self.status = head.status.code }
        context.fireChannelRead(data)
    }
}

/// The server did not make a WebSocket of the connection.
struct WebSocketRefusal: Error {
    /// What it answered; with 101 the rest of the answer was not right.
    let status: UInt
}
