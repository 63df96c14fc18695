// SPDX-License-Identifier: Apache-2.0

import Foundation
import MTProtoCrypto
import MTProtoSession
import NIOCore
import Testing

@testable import MTProtoServer

/// What a waiting request is told of a session that another process has saved.
struct TurnOutputTests {
    private static let interval: Int64 = 150_000_000_000
    private static let saved = SessionTime(wallNanoseconds: 1_700_000_000_000_000_000, monotonicNanoseconds: 1_000)

    /// The time in a process whose machine runs for longer, or not as long.
    private static func elsewhere(after elapsed: Int64, _ offset: Int64) -> SessionTime {
        SessionTime(
            wallNanoseconds: Self.saved.wallNanoseconds + elapsed,
            monotonicNanoseconds: Self.saved.monotonicNanoseconds + elapsed + offset
        )
    }

    /// A session that has sent an update, as another process reads it.
    private static func restored() throws -> ServerSession {
        var session = ServerSession(authorizationKeyIdentifier: 1, sessionIdentifier: 2)
        session.push(UpdatesTooLong().serialized(), at: Self.saved)
        _ = session.nextPayload(
            authorizationKey: try AuthorizationKey([UInt8](repeating: 7, count: 256)),
            salts: ServerSaltSchedule(initialSalt: 1, createdAt: 1, seed: Bytes32()),
            at: Self.saved,
            random: .seeded(1),
            connection: 1
        )
        #expect(!session.hasOutput && session.nextDeadline == Self.saved.monotonicNanoseconds + Self.interval)
        return try JSONDecoder().decode(ServerSession.self, from: try JSONEncoder().encode(session))
    }

    @Test(
        "The deadline is in the clock of the process that looks",
        arguments: [8_640_000_000_000_000, -900] as [Int64]
    )
    func deadline(offset: Int64) throws {
        let now = Self.elsewhere(after: 5_000_000_000, offset)
        let due = Self.elsewhere(after: Self.interval, offset).monotonicNanoseconds
        var session = try Self.restored()
        #expect(TurnOutput(session, at: now).deadline == due)
        let output = TurnOutput(doingWhatIsDueIn: &session, isPoll: true, at: now)
        #expect(output.deadline == due && !output.isReady)
    }

    @Test(
        "What is due in the clock of the process that looks is done",
        arguments: [8_640_000_000_000_000, -900] as [Int64]
    )
    func due(offset: Int64) throws {
        let now = Self.elsewhere(after: Self.interval, offset)
        var session = try Self.restored()
        let beside = TurnOutput(doingWhatIsDueIn: &session, isPoll: false, at: now)
        #expect(!beside.isReady)
        let output = TurnOutput(doingWhatIsDueIn: &session, isPoll: true, at: now)
        #expect(output.isReady)
    }
}
