// SPDX-License-Identifier: Apache-2.0

import MTProtoTransport
import Testing

/// A way to speak: every framing plain, and obfuscated where it can be.
struct TransportCase: Sendable, CustomTestStringConvertible {
    let framing: Framing
    let isObfuscated: Bool

    static let all = Framing.allCases.flatMap { framing in
        [false, true].compactMap { isObfuscated in
            isObfuscated && !framing.isObfuscatable ? nil : TransportCase(framing: framing, isObfuscated: isObfuscated)
        }
    }

    func options(pieceLength: Int? = nil) -> RawClient.Options {
        var options = RawClient.Options()
        options.framing = self.framing
        options.obfuscation = self.isObfuscated ? .init(dataCenter: DataCenterIdentifier(2)) : nil
        options.pieceLength = pieceLength
        return options
    }

    var testDescription: String { "\(self.framing.rawValue)\(self.isObfuscated ? " obfuscated" : "")" }
}
