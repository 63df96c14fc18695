// SPDX-License-Identifier: Apache-2.0

import MTProtoCrypto
import MTProtoSession
import Testing

@testable import MTProtoClient

@Suite struct ReconnectMachineTests {
    private static let second: Int64 = 1_000_000_000
    private static let millisecond: Int64 = 1_000_000

    private static func machine(hasProxy: Bool = false, seed: UInt64 = 1) -> ReconnectMachine {
        var configuration = ReconnectMachine.Configuration()
        configuration.hasProxy = hasProxy
        return ReconnectMachine(configuration: configuration, random: .seeded(seed))
    }

    /// A machine whose first attempt has succeeded at 0.
    private static func ready(seed: UInt64 = 1) -> ReconnectMachine {
        var machine = Self.machine(seed: seed)
        _ = machine.begin(at: 0)
        _ = machine.established(1, at: 0)
        return machine
    }

    @Test("The way up, with a proxy on it")
    func stages() {
        var machine = Self.machine(hasProxy: true)
        let connect = ReconnectMachine.Action.connect(attempt: 1, renewsTemporaryKey: false)
        #expect(machine.begin(at: 0) == .init(actions: [connect], state: .connectingToProxy))
        #expect(machine.advanced(1, to: .server, at: 1) == .init(state: .connecting))
        #expect(machine.advanced(1, to: .session, at: 2) == .init(state: .updating))
        #expect(machine.established(1, at: 3) == .init(state: .ready))
        #expect(machine.hasWorked)
    }

    @Test("What an attempt says that is none any more does not count")
    func stale() {
        var machine = Self.ready()
        #expect(machine.failed(1, .lasting, at: 1) == .init(state: .ready))
        #expect(machine.established(7, at: 1) == .init(state: .ready))
        _ = machine.linkLost(.passing, at: 2)
        let lost = machine.linkLost(.lasting, at: 2)
        #expect(lost.actions.isEmpty)
        #expect(lost.wakeAt != nil)
    }

    @Test("The first attempt after a link that worked comes within 0.1 s, later ones within 16 s")
    func backoff() throws {
        var machine = Self.ready()
        var now = 20 * Self.second
        var decision = machine.linkLost(.passing, at: now)
        for attempt: UInt64 in 2...40 {
            if decision.actions.isEmpty {
                let wake = try #require(decision.wakeAt)
                let limit = min(16 * Self.second, Self.millisecond * 100 << min(Int64(attempt) - 2, 20))
                #expect(wake - now <= limit)
                now = wake
                decision = machine.timerFired(at: now)
            }
            #expect(decision.actions == [.connect(attempt: attempt, renewsTemporaryKey: false)])
            decision = machine.failed(attempt, .passing, at: now)
        }
    }

