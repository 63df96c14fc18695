// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// What a connection consists of from the moment there is anything, so that a time limit or a cancellation can close it in any
/// phase. While dialing there may be several channels, one for each address tried; later there is a link.
final class ConnectionHolder: Sendable {
    private struct State {
        var channels: [any Channel] = []
        var link: LinkReference?
        var reason: (any Error)?
        /// Who else wants to know of the end, until there is a link.
        var listeners: [@Sendable (any Error) -> Void] = []
    }

    private let state = Mutex(State())

    /// Why the connection was closed from outside.
    var reason: (any Error)? { self.state.withLock { $0.reason } }

    /// Whether there is a channel, connected or not.
    var hasChannels: Bool { self.state.withLock { !$0.channels.isEmpty } }

    /// Calls a function with the reason when this is closed before there is a link.
    ///
    /// - Throws: the reason, when closing came first.
    func onClose(_ listener: @escaping @Sendable (any Error) -> Void) throws {
        let reason = self.state.withLock { state in
            if state.reason == nil { state.listeners.append(listener) }
            return state.reason
        }
        if let reason { throw reason }
    }

    /// Adds a channel that is dialing.
    ///
    /// - Throws: the reason, when closing came first.
    func hold(_ channel: any Channel) throws {
        let reason = self.state.withLock { state in
            state.channels.append(channel)
            return state.reason
        }
        if let reason { throw reason }
    }

    /// The channel that is connected; the others are closed by whoever dialed.
    ///
    /// - Throws: the reason, when closing came first.
    func keep(_ channel: any Channel) throws {
        let reason = self.state.withLock { state in
            state.channels = [channel]
            return state.reason
        }
        if let reason {
            channel.close(promise: nil)
            throw reason
        }
    }

    /// The link that has the channel now, and may open more.
    ///
    /// - Throws: the reason, when closing came first.
    func keep(_ link: LinkReference) throws {
        let reason = self.state.withLock { state in
            state.channels = []
            state.listeners = []
            state.link = link
            return state.reason
        }
        if let reason {
            link.close()
            throw reason
        }
    }

    func close(because reason: any Error) {
        let (channels, link, listeners) = self.state.withLock { state in
            if state.reason == nil { state.reason = reason }
            defer { state.listeners = [] }
            return (state.channels, state.link, state.listeners)
        }
        for listener in listeners { listener(reason) }
        for channel in channels { channel.close(promise: nil) }
        link?.close()
    }

    /// What the link tried again in vain to the end.
    func retriedFailure() async -> (any Error)? {
        guard let link = self.state.withLock({ $0.link }) else { return nil }
        return try? await link.eventLoop.submit { link.value.retriedFailure }.get()
    }

    /// Closes everything at once, and waits for that, but not for long: a peer may not answer the end of TLS, and a channel of
    /// somebody else's need not close at all.
    func closeAndWait() async {
        let (channels, link) = self.state.withLock { state in
            // Whoever listens may hold us.
            defer { (state.channels, state.listeners) = ([], []) }
            return (state.channels, state.link)
        }
        var ends = channels.map { $0.close() }
        if let link {
            link.close()
            ends.append(link.closeFuture)
        }
        guard let eventLoop = link?.eventLoop ?? channels.first?.eventLoop else { return }
        let limit = eventLoop.scheduleTask(in: linkClosingTime) {}
        EventLoopFuture.andAllComplete(ends, on: eventLoop).whenComplete { _ in limit.cancel() }
        try? await limit.futureResult.get()
    }
}
