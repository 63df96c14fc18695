// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto
internal import Synchronization

/// The sessions of a race's pings.
final class ProbeSessions: Sendable {
    private let state = Mutex<[UInt64]>([])

    var identifiers: [UInt64] { self.state.withLock { $0 } }

    /// Makes another one.
    func add(_ random: RandomSource) -> UInt64 {
        let identifier = random.integer(UInt64.self)
        self.state.withLock { $0.append(identifier) }
        return identifier
    }
}
