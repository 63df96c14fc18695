// SPDX-License-Identifier: Apache-2.0

import MTProtoSession
import Testing

@testable import MTProtoClient

/// What the identifiers of a key exchange tell as the time.
@Suite struct PlaintextIdentifiersTests {
    private static let now = ManualSessionClock().now

    private static func seconds(of identifier: UInt64) -> Int64 {
        MessageIdentifierGenerator.seconds(of: identifier) - self.now.wallSeconds
    }

    @Test("A hint moves the time, forward and back", arguments: [-1_000_000_000, -86_400, -3, 3, 86_400] as [Int64])
    func hint(seconds: Int64) {
        var identifiers = PlaintextIdentifiers()
        #expect(Self.seconds(of: identifiers.next(at: Self.now)) == 0)
        identifiers.note(serverTime: Self.now.wallSeconds + seconds, at: Self.now)
        #expect(Self.seconds(of: identifiers.next(at: Self.now)) == seconds)
    }

    @Test("The next hint replaces a wrong one")
    func wrongHint() {
        var identifiers = PlaintextIdentifiers()
        identifiers.note(serverTime: Int64(UInt32.max), at: Self.now)
        let wrong = identifiers.next(at: Self.now)
        identifiers.note(serverTime: Self.now.wallSeconds + 100, at: Self.now)
        let right = identifiers.next(at: Self.now)
        #expect(wrong > right)
        #expect(Self.seconds(of: right) == 100)
    }

    @Test("What is no news, or no time, changes nothing", arguments: [Int64.min, -1, Int64(UInt32.max) + 1, Int64.max])
    func ignored(seconds: Int64) {
        var identifiers = PlaintextIdentifiers()
        identifiers.note(serverTime: seconds, at: Self.now)
        #expect(Self.seconds(of: identifiers.next(at: Self.now)) == 0)
        identifiers.note(serverTime: Self.now.wallSeconds + 1, at: Self.now)
        #expect(Self.seconds(of: identifiers.next(at: Self.now)) == 0)
    }

    @Test("What is proven is not moved by hints")
    func proven() {
        var identifiers = PlaintextIdentifiers()
        identifiers.note(serverTime: Self.now.wallSeconds + 5_000, at: Self.now)
        identifiers.prove(offsetNanoseconds: -7_000_000_000)
        identifiers.note(serverTime: Self.now.wallSeconds + 5_000, at: Self.now)
        #expect(Self.seconds(of: identifiers.next(at: Self.now)) == -7)
    }

    @Test("What was true when a session was saved is replaced by hints, and by what is proven")
    func assumed() {
        var identifiers = PlaintextIdentifiers()
        identifiers.assume(offsetNanoseconds: 86_400_000_000_000)
        #expect(Self.seconds(of: identifiers.next(at: Self.now)) == 86_400)
        identifiers.note(serverTime: Self.now.wallSeconds, at: Self.now)
        #expect(Self.seconds(of: identifiers.next(at: Self.now)) == 0)
        identifiers.prove(offsetNanoseconds: 7_000_000_000)
        identifiers.assume(offsetNanoseconds: 86_400_000_000_000)
        #expect(Self.seconds(of: identifiers.next(at: Self.now)) == 7)
    }

    @Test("Each identifier is above the one before while the time does not go back")
    func increasing() {
        var identifiers = PlaintextIdentifiers()
        let made = (0..<100).map { _ in identifiers.next(at: Self.now) }
        #expect(zip(made, made.dropFirst()).allSatisfy { $0 < $1 })
    }
}
