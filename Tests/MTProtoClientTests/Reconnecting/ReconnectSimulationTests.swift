// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import Testing

@testable import MTProtoClient

/// The machine in a world of lost paths, slow and broken servers, lost keys and floods, by a virtual clock.
@Suite struct ReconnectSimulationTests {
    private static let second: Int64 = 1_000_000_000

    @Test("Thousands of schedules: one link at a time, none without a network, never asleep, ready when all is well")
    func schedules() {
        for seed: UInt64 in 0..<3_000 {
            var world = World(seed: seed)
            let fault = world.run()
            #expect(fault == nil, "ReconnectSimulationTests.World(seed: \(seed)).run(): \(fault ?? "")")
        }
    }

    struct World {
        private enum Event: Hashable {
            case attemptEnds(UInt64, succeeds: Bool)
            case linkEnds(UInt64)
            case probeAnswered(UInt64, link: UInt64)
            case path(Bool)
        }

        private let random: RandomSource
        private var machine: ReconnectMachine
        private var now: Int64 = 0
        private var events: [(time: Int64, order: Int, event: Event)] = []
        private var order = 0
        private var attempt: UInt64?
        private var link: UInt64?
        private var isPathAvailable = true
        /// No attempt before this: the server said that there is too much of us.
        private var closedUntil: Int64 = .min
        private var wantsNewKey = false
        private var lastStart: Int64?
        private var startCount = 0
        /// From here on everything goes well.
        private let peace = 120 * ReconnectSimulationTests.second

        init(seed: UInt64) {
            self.random = .seeded(seed)
            self.machine = ReconnectMachine(configuration: .init(), random: self.random)
            var time: Int64 = 0
            for _ in 0..<self.random.integer(in: 0...30) {
                time += self.milliseconds(0...8_000)
                guard time < self.peace else { break }
                self.add(.path(self.random.integer(in: 0...2) > 0), at: time)
            }
            self.add(.path(true), at: self.peace)
        }

        private func milliseconds(_ range: ClosedRange<Int>) -> Int64 {
            Int64(self.random.integer(in: range)) * 1_000_000
        }

        private mutating func add(_ event: Event, at time: Int64) {
            self.order += 1
            self.events.append((time, self.order, event))
        }

        mutating func run() -> String? {
            var decision = self.machine.begin(at: 0)
            let end = self.peace + 60 * ReconnectSimulationTests.second
            for _ in 0..<20_000 {
                if let fault = self.carryOut(decision) { return fault }
                if let fault = self.check(decision) { return fault }
                let next = self.events.min { ($0.time, $0.order) < ($1.time, $1.order) }
                let time = min(decision.wakeAt ?? .max, next?.time ?? .max)
                guard time < end else {
                    // Every start has a pause before it that grows, a link that lived long, or a change of the path.
                    if self.startCount > 400 { return "\(self.startCount) starts" }
                    return decision.state == .ready ? nil : "not ready in the end: \(decision.state)"
                }
                guard time >= self.now else { return "wakes in the past" }
                self.now = time
                if let next, next.time == time, time != decision.wakeAt {
                    self.events.removeAll { $0.order == next.order }
                    decision = self.tell(next.event)
                } else {
                    decision = self.machine.timerFired(at: time)
                }
            }
            return "no end"
        }

        private var isPeace: Bool { self.now >= self.peace }

        private mutating func tell(_ event: Event) -> ReconnectMachine.Decision {
            switch event {
            case .path(let isAvailable):
                self.isPathAvailable = isAvailable
                return self.machine.pathChanged(isAvailable: isAvailable, at: self.now)
            case .attemptEnds(let attempt, let succeeds):
                let isCurrent = self.attempt == attempt
                if isCurrent { self.attempt = nil }
                guard succeeds || self.isPeace else {
                    return self.machine.failed(attempt, self.cause(counts: isCurrent), at: self.now)
                }
                guard isCurrent else { return self.machine.established(attempt, at: self.now) }
                self.link = attempt
                self.wantsNewKey = false
                let isShort = self.random.integer(in: 0...1) == 0
                if !self.isPeace {
                    self.add(.linkEnds(attempt), at: self.now + self.milliseconds(isShort ? 0...500 : 0...40_000))
                }
                return self.machine.established(attempt, at: self.now)
            case .linkEnds(let link):
                guard self.link == link else { return self.machine.timerFired(at: self.now) }
                self.link = nil
                return self.machine.linkLost(self.cause(counts: true), at: self.now)
            case .probeAnswered(let number, let link):
                guard self.link == link else { return self.machine.timerFired(at: self.now) }
                return self.machine.probeAnswered(number, at: self.now)
            }
        }

        private mutating func cause(counts: Bool) -> ReconnectCause {
            switch self.random.integer(in: 0...9) {
            case 0:
                if counts { self.closedUntil = self.now + 8 * ReconnectSimulationTests.second }
                return .flood
            case 1:
                if counts { self.wantsNewKey = true }
                return .temporaryKeyUnusable
            case 2:
                return .noRoute
            default:
                return .passing
            }
        }

        private mutating func carryOut(_ decision: ReconnectMachine.Decision) -> String? {
            for action in decision.actions {
                switch action {
                case .connect(let attempt, let renewsTemporaryKey):
                    guard self.attempt == nil, self.link == nil else { return "two at a time" }
                    guard self.isPathAvailable else { return "connects without a network" }
                    guard self.now >= self.closedUntil else { return "does not respect the flood" }
                    guard renewsTemporaryKey == self.wantsNewKey else { return "the wrong key" }
                    self.attempt = attempt
                    self.startCount += 1
                    let succeeds = self.random.integer(in: 0...2) == 0
                    self.add(.attemptEnds(attempt, succeeds: succeeds), at: self.now + self.milliseconds(0...3_000))
                case .abandon(let attempt):
                    guard self.attempt == attempt else { return "abandons what is not there" }
                    self.attempt = nil
                case .probe(let number):
                    guard let link = self.link else { return "probes without a link" }
                    guard self.isPeace || self.random.integer(in: 0...3) > 0 else { break }
                    self.add(.probeAnswered(number, link: link), at: self.now + self.milliseconds(1...1_900))
                case .closeLink:
                    guard self.link != nil else { return "closes what is not there" }
                    self.link = nil
                case .giveUp:
                    return "gives up"
                }
            }
            return nil
        }

        private func check(_ decision: ReconnectMachine.Decision) -> String? {
            let isReady = self.link != nil && self.isPathAvailable
            if (decision.state == .ready) != isReady { return "wrong \(decision.state)" }
            if (decision.state == .waitingForNetwork) != !self.isPathAvailable, !self.isPathAvailable {
                return "wrong \(decision.state)"
            }
            guard self.isPathAvailable, self.link == nil, self.attempt == nil else { return nil }
            guard let wake = decision.wakeAt else { return "asleep for ever" }
            return wake - self.now <= 16 * ReconnectSimulationTests.second ? nil : "asleep for too long"
        }
    }
}
