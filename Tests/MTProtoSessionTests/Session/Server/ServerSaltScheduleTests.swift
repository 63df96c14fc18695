// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import MTProtoSession
import Testing

@Suite("Server salt schedule")
struct ServerSaltScheduleTests {
    private static let creation: Int64 = 1_705_754_878
    private let schedule = ServerSaltSchedule(
        initialSalt: 42,
        createdAt: Int32(clamping: Self.creation),
        seed: Bytes32.random(.seeded(5))
    )

    @Test("The exchange's salt is the first")
    func initial() {
        #expect(self.schedule.current(at: Self.creation) == 42)
        #expect(self.schedule.current(at: Self.creation + 1799) == 42)
        #expect(self.schedule.current(at: Self.creation + 1800) != 42)
        #expect(self.schedule.current(at: Self.creation - 100) == 42)
    }

    @Test("A salt is valid from its start for an hour, exactly", arguments: [0, 1, 7, 1000] as [Int])
    func validity(interval: Int) {
        let start = Self.creation + Int64(interval) * 1800
        let salt = self.schedule.current(at: start)
        #expect(self.schedule.isValid(salt, at: start))
        #expect(self.schedule.isValid(salt, at: start + 1799))
        #expect(self.schedule.isValid(salt, at: start + 3599))
        #expect(!self.schedule.isValid(salt, at: start + 3600))
        if interval > 0 { #expect(!self.schedule.isValid(salt, at: start - 1)) }
        #expect(!self.schedule.isValid(salt ^ 1, at: start))
    }

    @Test("Future salts begin with the current one and overlap by half")
    func future() {
        let now = Self.creation + 4000
        let salts = self.schedule.future(count: 64, at: now)
        #expect(salts.count == 64)
        #expect(Set(salts.map(\.salt)).count == 64)
        for (index, salt) in salts.enumerated() {
            let start = Self.creation + Int64(2 + index) * 1800
            #expect(Int64(salt.validSince) == start)
            #expect(Int64(salt.validUntil) == start + 3600)
            #expect(self.schedule.current(at: start) == salt.salt)
            #expect(self.schedule.isValid(salt.salt, at: Int64(salt.validUntil) - 1))
        }
    }

    @Test("The count is kept within 1…64", arguments: [(Int.min, 1), (0, 1), (3, 3), (64, 64), (65, 64), (.max, 64)])
    func count(asked: Int, given: Int) {
        #expect(self.schedule.future(count: asked, at: Self.creation).count == given)
    }

    @Test("Seeds make different salts; absurd times do not trap", arguments: [Int64.min, 0, 1 << 40, Int64.max])
    func extremes(seconds: Int64) {
        let other = ServerSaltSchedule(initialSalt: 42, createdAt: .min, seed: Bytes32())
        _ = other.future(count: 64, at: seconds)
        #expect(other.isValid(other.current(at: seconds), at: seconds))
        #expect(other.current(at: Self.creation) != self.schedule.current(at: Self.creation + 1800))
    }

    @Test("A saved schedule is the same; its description tells no secret")
    func coding() throws {
        let data = try JSONEncoder().encode(self.schedule)
        #expect(try JSONDecoder().decode(ServerSaltSchedule.self, from: data) == self.schedule)
        #expect("\(self.schedule)" == "ServerSaltSchedule")
        let broken = Data(#"{"initialSalt":1,"createdAt":2,"seed":[1,2,3]}"#.utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(ServerSaltSchedule.self, from: broken) }
    }
}
