// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import NIOCore
import Testing

/// Client and server sessions on the two ends of a bad link, in virtual time.
private final class Simulation {
    struct Faults {
        /// The chance that a payload is lost alone.
        var payloadLoss = 0.0
        /// The chance that the connection breaks within a tick of 50 ms, with all that is under way.
        var breakage = 0.0
        /// How long at most it takes to open another one, in seconds.
        var outage = 5
        /// The chance that a new connection finds a server that knows nothing of the session.
        var amnesia = 0.0
        /// The server's clock minus the client's, in seconds.
        var skew: Int64 = 0
        var knowsTime = true
    }

    let seed: UInt64
    let faults: Faults
    private let random: RandomSource
    private let clock = ManualSessionClock()
    private let key: AuthorizationKey
    private let salts: ServerSaltSchedule
    private var client: ClientSession
    private var servers: [UInt64: ServerSession] = [:]

    private struct Flight {
        var due: Int64
        var isToServer: Bool
        var payload: ByteBuffer
    }
    private struct Work {
        var due: Int64
        var session: UInt64
        var query: ServerQuery
    }
    private var flights: [Flight] = []
    private var lastDue: [Bool: Int64] = [:]
    private var work: [Work] = []
    private var reopenDue: Int64? = 0

    /// Numbers of queries by handle, executions and endings by number.
    private var numbers: [ClientSession.Query: Int] = [:]
    private(set) var executions: [Int: Int] = [:]
    private(set) var endings: [Int: [String]] = [:]
    private(set) var connections = 0
    private(set) var updates = 0

    init(seed: UInt64, faults: Faults) throws {
        self.seed = seed
        self.faults = faults
        self.random = .seeded(seed)
        self.key = try AuthorizationKey((0..<256).map { UInt8(truncatingIfNeeded: $0) })
        let created = Int32(clamping: self.clock.now.wallSeconds + faults.skew)
        self.salts = ServerSaltSchedule(initialSalt: 77, createdAt: created, seed: Bytes32())
        self.client = ClientSession(
            authorizationKey: self.key,
            sessionIdentifier: 1,
            timeOffsetNanoseconds: faults.knowsTime ? faults.skew * 1_000_000_000 : nil,
            random: self.random
        )
    }

    private var now: SessionTime { self.clock.now }
    private var serverNow: SessionTime {
        var time = self.now
        time.wallNanoseconds += self.faults.skew * 1_000_000_000
        return time
    }

    private func chance(_ probability: Double) -> Bool {
        Double(self.random.integer(in: 0...999_999)) < probability * 1_000_000
    }

    /// Asks so many queries and goes on until all have ended.
    func run(queries: Int) throws {
        var asked = 0
        var ticks = 0
        while self.endings.count < queries || self.numbers.count < queries {
            ticks += 1
            try #require(ticks < 400_000, "seed \(self.seed): \(self.endings.count) of \(queries) ended")
            self.clock.advance(by: .milliseconds(50))
            if asked < queries, self.chance(0.2) {
                for _ in 0..<self.random.integer(in: 1...5) where asked < queries {
                    let query = try self.client.invoke(ClientSessionHarness.query(asked), at: self.now)
                    self.numbers[query] = asked
                    asked += 1
                }
            }
            try self.connect()
            try self.deliver()
            self.finishWork()
            self.note(self.client.deadlineReachedIfDue(at: self.now))
            self.flush()
        }
    }

    private func connect() throws {
        if let due = self.reopenDue, due <= self.now.monotonicNanoseconds {
            self.reopenDue = nil
            self.connections += 1
            if self.chance(self.faults.amnesia) {
                self.servers = [:]
                self.work = []
            }
            self.client.connectionOpened(at: self.now)
            for key in self.servers.keys.sorted() { self.servers[key]?.connectionOpened(at: self.serverNow) }
        } else if self.reopenDue == nil, self.chance(self.faults.breakage) {
            self.breakConnection()
        }
    }

    private func breakConnection() {
        self.flights = []
        self.lastDue = [:]
        self.client.connectionClosed(at: self.now)
        for key in self.servers.keys.sorted() { self.servers[key]?.connectionClosed(at: self.serverNow) }
        let seconds = Int64(self.random.integer(in: 0...self.faults.outage))
        self.reopenDue = self.now.monotonicNanoseconds + seconds * 1_000_000_000
    }

    private func send(_ payload: ByteBuffer, toServer: Bool) {
        guard !self.chance(self.faults.payloadLoss) else { return }
        let latency = Int64(self.random.integer(in: 10...200)) * 1_000_000
        let due = max(self.now.monotonicNanoseconds + latency, self.lastDue[toServer] ?? 0)
        self.lastDue[toServer] = due
        self.flights.append(Flight(due: due, isToServer: toServer, payload: payload))
    }

    private func deliver() throws {
        let due = self.flights.filter { $0.due <= self.now.monotonicNanoseconds }
        self.flights.removeAll { $0.due <= self.now.monotonicNanoseconds }
        for flight in due {
            guard self.reopenDue == nil else { return }
            if flight.isToServer {
                try self.receiveAtServer(flight.payload)
            } else {
                self.note(try self.client.receive(flight.payload, at: self.now))
            }
        }
    }

