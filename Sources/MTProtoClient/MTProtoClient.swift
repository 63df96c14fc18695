// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore
internal import Synchronization

/// Connects to data centres.
public enum MTProtoClient {
    /// Connects, runs `body` with the connection, and closes it when `body` ends or the task is cancelled.
    ///
    /// ```swift
    /// try await MTProtoClient.withConnection(to: .endpoint(endpoint), configuration: configuration) { connection in
    ///     let config = try await connection.invoke(HelpGetConfig())
    /// }
    /// ```
    ///
    /// The way: dial, transport handshake, key exchange, authorization key, encrypted session (one ping, or the binding of a
    /// temporary key). The first query of `body` carries `initConnection`.
    ///
    /// - Parameters:
    ///   - target: what to connect to.
    ///   - configuration: how.
    ///   - isolation: the actor that `body` runs on: the caller's.
    ///   - body: uses the connection.
    /// - Returns: what `body` returns.
    /// - Throws: ``MTProtoClientError`` when connecting fails, and what `body` throws.
    public static func withConnection<Result>(
        to target: ConnectionTarget,
        configuration: ClientConfiguration = ClientConfiguration(),
        isolation: isolated (any Actor)? = #isolation,
        _ body: (MTProtoConnection) async throws -> Result
    ) async throws -> Result {
        let holder = ChannelHolder()
        return try await withTaskCancellationHandler {
            let connection = try await self.connect(to: target, configuration: configuration, holder: holder)
            let result: Result
            do {
                result = try await body(connection)
            } catch {
                await connection.close()
                // A query that failed because this task was cancelled says so.
                if holder.reason is CancellationError, var failure = error as? MTProtoClientError,
                    failure.code == .connectionClosed
                {
                    failure.code = .cancelled
                    throw failure
                }
                throw error
            }
            await connection.close()
            return result
        } onCancel: {
            holder.close(because: CancellationError())
        }
    }

    private static func connect(
        to target: ConnectionTarget,
        configuration: ClientConfiguration,
        holder: ChannelHolder
    ) async throws -> MTProtoConnection {
        var establisher = ConnectionEstablisher(target: target, configuration: configuration)
        let limit = TimeAmount(configuration.timeouts.connect)
        let timer = configuration.eventLoopGroup.any().scheduleTask(in: limit) {
            holder.close(because: ClientTimeout(limit: limit))
        }
        defer { timer.cancel() }
        do {
            let dialed = try await establisher.dial(holder)
            let keys = try await establisher.obtainKeys(on: dialed)
            let session = try await establisher.startSession(keys: keys, on: dialed)
            return MTProtoConnection(
                target: target,
                framing: configuration.transport.framing,
                steps: establisher.steps,
                established: session,
                permanent: keys.permanent,
                expiresAt: keys.temporary?.expiresAt,
                queryTimeout: configuration.timeouts.query
            )
        } catch {
            await holder.closeAndWait()
            var failure = MTProtoClientError.make(
                from: holder.reason ?? error,
                phase: establisher.phase,
                endpoint: target.endpoint
            )
            failure.steps = establisher.steps
            throw failure
        }
    }
}

/// The channels of a connection from the moment they exist, so that a time limit or a cancellation can close them in any
/// phase. While dialing there may be several, one for each address tried.
final class ChannelHolder: Sendable {
    private struct State {
        var channels: [any Channel] = []
        var reason: (any Error)?
    }

    private let state = Mutex(State())

    /// Why the channels were closed from outside.
    var reason: (any Error)? { self.state.withLock { $0.reason } }

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

    func close(because reason: any Error) {
        let channels = self.state.withLock { state in
            if state.reason == nil { state.reason = reason }
            return state.channels
        }
        for channel in channels { channel.close(promise: nil) }
    }

    func closeAndWait() async {
        for channel in self.state.withLock({ $0.channels }) { try? await channel.close() }
    }
}
