// SPDX-License-Identifier: Apache-2.0

/// The types of extensions that a hello may have, so that none can be there twice.
struct FakeTLSExtensionTypes {
    static let serverName: UInt16 = 0
    static let padding: UInt16 = 0x15

    enum ExtensionType: Hashable {
        case literal(UInt16)
        /// A reserved value by its number.
        case grease(Int)
    }

    private var found: Set<ExtensionType> = []
    /// The same in their order.
    private var order: [ExtensionType] = []

    var count: Int { self.order.count }

    /// Whether both bytes of a number are the same and end with `a`.
    static func isReserved(_ value: UInt16) -> Bool {
        value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
    }

    /// Adds a type; `false` when one is there that can be the same.
    mutating func insert(_ type: ExtensionType) -> Bool {
        guard !self.canRepeat(type) else { return false }
        self.insert([type])
        return true
    }

    /// Adds types of which, of each, one alternative has made sure that it is not there.
    mutating func insert(_ types: [ExtensionType]) {
        for type in types where self.found.insert(type).inserted { self.order.append(type) }
    }

    /// Takes away all types but the first.
    mutating func removeAll(from count: Int) -> [ExtensionType] {
        let removed = Array(self.order[count...])
        self.order.removeLast(removed.count)
        for type in removed { self.found.remove(type) }
        return removed
    }

    private func canRepeat(_ type: ExtensionType) -> Bool {
        switch type {
        case .literal(let value):
            self.found.contains(type)
                || Self.isReserved(value)
                    && (0..<FakeTLSHelloElement.greaseCount).contains { self.found.contains(.grease($0)) }
        case .grease(let index):
            (0..<FakeTLSHelloElement.greaseCount).contains { other in
                // Only the two of a pair are never the same; there are as many reserved values as numbers of them.
                self.found.contains(.grease(other)) && (other == index || other / 2 != index / 2)
                    || self.found.contains(.literal(0x0a0a + 0x1010 * UInt16(other)))
            }
        }
    }
}