    private func receiveAtServer(_ payload: ByteBuffer) throws {
        let message = try EncryptedMessage.open(payload, with: self.key, from: .clientToServer)
        let session = message.sessionIdentifier
        if self.servers[session] == nil {
            self.servers[session] = ServerSession(
                authorizationKeyIdentifier: self.key.identifier,
                sessionIdentifier: session,
                random: self.random
            )
            self.servers[session]?.connectionOpened(at: self.serverNow)
        }
        for action in self.servers[session]?.receive(message, salts: self.salts, at: self.serverNow) ?? [] {
            if case .notify(let notices) = action {
                let payloads = self.servers[session]?.seal(
                    notices: notices,
                    authorizationKey: self.key,
                    salts: self.salts,
                    at: self.serverNow,
                    random: self.random
                )
                for payload in payloads ?? [] { self.send(payload, toServer: false) }
            }
            guard case .query(let query) = action else { continue }
            let number = try #require(ClientSessionHarness.number(of: query.body))
            self.executions[number, default: 0] += 1
            let milliseconds = self.chance(0.05) ? self.random.integer(in: 1000...60_000) : 0
            let due = self.now.monotonicNanoseconds + Int64(milliseconds) * 1_000_000
            self.work.append(Work(due: due, session: session, query: query))
        }
    }

    private func finishWork() {
        let due = self.work.filter { $0.due <= self.now.monotonicNanoseconds }
        self.work.removeAll { $0.due <= self.now.monotonicNanoseconds }
        for work in due {
            _ = self.servers[work.session]?.respond(
                to: work.query.messageIdentifier,
                result: work.query.body,
                at: self.serverNow
            )
            if self.chance(0.1) { self.servers[work.session]?.push(UpdatesTooLong().serialized(), at: self.serverNow) }
        }
        for key in self.servers.keys.sorted() {
            guard let deadline = self.servers[key]?.nextDeadline, deadline <= self.now.monotonicNanoseconds else {
                continue
            }
            self.servers[key]?.deadlineReached(at: self.serverNow)
        }
    }

    private func flush() {
        guard self.reopenDue == nil else { return }
        while let payload = self.client.nextPayload(at: self.now) { self.send(payload.payload, toServer: true) }
        for key in self.servers.keys.sorted() {
            while let payload = self.servers[key]?.nextPayload(
                authorizationKey: self.key,
                salts: self.salts,
                at: self.serverNow,
                random: self.random
            ) {
                self.send(payload, toServer: false)
            }
        }
    }

    private func note(_ events: [ClientSessionEvent]) {
        for event in events {
            switch event {
            case .result(let query, let body):
                guard let number = self.numbers[query] else { continue }
                let isRight = ClientSessionHarness.number(of: body) == number
                self.endings[number, default: []].append(isRight ? "answered" : "wrong answer")
            case .failed(let query, let error):
                guard let number = self.numbers[query] else { continue }
                self.endings[number, default: []].append("\(error)")
            case .rpcError(let query, _), .dropped(let query, _):
                guard let number = self.numbers[query] else { continue }
                self.endings[number, default: []].append("unexpected")
            case .update:
                self.updates += 1
            case .connectionDead:
                self.breakConnection()
            default:
                break
            }
        }
    }
}

extension ClientSession {
    fileprivate mutating func deadlineReachedIfDue(at now: SessionTime) -> [ClientSessionEvent] {
        guard let deadline = self.nextDeadline, deadline <= now.monotonicNanoseconds else { return [] }
        return self.deadlineReached(at: now)
    }
}

@Suite struct ClientSessionSimulationTests {
    private func check(_ simulation: Simulation, executesOnce: Bool = true) {
        for (number, endings) in simulation.endings {
            #expect(endings == ["answered"], "seed \(simulation.seed), query \(number)")
        }
        guard executesOnce else { return }
        for (number, count) in simulation.executions {
            #expect(count == 1, "seed \(simulation.seed), query \(number)")
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func aGoodLink(seed: UInt64) throws {
        let simulation = try Simulation(seed: seed, faults: .init())
        try simulation.run(queries: 400)
        self.check(simulation)
        #expect(simulation.connections == 1)
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func connectionsThatBreak(seed: UInt64) throws {
        let simulation = try Simulation(seed: seed, faults: .init(breakage: 0.01, outage: 20))
        try simulation.run(queries: 400)
        self.check(simulation)
        #expect(simulation.connections > 1)
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func longOutages(seed: UInt64) throws {
        let simulation = try Simulation(seed: seed, faults: .init(breakage: 0.005, outage: 500))
        try simulation.run(queries: 200)
        self.check(simulation)
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func payloadsThatGetLost(seed: UInt64) throws {
        let simulation = try Simulation(seed: seed, faults: .init(payloadLoss: 0.05))
        try simulation.run(queries: 200)
        self.check(simulation)
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8, 21] as [UInt64])
    func everythingAtOnce(seed: UInt64) throws {
        let faults = Simulation.Faults(
            payloadLoss: 0.03,
            breakage: 0.005,
            outage: 100,
            skew: seed % 2 == 0 ? 5000 : -5000,
            knowsTime: false
        )
        let simulation = try Simulation(seed: seed, faults: faults)
        try simulation.run(queries: 200)
        self.check(simulation)
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func aServerThatForgetsAnswersEachQueryOnceAllTheSame(seed: UInt64) throws {
        let simulation = try Simulation(seed: seed, faults: .init(breakage: 0.005, outage: 60, amnesia: 0.3))
        try simulation.run(queries: 300)
        self.check(simulation, executesOnce: false)
    }
}
