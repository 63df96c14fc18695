// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import MTProtoSession

/// When a temporary key is replaced: a pure state machine. Times are nanoseconds since 1970 by the server's clock, which also
/// counts while the machine sleeps.
///
/// At about nine tenths of the key's life another one is exchanged, while the session goes on under the old one. Then the
/// session changes over at a moment at which no query is under way. If there is none for long, new queries are held back for a
/// moment until there is one, again and again in ever shorter intervals; only when the old key is about to end, the session
/// changes over in any case.
///
/// Specification: *Perfect Forward Secrecy*.
struct TemporaryKeyRenewal: Sendable {
    enum Action: Hashable, Sendable {
        /// Exchange another key.
        case exchange
        /// Keep new queries back.
        case hold
        /// Let them go: there was no idle moment.
        case release
        /// Go on under the new key, with new queries kept back until it is bound.
        case change
        /// The key has ended, and there is no other: nothing may be sent under it.
        case expire
    }

    /// What to do now; it has to be done before the next event.
    struct Decision: Hashable, Sendable {
        var action: Action?
        /// When to call ``TemporaryKeyRenewal/timerFired(at:isIdle:)``.
        var wakeAt: Int64?
    }

    private enum Phase: Hashable {
        /// Nothing to do before a time.
        case resting(until: Int64)
        case exchanging
        /// There is a new key.
        case waitingForIdle(until: Int64)
        case holding(until: Int64)
        case over
    }

    /// The key counts as ended so long before its end, or at 98 % of its life if that is later.
    private static let safetyNanoseconds: Int64 = 60_000_000_000
    /// How long queries are held back at a time.
    private static let holdNanoseconds: Int64 = 2_000_000_000

    private let end: Int64
    private var phase: Phase
    private var backoff = ReconnectBackoff(initial: .seconds(1), maximum: .seconds(60))
    private let random: RandomSource

    /// Begins with a key.
    ///
    /// - Parameters:
    ///   - issuedAt: when it was made, or the time now if that is not known.
    ///   - expiresAt: when it ends.
    ///   - random: spreads renewals over time, so that clients that came at once do not come back at once.
    init(issuedAt: Int64, expiresAt: Int64, random: RandomSource) {
        let life = max(0, expiresAt.addingClamped(0 &- issuedAt))
        self.end = expiresAt &- min(Self.safetyNanoseconds, life / 50)
        self.random = random
        // 87.5 % to 92.5 %.
        let spread = UInt64(life / 20)
        let jitter = Int64(random.integer(UInt64.self) % (spread + 1))
        self.phase = .resting(until: expiresAt &- life / 8 &+ jitter)
    }

    /// Whether the key has ended, or is about to.
    func isExpired(at now: Int64) -> Bool { now >= self.end }

    // MARK: Events

    /// What is due by now; also the first call.
    mutating func timerFired(at now: Int64, isIdle: Bool) -> Decision {
        self.decide(at: now, isIdle: isIdle)
    }

    /// There is a new key, not bound yet.
    mutating func exchanged(at now: Int64, isIdle: Bool) -> Decision {
        guard case .exchanging = self.phase else { return self.decide(at: now, isIdle: isIdle) }
        self.phase = .waitingForIdle(until: self.nextHold(after: now))
        return self.decide(at: now, isIdle: isIdle)
    }

    /// The exchange has failed, or its link was lost.
    mutating func exchangeFailed(at now: Int64) -> Decision {
        guard case .exchanging = self.phase else { return self.decide(at: now, isIdle: false) }
        let pause = self.backoff.next(random: self.random).clampedNanoseconds
        self.phase = .resting(until: now.addingClamped(pause))
        return self.decide(at: now, isIdle: false)
    }

    /// No query is under way.
    mutating func becameIdle(at now: Int64) -> Decision {
        self.decide(at: now, isIdle: true)
    }

    // MARK: Decisions

    private mutating func decide(at now: Int64, isIdle: Bool) -> Decision {
        switch self.phase {
        case .resting(let until):
            if now >= self.end { return self.expire() }
            guard now >= until else { return Decision(wakeAt: min(until, self.end)) }
            self.phase = .exchanging
            return Decision(action: .exchange, wakeAt: self.end)
        case .exchanging:
            return now >= self.end ? self.expire() : Decision(wakeAt: self.end)
        case .waitingForIdle(let until):
            if isIdle || now >= self.end { return self.change() }
            guard now >= until else { return Decision(wakeAt: until) }
            let limit = min(self.end, now.addingClamped(Self.holdNanoseconds))
            self.phase = .holding(until: limit)
            return Decision(action: .hold, wakeAt: limit)
        case .holding(let until):
            if isIdle || now >= self.end { return self.change() }
            guard now >= until else { return Decision(wakeAt: until) }
            let next = self.nextHold(after: now)
            self.phase = .waitingForIdle(until: next)
            return Decision(action: .release, wakeAt: next)
        case .over:
            return Decision()
        }
    }

    /// When to hold queries back the next time: after half of what is left, which leaves time for what goes wrong.
    private func nextHold(after now: Int64) -> Int64 {
        let left = max(0, self.end.addingClamped(0 &- now))
        return min(self.end, now.addingClamped(max(left / 2, Self.holdNanoseconds)))
    }

    private mutating func change() -> Decision {
        self.phase = .over
        return Decision(action: .change)
    }

    private mutating func expire() -> Decision {
        self.phase = .over
        return Decision(action: .expire)
    }
}
