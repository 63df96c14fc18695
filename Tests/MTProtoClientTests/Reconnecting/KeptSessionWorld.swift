// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import NIOCore

@testable import MTProtoClient

/// A session that is kept alive in a bad world, by a virtual clock: the machine that reconnects, the client's session with its
/// pings, and the server's session. Connections end or die without a sign, the network goes and comes, the machine sleeps.
final class KeptSessionWorld {
    private static let second: Int64 = 1_000_000_000
    private static let millisecond: Int64 = 1_000_000
    /// From then on everything goes well, but for what is dead already.
    private static let peace = 180 * second
    private static let end = peace + 120 * second
    private static let queryCount: UInt32 = 40

    private enum Event {
        case ask
        case connected(UInt64)
        case refused(UInt64)
        case answerLate(UInt64)
        case linkEnds(UInt64)
        case linkDies(UInt64)
        case path(Bool)
        case sleep
        case readClocks
        case arrive(link: UInt64, isToServer: Bool, ByteBuffer)
        case answer(ServerQuery)
    }

    private typealias Entry = (time: Int64, order: Int, event: Event)

    private struct Link {
        let number: UInt64
        /// Since when nothing passes.
        var deadSince: Int64?
    }

    private let random: RandomSource
    private let key: AuthorizationKey
    private let salts: ServerSaltSchedule
    private var client: ClientSession
    private var server: ServerSession
    private var machine: ReconnectMachine
    private var now = SessionTime(wallNanoseconds: 1_705_754_878 * second, monotonicNanoseconds: 0)
    /// How long the machine has slept, in all.
    private var slept: Int64 = 0
    private var queue: [Entry] = []
    private var order = 0
    private var lastArrival: [Bool: Int64] = [:]
    private var wake: Int64?
    private var state = ConnectionState.connecting
    private var isPathAvailable = true
    private var attempt: UInt64?
    private var link: Link?
    private var isEstablished = false
    /// The ping that an attempt waits for.
    private var firstPing: Int64?
    private var probes: [Int64: UInt64] = [:]
    /// When a connection that died in a sleep has to be gone.
    private var replaceBy: Int64?
    private var askedAt: [UInt32: Int64] = [:]
    private var numbers: [ClientSession.Query: UInt32] = [:]
    private var executions: [UInt32: Int] = [:]
    private var endings: [UInt32: [String]] = [:]
    private var fault: String?

    init(seed: UInt64) throws {
        self.random = .seeded(seed)
        self.key = try AuthorizationKey((0..<256).map { UInt8(truncatingIfNeeded: $0) })
        self.salts = ServerSaltSchedule(
            initialSalt: 77,
            createdAt: Int32(clamping: self.now.wallSeconds),
            seed: Bytes32()
        )
        self.client = ClientSession(
            authorizationKey: self.key,
            sessionIdentifier: 1,
            timeOffsetNanoseconds: 0,
            random: self.random
        )
        self.server = ServerSession(
            authorizationKeyIdentifier: self.key.identifier,
            sessionIdentifier: 1,
            random: self.random
        )
        self.machine = ReconnectMachine(configuration: .init(), random: self.random)
        for _ in 0..<Self.queryCount { self.add(.ask, in: 0...180_000) }
        for _ in 0..<self.random.integer(in: 0...12) {
            self.add(.path(self.random.integer(in: 0...2) > 0), in: 0...179_000)
        }
        for _ in 0..<self.random.integer(in: 0...3) { self.add(.sleep, in: 0...179_000) }
        self.queue.append((Self.peace, -1, .path(true)))
        self.add(.readClocks, in: 0...0)
    }

    private var time: Int64 { self.now.monotonicNanoseconds }
    private var isPeace: Bool { self.time >= Self.peace }

    /// The server's monotonic clock goes on while the client sleeps.
    private var serverNow: SessionTime {
        SessionTime(wallNanoseconds: self.now.wallNanoseconds, monotonicNanoseconds: self.time + self.slept)
    }

    private func add(_ event: Event, in milliseconds: ClosedRange<Int>) {
        self.order += 1
        let delay = Int64(self.random.integer(in: milliseconds)) * Self.millisecond
        self.queue.append((self.time + delay, self.order, event))
    }

    private func chance(_ part: Int, of whole: Int) -> Bool { self.random.integer(in: 1...whole) <= part }

    // MARK: Running

    func run() throws -> String? {
        self.carryOut(self.machine.begin(at: self.time))
        for _ in 0..<200_000 {
            self.flush()
            if let fault = self.fault ?? self.check() { return "\(fault) at \(self.time / Self.millisecond) ms" }
            guard let next = self.queue.indices.min(by: { self.isEarlier(self.queue[$0], self.queue[$1]) }) else {
                return "nothing to come"
            }
            let serverDue = self.server.nextDeadline.map { $0 - self.slept } ?? .max
            let clientDue = self.client.nextDeadline ?? .max
            let due = min(self.queue[next].time, self.wake ?? .max, clientDue, serverDue)
            guard due < Self.end else { return self.verdict() }
            self.pass(max(0, due - self.time))
            if clientDue <= self.time {
                self.note(self.client.deadlineReached(at: self.now))
            } else if let wake = self.wake, wake <= self.time {
                self.carryOut(self.machine.timerFired(at: self.time))
            } else if serverDue <= self.time {
                self.server.deadlineReached(at: self.serverNow)
            } else {
                try self.handle(self.queue.remove(at: next).event)
            }
        }
        return "no end"
    }

