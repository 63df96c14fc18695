// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoServer
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

/// Ending a connection over HTTP in each phase that a line can be in. Servers wait for the client's end of every connection:
/// what leaked would keep the test from ending.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct HTTPPhaseTests {
    /// Far below the limits in question, which are a minute in tests.
    private static let promptly = Duration.seconds(20)

    /// Something that happened, to wait for.
    private struct Occurrence: Sendable {
        private let stream: AsyncStream<Void>
        private let continuation: AsyncStream<Void>.Continuation

        init() { (self.stream, self.continuation) = AsyncStream.makeStream() }

        func happened() { self.continuation.finish() }

        func wait() async { for await _ in self.stream {} }
    }

    private static func isPrompt(_ body: () async throws -> Void) async rethrows -> Bool {
        let start = ContinuousClock.now
        try await body()
        return start.duration(to: .now) < self.promptly
    }

    @Test("The limit of the whole connect, in the handshake of TLS")
    func connectLimit() async throws {
        try await ScriptedServer.run { connection in
            await connection.closed()
        } _: { endpoint in
            let error = await ConnectFailureTests.failure(to: endpoint) {
                $0.transport = .https
                // The dial, too, must fit in, on a busy machine.
                $0.timeouts.connect = .seconds(5)
            }
            #expect(error?.code == .timeout)
            #expect(error?.phase == .transportHandshake)
        }
    }

    @Test("Cancelled in the handshake of TLS")
    func cancelledInTLS() async throws {
        let hello = Occurrence()
        try await ScriptedServer.run { connection in
            _ = try await connection.read()
            hello.happened()
            await connection.closed()
        } _: { endpoint in
            let connecting = Task { await ConnectFailureTests.failure(to: endpoint) { $0.transport = .https } }
            await hello.wait()
            connecting.cancel()
            let error = await connecting.value
            #expect(error?.code == .cancelled)
            #expect(error?.phase == .transportHandshake)
        }
    }

    @Test("Closed while the connection for the poll has its handshake of TLS")
    func redialInTLS() async throws {
        try await withDataCenter { dataCenter in
            let second = Occurrence()
            let holds: @Sendable (Int) -> Bool = { number in
                guard number > 1 else { return false }
                second.happened()
                return true
            }
            try await CuttingRelay.run(to: try dataCenter.endpoint(for: .https), holds: holds) { relay in
                let configuration = clientConfiguration {
                    $0.transport = .https
                    $0.tls = dataCenter.trustingTLS
                }
                try await MTProtoClient.withConnection(to: .endpoint(relay), configuration: configuration) {
                    connection in
                    try await connection.expect(Queries.echo())
                    await second.wait()
                    #expect(await Self.isPrompt { await connection.close() })
                }
            }
        }
    }

    @Test("Closed while the line of the poll rests after failures")
    func restingPoll() async throws {
        let many = Occurrence()
        let count = Mutex(0)
        try await HTTPSessionTests.connect(fate: { _, isPoll in
            guard isPoll else { return .answered }
            let number = count.withLock { count in
                count += 1
                return count
            }
            // By then the line rests, for 400 ms.
            return number == 4 ? .unheardAndNoticed { many.happened() } : .unheard
        }) { connection, backend in
            try await HTTPSessionTests.echoes(2, connection, backend)
            await many.wait()
            #expect(await Self.isPrompt { await connection.close() })
        }
    }

    @Test("Cancelled while the line of a query rests after failures")
    func restingQuery() async throws {
        let many = Occurrence()
        let count = Mutex(-1)
        try await HTTPSessionTests.connect(fate: { _, isPoll in
            let number = count.withLock { count in
                guard count >= 0, !isPoll else { return 0 }
                count += 1
                return count
            }
            if number == 4 { return .unheardAndNoticed { many.happened() } }
            return number == 0 ? .answered : .unheard
        }) { connection, backend in
            try await HTTPSessionTests.echoes(2, connection, backend)
            count.withLock { $0 = 0 }
            let querying = Task { await clientError { _ = try await connection.invoke(Queries.echo(40)) } }
            await many.wait()
            querying.cancel()
            #expect(await querying.value?.code == .cancelled)
            #expect(await Self.isPrompt { await connection.close() })
        }
    }

    @Test("Closed while a poll waits, over each carrier", arguments: TransportCase.carriers)
    func waitingPoll(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            try await dataCenter.connect {
                $0.transport = transport.transport
            } _: { connection in
                try await connection.expect(Queries.echo())
                // The poll has its connection.
                let count = transport.transport.framing == nil ? 2 : 1
                try await eventually { dataCenter.server.connectionCount == count }
                #expect(await Self.isPrompt { await connection.close() })
            }
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }
}
