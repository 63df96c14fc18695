// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// Counts the connections of all listening sockets of a server.
final class ConnectionCounter: Sendable {
    let maximum: Int
    private let value = Atomic<Int>(0)
    private let waiters = Mutex<[@Sendable () -> Void]>([])

    init(maximum: Int) {
        self.maximum = max(1, maximum)
    }

    var isFull: Bool { self.value.load(ordering: .relaxed) >= self.maximum }

    func increment() { self.value.add(1, ordering: .relaxed) }

    /// Frees a place and tells every listening socket that waits for one.
    func decrement() {
        self.value.subtract(1, ordering: .relaxed)
        let waiters = self.waiters.withLock { waiters in
            defer { waiters = [] }
            return waiters
        }
        for waiter in waiters { waiter() }
    }

    /// Calls `waiter` once, when a place is free.
    func wait(_ waiter: @escaping @Sendable () -> Void) {
        self.waiters.withLock { $0.append(waiter) }
        if !self.isFull { waiter() }
    }
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
        child.closeFuture.whenComplete { _ in counter.decrement() }
        context.fireChannelRead(data)
    }

    func read(context: ChannelHandlerContext) {
        guard self.counter.isFull else { return context.read() }
        guard !self.hasPendingRead else { return }
        self.hasPendingRead = true
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        self.counter.wait {
            eventLoop.execute {
                let (handler, context) = bound.value
                handler.resume(context: context)
            }
        }
    }

    private func resume(context: ChannelHandlerContext) {
        guard self.hasPendingRead else { return }
        self.hasPendingRead = false
        // Another listening socket may have been faster.
        self.read(context: context)
    }
}
