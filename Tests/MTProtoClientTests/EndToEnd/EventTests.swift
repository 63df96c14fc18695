// SPDX-License-Identifier: Apache-2.0

import MTProtoClient
import MTProtoServer
import MTProtoSession
import NIOCore
import Testing

/// Updates and other events of a connection.
@Suite(.network, .timeLimit(.minutes(10)))
struct EventTests {
    private static func updates(_ event: ConnectionEvent) -> ByteBuffer? {
        if case .update(let body) = event { body } else { nil }
    }

    /// The number of an update that `Queries.echo(number:)` made.
    private static func number(_ update: ByteBuffer) -> UInt32? {
        update.getInteger(at: update.readerIndex + 4)
    }

    @Test(
        "An update reaches whoever iterates; the sequence ends with the connection",
        arguments: TransportCase.carriers
    )
    func update(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            try await dataCenter.connect {
                $0.transport = transport.transport
            } _: { connection in
                let iterator = connection.events.compactMap(Self.updates).makeAsyncIterator()
                try await connection.expect(Queries.echo())
                let isPushed = try await dataCenter.server.push(
                    Queries.echo(number: 1),
                    to: dataCenter.sessionIdentifier(of: connection)
                )
                #expect(isPushed)
                var updates = iterator
                #expect(await updates.next() == Queries.echo(number: 1))
                await connection.close()
                #expect(await updates.next() == nil)
                // A sequence of a closed connection is empty.
                var late = connection.events.makeAsyncIterator()
                #expect(await late.next() == nil)
            }
        }
    }

    @Test("Events are dropped while nobody iterates")
    func dropped() async throws {
        try await withDataCenter { dataCenter in
            try await dataCenter.connect { connection in
                let session = dataCenter.sessionIdentifier(of: connection)
                try await dataCenter.server.push(Queries.echo(number: 1), to: session)
                // Its answer comes behind the update.
                _ = try await connection.invoke(Queries.echo())
                var updates = connection.events.compactMap(Self.updates).makeAsyncIterator()
                try await connection.expect(Queries.echo())
                try await dataCenter.server.push(Queries.echo(number: 2), to: session)
                #expect(await updates.next() == Queries.echo(number: 2))
            }
        }
    }

    @Test("A new iteration ends the one before")
    func oneIteration() async throws {
        try await withDataCenter { dataCenter in
            try await dataCenter.connect { connection in
                var first = connection.events.makeAsyncIterator()
                var second = connection.events.compactMap(Self.updates).makeAsyncIterator()
                try await connection.expect(Queries.echo())
                #expect(await first.next() == nil)
                try await dataCenter.server.push(
                    Queries.echo(number: 3),
                    to: dataCenter.sessionIdentifier(of: connection)
                )
                #expect(await second.next() == Queries.echo(number: 3))
            }
        }
    }

    @Test("A consumer that stops stops reading; when it goes on nothing is lost and the order is kept")
    func backPressure() async throws {
        try await withDataCenter { dataCenter in
            try await dataCenter.connect { connection in
                var updates = connection.events.compactMap(Self.updates).makeAsyncIterator()
                try await connection.expect(Queries.echo())
                let session = dataCenter.sessionIdentifier(of: connection)
                let count: UInt32 = 600
                for number in 0..<count {
                    var update = Queries.echo(number: number)
                    update.writeRepeatingByte(0, count: 8_192)
                    try await dataCenter.server.push(update, to: session)
                }
                #expect(await updates.next().flatMap(Self.number) == 0)
                let answer = try connection.send(Queries.echo())
                // Nobody takes events: the answer, which is behind them, cannot be read.
                let isHeldBack = await withTaskGroup(of: Bool.self) { group in
                    group.addTask { (try? await connection.ping()) == nil }
                    group.addTask {
                        try? await Task.sleep(for: .milliseconds(300))
                        return true
                    }
                    let first = await group.next() ?? false
                    // Only now the rest is taken, which lets the ping end.
                    for number in 1..<count {
                        let update = await updates.next()
                        #expect(update.flatMap(Self.number) == number)
                    }
                    return first
                }
                #expect(isHeldBack)
                #expect(try await answer.result() == Queries.echo())
            }
        }
    }

    @Test("Over HTTP queries wait for a consumer that is far behind: their answers would bring yet more updates")
    func backPressureHTTP() async throws {
        try await withDataCenter { dataCenter in
            try await dataCenter.connect {
                $0.transport = .http
            } _: { connection in
                var updates = connection.events.compactMap(Self.updates).makeAsyncIterator()
                try await connection.expect(Queries.echo())
                let session = dataCenter.sessionIdentifier(of: connection)
                let count: UInt32 = 400
                for number in 0..<count {
                    var update = Queries.echo(number: number)
                    update.writeRepeatingByte(0, count: 8_192)
                    try await dataCenter.server.push(update, to: session)
                }
                var isHeldBack = false
                for _ in 0..<200 where !isHeldBack {
                    do {
                        _ = try await connection.invoke(Queries.echo(), timeout: .milliseconds(500))
                    } catch let error as MTProtoClientError {
                        #expect(error.code == .timeout)
                        isHeldBack = true
                    }
                }
                #expect(isHeldBack)
                // Responses on two connections overtake each other, but each update comes once.
                var numbers: Set<UInt32> = []
                for _ in 0..<count {
                    guard let number = await updates.next().flatMap(Self.number) else { break }
                    numbers.insert(number)
                }
                #expect(numbers.count == Int(count))
                try await connection.expect(Queries.echo())
            }
        }
    }

    @Test(
        "Whoever queries from within an iteration gets answers, however many updates wait",
        arguments: TransportCase.carriers
    )
    func queriesWithinIteration(transport: TransportCase) async throws {
        try await withDataCenter { dataCenter in
            try await dataCenter.connect {
                $0.transport = transport.transport
            } _: { connection in
                var updates = connection.events.compactMap(Self.updates).makeAsyncIterator()
                // Behind it the iteration has begun.
                try await connection.expect(Queries.echo())
                let session = dataCenter.sessionIdentifier(of: connection)
                let count: UInt32 = 500
                for number in 0..<count { try await dataCenter.server.push(Queries.echo(number: number), to: session) }
                for number in 0..<count {
                    let update = await updates.next()
                    #expect(update.flatMap(Self.number) == number)
                    let answer = try await connection.invoke(Queries.echo())
                    #expect(answer == Queries.echo())
                }
            }
        }
    }

    @Test("A session that the server made anew, and salts, are events")
    func serviceEvents() async throws {
        try await withDataCenter { dataCenter in
            try await dataCenter.connect { connection in
                var events = connection.events.makeAsyncIterator()
                let session = dataCenter.sessionIdentifier(of: connection)
                // A server that has forgotten the session makes it again with the next message.
                _ = try await connection.invoke(Queries.echo())
                try await dataCenter.server.push(UpdatesTooLong().serialized(), to: session)
                var kinds: [String] = []
                while let event = await events.next() {
                    if case .update(let body) = event {
                        #expect(body == UpdatesTooLong().serialized())
                        break
                    }
                    kinds.append("\(event)")
                }
                #expect(kinds.count < 8)
            }
        }
    }
}
