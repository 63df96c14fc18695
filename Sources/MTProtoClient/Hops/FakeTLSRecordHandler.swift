// SPDX-License-Identifier: Apache-2.0

internal import MTProtoTransport
internal import NIOCore

/// Puts a client's bytes into records of FakeTLS, and takes the proxy's out of them; behind the handshake.
///
/// What is written before a flush shares records, as if it were one write.
final class FakeTLSRecordHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// How much waits for a flush: more is written, so that the channel counts it.
    private static let maximumPendingByteCount = 16 << 10

    private var decoder = FakeTLSRecordDecoder()
    private var encoder = FakeTLSRecordEncoder(role: .client)
    private var pending = ByteBuffer()
    private var pendingPromise: EventLoopPromise<Void>?
    private var hasFailed = false
    private let step: HopChain.Step

    /// - Parameter step: the proxy's, to which errors belong.
    init(_ step: HopChain.Step) {
        self.step = step
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !self.hasFailed else { return }
        var bytes = self.unwrapInboundIn(data)
        var failure: FakeTLSError?
        do throws(FakeTLSError) {
            try self.decoder.decode(&bytes)
        } catch {
            self.hasFailed = true
            failure = error
        }
        if bytes.readableBytes > 0 { context.fireChannelRead(self.wrapInboundOut(bytes)) }
        if let failure {
            let cause = FakeTLSDataFailure(cause: failure)
            context.fireErrorCaught(HopFailure(index: self.step.index, hop: self.step.hop, cause: cause))
        }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var bytes = self.unwrapOutboundIn(data)
        if self.pending.readableBytes == 0 {
            // Without a copy: most often it is the only write.
            self.pending = bytes
        } else {
            self.pending.writeBuffer(&bytes)
        }
        if let promise {
            if let pendingPromise = self.pendingPromise {
                pendingPromise.futureResult.cascade(to: promise)
            } else {
                self.pendingPromise = promise
            }
        }
        if self.pending.readableBytes >= Self.maximumPendingByteCount { self.writePending(context) }
    }

    func flush(context: ChannelHandlerContext) {
        self.writePending(context)
        context.flush()
    }

    private func writePending(_ context: ChannelHandlerContext) {
        var bytes = self.pending
        let promise = self.pendingPromise
        guard bytes.readableBytes > 0 || promise != nil else { return }
        self.pending = ByteBuffer()
        self.pendingPromise = nil
        self.encoder.encode(&bytes)
        context.write(self.wrapOutboundOut(bytes), promise: promise)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        let promise = self.pendingPromise
        self.pendingPromise = nil
        promise?.fail(ChannelError.ioOnClosedChannel)
    }
}

/// FakeTLS ended behind its handshake: it says nothing of the secret, which was right.
struct FakeTLSDataFailure: Error {
    let cause: FakeTLSError
}
