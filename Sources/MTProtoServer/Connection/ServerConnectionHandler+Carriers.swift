// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoTransport
internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket

/// A client turns out to speak HTTP, and perhaps asks for a WebSocket: other handlers take the place of the transport's.
extension ServerConnectionHandler {
    /// Limits of a request's head: ours are a dozen short lines, browsers and intermediaries add theirs.
    private static let decoderLimits: NIOHTTPDecoderLimitConfiguration = {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = 8 * 1024
        limits.maxHeaderListSize = 32 * 1024
        limits.maxHeaderFieldCount = 100
        return limits
    }()

    func changeOver(to detection: TransportDetection, context: ChannelHandlerContext) {
        guard case .http = detection, let stream = self.transportHandler as? MTProtoTransportHandler else {
            // TLS where none is spoken, or TLS in TLS.
            return self.close()
        }
        let configuration = self.shared.configuration
        let watch = HTTPReadWatch()
        let handler = HTTPPayloadHandler(
            limits: .init(
                beforeAuthorization: configuration.limits.payloadBeforeAuthorization,
                payload: configuration.limits.payload
            ),
            clock: configuration.clock,
            watch: watch
        )
        do {
            let operations = context.pipeline.syncOperations
            let decoder = HTTPRequestDecoder(
                leftOverBytesStrategy: .forwardBytes,
                limitConfiguration: Self.decoderLimits
            )
            try operations.addHandlers(
                [HTTPResponseEncoder(), watch, ByteToMessageHandler(decoder), handler],
                position: .after(stream)
            )
            self.transportHandler = handler
            self.carrier = self.carrier.isSecure ? .https : .http
            self.timers.carriesRequests = true
            // Hands the bytes that it holds to the decoder.
            operations.removeHandler(stream, promise: nil)
        } catch {
            self.logger.error("change of the pipeline failed", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }

    func upgrade(_ request: WebSocketUpgradeRequest, context: ChannelHandlerContext) {
        guard let http = self.transportHandler as? HTTPPayloadHandler else { return self.close() }
        let upgrader = NIOWebSocketServerUpgrader(
            automaticErrorHandling: false,
            shouldUpgrade: { channel, _ in
                channel.eventLoop.makeSucceededFuture(["Sec-WebSocket-Protocol": "binary"])
            },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() }
        )
        // Complete already: nothing of it takes time.
        let headers = upgrader.buildUpgradeResponse(
            channel: context.channel,
            upgradeRequest: request.head,
            initialResponseHeaders: [:]
        )
        headers.assumeIsolated().whenComplete { result in
            switch result {
            case .success(let headers):
                // The queries of requests go on; what they bring is for other requests.
                self.leaveRequests()
                http.switchProtocols(headers)
                self.replaceHTTP(http, context: context)
            case .failure(let error):
                self.logger.debug("WebSocket refused", metadata: ["error": "\(error)"])
                self.close()
            }
        }
    }

    private func replaceHTTP(_ http: HTTPPayloadHandler, context: ChannelHandlerContext) {
        let configuration = self.shared.configuration
        var transport = TransportConnection.ServerConfiguration.obfuscatedOnly(secrets: configuration.secrets)
        transport.maximumPayloadLengthBeforeAuthorization = configuration.limits.payloadBeforeAuthorization
        transport.maximumPayloadLength = configuration.limits.payload
        transport.random = configuration.random
        let stream = MTProtoTransportHandler(server: transport)
        do {
            let operations = context.pipeline.syncOperations
            let decoder = WebSocketFrameDecoder(maxFrameSize: configuration.limits.webSocketFrame)
            let webSocket = WebSocketStreamHandler(role: .server)
            let backlog = WebSocketBacklog(before: webSocket, self.shared.makeStrangerBytes())
            // A client that has shown a key over HTTP is none any more.
            if self.timers.isAuthorized { backlog.authorized() }
            try operations.addHandlers(
                [backlog, ByteToMessageHandler(decoder), webSocket, stream],
                position: .after(http)
            )
            self.webSocketBacklog = backlog
            self.transportHandler = stream
            self.carrier = self.carrier.isSecure ? .wss : .ws
            self.timers.carriesRequests = false
            let encoder = try operations.handler(type: HTTPResponseEncoder.self)
            operations.removeHandler(encoder, promise: nil)
            operations.removeHandler(try operations.handler(type: HTTPReadWatch.self), promise: nil)
            operations.removeHandler(http, promise: nil)
            // Last: it hands the bytes behind the request to the decoder of the WebSocket.
            let requests = try operations.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let pipeline = context.pipeline
            let hasInputEnded = http.hasInputEnded
            operations.removeHandler(requests).assumeIsolated().whenSuccess {
                pipeline.syncOperations.fireChannelReadComplete()
                if hasInputEnded {
                    pipeline.syncOperations.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
                }
            }
        } catch {
            self.logger.error("change of the pipeline failed", metadata: ["error": "\(error)"])
            context.close(promise: nil)
        }
    }

    /// A WebSocket tells the transport error in its Close frame, too.
    func announceClosing(_ code: TransportErrorCode, context: ChannelHandlerContext) {
        guard self.carrier.isWebSocket else { return }
        context.triggerUserOutboundEvent(WebSocketCloseReason(code), promise: nil)
    }
}
