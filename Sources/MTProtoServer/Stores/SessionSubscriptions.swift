// SPDX-License-Identifier: Apache-2.0

internal import Synchronization

/// Who wants to hear of which session, within one process.
final class SessionSubscriptions: Sendable {
    private let wakers = Mutex<[ServerSessionIdentifier: [UInt64: @Sendable () -> Void]]>([:])

    func subscribe(
        to identifier: ServerSessionIdentifier,
        as subscriber: UInt64,
        _ wake: @escaping @Sendable () -> Void
    ) {
        self.wakers.withLock { $0[identifier, default: [:]][subscriber] = wake }
    }

    func unsubscribe(_ subscriber: UInt64, from identifier: ServerSessionIdentifier) {
        self.wakers.withLock { wakers in
            wakers[identifier]?[subscriber] = nil
            if wakers[identifier]?.isEmpty == true { wakers[identifier] = nil }
        }
    }

    func wake(_ identifier: ServerSessionIdentifier) {
        let wakers = self.wakers.withLock { wakers in
            wakers[identifier].map { Array($0.values) } ?? []
        }
        for wake in wakers { wake() }
    }
}
