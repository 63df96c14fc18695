// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoTransport
import NIOCore
import Testing

@testable import MTProtoSession

/// Both sides of a session over HTTP connections that lose requests and responses, with something between that repeats
/// requests: each query is executed once and answered once, each update arrives once.
@Suite("HTTP: a client and a server over bad connections")
struct HTTPSimulationTests {
    @Test("Nothing is lost and nothing is done twice", arguments: 1...20)
    func simulation(seed: UInt64) throws {
        var simulation = try HTTPSimulation(seed: seed)
        for _ in 0..<300 { try simulation.step(faults: true) }
        var steps = 0
        while !simulation.isSettled {
            try simulation.step(faults: false)
            steps += 1
            try #require(steps < 20_000, "seed \(seed): \(simulation.state)")
        }
        #expect(simulation.failures == [], "seed \(seed)")
        #expect(simulation.executed.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        #expect(simulation.executed.count == simulation.asked, "seed \(seed)")
        #expect(simulation.answered.count == simulation.asked, "seed \(seed)")
        #expect(simulation.answered.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        #expect(simulation.updates.sorted() == simulation.pushed, "seed \(seed)")
        #expect(simulation.lostCount > 0 && simulation.repeatedCount > 0, "seed \(seed)")
    }
}

private struct HTTPSimulation: ~Copyable {
    /// A request that is under way.
    struct Request {
        let payload: ByteBuffer
        let identifier: UInt64
        let isPoll: Bool
        /// When the server answers; nil before it has the request.
        var schedule: HTTPWaitSchedule?
    }

    private let key: AuthorizationKey
    private let random: RandomSource
    private let salts: ServerSaltSchedule
    private var now: SessionTime
    private var client: ClientSession
    private var server: ServerSession
    private var requests: [Request] = []
    private var running: [ServerQuery] = []
    private var carrier: UInt64 = 0
    private var numbers: [ClientSession.Query: Int] = [:]

    private(set) var asked = 0
    private(set) var pushed: [UInt64] = []
    private(set) var executed: [Int: Int] = [:]
    private(set) var answered: [Int: Int] = [:]
    private(set) var updates: [UInt64] = []
    private(set) var failures: [String] = []
    private(set) var lostCount = 0
    private(set) var repeatedCount = 0

    init(seed: UInt64) throws {
        self.random = .seeded(seed)
        self.key = try AuthorizationKey((0..<256).map { UInt8(truncatingIfNeeded: $0 &* 5 &+ 1) })
        self.now = ManualSessionClock().now
        self.salts = ServerSaltSchedule(
            initialSalt: 3,
            createdAt: Int32(clamping: self.now.wallSeconds) - 10,
            seed: Bytes32()
        )
        var configuration = ClientSession.Configuration()
        configuration.keepAliveInterval = nil
        self.client = ClientSession(
            authorizationKey: self.key,
            sessionIdentifier: 9,
            timeOffsetNanoseconds: seed.isMultiple(of: 2) ? 0 : nil,
            configuration: configuration,
            random: .seeded(seed + 1000)
        )
        self.server = ServerSession(
            authorizationKeyIdentifier: self.key.identifier,
            sessionIdentifier: 9,
            random: .seeded(seed + 2000)
        )
        self.client.connectionOpened(at: self.now)
    }

    var isSettled: Bool {
        self.answered.count == self.asked && self.updates.count == self.pushed.count && self.running.isEmpty
    }

    var state: String {
        "\(self.answered.count) of \(self.asked) answered, \(self.updates.count) of \(self.pushed.count) updates"
    }

    private func chance(_ percent: Int) -> Bool { self.random.integer(in: 0...99) < percent }

    mutating func step(faults: Bool) throws {
        let milliseconds = Int64(self.random.integer(in: 0...120))
        self.now.wallNanoseconds += milliseconds * 1_000_000
        self.now.monotonicNanoseconds += milliseconds * 1_000_000
        if faults, self.chance(30) { try self.ask() }
        if faults, self.chance(10) {
            var update = ByteBuffer()
            update.writeInteger(UInt32(0x7070_7070), endianness: .little)
            self.pushed.append(UInt64(self.pushed.count))
            update.writeInteger(self.pushed[self.pushed.count - 1], endianness: .little)
            self.server.push(update, at: self.now)
        }
        if !self.running.isEmpty, self.chance(40) {
            let query = self.running.remove(at: self.random.integer(in: 0...self.running.count - 1))
            self.server.respond(to: query.messageIdentifier, result: query.body, at: self.now)
        }
        if let deadline = self.client.nextDeadline, deadline <= self.now.monotonicNanoseconds {
            self.take(self.client.deadlineReached(at: self.now))
        }
        self.send()
        guard !self.requests.isEmpty else { return }
        let index = self.random.integer(in: 0...self.requests.count - 1)
        try self.advance(index, faults: faults)
    }

