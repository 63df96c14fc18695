// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
public import NIOCore
internal import NIOPosix
public import ServiceLifecycle

/// A server of the MTProto transport: it accepts every framing, plain and obfuscated, on one port, makes authorization
/// keys, keeps sessions, and hands queries to a ``QueryResponder``.
///
/// ```swift
/// let server = try MTProtoServer(configuration: .init(privateKeys: [key]), responder: responder)
/// try await server.run()
/// ```
///
/// `run()` serves until its task is cancelled or its service group shuts down gracefully: then the listening sockets close,
/// connections send what they have ready, and end within ``ServerConfiguration/Timeouts/drain``.
public final class MTProtoServer: Service {
    private let configuration: ServerConfiguration
    private let context: ServerContext

    /// Makes a server; nothing happens before ``run()``.
    ///
    /// - Throws: `KeyExchangeError` when the configuration has no RSA key.
    public init(configuration: ServerConfiguration, responder: any QueryResponder) throws {
        self.configuration = configuration
        self.context = try ServerContext(configuration: configuration, responder: responder)
    }

    /// How many connections there are.
    public var connectionCount: Int { self.context.connections.count }

    /// Serves until cancelled or shut down gracefully. A server runs once.
    ///
    /// - Throws: `IOError` when an address cannot be listened on.
    public func run() async throws {
        try await self.run { _ in }
    }

    /// Serves until cancelled or shut down gracefully.
    ///
    /// - Parameter onListening: called once with the addresses of the listening sockets, in the order configured.
    /// - Throws: `IOError` when an address cannot be listened on.
    public func run(onListening: @Sendable ([SocketAddress]) -> Void) async throws {
        let counter = ConnectionCounter(maximum: self.configuration.limits.connections)
        var listeners: [any Channel] = []
        do {
            for address in self.configuration.addresses {
                listeners.append(try await self.listen(on: address, counter: counter))
            }
        } catch {
            for listener in listeners { try? await listener.close() }
            // Whoever has connected to one of them meanwhile.
            self.context.connections.closeAll()
            await self.context.connections.waitUntilEmpty()
            throw error
        }
        let channels = listeners
        let sweep = self.context.scheduleSweeps()
        onListening(channels.compactMap(\.localAddress))
        let stop: @Sendable () -> Void = {
            for channel in channels { channel.close(promise: nil) }
        }
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                for channel in channels { try? await channel.closeFuture.get() }
            } onGracefulShutdown: {
                stop()
            }
        } onCancel: {
            stop()
        }
        self.context.connections.closeAll()
        await self.context.connections.waitUntilEmpty()
        sweep.cancel()
    }

    /// Runs a server while `body` runs.
    ///
    /// - Parameters:
    ///   - configuration: how the server behaves.
    ///   - responder: answers the queries.
    ///   - body: gets the server and the addresses it listens on.
    /// - Throws: what `body` throws, and `IOError` when an address cannot be listened on.
    public static func withServer<Result: Sendable>(
        configuration: ServerConfiguration,
        responder: any QueryResponder,
        _ body: @Sendable (MTProtoServer, [SocketAddress]) async throws -> Result
    ) async throws -> Result {
        try await MTProtoServer(configuration: configuration, responder: responder).withRunning(body)
    }

    /// Runs this server while `body` runs.
    func withRunning<Result: Sendable>(
        _ body: @Sendable (MTProtoServer, [SocketAddress]) async throws -> Result
    ) async throws -> Result {
        let (listening, continuation) = AsyncStream.makeStream(of: [SocketAddress].self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await self.run { continuation.yield($0) }
            }
            var iterator = listening.makeAsyncIterator()
            guard let addresses = await iterator.next() else {
                // run() has ended before it listened: this throws its error.
                try await group.waitForAll()
                throw CancellationError()
            }
            let result: Swift.Result<Result, any Error>
            do {
                result = .success(try await body(self, addresses))
            } catch {
                result = .failure(error)
            }
            group.cancelAll()
            try await group.waitForAll()
            return try result.get()
        }
    }

    /// Sends an update to a session: it waits in the session's queue until the client has acknowledged it.
    ///
    /// - Returns: `false` when there is no such session.
    @discardableResult
    public func push(_ update: ByteBuffer, to session: ServerSessionIdentifier) -> Bool {
        let now = self.configuration.clock.now()
        guard
            self.configuration.sessions.withExistingSession(session, { $0.push(update, at: now) }) != nil
        else { return false }
        self.context.connections.wake(session)
        return true
    }

    /// The sessions that have a connection now.
    public var connectedSessions: [ServerSessionIdentifier] { self.context.connections.connectedSessions }

    private func listen(on endpoint: SocketEndpoint, counter: ConnectionCounter) async throws -> any Channel {
        let context = self.context
        var bootstrap = ServerBootstrap(group: self.configuration.eventLoopGroup)
            .serverChannelOption(.backlog, value: 1_024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // One at a time, or a burst would go beyond the limit.
            .serverChannelOption(.maxMessagesPerRead, value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let operations = channel.pipeline.syncOperations
                    // Without it, running out of descriptors makes the loop spin.
                    try operations.addHandler(AcceptBackoffHandler())
                    try operations.addHandler(AcceptLimitHandler(counter: counter))
                }
            }
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try context.addHandlers(to: channel)
                }
            }
        for (option, value) in TCPKeepAlive.options {
            bootstrap = bootstrap.childChannelOption(option, value: value)
        }
        return try await bootstrap.bind(host: endpoint.host, port: endpoint.port).get()
    }
}

extension ServerContext {
    /// Builds the pipeline of one connection.
    func addHandlers(to channel: any Channel) throws {
        var transport = TransportConnection.ServerConfiguration()
        transport.secrets = self.configuration.secrets
        transport.maximumPayloadLengthBeforeAuthorization = self.configuration.limits.payloadBeforeAuthorization
        transport.maximumPayloadLength = self.configuration.limits.payload
        transport.random = self.configuration.random
        let transportHandler = MTProtoTransportHandler(server: transport)
        let operations = channel.pipeline.syncOperations
        if self.configuration.faults.affectsBytes {
            try operations.addHandler(FaultHandler(plan: self.configuration.faults))
        }
        try operations.addHandler(transportHandler)
        try operations.addHandler(ServerConnectionHandler(shared: self, transportHandler: transportHandler))
    }
}
