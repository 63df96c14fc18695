// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// Counts the connections of all listening sockets of a server.
final class ConnectionCounter: Sendable {
    let maximum: Int
    private let value = Atomic<Int>(0)

    init(maximum: Int) {
        self.maximum = max(1, maximum)
    }

    var isFull: Bool { self.value.load(ordering: .relaxed) >= self.maximum }

    func increment() { self.value.add(1, ordering: .relaxed) }
    func decrement() { self.value.subtract(1, ordering: .relaxed) }
}

/// Stops accepting while a server has as many connections as it may: further ones wait in the kernel's backlog.
final class AcceptLimitHandler: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel
    typealias OutboundIn = Never

    private let counter: ConnectionCounter
    private var hasPendingRead = false

    init(counter: ConnectionCounter) {
        self.counter = counter
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let child = self.unwrapInboundIn(data)
        let counter = self.counter
        counter.increment()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        child.closeFuture.whenComplete { _ in
            counter.decrement()
            eventLoop.execute {
                let (handler, context) = bound.value
                handler.resume(context: context)
            }
        }
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        if self.counter.isFull {
            self.hasPendingRead = true
        } else {
            context.read()
        }
    }

    private func resume(context: ChannelHandlerContext) {
        guard self.hasPendingRead, !self.counter.isFull else { return }
        self.hasPendingRead = false
        context.read()
    }
}
