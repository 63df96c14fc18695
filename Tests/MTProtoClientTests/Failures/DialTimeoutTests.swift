// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoTransport
import NIOCore
import NIOPosix
import Testing

/// An endpoint that does not answer at all: a listening socket with a full backlog.
@Suite(.network, .timeLimit(.minutes(10)), .serialized)
struct DialTimeoutTests {
    private static func withDeafEndpoint(_ body: (SocketEndpoint) async throws -> Void) async throws {
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 1)
            .serverChannelOption(.autoRead, value: false)
            .bind(host: "127.0.0.1", port: 0)
            .get()
        let endpoint = try SocketEndpoint(host: "127.0.0.1", port: listener.localAddress?.port ?? 0)
        var waiting: [any Channel] = []
        // Until the kernel takes no more, and that is no accident of a busy machine.
        var refusals = 0
        while refusals < 3 {
            do {
                let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connectTimeout(.milliseconds(200))
                    .connect(host: endpoint.host, port: endpoint.port)
                    .get()
                waiting.append(channel)
            } catch {
                refusals += 1
            }
        }
        try await body(endpoint)
        for channel in waiting { try? await channel.close() }
        try await listener.close()
    }

    @Test("The limit of one dial, and of the whole connect", arguments: [false, true])
    func timeout(isWhole: Bool) async throws {
        try await Self.withDeafEndpoint { endpoint in
            let error = await ConnectFailureTests.failure(to: endpoint) {
                if isWhole {
                    $0.timeouts.connect = .milliseconds(100)
                } else {
                    $0.timeouts.attempt = .milliseconds(100)
                }
            }
            #expect(error?.code == .timeout)
            #expect(error?.phase == .dial)
        }
    }

    @Test("Cancelled while dialing")
    func cancelled() async throws {
        try await Self.withDeafEndpoint { endpoint in
            let connecting = Task { await ConnectFailureTests.failure(to: endpoint) }
            // Whenever the cancellation comes, the phase is the dial.
            for _ in 0..<50 { await Task.yield() }
            connecting.cancel()
            let error = await connecting.value
            #expect(error?.code == .cancelled)
            #expect(error?.phase == .dial)
        }
    }
}
