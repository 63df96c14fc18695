// SPDX-License-Identifier: Apache-2.0

internal import MTProtoSession
internal import NIOCore

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
        let holder = ConnectionHolder()
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
        holder: ConnectionHolder
    ) async throws -> MTProtoConnection {
        let resolved: ResolvedTarget
        do {
            resolved = try target.resolved(by: configuration.transport)
            if resolved.transport.framing == nil { try configuration.http.validate() }
        } catch {
            throw MTProtoClientError.make(from: error, phase: error.phase, endpoint: "\(target)")
        }
        var establisher = ConnectionEstablisher(
            target: resolved,
            dataCenter: target.dataCenter,
            configuration: configuration
        )
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
                resolvedTarget: resolved,
                steps: establisher.steps,
                established: session,
                permanent: keys.permanent,
                expiresAt: keys.temporary?.expiresAt,
                queryTimeout: configuration.timeouts.query
            )
        } catch {
            await holder.closeAndWait()
            var cause = holder.reason ?? error
            // Why everything was tried again says more than that time has run out.
            let timeout = cause as? ClientTimeout
            if timeout != nil, let failure = await holder.retriedFailure() { cause = failure }
            var failure = MTProtoClientError.make(
                from: cause,
                phase: establisher.phase,
                endpoint: "\(resolved)"
            )
            if let timeout, failure.code != .timeout {
                failure.message += "; tried again until the limit of \(timeout.limit.nanoseconds / 1_000_000) ms"
            }
            failure.steps = establisher.steps
            throw failure
        }
    }
}
