// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import MTProtoServer
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOSSL
import Synchronization
import Testing

@testable import MTProtoClient

/// Races that nobody wins, or that are ended from outside.
@Suite(.network, .timeLimit(.minutes(10)))
struct RaceEndTests {
    private static let addresses = ["192.0.2.1:443", "192.0.2.2:443", "192.0.2.3:443"]

    private static func failure(_ configuration: ClientConfiguration) async -> MTProtoClientError? {
        await clientError {
            try await MTProtoClient.withConnection(to: try .dataCenter(2), configuration: configuration) { _ in
                _ = Issue.record("connected")
            }
        }
    }

    // MARK: All fail

    @Test("All fail: the error is that of the attempt that came farthest, and its report has all")
    func allFailed() async throws {
        // A key that the other server does not know.
        let saved = try await withDataCenter { dataCenter in
            try await dataCenter.connect { try await $0.savedConnection() }
        }
        try await withDataCenter { dataCenter in
            try await FaultyRelay.run(.blackHole) { hole in
                try await DeadEndpoint.refusing { dead in
                    let dialer = LoopbackDialer([
                        Self.addresses[0]: dead, Self.addresses[1]: try dataCenter.endpoint,
                        RaceTLS.name: hole.endpoint,
                    ])
                    let configuration = try raceConfiguration(Array(Self.addresses[..<2]), dialer) {
                        $0.savedConnection = saved
                        $0.strategy = .ladder([.tcp(), .webSocket()], patience: .seconds(60))
                        $0.timeouts.attempt = .seconds(3)
                    }
                    let error = await Self.failure(configuration)
                    #expect(error?.code == .authorizationKeyUnknown)
                    #expect(error?.phase == .encryptedSession)
                    #expect(error?.endpoint == Self.addresses[1])
                    #expect(error?.message == "404: key or request unknown; this and 2 other attempts failed")
                    let attempts = try #require(error?.report?.attempts)
                    #expect(attempts.map(\.outcome) == [.failed, .failed, .failed])
                    #expect(attempts.map(\.code) == ["connection refused", "authorization key unknown", "timed out"])
                    #expect(attempts.map(\.phase) == [.dial, .encryptedSession, .transportHandshake])
                    #expect(attempts.map(\.endpoint).last == "wss://venus.web.telegram.org:443/apiws")
                    #expect(error?.report?.winner == nil)
                    #expect(await dialer.channels.allClosed())
                    #expect(await hole.channels.allClosed())
                    #expect(configuration.learned.statistics.records.values.allSatisfy { $0.failureCount == 1 })
                    // That a server does not know a key says nothing of the way.
                    #expect(configuration.learned.statistics.records.count == 2)
                }
            }
        }
    }

    @Test("What passes with one way may pass, though another, which came farther, is lasting")
    func retryable() async throws {
        let tls = try RaceTLS()
        try await withDataCenter {
            $0.server.tls = tls.server
        } _: { dataCenter in
            let server = try dataCenter.endpoint(for: .webSocket())
            try await DeadEndpoint.refusing { dead in
                for isAlone in [true, false] {
                    // Like the portal of a hotel: TCP is shut, and TLS is somebody else's.
                    let dialer = LoopbackDialer([Self.addresses[0]: dead, RaceTLS.name: server])
                    let configuration = try raceConfiguration([Self.addresses[0]], dialer) {
                        $0.strategy = isAlone ? .transport(.webSocket()) : .tcpWithWebSocketFallback
                    }
                    let error = try #require(await Self.failure(configuration))
                    #expect(error.code == .certificateRefused)
                    #expect(error.isRetryable == !isAlone)
                    let cause = ReconnectCause(error, hasTemporaryKey: false, hasWorked: false)
                    #expect(cause == (isAlone ? .lasting : .passing))
                }
            }
        }
    }

    @Test("Of attempts that came equally far, one that says more than that there is no such network is told")
    func telling() async throws {
        try await DeadEndpoint.refusing { dead in
            let dialer = LoopbackDialer { destination, _ in
                guard destination == Self.addresses[1] else {
                    throw IOError(errnoCode: ENETUNREACH, reason: "no network")
                }
                return .at(dead)
            }
            let error = await Self.failure(try raceConfiguration(Self.addresses, dialer))
            #expect(error?.code == .connectionRefused)
            #expect(error?.report?.attempts.map(\.code) == ["unreachable", "connection refused", "unreachable"])
        }
    }

    // MARK: Ended from outside

    /// Runs `body` with a dialer of three ways that hang: within the dial, before the first answer, and for ever.
    private static func withHangingWays(_ body: @Sendable (LoopbackDialer) async throws -> Void) async throws {
        try await DeadEndpoint.silent { dead in
            try await FaultyRelay.run(.blackHole) { hole in
                let dialer = LoopbackDialer { destination, _ in
                    switch destination {
                    case Self.addresses[0]: .at(dead)
                    case Self.addresses[1]: .at(hole.endpoint)
                    default: .nowhere
                    }
                }
                try await body(dialer)
                #expect(await dialer.channels.allClosed())
                #expect(await hole.channels.allClosed())
            }
        }
    }

