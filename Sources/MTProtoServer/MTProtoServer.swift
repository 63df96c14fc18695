// SPDX-License-Identifier: Apache-2.0

internal import Logging
internal import MTProtoCrypto
internal import MTProtoSession
internal import MTProtoTransport
public import NIOCore
internal import NIOPosix
internal import NIOSSL
public import ServiceLifecycle

/// A server of the MTProto transport: it accepts every framing, plain and obfuscated, WebSockets and HTTP on one port, and the
/// same inside TLS on another; it makes authorization keys, keeps sessions, and hands queries to a ``QueryResponder``.
///
/// ```swift
/// let server = try MTProtoServer(configuration: .init(privateKeys: [key]), responder: responder)
/// try await server.run()
/// ```
///
/// `run()` serves until its task is cancelled or its service group shuts down gracefully: then the listening sockets close,
/// connections send what they have ready, and end within ``ServerConfiguration/Timeouts/drain``. Queries that are running then
/// are cancelled, and `run()` returns when their outcomes and everything else that the stores were asked for is done, or
/// when the same time has gone by once more.
public final class MTProtoServer: Service {
    private let configuration: ServerConfiguration
    private let context: ServerContext

    /// Makes a server; nothing happens before ``run()``.
    ///
    /// - Throws: `KeyExchangeError` when the configuration has no RSA key, ``ServerTLSError`` when TLS cannot be set up.
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
    public func run(onListening: @Sendable (ListeningAddresses) -> Void) async throws {
        let counter = ConnectionCounter(maximum: self.configuration.limits.connections)
        let plainCount = self.configuration.addresses.count
        var listeners: [any Channel] = []
        do {
            for address in self.configuration.addresses {
                listeners.append(try await self.listen(on: address, isSecure: false, counter: counter))
            }
            for address in self.configuration.tlsAddresses {
                listeners.append(try await self.listen(on: address, isSecure: true, counter: counter))
            }
        } catch {
            for listener in listeners { try? await listener.close() }
            // Whoever has connected to one of them meanwhile.
            await self.context.end()
            throw error
        }
        let channels = listeners
        let sweep = self.context.scheduleSweeps()
        let reports = self.context.scheduleReports()
        onListening(
            ListeningAddresses(
                plain: channels.prefix(plainCount).compactMap(\.localAddress),
                tls: channels.dropFirst(plainCount).compactMap(\.localAddress)
            )
        )
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
        await self.context.end()
        sweep.cancel()
        reports.cancel()
        self.context.reportMetrics()
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
        _ body: @Sendable (MTProtoServer, ListeningAddresses) async throws -> Result
    ) async throws -> Result {
        try await MTProtoServer(configuration: configuration, responder: responder).withRunning(body)
    }

    /// Runs this server while `body` runs.
    func withRunning<Result: Sendable>(
        _ body: @Sendable (MTProtoServer, ListeningAddresses) async throws -> Result
    ) async throws -> Result {
        let (listening, continuation) = AsyncStream.makeStream(of: ListeningAddresses.self)
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

    /// Reads certificate and key anew, as ``ServerConfiguration/tls`` says, for the connections that come from now on.
    ///
    /// - Throws: ``ServerTLSError``; the server goes on with what it had. Without a TLS port nothing happens.
    public func reloadTLS() async throws {
        guard let tls = self.context.tls else { return }
        try await self.configuration.threadPool.runIfActive { try tls.reload() }
    }

    /// Sends an update to a session: it waits in the session's queue until the client has acknowledged it. The session may have
    /// its connections at another server with the same store.
    ///
    /// - Returns: `false` when there is no such session.
    /// - Throws: what the session store throws.
    @discardableResult
    public func push(_ update: ByteBuffer, to session: ServerSessionIdentifier) async throws -> Bool {
        let now = self.configuration.clock.now()
        let pushed = self.configuration.sessions.change(
            session,
            on: self.configuration.eventLoopGroup.next(),
            makingIfMissing: nil
        ) { $0.push(update, at: now) }
        guard try await pushed.get() != nil else { return false }
        self.context.wake(session)
        return true
    }

    /// Reports metrics now; a running server does so every ten seconds.
    package func reportMetrics() {
        self.context.reportMetrics()
    }

    /// How many connections wait in a session for what it has to send; those of HTTP do while a request is not answered.
    package func waitingCount(in session: ServerSessionIdentifier) -> Int {
        self.context.connections.waitingCount(in: session)
    }

    /// How many bytes of ``ServerConfiguration/Limits/strangerBytes`` are taken.
    package var strangerByteCount: Int { self.context.strangers.count }

    /// The sessions that have a connection now.
    public var connectedSessions: [ServerSessionIdentifier] { self.context.connections.connectedSessions }

    private func listen(
        on endpoint: SocketEndpoint,
        isSecure: Bool,
        counter: ConnectionCounter
    ) async throws -> any Channel {
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
                    try context.addHandlers(to: channel, isSecure: isSecure)
                }
            }
        for (option, value) in TCPKeepAlive.options {
            bootstrap = bootstrap.childChannelOption(option, value: value)
        }
        return try await bootstrap.bind(host: endpoint.host, port: endpoint.port).get()
    }
}

extension ServerContext {
    /// Closes all connections, and ends what they have left behind.
    func end() async {
        self.connections.closeAll()
        await self.connections.waitUntilEmpty()
        self.detachedQueries.cancelAll()
        let pendingCount = await self.work.waitUntilDone(
            within: self.configuration.timeouts.drain,
            on: self.configuration.eventLoopGroup.next()
        )
        guard pendingCount > 0 else { return }
        self.configuration.logger.error(
            "server ends before all queries and changes of its stores are done",
            metadata: ["pending": "\(pendingCount)"]
        )
    }

    /// Builds the pipeline of one connection.
    func addHandlers(to channel: any Channel, isSecure: Bool) throws {
        let transportHandler = MTProtoTransportHandler(server: self.transportConfiguration())
        let operations = channel.pipeline.syncOperations
        if self.configuration.faults.affectsBytes {
            try operations.addHandler(FaultHandler(plan: self.configuration.faults))
        }
        if isSecure, let tls = self.tls {
            try operations.addHandler(NIOSSLServerHandler(context: tls.context))
            try operations.addHandler(TLSHandshakeLimitHandler(limit: self.configuration.timeouts.handshake))
        }
        try operations.addHandler(transportHandler)
        try operations.addHandler(
            ServerConnectionHandler(
                shared: self,
                transportHandler: transportHandler,
                carrier: isSecure ? .tls : .tcp
            )
        )
    }

    /// What a byte stream may be, outside of a WebSocket.
    private func transportConfiguration() -> TransportConnection.ServerConfiguration {
        TransportConnection.ServerConfiguration(
            secrets: self.configuration.secrets,
            maximumPayloadLengthBeforeAuthorization: self.configuration.limits.payloadBeforeAuthorization,
            maximumPayloadLength: self.configuration.limits.payload,
            random: self.configuration.random
        )
    }
}
