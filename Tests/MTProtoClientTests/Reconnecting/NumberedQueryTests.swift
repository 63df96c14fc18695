// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import Testing

@testable import MTProtoClient

/// Numbered queries over connections that end in every way: each is answered once, and executed once.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct NumberedQueryTests {
    /// What goes wrong on a connection; the same for the same seed and number.
    private static func faults(seed: UInt64, number: Int) -> WireFaults {
        let random = RandomSource.seeded(seed &* 1_000_003 &+ UInt64(number))
        // Enough for the key exchange, or for some hundred queries.
        let offset = random.integer(in: number == 0 ? 8_000...12_000 : 100...15_000)
        switch random.integer(in: 0...8) {
        case 0: return WireFaults(toClient: .cut(.reset, after: offset))
        case 1: return WireFaults(toServer: .cut(.reset, after: offset))
        case 2: return WireFaults(toClient: .cut(.close, after: offset))
        case 3: return WireFaults(toServer: .cut(.close, after: offset))
        case 4: return WireFaults(toClient: .cut(.halfClose, after: offset))
        case 5:
            // More than the rest of any payload, so that it shows.
            let garbage = Garbage.bytes(65_536, seed: random.integer())
            return WireFaults(toClient: .cut(.garbage(garbage), after: offset))
        case 6 where number > 0: return WireFaults(random.integer(in: 0...1) == 0 ? .reset : .close)
        case 7:
            var line = LineFaults.cut(.reset, after: offset)
            line.pieceLength = random.integer(in: 1...100)
            return WireFaults(toClient: line)
        default:
            return WireFaults(toServer: .cut(.reset, after: offset), toClient: .cut(.close, after: offset))
        }
    }

    struct Run: Sendable, CustomTestStringConvertible {
        let transport: ClientTransport
        let count: UInt32
        let seed: UInt64

        var testDescription: String { "\(self.count) over \(self.transport), seed \(self.seed)" }

        static let all: [Run] =
            [Run(transport: .tcp(), count: 10_000, seed: 1)]
            + TransportCase.carriers.dropFirst().map { Run(transport: $0.transport, count: 1_500, seed: 2) }
            + (3...6).map { Run(transport: .tcp(.paddedIntermediate, obfuscated: true), count: 1_500, seed: $0) }
    }

    @Test("Each is answered once, and executed once", arguments: Run.all)
    func numbered(run: Run) async throws {
        try await StayingClient.withServer(responder: CountingResponder()) { server in
            try await FaultyRelay.run(
                to: server.endpoint(for: run.transport),
                faults: { number in
                    Self.faults(seed: run.seed, number: number)
                }
            ) { relay in
                let machine = ReconnectMachine.Configuration(
                    initialPause: .milliseconds(1),
                    maximumPause: .milliseconds(20)
                )
                try await StayingClient.run(to: relay.endpoint, machine: machine) {
                    $0.transport = run.transport
                    $0.tls = server.tls
                    // Garbage may look like the beginning of a long payload, and is silence then.
                    $0.session.pongTimeout = .zero
                    if !run.transport.isStream { $0.timeouts.attempt = .seconds(1) }
                } _: { service in
                    try await StayingClient.ask(service, 0..<run.count, atOnce: 50)
                }
                #expect(relay.channels.openedCount >= 8)
            }
            #expect(server.responder.count == Int(run.count))
            #expect(server.responder.repeatedCount == 0)
        }
    }
}