    private mutating func ask() throws {
        var body = ByteBuffer()
        body.writeInteger(UInt32(0xEC40_EC40), endianness: .little)
        body.writeInteger(UInt64(self.asked), endianness: .little)
        let query = try self.client.invoke(body, at: self.now)
        self.numbers[query] = self.asked
        self.asked += 1
    }

    /// One long poll, and two connections for the rest.
    private mutating func send() {
        if !self.requests.contains(where: \.isPoll) {
            let wait = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 25_000)
            if let payload = self.client.nextPollPayload(wait: wait, at: self.now) { self.add(payload, isPoll: true) }
        }
        let wait = HTTPWait(maximumDelay: 0, waitAfter: 0, maximumWait: 0)
        while self.requests.filter({ !$0.isPoll }).count < 2,
            let payload = self.client.nextPayload(at: self.now, attaching: wait)
        {
            self.add(payload, isPoll: false)
        }
    }

    private mutating func add(_ payload: OutgoingPayload, isPoll: Bool) {
        self.requests.append(
            Request(payload: payload.payload, identifier: payload.messageIdentifier, isPoll: isPoll)
        )
    }

    private mutating func advance(_ index: Int, faults: Bool) throws {
        let request = self.requests[index]
        guard let schedule = request.schedule else {
            if faults, self.chance(10) {
                // The connection broke before the request was there.
                return self.lose(index)
            }
            let message = try EncryptedMessage.open(
                ByteBuffer(bytes: request.payload.readableBytesView),
                with: self.key,
                from: .clientToServer
            )
            let (isAccepted, notices, wait) = self.receive(message)
            guard isAccepted else {
                return try self.respond(index, self.refusal(of: message, notices: notices))
            }
            if faults, self.chance(10) {
                // Something between repeats it, and throws the second response away.
                self.repeatedCount += 1
                let (isAccepted, notices, _) = self.receive(message)
                #expect(!isAccepted)
                _ = self.refusal(of: message, notices: notices)
            }
            var schedule = HTTPWaitSchedule(requestedAt: self.now.monotonicNanoseconds, wait: wait)
            if self.server.hasOutput { schedule.messagesWaiting(at: self.now.monotonicNanoseconds) }
            self.requests[index].schedule = schedule
            return
        }
        var due = schedule
        if self.server.hasOutput { due.messageArrived(at: self.now.monotonicNanoseconds) }
        self.requests[index].schedule = due
        guard due.isDue(at: self.now.monotonicNanoseconds) else { return }
        self.carrier += 1
        let payload = self.server.nextResponse(
            authorizationKey: self.key,
            salts: self.salts,
            at: self.now,
            carrier: self.carrier
        )
        guard !faults || !self.chance(20) else {
            // The response is lost; the server hears of it now, the client too.
            self.server.responseLost(self.carrier, at: self.now)
            return self.lose(index)
        }
        try self.respond(index, payload)
    }

    private mutating func lose(_ index: Int) {
        self.lostCount += 1
        self.client.payloadLost(self.requests.remove(at: index).identifier, at: self.now)
    }

    private mutating func respond(_ index: Int, _ payload: ByteBuffer) throws {
        self.requests.remove(at: index)
        self.take(try self.client.receive(payload, at: self.now))
    }

    private mutating func receive(_ message: EncryptedMessage) -> (Bool, [ByteBuffer], HTTPWait?) {
        var isAccepted = false
        var notices: [ByteBuffer] = []
        var wait: HTTPWait?
        for action in self.server.receive(message, salts: self.salts, at: self.now) {
            switch action {
            case .acceptQuickAck(let accepted): isAccepted = accepted
            case .notify(let bodies): notices = bodies
            case .httpWait(let last): wait = last
            case .query(let query):
                self.running.append(query)
                let number = query.body.getInteger(at: query.body.readerIndex + 4, endianness: .little, as: UInt64.self)
                self.executed[number.map { Int($0) } ?? -1, default: 0] += 1
            default: break
            }
        }
        return (isAccepted, notices, wait)
    }

    private mutating func refusal(of message: EncryptedMessage, notices: [ByteBuffer]) -> ByteBuffer {
        self.server.refusal(
            of: message,
            notices: notices,
            authorizationKey: self.key,
            salts: self.salts,
            at: self.now
        )
    }

    private mutating func take(_ events: [ClientSessionEvent]) {
        for event in events {
            switch event {
            case .result(let query, _): self.answered[self.numbers[query] ?? -1, default: 0] += 1
            case .update(let body):
                let number = body.getInteger(at: body.readerIndex + 4, endianness: .little, as: UInt64.self)
                if let number { self.updates.append(number) }
            case .failed(let query, let error): self.failures.append("\(query): \(error)")
            case .rpcError(let query, let error): self.failures.append("\(query): \(error.message)")
            case .connectionDead, .sessionRestarted: self.failures.append("\(event)")
            default: break
            }
        }
    }
}
