// SPDX-License-Identifier: Apache-2.0

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
    /// Where there are several ways (``ClientConfiguration/strategy``, routes, a data centre's addresses), they are raced, and the
    /// one that answers first is used; ``MTProtoConnection/report`` tells of all.
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
    ) async throws(MTProtoClientError) -> MTProtoConnection {
        let list: CandidateList
        do throws(MTProtoClientError) {
            list = try CandidateList(target: target, configuration: configuration, at: LinkRace.seconds(configuration))
        } catch {
            throw MTProtoClientError.make(from: error, phase: error.phase, endpoint: "\(target)")
        }
        let log = AttemptLog()
        let race = LinkRace(list: list, dataCenter: target.dataCenter, configuration: configuration, log: log)
        let limit = TimeAmount(configuration.timeouts.connect)
        let timer = configuration.eventLoopGroup.any().scheduleTask(in: limit) {
            holder.close(because: ClientTimeout(limit: limit))
        }
        defer { timer.cancel() }
        do throws(MTProtoClientError) {
            var winner = try await race.run(holder)
            do {
                let keys = try await winner.establisher.obtainKeys(on: winner.connection)
                let session = try await winner.establisher.startSession(keys: keys, on: winner.connection)
                race.established(winner)
                return MTProtoConnection(
                    target: target,
                    resolvedTarget: winner.candidate.chain.target,
                    steps: winner.establisher.steps,
                    report: log.report,
                    established: session,
                    permanent: keys.permanent,
                    expiresAt: keys.temporary?.expiresAt,
                    queryTimeout: configuration.timeouts.query
                )
            } catch {
                let failure = await winner.establisher.failure(of: error, holder)
                race.failed(winner, failure)
                throw failure
            }
        } catch {
            var failure = error
            failure.report = log.report
            throw failure
        }
    }
}
