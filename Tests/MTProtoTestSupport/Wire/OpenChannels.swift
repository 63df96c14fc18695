// SPDX-License-Identifier: Apache-2.0

package import NIOCore
internal import NIOPosix
internal import Synchronization

/// Counts the channels of a test's servers and relays: what a client leaves open is still here.
package final class OpenChannels: Sendable {
    private struct State {
        var openedCount = 0
        var channels: [ObjectIdentifier: any Channel] = [:]
        var waiting: [EventLoopPromise<Bool>] = []
    }

    private let state = Mutex(State())

    package init() {}

    /// How many there were.
    package var openedCount: Int { self.state.withLock { $0.openedCount } }

    /// How many there are.
    package var openCount: Int { self.state.withLock { $0.channels.count } }

    /// Counts a channel until it is closed.
    package func add(_ channel: any Channel) {
        let identifier = ObjectIdentifier(channel)
        self.state.withLock { state in
            state.openedCount += 1
            state.channels[identifier] = channel
        }
        channel.closeFuture.whenComplete { _ in
            let waiting = self.state.withLock { state -> [EventLoopPromise<Bool>] in
                state.channels[identifier] = nil
                guard state.channels.isEmpty else { return [] }
                defer { state.waiting = [] }
                return state.waiting
            }
            for promise in waiting { promise.succeed(true) }
        }
    }

    /// Waits until none is open.
    ///
    /// - Returns: whether that came before the limit.
    package func allClosed(within limit: TimeAmount = .seconds(30)) async -> Bool {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = eventLoop.makePromise(of: Bool.self)
        let isEmpty = self.state.withLock { state in
            if !state.channels.isEmpty { state.waiting.append(promise) }
            return state.channels.isEmpty
        }
        if isEmpty { promise.succeed(true) }
        let timer = eventLoop.scheduleTask(in: limit) { promise.succeed(false) }
        defer { timer.cancel() }
        return (try? await promise.futureResult.get()) ?? false
    }

    /// Closes whatever is open.
    package func closeAll() {
        let channels = self.state.withLock { Array($0.channels.values) }
        for channel in channels { channel.close(promise: nil) }
    }
}

/// Connections that were still open long after the body of a test.
package struct LeakedChannels: Error, CustomStringConvertible {
    package let count: Int

    package var description: String { "\(count) connections were left open" }
}