    private func isEarlier(_ left: Entry, _ right: Entry) -> Bool {
        (left.time, left.order) < (right.time, right.order)
    }

    private func pass(_ nanoseconds: Int64) {
        self.now.monotonicNanoseconds += nanoseconds
        self.now.wallNanoseconds += nanoseconds
    }

    private func verdict() -> String? {
        for number in 0..<Self.queryCount {
            guard self.endings[number] == ["answered"] else {
                return "query \(number): \(self.endings[number] ?? []), executed \(self.executions[number] ?? 0) times"
            }
            guard self.executions[number] == 1 else {
                return "query \(number) executed \(self.executions[number] ?? 0) times"
            }
        }
        return self.state == .ready ? nil : "\(self.state) in the end"
    }

    private func check() -> String? {
        let isReady = self.isEstablished && self.isPathAvailable
        if (self.state == .ready) != isReady { return "wrong: \(self.state)" }
        if !self.isPathAvailable, self.state != .waitingForNetwork { return "wrong: \(self.state)" }
        if let replaceBy = self.replaceBy, self.time > replaceBy { return "still there after a sleep" }
        guard let deadSince = self.link?.deadSince else { return nil }
        // A regular ping, and its limit.
        if self.time > deadSince + 76 * Self.second { return "dead and not noticed" }
        guard let asked = self.askedAt.values.min() else { return nil }
        // The ping of a connection that should answer, and its limit.
        return self.time > max(deadSince, asked) + 18 * Self.second ? "dead and not noticed, with a query" : nil
    }

    // MARK: Events

    private func handle(_ event: Event) throws {
        switch event {
        case .ask:
            let number = UInt32(self.numbers.count)
            let query = try self.client.invoke(Queries.echo(number: number), at: self.now)
            self.numbers[query] = number
            self.askedAt[number] = self.time
        case .connected(let attempt):
            guard self.attempt == attempt else { return }
            self.open(attempt)
        case .refused(let attempt):
            guard self.attempt == attempt else { return }
            self.attempt = nil
            let causes: [ReconnectCause] = [.passing, .passing, .passing, .noRoute, .flood]
            let cause = causes[self.random.integer(in: 0...causes.count - 1)]
            self.carryOut(self.machine.failed(attempt, self.isPeace ? .passing : cause, at: self.time))
        case .answerLate(let attempt):
            guard self.attempt == attempt, !self.isEstablished else { return }
            self.linkIsGone()
        case .linkEnds(let number):
            guard self.link?.number == number, !self.isPeace else { return }
            self.linkIsGone()
        case .linkDies(let number):
            guard self.link?.number == number, !self.isPeace else { return }
            self.linkDies()
        case .path(let isAvailable):
            self.isPathAvailable = isAvailable
            if !isAvailable { self.replaceBy = nil }
            self.carryOut(
                self.machine.pathChanged(
                    isAvailable: isAvailable,
                    roundTrip: self.client.roundTripNanoseconds,
                    at: self.time
                )
            )
        case .sleep:
            self.sleep()
        case .readClocks:
            self.add(.readClocks, in: 5_000...5_000)
            let roundTrip = self.client.roundTripNanoseconds
            if let decision = self.machine.clocksRead(self.now, roundTrip: roundTrip) { self.carryOut(decision) }
        case .arrive(let link, let isToServer, let payload):
            guard self.link?.number == link, self.link?.deadSince == nil else { return }
            if isToServer {
                try self.receiveAtServer(payload)
            } else {
                guard let events = try? self.client.receive(payload, at: self.now) else { return self.linkIsGone() }
                self.note(events)
            }
        case .answer(let query):
            _ = self.server.respond(to: query.messageIdentifier, result: query.body, at: self.serverNow)
        }
    }

    /// The monotonic clock stands still meanwhile; half of the connections do not survive it.
    private func sleep() {
        let length = Int64(self.random.integer(in: 6...120)) * Self.second
        self.now.wallNanoseconds += length
        self.slept += length
        guard self.link != nil, self.chance(1, of: 2) else { return }
        self.linkDies()
        // A reading of the clocks, and the longest time for an answer to the probe.
        if self.isEstablished, self.isPathAvailable { self.replaceBy = self.replaceBy ?? self.time + 13 * Self.second }
    }

