// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto

/// A client's masking keys: a fresh one for each frame, drawn from the generator some dozens at a time.
struct WebSocketMaskingKeys: Sendable {
    private static let batchLength = 64

    private let random: RandomSource
    private var batch: [UInt32] = []

    init(random: RandomSource) {
        self.random = random
    }

    mutating func next() -> WebSocketMasking.Key {
        if let key = self.batch.popLast() { return WebSocketMasking.Key(inMemoryOrder: key) }
        self.batch.append(contentsOf: repeatElement(0, count: Self.batchLength))
        self.batch.withUnsafeMutableBytes { self.random.fill($0) }
        return WebSocketMasking.Key(inMemoryOrder: self.batch.popLast() ?? 0)
    }
}
