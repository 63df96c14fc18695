// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
internal import NIOCore

/// Puts the transport and the link behind it on a stream of bytes.
struct StreamLinkBuilder: Sendable {
    private let dataCenter: DataCenterIdentifier
    private let custom: CustomTransport?
    private let hasQuickAcknowledgements: Bool
    private let transport: TransportConnection.ClientConfiguration

    init(chain: HopChain, dataCenter: DataCenterIdentifier, configuration: ClientConfiguration) {
        self.dataCenter = dataCenter
        self.custom = chain.target.transport.custom
        self.hasQuickAcknowledgements = chain.target.transport.hasQuickAcknowledgements
        var transport = TransportConnection.ClientConfiguration(
            framing: chain.target.transport.framing ?? .intermediate
        )
        if chain.target.transport.isObfuscated {
            transport.obfuscation = .init(dataCenter: dataCenter, secret: chain.secret)
        }
        transport.maximumPayloadLength = configuration.maximumPayloadLength
        transport.random = configuration.random
        self.transport = transport
    }

    /// Makes the link of a stream, which may bring bytes from then on; on its event loop.
    func build(on stream: OpenStream) -> EventLoopFuture<NIOLoopBound<StreamLink>> {
        let link = self.add(to: stream.channel)
        stream.release()
        return link
    }

    /// Adds the handlers; on the channel's event loop.
    func add(to channel: any Channel) -> EventLoopFuture<NIOLoopBound<StreamLink>> {
        do {
            if let custom = self.custom {
                return try self.add(custom.transport, to: channel)
            }
            try channel.pipeline.syncOperations.addHandler(MTProtoTransportHandler(client: self.transport))
            return channel.eventLoop.makeSucceededFuture(try self.addLink(to: channel))
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    /// Adds the handlers of a user's, which may take a while until payloads can be written.
    private func add(
        _ transport: any Transport,
        to channel: any Channel
    ) throws -> EventLoopFuture<NIOLoopBound<StreamLink>> {
        let future = try transport.addHandlers(
            to: channel,
            dataCenter: self.dataCenter,
            maximumPayloadLength: self.transport.maximumPayloadLength
        )
        // Errors end the wait: the link is not there yet to hear of them.
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let watch = TransportStartHandler(promise)
        future.cascade(to: promise)
        let bound = NIOLoopBound(watch, eventLoop: channel.eventLoop)
        do {
            try channel.pipeline.syncOperations.addHandler(watch)
        } catch {
            promise.fail(error)
        }
        return promise.futureResult.flatMapThrowing {
            _ = channel.pipeline.syncOperations.removeHandler(bound.value)
            return try self.addLink(to: channel)
        }
    }

    private func addLink(to channel: any Channel) throws -> NIOLoopBound<StreamLink> {
        let link = StreamLink(channel: channel, hasQuickAcknowledgements: self.hasQuickAcknowledgements)
        try channel.pipeline.syncOperations.addHandler(link)
        return NIOLoopBound(link, eventLoop: channel.eventLoop)
    }
}

/// Stands where the link will be, and fails a promise with what goes wrong until then.
private final class TransportStartHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let promise: EventLoopPromise<Void>

    init(_ promise: EventLoopPromise<Void>) {
        self.promise = promise
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.promise.fail(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.promise.fail(ConnectionClosedByPeer())
        context.fireChannelInactive()
    }
}