    private func open(_ attempt: UInt64) {
        self.link = Link(number: attempt)
        self.server.connectionClosed(at: self.serverNow)
        self.server.connectionOpened(at: self.serverNow)
        self.client.connectionOpened(at: self.now)
        self.firstPing = self.client.ping(at: self.now)
        self.add(.answerLate(attempt), in: 10_000...10_000)
        guard !self.isPeace else { return }
        switch self.random.integer(in: 0...7) {
        case 0: self.link?.deadSince = self.time
        case 1...3: self.add(.linkDies(attempt), in: 0...60_000)
        case 4...6: self.add(.linkEnds(attempt), in: 0...60_000)
        default: break
        }
    }

    private func close() {
        guard self.link != nil else { return }
        self.link = nil
        self.isEstablished = false
        self.firstPing = nil
        self.replaceBy = nil
        self.probes = [:]
        self.client.connectionClosed(at: self.now)
    }

    /// Nothing passes any more, and nobody is told.
    private func linkDies() {
        if self.link?.deadSince == nil { self.link?.deadSince = self.time }
    }

    /// Somebody has noticed that the connection is no more.
    private func linkIsGone() {
        let wasEstablished = self.isEstablished
        self.close()
        if !wasEstablished, let attempt = self.attempt {
            self.attempt = nil
            self.carryOut(self.machine.failed(attempt, .passing, at: self.time))
        } else {
            self.carryOut(self.machine.linkLost(.passing, at: self.time))
        }
    }

    private func carryOut(_ decision: ReconnectMachine.Decision) {
        for action in decision.actions {
            switch action {
            case .connect(let attempt, _):
                if self.attempt != nil || self.link != nil { self.fault = "two at a time" }
                if !self.isPathAvailable { self.fault = "connects without a network" }
                self.attempt = attempt
                let succeeds = self.isPeace || self.chance(2, of: 3)
                self.add(succeeds ? .connected(attempt) : .refused(attempt), in: 1...1_000)
            case .abandon:
                self.attempt = nil
                self.close()
            case .probe(let number):
                if !self.isEstablished { self.fault = "probes what is not there" }
                self.probes[self.client.ping(at: self.now)] = number
            case .closeLink:
                self.close()
            case .giveUp:
                self.fault = "gives up"
            }
        }
        self.wake = decision.wakeAt
        self.state = decision.state
    }

    // MARK: Payloads

    private func flush() {
        guard let link = self.link else { return }
        while let payload = self.client.nextPayload(at: self.now) {
            self.send(payload.payload, isToServer: true, link)
        }
        guard link.deadSince == nil else { return }
        while let payload = self.server.nextPayload(
            authorizationKey: self.key,
            salts: self.salts,
            at: self.serverNow,
            random: self.random
        ) {
            self.send(payload, isToServer: false, link)
        }
    }

    /// What is sent first arrives first.
    private func send(_ payload: ByteBuffer, isToServer: Bool, _ link: Link) {
        let latency = Int64(self.random.integer(in: 10...150)) * Self.millisecond
        let due = max(self.time + latency, self.lastArrival[isToServer] ?? 0)
        self.lastArrival[isToServer] = due
        self.order += 1
        self.queue.append((due, self.order, .arrive(link: link.number, isToServer: isToServer, payload)))
    }

    private func receiveAtServer(_ payload: ByteBuffer) throws {
        let message = try EncryptedMessage.open(payload, with: self.key, from: .clientToServer)
        for action in self.server.receive(message, salts: self.salts, at: self.serverNow) {
            switch action {
            case .notify(let notices):
                let payloads = self.server.seal(
                    notices: notices,
                    authorizationKey: self.key,
                    salts: self.salts,
                    at: self.serverNow,
                    random: self.random
                )
                guard let link = self.link else { continue }
                for payload in payloads { self.send(payload, isToServer: false, link) }
            case .query(let query):
                let number = query.body.getInteger(at: query.body.readerIndex + 4, as: UInt32.self) ?? .max
                self.executions[number, default: 0] += 1
                self.add(.answer(query), in: self.chance(1, of: 10) ? 0...20_000 : 0...5)
            default:
                break
            }
        }
    }

    private func note(_ events: [ClientSessionEvent]) {
        for event in events {
            switch event {
            case .result(let query, let body):
                guard let number = self.numbers[query] else { continue }
                let isRight = body == Queries.echo(number: number)
                self.endings[number, default: []].append(isRight ? "answered" : "wrong answer")
                self.askedAt[number] = nil
            case .failed(let query, let error):
                guard let number = self.numbers[query] else { continue }
                self.endings[number, default: []].append("\(error)")
                self.askedAt[number] = nil
            case .pong(let identifier, _):
                if identifier == self.firstPing, let attempt = self.attempt {
                    self.firstPing = nil
                    self.attempt = nil
                    self.isEstablished = true
                    self.carryOut(self.machine.established(attempt, at: self.time))
                } else if let number = self.probes.removeValue(forKey: identifier) {
                    self.carryOut(self.machine.probeAnswered(number, at: self.time))
                }
            case .connectionDead:
                self.linkIsGone()
            default:
                break
            }
        }
    }
}