    @Test("A server that accepts and hangs up is not dialed in a busy loop")
    func hangUp() throws {
        var machine = Self.machine()
        var now: Int64 = 0
        var count = 0
        var decision = machine.begin(at: now)
        while now < 200 * Self.second {
            if case .connect(let attempt, _)? = decision.actions.first {
                count += 1
                _ = machine.established(attempt, at: now)
                decision = machine.linkLost(.passing, at: now + Self.second)
            } else {
                now = max(now, try #require(decision.wakeAt))
                decision = machine.timerFired(at: now)
            }
        }
        #expect((15...60).contains(count))
    }

    @Test("A change of the path ends the pause at once, and starts an attempt that is under way anew")
    func pathWhileConnecting() {
        var machine = Self.machine()
        _ = machine.begin(at: 0)
        for attempt: UInt64 in 1...8 {
            let decision = machine.failed(attempt, .passing, at: Self.second * Int64(attempt))
            guard let wake = decision.wakeAt else { continue }
            _ = machine.timerFired(at: wake)
        }
        let later = 100 * Self.second
        let changed = machine.pathChanged(isAvailable: true, at: later)
        #expect(
            changed.actions == [
                .abandon(attempt: 9), .connect(attempt: 10, renewsTemporaryKey: false),
            ]
        )
        // Not again and again.
        #expect(machine.pathChanged(isAvailable: true, at: later + Self.millisecond).actions.isEmpty)
        let again = machine.pathChanged(isAvailable: true, at: later + 5 * Self.second)
        #expect(
            again.actions == [
                .abandon(attempt: 10), .connect(attempt: 11, renewsTemporaryKey: false),
            ]
        )
    }

    @Test("After too many attempts a change of the path does not help")
    func flood() throws {
        var machine = Self.ready()
        let decision = machine.linkLost(.flood, at: 0)
        let wake = try #require(decision.wakeAt)
        #expect((8 * Self.second)...(16 * Self.second) ~= wake)
        #expect(machine.pathChanged(isAvailable: true, at: 1) == .init(wakeAt: wake, state: .connecting))
        _ = machine.pathChanged(isAvailable: false, at: 2)
        #expect(machine.pathChanged(isAvailable: true, at: 3).wakeAt == wake)
    }

    @Test("Without a network nothing is tried; a link stays, and is looked at when the network is back")
    func noNetwork() {
        var machine = Self.ready()
        #expect(machine.pathChanged(isAvailable: false, at: 1) == .init(state: .waitingForNetwork))
        let back = machine.pathChanged(isAvailable: true, at: 2)
        #expect(back == .init(actions: [.probe(number: 1)], wakeAt: 2 + 2 * Self.second, state: .ready))
        #expect(machine.probeAnswered(1, at: 3) == .init(state: .ready))
        _ = machine.pathChanged(isAvailable: false, at: 4)
        #expect(machine.linkLost(.passing, at: 5) == .init(state: .waitingForNetwork))
        #expect(machine.timerFired(at: 100 * Self.second) == .init(state: .waitingForNetwork))
        let connected = machine.pathChanged(isAvailable: true, at: 101 * Self.second)
        #expect(connected.actions == [.connect(attempt: 2, renewsTemporaryKey: false)])
    }

    @Test("A link that does not answer on the new path is replaced at once")
    func deadPath() {
        var machine = Self.ready()
        _ = machine.pathChanged(isAvailable: true, at: Self.second)
        // An answer from the path before says nothing about this one.
        _ = machine.pathChanged(isAvailable: true, at: 2 * Self.second)
        #expect(machine.probeAnswered(1, at: 2 * Self.second).wakeAt == 4 * Self.second)
        // But however often it changes, nothing has come since the first time.
        #expect(machine.pathChanged(isAvailable: true, at: 3_900_000_000).wakeAt == 5 * Self.second)
        let decision = machine.timerFired(at: 5 * Self.second)
        #expect(decision.actions == [.closeLink, .connect(attempt: 2, renewsTemporaryKey: false)])
        #expect(decision.state == .connecting)
    }

    @Test(
        "How long a server has to answer on another path",
        arguments: [
            (nil, 2_000), (0, 1_000), (100, 1_000), (125, 1_000), (250, 1_500), (1_000, 4_500), (1_875, 8_000),
            (60_000, 8_000),
            (Int64.max / 1_000_000, 8_000), (-5, 1_000),
        ] as [(Int64?, Int64)]
    )
    func probeLimit(roundTrip: Int64?, limit: Int64) {
        var machine = Self.ready()
        let nanoseconds = roundTrip.map { $0 * Self.millisecond }
        let decision = machine.pathChanged(isAvailable: true, roundTrip: nanoseconds, at: Self.second)
        #expect(decision.wakeAt == Self.second + limit * Self.millisecond)
    }

    private static func time(_ monotonicSeconds: Int64, wall: Int64? = nil) -> SessionTime {
        SessionTime(
            wallNanoseconds: (1_700_000_000 + (wall ?? monotonicSeconds)) * Self.second,
            monotonicNanoseconds: monotonicSeconds * Self.second
        )
    }

    @Test("A sleep is a jump of the wall clock, or a reading that comes far too late; small corrections are not")
    func sleepWatch() {
        var watch = SleepWatch()
        #expect(watch.read(Self.time(100)) == false)
        #expect(watch.read(Self.time(105)) == false)
        #expect(watch.read(Self.time(115)) == false)
        #expect(watch.read(Self.time(126)) == true)
        #expect(watch.read(Self.time(127, wall: 132)) == false)
        #expect(watch.read(Self.time(128, wall: 139)) == true)
        // Set back: nobody sleeps backwards.
        #expect(watch.read(Self.time(129, wall: -1_000_000)) == false)
        #expect(watch.read(Self.time(130, wall: -999_999)) == false)
        // Clocks without sense do no harm.
        #expect(watch.read(SessionTime(wallNanoseconds: .max, monotonicNanoseconds: .max)) == true)
        #expect(watch.read(SessionTime(wallNanoseconds: .min, monotonicNanoseconds: .min)) == false)
    }

    @Test("After a sleep a link is looked at, an attempt begins anew, a pause ends")
    func sleep() {
        var machine = Self.ready()
        #expect(machine.clocksRead(Self.time(0)) == nil)
        #expect(machine.clocksRead(Self.time(5)) == nil)
        let slept = machine.clocksRead(Self.time(6, wall: 3_600), roundTrip: 500 * Self.millisecond)
        let probe = ReconnectMachine.Decision(
            actions: [.probe(number: 1)],
            wakeAt: 8 * Self.second + 500 * Self.millisecond,
            state: .ready
        )
        #expect(slept == probe)
        #expect(machine.timerFired(at: 9 * Self.second).actions.first == .closeLink)
        let anew = machine.clocksRead(Self.time(10, wall: 9_000))
        #expect(anew?.actions == [.abandon(attempt: 2), .connect(attempt: 3, renewsTemporaryKey: false)])
        _ = machine.failed(3, .passing, at: 10 * Self.second)
        let decision = machine.clocksRead(Self.time(11, wall: 20_000))
        // The pause may have been over at once.
        let isPaused = machine.currentAttempt == 4 && decision?.actions.count == 1
        #expect(isPaused || decision?.actions.first == .abandon(attempt: 4))
    }

    @Test("A sleep ends neither the absence of a network nor a pause that the server asked for")
    func sleepWithoutNetwork() throws {
        var machine = Self.ready()
        #expect(machine.clocksRead(Self.time(0)) == nil)
        let pause = try #require(machine.linkLost(.flood, at: Self.second).wakeAt)
        #expect(machine.clocksRead(Self.time(2, wall: 3_600)) == .init(wakeAt: pause, state: .connecting))
        _ = machine.pathChanged(isAvailable: false, at: 3 * Self.second)
        #expect(machine.clocksRead(Self.time(4, wall: 9_000)) == .init(state: .waitingForNetwork))
    }

    @Test("A refused temporary key is made anew at once, but not again and again")
    func temporaryKey() throws {
        var machine = Self.ready()
        let decision = machine.linkLost(.temporaryKeyUnusable, at: 20 * Self.second)
        #expect(decision.actions == [.connect(attempt: 2, renewsTemporaryKey: true)])
        // It is still to be made anew when the attempt fails for another reason.
        let failed = machine.failed(2, .passing, at: 20 * Self.second)
        let wake = failed.actions.isEmpty ? try #require(failed.wakeAt) : 20 * Self.second
        let next = failed.actions.isEmpty ? machine.timerFired(at: wake) : failed
        #expect(next.actions == [.connect(attempt: 3, renewsTemporaryKey: true)])
        _ = machine.established(3, at: wake)
        var pauses = 0
        for attempt: UInt64 in 3...12 {
            var decision = machine.linkLost(.temporaryKeyUnusable, at: wake)
            if let due = decision.wakeAt {
                pauses += 1
                decision = machine.timerFired(at: due)
            }
            #expect(decision.actions == [.connect(attempt: attempt + 1, renewsTemporaryKey: true)])
            _ = machine.established(attempt + 1, at: wake)
        }
        #expect(pauses >= 9)
    }

    @Test("A refusal that anybody can forge counts only when it repeats, and never of a link that was ready")
    func refusals() throws {
        var machine = Self.ready()
        for round: UInt64 in 1...20 {
            var decision = machine.linkLost(round % 2 == 0 ? .refused : .keyRefused, at: 20 * Self.second)
            if let due = decision.wakeAt { decision = machine.timerFired(at: due) }
            #expect(decision.actions == [.connect(attempt: round + 1, renewsTemporaryKey: false)])
            _ = machine.established(round + 1, at: 20 * Self.second)
        }
        var attempt: UInt64 = 22
        var decision = machine.linkLost(.passing, at: 21 * Self.second)
        for count in 1...3 {
            if let due = decision.wakeAt { decision = machine.timerFired(at: due) }
            #expect(decision.actions == [.connect(attempt: attempt, renewsTemporaryKey: false)])
            decision = machine.failed(attempt, .keyRefused, at: 22 * Self.second)
            attempt += 1
            #expect(machine.isOver == (count == 3))
        }
        #expect(decision.actions == [.giveUp])
    }

    @Test("A temporary key that is refused twice in a row is made anew")
    func refusedTemporaryKey() {
        var configuration = ReconnectMachine.Configuration()
        configuration.hasTemporaryKeys = true
        var machine = ReconnectMachine(configuration: configuration, random: .seeded(1))
        _ = machine.begin(at: 0)
        var decision = machine.failed(1, .keyRefused, at: 0)
        if let due = decision.wakeAt { decision = machine.timerFired(at: due) }
        #expect(decision.actions == [.connect(attempt: 2, renewsTemporaryKey: false)])
        #expect(machine.failed(2, .keyRefused, at: 1).actions == [.connect(attempt: 3, renewsTemporaryKey: true)])
    }

    @Test("Paths that flap do not keep it from connecting")
    func flapping() {
        var machine = ReconnectMachine(configuration: .init(), random: .seeded(1))
        _ = machine.begin(at: 0)
        var abandoned = 0
        for second: Int64 in 1...20 {
            let decision = machine.pathChanged(isAvailable: true, at: second * Self.second)
            abandoned += decision.actions.count {
                if case .abandon = $0 { true } else { false }
            }
            if let due = decision.wakeAt { _ = machine.timerFired(at: due) }
        }
        #expect(abandoned == 4)
    }

    @Test("What lasts is the end; so is being stopped")
    func end() {
        var machine = Self.ready()
        #expect(machine.linkLost(.lasting, at: 1).actions == [.giveUp])
        #expect(machine.pathChanged(isAvailable: true, at: 2).actions.isEmpty)
        #expect(machine.timerFired(at: 3).wakeAt == nil)
        var stopped = Self.machine()
        _ = stopped.begin(at: 0)
        #expect(stopped.stop(at: 1).actions == [.abandon(attempt: 1)])
        #expect(stopped.begin(at: 2).actions.isEmpty)
        #expect(stopped.established(1, at: 2).actions.isEmpty)
    }

    @Test("Without a route the user is told to wait for the network")
    func noRoute() {
        var machine = Self.machine()
        _ = machine.begin(at: 0)
        #expect(machine.failed(1, .noRoute, at: 1).state == .waitingForNetwork)
        let decision = machine.pathChanged(isAvailable: true, at: Self.second)
        #expect(decision.state == .connecting)
    }
}
