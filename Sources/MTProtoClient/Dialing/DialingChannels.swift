// SPDX-License-Identifier: Apache-2.0

internal import NIOCore
internal import Synchronization

/// The channels of one dial, to be closed when it is over. A dialer may tell of them from any thread.
final class DialingChannels: Sendable {
    private struct State {
        var channels: [any Channel] = []
        /// Why there are no more to come.
        var reason: (any Error)?
    }

    private let state = Mutex(State())
    private let willConnect: @Sendable (any Channel) throws -> Void

    init(_ willConnect: @escaping @Sendable (any Channel) throws -> Void = { _ in }) {
        self.willConnect = willConnect
    }

    /// Adds a channel. When nobody wants it, all of the dial is over.
    ///
    /// - Throws: why the dial is over; the channel is closed then.
    func add(_ channel: any Channel) throws {
        let reason = self.state.withLock { state in
            if state.reason == nil { state.channels.append(channel) }
            return state.reason
        }
        if let reason {
            channel.close(promise: nil)
            throw reason
        }
        do {
            try self.willConnect(channel)
        } catch {
            self.end(because: error)
            throw error
        }
    }

    /// Ends the dial for a reason: closes the channels that there are. The first reason counts.
    func end(because reason: any Error) {
        let channels = self.state.withLock { state in
            if state.reason == nil { state.reason = reason }
            defer { state.channels = [] }
            return state.channels
        }
        for channel in channels { channel.close(promise: nil) }
    }

    /// Ends the dial with the channel that it gave: closes the others.
    ///
    /// - Throws: why the dial was over before; the channel is closed then.
    func end(with winner: any Channel) throws {
        if !self.state.withLock({ $0.channels.contains { $0 === winner } }) { try self.add(winner) }
        let (others, reason) = self.state.withLock { state in
            let reason = state.reason
            if reason == nil { state.reason = ConnectionClosedLocally() }
            defer { state.channels = [] }
            return (state.channels.filter { $0 !== winner }, reason)
        }
        for channel in others { channel.close(promise: nil) }
        if let reason {
            winner.close(promise: nil)
            throw reason
        }
    }
}
