// SPDX-License-Identifier: Apache-2.0

internal import MTProtoCrypto

/// One step of building a ClientHello.
struct FakeTLSHelloElement: Hashable, Sendable {
    enum Kind: Hashable, Sendable {
        /// These bytes.
        case bytes([UInt8])
        /// So many random bytes, one of the counts by chance.
        case random([Int])
        /// So many zeros.
        case zeros(Int)
        /// The domain of the secret.
        case domain
        /// A reserved value of two equal bytes; the same number gives the same value all over a hello.
        case grease(Int)
        /// A public key of X25519.
        case x25519
        /// Something that no one can tell from an encapsulation key of ML-KEM-768.
        case mlkem768
        /// The length of what is inside, in 2 bytes, and what is inside.
        case scope([FakeTLSHelloElement])
        /// All parts, in an order by chance.
        case shuffle([[FakeTLSHelloElement]])
        /// One of the parts, by chance.
        case choose([[FakeTLSHelloElement]])
        /// One of the parts, by chance, the same in all hellos of a profile.
        case chooseOnce([[FakeTLSHelloElement]])
        /// A padding extension that makes the record so long, header included, if it is shorter without.
        case padding(Int)
    }

    /// X25519's public keys have 32 bytes.
    static let x25519Length = 32
    /// 384 times 3 bytes and a seed of 32.
    static let mlkem768Length = 1184
    /// How many reserved values a hello has.
    static let greaseCount = 16
    /// What comes before the bytes of a padding extension: its type and its length.
    static let paddingHeaderLength = 4

    let kind: Kind
    /// Where it stands in the text, from 1.
    let line: Int
    /// In bytes from 1.
    let column: Int

    func error(_ code: FakeTLSProfileError.Code) -> FakeTLSProfileError {
        FakeTLSProfileError(code, line: self.line, column: self.column)
    }

    /// The elements with what is chosen once already chosen.
    static func drawn(_ elements: [FakeTLSHelloElement], _ random: RandomSource) -> [FakeTLSHelloElement] {
        elements.flatMap { element in
            switch element.kind {
            case .scope(let inside): [element.replaced(by: .scope(Self.drawn(inside, random)))]
            case .shuffle(let parts): [element.replaced(by: .shuffle(parts.map { Self.drawn($0, random) }))]
            case .choose(let parts): [element.replaced(by: .choose(parts.map { Self.drawn($0, random) }))]
            case .chooseOnce(let parts): Self.drawn(parts[random.integer(in: 0...(parts.count - 1))], random)
            default: [element]
            }
        }
    }

    private func replaced(by kind: Kind) -> FakeTLSHelloElement {
        FakeTLSHelloElement(kind: kind, line: self.line, column: self.column)
    }
}
