// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Testing

/// From dial to answers over loopback, over every transport in every framing, obfuscated or not, with both kinds of keys.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct MatrixTests {
    static let lifetimes: [KeyLifetime] = [.permanent, .temporary(expiresIn: 86_400)]
    static let echoSizes = [4, 8, 252, 256, 1_020, 4_096, 65_536, 300 * 1_024, 900 * 1_024]

    @Test(
        "Six steps, config, nearest DC, echoes of all sizes, an error for the rest",
        arguments: TransportCase.all,
        lifetimes
    )
    func everything(transport: TransportCase, lifetime: KeyLifetime) async throws {
        try await withDataCenter { dataCenter in
            try await dataCenter.connect {
                $0.transport = transport.transport
                $0.keyLifetime = lifetime
            } _: { connection in
                #expect(
                    connection.steps.map(\.phase)
                        == [.dial, .transportHandshake, .keyExchange, .authorizationKey, .encryptedSession]
                )
                #expect(connection.steps.allSatisfy { !$0.isSkipped })
                let config = try await connection.invoke(HelpGetConfig())
                #expect(config.thisDataCenter == 2)
                #expect(!config.isTest)
                #expect(config.options.contains { $0.identifier == 2 && Int($0.port) == dataCenter.addresses[0].port })
                let nearest = try await connection.invoke(HelpGetNearestDataCenter())
                #expect(nearest.nearestDataCenter == 2)
                let seed: UInt64 = 31
                for size in Self.echoSizes {
                    var query = Queries.echo(4)
                    query.writeBytes(RandomSource.seeded(seed).bytes(size - 4))
                    #expect(try await connection.invoke(query) == query, "\(size) bytes, seed \(seed)")
                }
                // Compressed on its way to the server.
                try await connection.expect(Queries.echo(100_000))
                let error = await clientError {
                    _ = try await connection.invoke(ByteBuffer(integer: UInt32(0x0102_0304), endianness: .little))
                }
                #expect(error?.code == .rpcError)
                #expect(error?.phase == .use)
                #expect(error?.rpcError?.code == 400)
                #expect(try await connection.ping() > .zero)
            }
            try await eventually { dataCenter.server.connectionCount == 0 }
        }
    }

    @Test("A quick acknowledgement comes without an answer or an acknowledgement", arguments: TransportCase.all)
    func quickAck(transport: TransportCase) async throws {
        try await withDataCenter {
            $0.faults.lostAnswerPeriod = 2
            $0.server.session.acknowledgementDelay = .seconds(3_600)
            // The lost answer would be awaited.
            $0.server.timeouts.drain = .milliseconds(50)
        } _: { dataCenter in
            try await dataCenter.connect {
                $0.transport = transport.transport
            } _: { connection in
                let framing = transport.transport.framing
                #expect(connection.supportsQuickAck == (framing != nil && framing != .full))
                guard framing != .full else {
                    let error = await clientError { _ = try connection.send(Queries.echo()) }
                    #expect(error?.code == .invalidConfiguration)
                    return
                }
                let answered = try connection.send(Queries.echo())
                let answer = try await answered.result()
                #expect(answer == Queries.echo())
                try await answered.received()
                // Over HTTP the answer was the receipt.
                guard connection.supportsQuickAck else { return }
                let lost = try connection.send(Queries.echo())
                try await lost.received()
                // It can be asked for again.
                try await lost.received()
            }
        }
    }

    @Test("Full cannot be obfuscated", arguments: [ClientTransport.tcp(.full, obfuscated: true), .webSocket(.full)])
    func obfuscatedFull(transport: ClientTransport) async throws {
        try await withDataCenter { dataCenter in
            let error = await clientError {
                try await dataCenter.connect {
                    $0.transport = transport
                } _: { _ in
                }
            }
            #expect(error?.code == .invalidConfiguration)
            #expect(error?.isRetryable == false)
            #expect(dataCenter.server.connectionCount == 0)
        }
    }

    @Test("10 000 queries at once on one connection, each with its own answer", arguments: TransportCase.carriers)
    func manyQueries(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            try await dataCenter.connect {
                $0.transport = transport.transport
            } _: { connection in
                let matched = try await withThrowingTaskGroup(of: Bool.self) { group in
                    for number: UInt32 in 0..<10_000 {
                        group.addTask {
                            try await connection.invoke(Queries.echo(number: number)) == Queries.echo(number: number)
                        }
                    }
                    return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
                }
                #expect(matched == 10_000)
            }
        }
    }

    @Test("More queries than the limit are refused at once")
    func queryLimit() async throws {
        try await withDataCenter {
            $0.faults.answerDelayMilliseconds = 100
        } _: { dataCenter in
            try await dataCenter.connect {
                $0.session.maximumQueryCount = 2
            } _: { connection in
                let sent = try (0..<3).map { _ in try connection.send(Queries.echo()) }
                let error = await clientError { _ = try await sent[2].result() }
                #expect(error?.code == .queueFull)
                for query in sent.prefix(2) { #expect(try await query.result() == Queries.echo()) }
            }
        }
    }

    @Test(
        "A client whose clock is wrong takes the server's time",
        arguments: [-86_400, -301, 31, 86_400] as [Int64],
        TransportCase.carriers
    )
    func wrongClock(seconds: Int64, transport: TransportCase) async throws {
        let clock = SessionClock {
            var time = SessionClock.system.now()
            time.wallNanoseconds += seconds * 1_000_000_000
            return time
        }
        try await withDataCenter { dataCenter in
            let saved = try await dataCenter.connect {
                $0.transport = transport.transport
                $0.clock = clock
            } _: { connection in
                try await connection.expect(Queries.echo())
                var saved = try await connection.savedConnection()
                let offset = try #require(saved.permanent.timeOffsetNanoseconds) / 1_000_000_000
                #expect(abs(offset + seconds) <= 2)
                saved.permanent.timeOffsetNanoseconds = nil
                return saved
            }
            // Without what the key exchange told it: corrected by the server's refusal.
            try await dataCenter.connect {
                $0.transport = transport.transport
                $0.clock = clock
                $0.savedConnection = saved
            } _: { connection in
                let answer = try await connection.invoke(Queries.echo())
                #expect(answer == Queries.echo())
            }
        }
    }
}
