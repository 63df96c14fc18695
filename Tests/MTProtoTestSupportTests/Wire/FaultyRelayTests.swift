// SPDX-License-Identifier: Apache-2.0

import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import NIOPosix
import Testing

/// The toolbox itself over sockets: what a client sees of each fault, and that nothing is left open.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct FaultyRelayTests {
    /// What a client that has sent some bytes and its end gets back.
    private struct Outcome: Equatable {
        var text: String
        var wasReset: Bool
    }

    /// Sends bytes through a relay to a server that sends them back, and ends.
    private static func outcome(_ faults: WireFaults, sending text: String = "hello") async throws -> Outcome {
        try await FaultyRelay.run(.echo) { server in
            try await FaultyRelay.run(to: server.endpoint, faults) { relay in
                try await Self.exchange(text, with: relay.endpoint)
            }
        }
    }

    private static func exchange(_ text: String, with endpoint: SocketEndpoint) async throws -> Outcome {
        let client = try await WireConnection.dial(endpoint)
        var isRefused = false
        do {
            try await client.write(Array(text.utf8))
            try await client.endOutput()
        } catch {
            isRefused = true
        }
        var received = ByteBuffer()
        for await bytes in client.bytes { received.writeImmutableBuffer(bytes) }
        let wasReset = await client.wasReset()
        await client.close()
        return Outcome(text: String(buffer: received), wasReset: wasReset || isRefused)
    }

    @Test(
        "Bytes pass, and the ends with them",
        arguments: [
            WireFaults(), WireFaults(both: .trickle()), WireFaults(both: .glue(3)), WireFaults(both: .glue(1_000)),
        ]
    )
    func passing(faults: WireFaults) async throws {
        #expect(try await Self.outcome(faults) == Outcome(text: "hello", wasReset: false))
    }

    @Test("The server's bytes are cut", arguments: [LineFaults.Cut.close, .halfClose])
    func cut(cut: LineFaults.Cut) async throws {
        let outcome = try await Self.outcome(WireFaults(toClient: .cut(cut, after: 2)))
        #expect(outcome == Outcome(text: "he", wasReset: false))
    }

    @Test("The server's bytes end in other ones")
    func garbage() async throws {
        let outcome = try await Self.outcome(WireFaults(toClient: .cut(.garbage(Array("p me".utf8)), after: 3)))
        #expect(outcome == Outcome(text: "help me", wasReset: false))
    }

    @Test(
        "The connection is reset",
        arguments: [
            WireFaults(.reset), WireFaults(toServer: .cut(.reset, after: 2)),
            WireFaults(toClient: .cut(.reset, after: 0)),
        ]
    )
    func reset(faults: WireFaults) async throws {
        #expect(try await Self.outcome(faults).wasReset)
    }

    @Test(
        "Bytes disappear",
        arguments: [
            WireFaults(.blackHole), WireFaults(.stall), WireFaults(.close),
            WireFaults(toServer: .cut(.blackHole, after: 0)),
            WireFaults(toServer: .cut(.stall, after: 0)),
        ]
    )
    func disappearing(faults: WireFaults) async throws {
        #expect(try await Self.outcome(faults).text == "")
    }

    @Test("Each connection has its own faults, and is counted")
    func numbered() async throws {
        try await FaultyRelay.run(.echo) { server in
            try await FaultyRelay.run(to: server.endpoint, faults: { WireFaults($0 == 1 ? .close : .relay) }) { relay in
                for expected in ["hello", "", "hello"] {
                    let outcome = try await Self.exchange("hello", with: relay.endpoint)
                    #expect(outcome.text == expected)
                }
                // Two of them with a connection to the server.
                #expect(relay.channels.openedCount == 5)
                #expect(await relay.channels.allClosed())
            }
        }
    }

    @Test("A connection that is left open is seen")
    func leak() async throws {
        try await FaultyRelay.run(.echo) { relay in
            let client = try await WireConnection.dial(relay.endpoint)
            try await client.write([1])
            var reader = WireReader(client)
            #expect(try await reader.read(1) == [1])
            #expect(await relay.channels.allClosed(within: .milliseconds(50)) == false)
            await client.close()
        }
    }

    @Test("An endpoint that refuses")
    func refusing() async throws {
        try await DeadEndpoint.refusing { endpoint in
            _ = await #expect(throws: NIOConnectionError.self) { _ = try await WireConnection.dial(endpoint) }
        }
    }
}
