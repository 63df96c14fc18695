// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import MTProtoTransport
internal import NIOCore

/// Sends plaintext queries of the key exchange one at a time and waits for their answers.
final class KeyExchangeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = TransportEvent
    typealias OutboundOut = TransportCommand

    private var context: ChannelHandlerContext?
    private var waiting: (promise: EventLoopPromise<ByteBuffer>, timeout: Scheduled<Void>)?
    private var failure: (any Error)?
    private var identifiers = MessageIdentifierGenerator(role: .client)
    private let clock: SessionClock

    init(clock: SessionClock) {
        self.clock = clock
    }

    /// Sends a query and waits for its answer.
    func request(_ body: ByteBuffer, timeout: TimeAmount, on eventLoop: any EventLoop) -> EventLoopFuture<ByteBuffer> {
        let promise = eventLoop.makePromise(of: ByteBuffer.self)
        guard let context = self.context, self.waiting == nil, self.failure == nil else {
            promise.fail(self.failure ?? ChannelError.ioOnClosedChannel)
            return promise.futureResult
        }
        let timer = eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            self.finish(.failure(ClientTimeout(limit: timeout)))
        }
        self.waiting = (promise, timer)
        let message = PlaintextMessage(
            identifier: self.identifiers.next(serverNanoseconds: self.clock.now().wallNanoseconds),
            body: body
        )
        context.writeAndFlush(
            self.wrapOutboundOut(.payload(message.serialized(), requestQuickAck: false)),
            promise: nil
        )
        return promise.futureResult
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.fail(ChannelError.ioOnClosedChannel)
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .payload(let payload, _):
            self.receive(payload, context: context)
        case .transportError(let code):
            self.fail(ReceivedTransportError(code: code))
            context.close(promise: nil)
        case .quickAck, .handshake, .authorizationNeeded, .foreign:
            break
        }
    }

    private func receive(_ payload: ByteBuffer, context: ChannelHandlerContext) {
        do {
            self.finish(.success(try PlaintextMessage(parsing: payload).body))
        } catch {
            self.fail(error)
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.fail(error)
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(ConnectionClosedByPeer())
        context.fireChannelInactive()
    }

    private func fail(_ error: any Error) {
        if self.failure == nil { self.failure = error }
        self.finish(.failure(self.failure ?? error))
    }

    private func finish(_ result: Result<ByteBuffer, any Error>) {
        guard let (promise, timeout) = self.waiting else { return }
        self.waiting = nil
        timeout.cancel()
        promise.completeWith(result)
    }
}

/// A time limit ran out.
struct ClientTimeout: Error {
    let limit: TimeAmount
}

/// The server sent a transport error.
struct ReceivedTransportError: Error {
    let code: TransportErrorCode
}

/// The server closed the connection.
struct ConnectionClosedByPeer: Error {}
