// SPDX-License-Identifier: Apache-2.0

internal import DequeModule

/// The highest message identifiers of sessions that are no more, by their keys. Identifiers tell time, so one older than the
/// time window need not be remembered; the earliest added go when there are too many.
struct ReplayFloors {
    private static let maximumCount = 16_384

    private var floors: [UInt64: UInt64] = [:]
    private var order: Deque<UInt64> = []

    subscript(_ authorizationKey: UInt64) -> UInt64 {
        self.floors[authorizationKey] ?? 0
    }

    mutating func raise(_ authorizationKey: UInt64, to identifier: UInt64) {
        if let floor = self.floors[authorizationKey] {
            self.floors[authorizationKey] = max(floor, identifier)
            return
        }
        if self.order.count >= Self.maximumCount, let first = self.order.popFirst() { self.floors[first] = nil }
        self.floors[authorizationKey] = identifier
        self.order.append(authorizationKey)
    }
}
