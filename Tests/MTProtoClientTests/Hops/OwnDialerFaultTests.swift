// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Dialers that do what they may but no one thinks of, and what they must not.
@Suite(.network, .timeLimit(.minutes(10)))
struct OwnDialerFaultTests {
    /// Dials as a test says.
    private struct ScriptedDialer: Dialer {
        let script: @Sendable (SocketEndpoint, DialContext) -> EventLoopFuture<any Channel>

        func dial(_ destination: SocketEndpoint, context: DialContext) -> EventLoopFuture<any Channel> {
            self.script(destination, context)
        }
    }

    /// Connects without telling anybody.
    private static func open(
        _ endpoint: SocketEndpoint,
        on eventLoop: any EventLoop
    ) -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: eventLoop)
            .channelOption(.autoRead, value: false)
            .connect(host: endpoint.host, port: endpoint.port)
    }

    /// A dial that ends when a test says so.
    private final class HeldDial: Sendable {
        private let state = Mutex<(DialContext, EventLoopPromise<any Channel>)?>(nil)

        func begin(_ context: DialContext, _ signal: AsyncStream<Void>.Continuation) -> EventLoopFuture<any Channel> {
            let promise = context.eventLoop.makePromise(of: (any Channel).self)
            self.state.withLock { $0 = (context, promise) }
            signal.yield()
            return promise.futureResult
        }

        /// Ends the dial with a connection.
        ///
        /// - Parameter isTelling: whether the client is told of it, and the answer not minded.
        func end(with endpoint: SocketEndpoint, isTelling: Bool) async throws -> any Channel {
            guard let (context, promise) = self.state.withLock({ $0 }) else {
                throw ChannelError.inappropriateOperationForState
            }
            let channel = try await OwnDialerFaultTests.open(endpoint, on: context.eventLoop).get()
            if isTelling { #expect(throws: (any Error).self) { try context.willConnect(channel) } }
            promise.succeed(channel)
            return channel
        }
    }

    @Test("A dialer tells of its channels from another thread", arguments: TransportCase.carriers)
    func otherThread(transport: TransportCase) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let other = group.next()
        try await withDataCenter { dataCenter in
            let configuration = clientConfiguration {
                $0.transport = transport.transport
                $0.tls = dataCenter.trustingTLS
                $0.dialer = ScriptedDialer { endpoint, context in
                    Self.open(endpoint, on: context.eventLoop).hop(to: other).flatMapThrowing { channel in
                        try context.willConnect(channel)
                        return channel
                    }
                }
            }
            let endpoint = try dataCenter.endpoint(for: transport.transport)
            try await MTProtoClient.withConnection(to: .endpoint(endpoint), configuration: configuration) {
                try await $0.expect(Queries.echo(1_000))
                _ = try await $0.ping()
            }
        }
        try await group.shutdownGracefully()
    }

    @Test("Of several channels all but the one returned are closed")
    func several() async throws {
        let others = Mutex<[any Channel]>([])
        try await withDataCenter { dataCenter in
            let endpoint = try dataCenter.endpoint
            let configuration = clientConfiguration {
                $0.dialer = ScriptedDialer { endpoint, context in
                    Self.open(endpoint, on: context.eventLoop).flatMap { first in
                        Self.open(endpoint, on: context.eventLoop).flatMapThrowing { second in
                            try context.willConnect(first)
                            try context.willConnect(second)
                            others.withLock { $0.append(first) }
                            return second
                        }
                    }
                }
            }
            try await MTProtoClient.withConnection(to: .endpoint(endpoint), configuration: configuration) {
                for channel in others.withLock({ $0 }) { try await channel.closeFuture.get() }
                try await $0.expect(Queries.echo(1_000))
            }
            #expect(others.withLock { $0.count } == 1)
        }
    }

    @Test("A dial that fails leaves no channel open")
    func failing() async throws {
        let opened = Mutex<[any Channel]>([])
        try await ScriptedServer.run {
            await $0.closed()
        } _: { endpoint in
            let error = await ConnectFailureTests.failure(to: endpoint) {
                $0.dialer = ScriptedDialer { endpoint, context in
                    Self.open(endpoint, on: context.eventLoop).flatMapThrowing { channel in
                        try context.willConnect(channel)
                        opened.withLock { $0.append(channel) }
                        throw ChannelError.connectTimeout(.seconds(1))
                    }
                }
            }
            #expect(error?.code == .timeout)
            #expect(opened.withLock { $0.count } == 1)
            for channel in opened.withLock({ $0 }) { try await channel.closeFuture.get() }
        }
    }

    @Test("A channel on another event loop is closed, and refused", arguments: [false, true])
    func foreignEventLoop(isBehindProxy: Bool) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let other = group.next()
        try await ScriptedServer.run {
            await $0.closed()
        } _: { endpoint in
            let error = await ConnectFailureTests.failure(to: endpoint) {
                if isBehindProxy { $0.routes = [[.socks5(endpoint)]] }
                $0.dialer = ScriptedDialer { endpoint, context in
                    Self.open(endpoint, on: other).hop(to: context.eventLoop)
                }
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.phase == .dial)
            // No proxy's fault.
            #expect(error?.hop == nil)
        }
        try await group.shutdownGracefully()
    }

    @Test(
        "A dial that ends after its time, or after a cancellation, sends nothing",
        arguments: [false, true],
        [false, true]
    )
    func late(isCancelled: Bool, isTelling: Bool) async throws {
        let dial = HeldDial()
        let (begun, signal) = AsyncStream.makeStream(of: Void.self)
        let (seen, sight) = AsyncStream.makeStream(of: ByteBuffer.self)
        try await ScriptedServer.run { connection in
            while true { sight.yield(try await connection.read()) }
        } _: { endpoint in
            let connecting = Task {
                await ConnectFailureTests.failure(to: endpoint) {
                    let credentials = try? ProxyCredentials(username: "alice", password: "secret")
                    $0.routes = [[.socks5(endpoint, credentials: credentials)]]
                    if !isCancelled { $0.timeouts.attempt = .milliseconds(50) }
                    $0.dialer = ScriptedDialer { _, context in dial.begin(context, signal) }
                }
            }
            for await _ in begun { break }
            if isCancelled { connecting.cancel() }
            #expect(await connecting.value?.code == (isCancelled ? .cancelled : .timeout))
            let channel = try await dial.end(with: endpoint, isTelling: isTelling)
            try await channel.closeFuture.get()
        }
        sight.finish()
        for await bytes in seen { Issue.record("the proxy got \(bytes.readableBytes) bytes") }
    }

    @Test("A dialer returns a channel that is closed already", arguments: [false, true])
    func closed(isBehindProxy: Bool) async throws {
        try await ScriptedServer.run {
            await $0.closed()
        } _: { endpoint in
            let error = await ConnectFailureTests.failure(to: endpoint) {
                if isBehindProxy { $0.routes = [[.socks5(endpoint)]] }
                $0.dialer = ScriptedDialer { endpoint, context in
                    Self.open(endpoint, on: context.eventLoop).flatMap { channel in channel.close().map { channel } }
                }
            }
            #expect(error?.code == .connectionClosed)
        }
    }

    /// Does not close before it is told to.
    private final class StubbornHandler: ChannelOutboundHandler, RemovableChannelHandler {
        typealias OutboundIn = ByteBuffer

        private var promises: [EventLoopPromise<Void>] = []

        func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
            if let promise { self.promises.append(promise) }
        }

        func handlerRemoved(context: ChannelHandlerContext) {
            for promise in self.promises { promise.succeed() }
        }
    }

    /// What a dialer has opened.
    private final class Opened: Sendable {
        private let state = Mutex<[any Channel]>([])

        var channels: [any Channel] { self.state.withLock { $0 } }

        func add(_ channel: any Channel) { self.state.withLock { $0.append(channel) } }
    }

    @Test("A channel that does not close holds nobody up", arguments: [false, true])
    func stubborn(isCancelled: Bool) async throws {
        let opened = Opened()
        let (begun, signal) = AsyncStream.makeStream(of: Void.self)
        try await ScriptedServer.run { connection in
            _ = try await connection.read()
            signal.yield()
            await connection.closed()
        } _: { endpoint in
            let connecting = Task {
                await ConnectFailureTests.failure(to: endpoint) {
                    if !isCancelled { $0.timeouts.keyExchangeStep = .milliseconds(100) }
                    $0.dialer = ScriptedDialer { endpoint, context in
                        Self.open(endpoint, on: context.eventLoop).flatMapThrowing { channel in
                            try channel.pipeline.syncOperations.addHandler(StubbornHandler(), name: "stubborn")
                            opened.add(channel)
                            return channel
                        }
                    }
                }
            }
            for await _ in begun { break }
            if isCancelled { connecting.cancel() }
            #expect(await connecting.value?.code == (isCancelled ? .cancelled : .timeout))
            for channel in opened.channels {
                try await channel.pipeline.removeHandler(name: "stubborn").get()
                try? await channel.close()
            }
        }
    }

    // MARK: Transports

    /// Never says that payloads can be written.
    private final class StuckTransport: Transport {
        let name = "stuck"
        let hasQuickAcknowledgements = false
        private let promises = Mutex<[EventLoopPromise<Void>]>([])

        func addHandlers(
            to channel: any Channel,
            dataCenter: DataCenterIdentifier,
            maximumPayloadLength: Int
        ) throws -> EventLoopFuture<Void> {
            let promise = channel.eventLoop.makePromise(of: Void.self)
            self.promises.withLock { $0.append(promise) }
            return promise.futureResult
        }

        /// Nobody waits any more.
        func end() {
            for promise in self.promises.withLock({ $0 }) { promise.succeed() }
        }
    }

    @Test("A transport that never begins keeps the limit of the attempt")
    func stuck() async throws {
        let transport = StuckTransport()
        defer { transport.end() }
        try await FaultyRelay.run(.blackHole) { server in
            let error = await ConnectFailureTests.failure(to: server.endpoint) {
                $0.transport = .custom(transport)
                $0.timeouts.attempt = .milliseconds(200)
            }
            #expect(error?.code == .timeout)
            #expect(error?.phase == .transportHandshake)
        }
    }

    @Test("A transport that never begins ends with the connection", arguments: [false, true])
    func stuckUntilTheEnd(isReset: Bool) async throws {
        let transport = StuckTransport()
        defer { transport.end() }
        try await FaultyRelay.run(isReset ? .reset : .close) { server in
            let error = await ConnectFailureTests.failure(to: server.endpoint) { $0.transport = .custom(transport) }
            #expect(error?.code == .connectionClosed)
        }
    }

    @Test("A transport that never begins is cancelled, and does not hold up the winner of a race")
    func stuckLoser() async throws {
        let transport = StuckTransport()
        defer { transport.end() }
        try await withDataCenter { dataCenter in
            let configuration = clientConfiguration {
                $0.strategy = .race([.custom(transport), .tcp()], stagger: .milliseconds(10))
            }
            try await MTProtoClient.withConnection(
                to: .endpoint(try dataCenter.endpoint),
                configuration: configuration
            ) {
                try await $0.expect(Queries.echo(1_000))
            }
        }
    }
}
