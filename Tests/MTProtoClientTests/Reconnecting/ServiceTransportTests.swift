// SPDX-License-Identifier: Apache-2.0

import MTProtoServer
import MTProtoSession
import MTProtoTestSupport
import MTProtoTransport
import NIOCore
import Synchronization
import Testing

@testable import MTProtoClient

/// A client that stays connected, over each carrier.
@Suite(.network, .timeLimit(.minutes(10)))
struct ServiceTransportTests {
    /// Short pauses.
    private static let machine: ReconnectMachine.Configuration = {
        var machine = ReconnectMachine.Configuration()
        machine.maximumPause = .milliseconds(100)
        return machine
    }()

    @Test("The path is lost and comes back, again and again", arguments: TransportCase.carriers)
    func path(transport: TransportCase) async throws {
        let carrier = transport.transport
        try await StayingClient.withServer(responder: CountingResponder()) { server in
            let isDown = Mutex(false)
            try await FaultyRelay.run(
                to: server.endpoint(for: carrier),
                faults: { _ in
                    WireFaults(isDown.withLock { $0 } ? .reset : .relay)
                }
            ) { relay in
                try await StayingClient.run(to: relay.endpoint, machine: Self.machine) {
                    $0.transport = carrier
                    $0.tls = server.tls
                    if !carrier.isStream { $0.timeouts.attempt = .seconds(1) }
                } _: { service in
                    try await StayingClient.ask(service, 0..<10)
                    for round: UInt32 in 1...3 {
                        try await withThrowingTaskGroup(of: Void.self) { group in
                            group.addTask {
                                try await StayingClient.ask(service, round * 100..<round * 100 + 50)
                            }
                            isDown.withLock { $0 = true }
                            relay.channels.closeAll()
                            for await state in service.states where state < .ready { break }
                            let count = relay.channels.openedCount
                            try await eventually { relay.channels.openedCount > count }
                            isDown.withLock { $0 = false }
                            try await group.waitForAll()
                        }
                    }
                }
            }
            #expect(server.responder.count == 160)
            #expect(server.responder.repeatedCount == 0)
        }
    }

    static let receipts: [TransportCase] = TransportCase.all.filter { $0.transport.framing != .full }

    @Test("A receipt, also for a query that was sent without a connection", arguments: receipts)
    func receipt(transport: TransportCase) async throws {
        let carrier = transport.transport
        try await StayingClient.withServer(responder: CountingResponder()) { server in
            let service = try MTProtoClientService(
                target: .endpoint(server.endpoint(for: carrier)),
                configuration: clientConfiguration {
                    $0.transport = carrier
                    $0.tls = server.tls
                }
            )
            #expect(service.supportsQuickAck == carrier.isStream)
            let early = try service.send(Queries.echo(number: 1))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                try await early.received()
                #expect(try await early.result() == Queries.echo(number: 1))
                let late = try service.send(Queries.echo(number: 2))
                try await late.received()
                #expect(try await late.result() == Queries.echo(number: 2))
                group.cancelAll()
                try await group.waitForAll()
            }
            let over = try service.send(Queries.echo(number: 3))
            let error = await clientError { try await over.received() }
            #expect(error?.delivery == .notDelivered)
        }
    }

    @Test("A receipt and an answer whose connection was cut")
    func cutReceipt() async throws {
        try await StayingClient.withServer { endpoint, responder in
            let silence = Silence()
            try await FaultyRelay.run(to: endpoint, prepare: { try silence.watch($0) }) { relay in
                try await StayingClient.run(to: relay.endpoint) { service in
                    try await StayingClient.ask(service, 0..<10)
                    silence.begin()
                    let sent = try service.send(Queries.echo(number: 10))
                    try await eventually { responder.count == 11 }
                    // Another path: the connection has a second to answer.
                    service.pathChanged()
                    try await sent.received()
                    _ = try await sent.result()
                    #expect(relay.channels.openedCount > 2)
                }
            }
            #expect(responder.repeatedCount == 0)
        }
    }

    @Test("The full framing has no receipts, and says so")
    func full() throws {
        let service = try MTProtoClientService(
            target: .endpoint(try SocketEndpoint(host: "127.0.0.1", port: 1)),
            configuration: clientConfiguration { $0.transport = .tcp(.full) }
        )
        #expect(!service.supportsQuickAck)
        #expect(throws: MTProtoClientError.self) { _ = try service.send(Queries.echo()) }
    }

    @Test("Through a proxy that goes away: it is said to be on the way to the proxy")
    func proxy() async throws {
        try await StayingClient.withServer { endpoint, _ in
            try await ScriptedSOCKS5Server().run { proxy in
                let isOut = Mutex(false)
                try await FaultyRelay.run(
                    to: proxy.endpoint,
                    faults: { _ in
                        WireFaults(isOut.withLock { $0 } ? .blackHole : .relay)
                    }
                ) { relay in
                    try await StayingClient.run(to: endpoint, machine: Self.machine) {
                        $0.routes = [[.socks5(relay.endpoint)]]
                    } _: { service in
                        #expect(service.state == .connectingToProxy)
                        try await StayingClient.ask(service, 0..<10)
                        for await state in service.states where state == .ready { break }
                        isOut.withLock { $0 = true }
                        relay.channels.closeAll()
                        for await state in service.states where state == .connectingToProxy { break }
                        isOut.withLock { $0 = false }
                        service.pathChanged()
                        try await StayingClient.ask(service, 10..<20)
                        for await state in service.states where state == .ready { break }
                    }
                }
            }
        }
    }
}