    @Test("The limit ends a race in which all hang")
    func limit() async throws {
        try await Self.withHangingWays { dialer in
            let configuration = try raceConfiguration(Self.addresses, dialer) {
                $0.timeouts.connect = .milliseconds(500)
            }
            let start = ContinuousClock.now
            let error = await Self.failure(configuration)
            #expect(start.duration(to: .now) < .seconds(30))
            #expect(error?.code == .timeout)
            #expect(error?.message.hasPrefix("after 500 ms") == true)
            let attempts = try #require(error?.report?.attempts)
            #expect(!attempts.isEmpty)
            #expect(attempts.allSatisfy { $0.outcome == .failed && $0.code == "timed out" })
            #expect(error?.phase == attempts.map(\.phase).max())
        }
    }

    @Test("Cancelled while all hang")
    func cancelled() async throws {
        try await Self.withHangingWays { dialer in
            let configuration = try raceConfiguration(Self.addresses, dialer)
            let connecting = Task { await Self.failure(configuration) }
            await dialer.dialed(3)
            connecting.cancel()
            let error = await connecting.value
            #expect(error?.code == .cancelled)
            #expect(error?.report?.attempts.map(\.outcome) == [.cancelled, .cancelled, .cancelled])
            // Nobody learns from that.
            #expect(configuration.learned.statistics == EndpointStatistics())
        }
    }

    @Test("Cancelled while the only way's name is being looked up", arguments: [false, true])
    func cancelledLookup(isService: Bool) async throws {
        let dialer = LoopbackDialer { _, _ in .nowhere }
        let configuration = try raceConfiguration([Self.addresses[0]], dialer)
        if isService {
            let service = try MTProtoClientService(target: .dataCenter(2), configuration: configuration)
            let running = Task { try await service.run() }
            await dialer.dialed(1)
            running.cancel()
            try await running.value
        } else {
            let connecting = Task { await Self.failure(configuration) }
            await dialer.dialed(1)
            connecting.cancel()
            #expect(await connecting.value?.code == .cancelled)
        }
    }

    @Test("Cancelled after one way has failed, farther on: that it was cancelled is what is told")
    func cancelledAfterFailure() async throws {
        try await FaultyRelay.run(.close) { closing in
            let dialer = LoopbackDialer { destination, _ in
                destination == Self.addresses[0] ? .at(closing.endpoint) : .nowhere
            }
            let configuration = try raceConfiguration(Array(Self.addresses[..<2]), dialer) {
                $0.strategy = .race([.tcp()], stagger: .seconds(60))
            }
            let connecting = Task { await Self.failure(configuration) }
            // The second one begins because the first has failed.
            await dialer.dialed(2)
            connecting.cancel()
            let error = await connecting.value
            #expect(error?.code == .cancelled)
            #expect(error?.report?.attempts.map(\.outcome) == [.failed, .cancelled])
        }
    }

    // MARK: Losers

    /// Holds what comes, so that TLS above it hears nothing, until it is told to go on.
    private final class DeafHandler: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        private let isDeaf = Mutex(false)
        private let held = Mutex<[ByteBuffer]>([])
        private let context = Mutex<NIOLoopBound<ChannelHandlerContext>?>(nil)

        func handlerAdded(context: ChannelHandlerContext) {
            let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
            self.context.withLock { $0 = bound }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard self.isDeaf.withLock({ $0 }) else { return context.fireChannelRead(data) }
            let bytes = self.unwrapInboundIn(data)
            self.held.withLock { $0.append(bytes) }
        }

        func becomeDeaf() {
            self.isDeaf.withLock { $0 = true }
        }

        func goOn() {
            guard let context = self.context.withLock({ $0 }) else { return }
            context.eventLoop.execute {
                self.isDeaf.withLock { $0 = false }
                for bytes in self.held.withLock({ $0 }) { context.value.fireChannelRead(NIOAny(bytes)) }
                context.value.fireChannelReadComplete()
            }
        }
    }

    @Test("The winner does not wait until a loser's TLS has said goodbye")
    func goodbye() async throws {
        let tls = try RaceTLS()
        let identity = try ProxyIdentity()
        try await withDataCenter {
            $0.server.tls = tls.server
        } _: { dataCenter in
            let deaf = DeafHandler()
            let heard = Mutex(false)
            try await WireListener.run(
                prepare: { channel in
                    try channel.pipeline.syncOperations.addHandler(deaf)
                    try identity.addTLS(to: channel)
                },
                script: { _, connection, _ in
                    for await _ in connection.bytes {
                        deaf.becomeDeaf()
                        heard.withLock { $0 = true }
                    }
                },
                { listener in
                    let opened = LoosePromise.make()
                    defer { opened.succeed() }
                    let server = try dataCenter.endpoint
                    let dialer = LoopbackDialer { destination, _ in
                        destination == RaceTLS.name ? .at(listener.endpoint) : .later(opened.futureResult, server)
                    }
                    let configuration = try raceConfiguration([Self.addresses[0]], dialer) {
                        $0.tls = tls.client
                        $0.tls.certificateVerification = .none
                        $0.tls.shutdownTimeout = .hours(1)
                        $0.strategy = .race([.webSocket(), .tcp()], stagger: .milliseconds(10))
                    }
                    async let result: Void = MTProtoClient.withConnection(
                        to: try .dataCenter(2),
                        configuration: configuration
                    ) { connection in
                        #expect(connection.report.attempts.map(\.outcome) == [.overtaken, .won])
                        #expect(dialer.channels.openCount == 2)
                        deaf.goOn()
                        try await eventually { dialer.channels.openCount == 1 }
                    }
                    // The loser is in the middle of the WebSocket's handshake.
                    try await eventually { heard.withLock { $0 } }
                    opened.succeed()
                    try await result
                }
            )
        }
    }
}
