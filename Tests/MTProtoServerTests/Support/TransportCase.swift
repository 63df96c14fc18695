// SPDX-License-Identifier: Apache-2.0

import MTProtoServer
import MTProtoTransport
import Testing

/// A way to speak: every framing plain, and obfuscated where it can be.
struct TransportCase: Sendable, CustomTestStringConvertible {
    let framing: Framing
    let isObfuscated: Bool
    var carrier = Carrier.tcp

    /// Every carrier, in every way that it has.
    static let everywhere =
        Self.all
        + [Carrier.tls, .ws, .wss].flatMap { carrier in
            Framing.allCases.filter { $0.isObfuscatable }.map {
                TransportCase(framing: $0, isObfuscated: true, carrier: carrier)
            }
        }
        + [Carrier.http, .https].map { TransportCase(framing: .intermediate, isObfuscated: false, carrier: $0) }

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
        options.carrier = self.carrier
        return options
    }

    var testDescription: String { "\(self.carrier) \(self.framing.rawValue)\(self.isObfuscated ? " obfuscated" : "")" }
}
