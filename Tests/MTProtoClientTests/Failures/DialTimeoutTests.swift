// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoTestSupport
import Testing

/// An endpoint that does not answer at all.
@Suite(.network, .timeLimit(.minutes(10)), .serialized)
struct DialTimeoutTests {
    @Test("The limit of one dial, and of the whole connect", arguments: [false, true])
    func timeout(isWhole: Bool) async throws {
        try await DeadEndpoint.silent { endpoint in
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
        try await DeadEndpoint.silent { endpoint in
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
