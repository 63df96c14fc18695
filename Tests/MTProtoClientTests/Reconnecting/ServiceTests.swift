// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import MTProtoServer
import MTProtoSession
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

@testable import MTProtoClient

/// A client that stays connected, with our own server.
@Suite(.serialized, .network, .timeLimit(.minutes(10)))
struct ServiceTests {
    @Test("Queries asked before there is a connection are answered; the states lead to ready, and the sequence ends")
    func start() async throws {
        try await StayingClient.withServer { endpoint, _ in
            let service = try MTProtoClientService(
                target: .endpoint(endpoint),
                configuration: clientConfiguration()
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    let query = Queries.echo(number: 1)
                    let answer = try await service.invoke(query)
                    #expect(answer == query)
                }
                group.addTask {
                    let limited = await clientError {
                        _ = try await service.invoke(Queries.echo(number: 2), timeout: .zero)
                    }
                    #expect(limited?.code == .timeout)
                    #expect(limited?.delivery == .notDelivered)
                }
                try await group.next()
                group.addTask { try? await service.run() }
                try await group.next()
                for await state in service.states where state == .ready { break }
                #expect(service.state == .ready)
                #expect(try await service.savedConnection() != nil)
                group.cancelAll()
            }
            var states: [ConnectionState] = []
            for await state in service.states { states.append(state) }
            // Nobody connects any more.
            #expect(states == [.connecting])
            let late = await clientError { _ = try await service.invoke(Queries.echo()) }
            #expect(late?.code == .connectionClosed)
            #expect(late?.delivery == .notDelivered)
        }
    }

    @Test("Connections that are cut again and again: each query is answered once, none is executed twice")
    func cuts() async throws {
        try await StayingClient.withServer { endpoint, responder in
            try await CuttingRelay.run(to: endpoint) { number in
                number > 10 && number % 9 == 0
            } _: { relay in
                var machine = ReconnectMachine.Configuration()
                machine.maximumPause = .milliseconds(100)
                try await StayingClient.run(to: relay, machine: machine) { service in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number: UInt32 in 0..<300 {
                            if number.isMultiple(of: 10) { try await group.next() }
                            group.addTask {
                                let query = Queries.echo(number: number)
                                let answer = try await service.invoke(query)
                                #expect(answer == query)
                            }
                        }
                        try await group.waitForAll()
                    }
                }
            }
            #expect(responder.executions.withLock { $0.count } == 300)
            #expect(responder.repeatedCount == 0)
        }
    }

    @Test("What trying again cannot change ends the service, and the queries that wait")
    func permanent() async throws {
        try await StayingClient.withServer { endpoint, _ in
            let service = try MTProtoClientService(
                target: .endpoint(endpoint),
                configuration: clientConfiguration { $0.publicKeys = [.production] }
            )
            async let query = clientError { _ = try await service.invoke(Queries.echo()) }
            let error = await clientError { try await service.run() }
            #expect(error?.code == .keyExchange)
            #expect(await query?.delivery == .notDelivered)
        }
    }

    @Test("A temporary key is replaced over the same connection, and no query suffers")
    func renewal() async throws {
        let clock = ManualSessionClock()
        try await StayingClient.withServer {
            $0.clock = clock.clock
            $0.authorizationKeys = InMemoryAuthorizationKeyStore(clock: clock.clock)
        } _: { endpoint, responder in
            try await StayingClient.run(to: endpoint) {
                $0.clock = clock.clock
                $0.keyLifetime = .temporary(expiresIn: 86_400)
                $0.session.keepAliveInterval = nil
            } _: { service in
                _ = try await service.invoke(Queries.echo(number: 0))
                let before = try #require(try await service.savedConnection()?.temporary)
                clock.advance(by: .seconds(86_400 * 93 / 100))
                let keeper = service.keeper
                keeper.execute { $0.renew() }
                var number: UInt32 = 1
                while try await service.savedConnection()?.temporary?.expiresAt == before.expiresAt {
                    let query = Queries.echo(number: number)
                    #expect(try await service.invoke(query) == query)
                    number += 1
                }
                let query = Queries.echo(number: number)
                #expect(try await service.invoke(query) == query)
                let after = try #require(try await service.savedConnection()?.temporary)
                #expect(after.session.authorizationKey != before.session.authorizationKey)
                #expect(responder.repeatedCount == 0)
            }
        }
    }

    @Test("A temporary key that the server has lost is made anew; a query that was under way says what is known of it")
    func lostKey() async throws {
        let keys = InMemoryAuthorizationKeyStore()
        try await StayingClient.withServer {
            $0.authorizationKeys = keys
        } _: { endpoint, responder in
            let isCut = Mutex(false)
            try await CuttingRelay.run(to: endpoint) { _ in
                isCut.withLock { isCut in
                    defer { isCut = false }
                    return isCut
                }
            } _: { relay in
                try await StayingClient.run(to: relay) {
                    $0.keyLifetime = .temporary(expiresIn: 86_400)
                } _: { service in
                    _ = try await service.invoke(Queries.echo(number: 0))
                    let before = try #require(try await service.savedConnection()?.temporary)
                    _ = keys.remove(before.session.authorizationKey.identifier)
                    isCut.withLock { $0 = true }
                    let error = await clientError { _ = try await service.invoke(Queries.echo(number: 1)) }
                    #expect(error?.code == .queryLost)
                    #expect(error?.delivery != .notDelivered)
                    let query = Queries.echo(number: 2)
                    #expect(try await service.invoke(query) == query)
                    let after = try #require(try await service.savedConnection()?.temporary)
                    #expect(after.session.authorizationKey != before.session.authorizationKey)
                }
            }
            #expect(responder.repeatedCount == 0)
        }
    }

    @Test("A change of the network's path ends the longest pause")
    func pathChange() async throws {
        try await StayingClient.withServer { endpoint, _ in
            let (attempts, continuation) = AsyncStream.makeStream(of: Void.self)
            let isBlocked = Mutex(true)
            let dialer = WatchedDialer {
                continuation.yield()
                return isBlocked.withLock { $0 } ? ECONNREFUSED : nil
            }
            var machine = ReconnectMachine.Configuration()
            machine.initialPause = .seconds(86_400 * 365)
            machine.maximumPause = machine.initialPause
            let service = try MTProtoClientService(
                target: .endpoint(endpoint),
                configuration: clientConfiguration { $0.dialer = dialer },
                machine: machine
            )
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                for await _ in attempts { break }
                isBlocked.withLock { $0 = false }
                // An attempt that has not yet failed begins anew, which is as good.
                service.pathChanged()
                let query = Queries.echo(number: 1)
                #expect(try await service.invoke(query) == query)
                group.cancelAll()
                try await group.waitForAll()
            }
        }
    }
}
