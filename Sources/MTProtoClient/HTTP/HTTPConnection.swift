// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
internal import NIOCore
internal import NIOHTTP1

/// What gets the responses of an ``HTTPConnection``.
protocol HTTPConnectionUser: AnyObject {
    func receive(_ response: HTTPResponseReader.Response)
    /// The connection broke, or what came was no response; it is closed or closing.
    func connectionFailed(_ error: any Error)
}

/// A keep-alive connection for one request at a time: the last handler of its channel.
final class HTTPConnection: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// What a response may have before its body; for the rest the body's own limit holds.
    static var decoderLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 8 << 10
        limits.maxHeaderListSize = 32 << 10
        limits.maxHeaderFieldCount = 100
        return limits
    }

    let channel: any Channel
    private let host: String
    private let path: String
    private var reader: HTTPResponseReader
    private var context: ChannelHandlerContext?
    private weak var user: (any HTTPConnectionUser)?
    private var failure: (any Error)?
    /// How much of the response's body has come.
    private(set) var receivedByteCount = 0

    private init(channel: any Channel, endpoint: Endpoint, maximumPayloadLength: Int) {
        self.channel = channel
        self.host = endpoint.hostHeader
        self.path = endpoint.path?.description ?? "/api"
        self.reader = HTTPResponseReader(maximumPayloadLength: maximumPayloadLength)
    }

    /// Makes a channel one of HTTP; on its event loop.
    static func add(to channel: any Channel, endpoint: Endpoint, maximumPayloadLength: Int) throws -> HTTPConnection {
        let connection = HTTPConnection(
            channel: channel,
            endpoint: endpoint,
            maximumPayloadLength: maximumPayloadLength
        )
        let operations = channel.pipeline.syncOperations
        try operations.addHandler(HTTPRequestEncoder())
        try operations.addHandler(
            ByteToMessageHandler(
                HTTPResponseDecoder(
                    leftOverBytesStrategy: .dropBytes,
                    informationalResponseStrategy: .drop,
                    limitConfiguration: self.decoderLimits
                )
            )
        )
        try operations.addHandler(connection)
        return connection
    }

    /// Hands the connection to its user, which learns at once if it is broken already.
    func attach(_ user: any HTTPConnectionUser) {
        self.user = user
        if let failure = self.failure { user.connectionFailed(failure) }
    }

    /// Sends a request. The one before has been answered.
    func send(_ payload: ByteBuffer) {
        guard let context = self.context else { return }
        self.receivedByteCount = 0
        let head = HTTPRequestHead(
            version: .http1_1,
            method: .POST,
            uri: self.path,
            headers: [
                "Host": self.host,
                "Connection": "keep-alive",
                "Content-Type": "application/octet-stream",
                "Content-Length": "\(payload.readableBytes)",
            ]
        )
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(payload))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
    }

    func close() {
        self.user = nil
        self.channel.close(promise: nil)
    }

    var unsentByteCount: Int {
        (try? self.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.fail(with: ChannelError.ioOnClosedChannel)
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(with: ConnectionClosedByPeer())
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(with: error)
        context.close(promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard self.failure == nil else { return }
        let part = self.unwrapInboundIn(data)
        if case .body(let bytes) = part { self.receivedByteCount += bytes.readableBytes }
        do {
            guard let response = try self.reader.receive(part) else { return }
            self.user?.receive(response)
        } catch {
            self.fail(with: error)
            context.close(promise: nil)
        }
    }

    private func fail(with error: any Error) {
        guard self.failure == nil else { return }
        self.failure = error
        self.user?.connectionFailed(error)
    }
}

extension Endpoint {
    /// Host and port as a request names them: without the scheme's own port.
    var hostHeader: String {
        guard self.socket.port == self.scheme.defaultPort else { return self.socket.description }
        return self.socket.host.contains(":") ? "[\(self.socket.host)]" : self.socket.host
    }
}
