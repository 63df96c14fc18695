// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// Each fault of a local data centre, as a client sees it.
@Suite(.network, .timeLimit(.minutes(10)))
struct FaultTests {
    private static func withFaults(
        _ specification: String,
        _ body: @Sendable (RunningLocalDataCenter) async throws -> Void
    ) async throws {
        try await withDataCenter {
            $0.faults = try FaultPlan(specification)
        } _: { dataCenter in
            try await body(dataCenter)
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test(
        "close-after: the connection ends in each phase, wherever the byte is",
        arguments: [0, 1, 50, 120, 700, 830, 900]
    )
    func closeAfter(byteCount: Int) async throws {
        try await Self.withFaults("close-after=\(byteCount)") { dataCenter in
            let error = await clientError {
                try await dataCenter.connect { connection in
                    while true { _ = try await connection.invoke(Queries.echo()) }
                }
            }
            // In the middle of a frame, or between two.
            #expect(error?.code == .connectionClosed || error?.code == .framing)
            #expect(error?.isRetryable == true)
        }
    }

    @Test("close-after, far into the use: queries say whether they were delivered")
    func closeAfterUse() async throws {
        try await Self.withFaults("close-after=20000") { dataCenter in
            let error = await clientError {
                try await dataCenter.connect { connection in
                    while true { _ = try await connection.invoke(Queries.echo(1_000)) }
                }
            }
            #expect(error?.phase == .use)
            #expect(error?.delivery != nil)
        }
    }

    @Test("stall-after: a time limit runs out")
    func stallAfter() async throws {
        try await Self.withFaults("stall-after=0") { dataCenter in
            let error = await clientError {
                try await dataCenter.connect {
                    $0.timeouts.keyExchangeStep = .milliseconds(200)
                } _: { _ in
                }
            }
            #expect(error?.code == .timeout)
            #expect(error?.phase == .keyExchange)
        }
    }

    @Test("trickle: a client does not notice", arguments: TransportCase.all)
    func trickle(transport: TransportCase) async throws {
        try await Self.withFaults("trickle=7") { dataCenter in
            try await dataCenter.connect {
                $0.transport = transport.transport
            } _: { connection in
                try await connection.expect(Queries.echo(1_000))
            }
        }
    }

    @Test("delay: answers come later")
    func delay() async throws {
        try await Self.withFaults("delay=100") { dataCenter in
            try await dataCenter.connect { connection in
                let start = ContinuousClock.now
                try await connection.expect(Queries.echo())
                #expect(start.duration(to: .now) >= .milliseconds(100))
            }
        }
    }

    @Test("lose-answer: each n-th query stays without an answer, the others have theirs")
    func loseAnswer() async throws {
        try await Self.withFaults("lose-answer=3") { dataCenter in
            try await dataCenter.connect { connection in
                try await connection.expect(Queries.echo(number: 1))
                try await connection.expect(Queries.echo(number: 2))
                let lost = try connection.send(Queries.echo(number: 3))
                try await lost.received()
                try await connection.expect(Queries.echo(number: 4))
                await connection.close()
                let error = await clientError { _ = try await lost.result() }
                #expect(error?.delivery == .delivered || error?.delivery == .maybeDelivered)
            }
        }
    }

    @Test("rpc-error: the error is the client's", arguments: [(420, "FLOOD_WAIT_30", true), (400, "X_1", false)])
    func rpcError(code: Int32, text: String, isRetryable: Bool) async throws {
        try await Self.withFaults("rpc-error=\(code):\(text)") { dataCenter in
            try await dataCenter.connect { connection in
                let error = await clientError { _ = try await connection.invoke(HelpGetConfig()) }
                #expect(error?.code == .rpcError)
                #expect(error?.rpcError == RPCErrorMessage(code: code, message: text))
                #expect(error?.isRetryable == isRetryable)
            }
        }
    }

    @Test("transport-error: the first encrypted payload is refused", arguments: [404, 429, 444, 403])
    func transportError(code: Int32) async throws {
        try await Self.withFaults("transport-error=\(code)") { dataCenter in
            let error = await clientError { try await dataCenter.connect { _ in } }
            #expect(error?.code == (code == 404 ? .authorizationKeyUnknown : .transportError))
            #expect(error?.transportError?.rawValue == code)
            #expect(error?.phase == .encryptedSession)
        }
    }

    @Test("Faults of bytes and of answers together")
    func together() async throws {
        try await Self.withFaults("trickle=3,delay=5,lose-answer=1000") { dataCenter in
            try await dataCenter.connect { connection in
                for number: UInt32 in 0..<5 {
                    try await connection.expect(Queries.echo(number: number))
                }
            }
        }
    }
}
