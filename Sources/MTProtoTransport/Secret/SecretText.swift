// SPDX-License-Identifier: Apache-2.0

/// The base64 encodings of secrets.
enum SecretText {
    /// The two alphabets of base64, which differ in the digits 62 and 63.
    enum Alphabet {
        case standard, url

        func value(of character: UInt8) -> UInt32? {
            switch (character, self) {
            case (UInt8(ascii: "A")...UInt8(ascii: "Z"), _): UInt32(character - UInt8(ascii: "A"))
            case (UInt8(ascii: "a")...UInt8(ascii: "z"), _): UInt32(character - UInt8(ascii: "a")) + 26
            case (UInt8(ascii: "0")...UInt8(ascii: "9"), _): UInt32(character - UInt8(ascii: "0")) + 52
            case (UInt8(ascii: "-"), .url), (UInt8(ascii: "+"), .standard): 62
            case (UInt8(ascii: "_"), .url), (UInt8(ascii: "/"), .standard): 63
            default: nil
            }
        }
    }

    private static let base64URLDigits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// Decodes base64. Padding is optional, but when it is there it must be complete.
    static func decodeBase64(_ text: [UInt8], alphabet: Alphabet) -> [UInt8]? {
        var digits = text[...]
        while digits.count + 2 > text.count, digits.last == UInt8(ascii: "=") { digits.removeLast() }
        guard digits.count == text.count || text.count % 4 == 0 else { return nil }
        guard digits.count % 4 != 1, !digits.isEmpty else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count * 3 / 4)
        var pending: UInt32 = 0
        var bits = 0
        for character in digits {
            guard let value = alphabet.value(of: character) else { return nil }
            pending = pending << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                bytes.append(UInt8(truncatingIfNeeded: pending >> UInt32(bits)))
            }
        }
        return bytes
    }

    static func encodeBase64URL(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var pending: UInt32 = 0
        var bits = 0
        for byte in bytes {
            pending = pending << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(Self.base64URLDigits[Int(pending >> UInt32(bits) & 63)])
            }
        }
        if bits > 0 { text.append(Self.base64URLDigits[Int(pending << UInt32(6 - bits) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
