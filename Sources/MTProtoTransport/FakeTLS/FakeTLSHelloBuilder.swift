// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto

/// Builds the record of a ClientHello from the elements of a profile, with the digest's field still zero.
struct FakeTLSHelloBuilder {
    private static let mlkemModulus = 3329

    private(set) var bytes: [UInt8] = []
    private let domain: [UInt8]
    private let source: RandomSource
    private let grease: [UInt8]

    init(domain: [UInt8], source: RandomSource) {
        self.domain = domain
        self.source = source
        self.grease = Self.grease(source.bytes(FakeTLSHelloElement.greaseCount))
    }

    /// Makes reserved values of random bytes: the low half is `a`, and neighbours (0 and 1, 2 and 3, …) differ, since an
    /// extension must not be there twice.
    private static func grease(_ random: [UInt8]) -> [UInt8] {
        var values = random.map { $0 & 0xf0 | 0x0a }
        for index in stride(from: 1, to: values.count, by: 2) where values[index] == values[index - 1] {
            values[index] ^= 0x10
        }
        return values
    }

    /// Builds the record: what is the same in all hellos, then the elements.
    mutating func build(_ elements: [FakeTLSHelloElement]) {
        self.bytes = [TLSRecord.ContentType.handshake, 3, 1]
        self.scope { builder in
            // A ClientHello, and the highest byte of its length.
            builder.bytes += [1, 0]
            builder.scope { builder in
                builder.bytes += [3, 3]
                builder.bytes += [UInt8](repeating: 0, count: FakeTLSDigest.field.count)
                builder.bytes.append(32)
                builder.appendRandom(32)
                builder.append(elements)
            }
        }
    }

    private mutating func scope(_ body: (inout FakeTLSHelloBuilder) -> Void) {
        let start = self.bytes.count
        self.bytes += [0, 0]
        body(&self)
        let length = UInt16(truncatingIfNeeded: self.bytes.count - start - 2)
        self.bytes[start] = UInt8(length >> 8)
        self.bytes[start + 1] = UInt8(length & 0xff)
    }

    private mutating func append(_ elements: [FakeTLSHelloElement]) {
        for element in elements { self.append(element) }
    }

    private mutating func append(_ element: FakeTLSHelloElement) {
        switch element.kind {
        case .bytes(let bytes): self.bytes += bytes
        case .random(let counts): self.appendRandom(counts[self.source.integer(in: 0...(counts.count - 1))])
        case .zeros(let count): self.bytes += [UInt8](repeating: 0, count: count)
        case .domain: self.bytes += self.domain
        case .grease(let index): self.bytes += [self.grease[index], self.grease[index]]
        case .x25519: self.bytes += X25519.publicKey(privateKey: .random(self.source)).array
        case .mlkem768: self.appendMLKEM768()
        case .scope(let elements): self.scope { $0.append(elements) }
        case .shuffle(let parts): for index in self.order(of: parts.count) { self.append(parts[index]) }
        case .choose(let parts), .chooseOnce(let parts):
            self.append(parts[self.source.integer(in: 0...(parts.count - 1))])
        case .padding(let total): self.pad(to: total)
        }
    }

    private func order(of count: Int) -> [Int] {
        var order = Array(0..<count)
        for index in order.indices.dropFirst() { order.swapAt(index, self.source.integer(in: 0...index)) }
        return order
    }

    private mutating func appendRandom(_ count: Int) {
        self.bytes += self.source.bytes(count)
    }

    /// Coefficients below the modulus, two in three bytes, and a seed: a real key's are as good as random.
    private mutating func appendMLKEM768() {
        for _ in 0..<384 {
            let first = self.source.integer(in: 0...(Self.mlkemModulus - 1))
            let second = self.source.integer(in: 0...(Self.mlkemModulus - 1))
            self.bytes += [
                UInt8(truncatingIfNeeded: first), UInt8(truncatingIfNeeded: first >> 8 | second << 4),
                UInt8(truncatingIfNeeded: second >> 4),
            ]
        }
        self.appendRandom(32)
    }

    private mutating func pad(to total: Int) {
        let size = total - self.bytes.count - FakeTLSHelloElement.paddingHeaderLength
        guard size > 0 else { return }
        self.bytes += [
            UInt8(FakeTLSExtensionTypes.padding >> 8), UInt8(FakeTLSExtensionTypes.padding & 0xff),
        ]
        self.scope { $0.bytes += [UInt8](repeating: 0, count: size) }
    }
}
